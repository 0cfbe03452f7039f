"""fastdnn/history.py: plain JSON and back."""

from __future__ import annotations

import dataclasses
import json

import pytest

from fastdnn.errors import ParameterError
from fastdnn.history import History, TrainingProgress


def test_json_round_trip():
    row = {"epoch": 1, "loss": 0.1 + 0.2, "valid_loss": None, "valid_score": 1 / 3}
    history = History(32, "adam", 1e-3, 0.0, 7, 2, [row], 1, "patience", 1.25, 1e5)
    text = json.dumps(history.to_json())
    assert History.from_json(json.loads(text)) == history


def test_files_of_version_0_1_know_neither_schedule_nor_metric():
    old = History(32, "adam", 1e-3, 0.0, 7, 2).to_json()
    del old["schedule"], old["metric"]
    assert History.from_json(old) == History(32, "adam", 1e-3, 0.0, 7, 2, schedule="constant", metric="valid_loss")


def test_columns():
    history = History(32, "adam", 1e-3, 0.0, 7, 2)
    assert (history.columns, history["loss"]) == ([], [])
    history.epochs += [{"epoch": 1, "loss": 0.5, "valid_f1": None}, {"epoch": 2, "loss": 0.25, "valid_f1": 1.0}]
    assert history.columns == ["epoch", "loss", "valid_f1"]
    assert history["valid_f1"] == [None, 1.0]
    with pytest.raises(ParameterError, match="Unknown column of History 'valid_f2'") as caught:
        history["valid_f2"]
    assert "valid_f1" in str(caught.value)


def test_lists_are_not_shared():
    one, two = (History(1, "sgd", 0.1, 0.0, 0, 1) for _ in range(2))
    one.epochs.append({})
    assert two.epochs == []
    assert one.to_json()["epochs"] is not one.epochs


def test_progress_cannot_be_changed():
    progress = TrainingProgress(1, 2, 3, 4, None, None, None, 0, 0.0, 0.0, None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        progress.epoch = 5
