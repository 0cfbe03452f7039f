"""fastdnn/schedule_documents.py: every schedule comes back from JSON, and one of one's own is not mistaken for another."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fastdnn.errors import ParameterError
from fastdnn.schedule_documents import schedule_document, schedule_from_document
from fastdnn.schedules import Cosine, OneCycle, Plateau, Step, WarmUp, make_schedule
from fastdnn.vocabulary import SCHEDULES

OTHERS = [OneCycle(0.2, 0.1, 0.05), Plateau(0.3, 2, 0.1, 0.01), WarmUp(WarmUp(Step(0.1, 3), 2.0), 5.0, start=0.3)]


@pytest.mark.parametrize("schedule", [*[make_schedule(name) for name in SCHEDULES], *OTHERS], ids=repr)
def test_every_schedule_comes_back(schedule):
    back = schedule_from_document(json.loads(json.dumps(schedule_document(schedule))))
    assert back == schedule
    t, epoch = np.linspace(0, 1, 7), np.arange(7.0)
    assert back.factors(t, epoch).tobytes() == schedule.factors(t, epoch).tobytes()


def test_options_may_be_numbers_of_numpy():
    assert json.dumps(schedule_document(Plateau(np.float32(0.5), np.int64(3)))) == json.dumps(
        schedule_document(Plateau(0.5, 3))
    )


def test_the_state_is_left_out():
    plateau = Plateau(patience=1)
    for _ in range(3):
        plateau.after_epoch(1.0)
    assert plateau.factors([0.0], [0.0]) < 1
    assert schedule_from_document(schedule_document(plateau)).factors([0.0], [0.0]) == 1


def test_a_class_of_ones_own_is_none():
    class Mine(Cosine):
        pass

    assert schedule_document(Mine()) is None
    assert schedule_document(WarmUp(Mine(), 2.0)) is None


@pytest.mark.parametrize("document", [{"name": "zigzag"}, {"name": "step", "steps": 2.0}])
def test_what_is_not_known_is_named(document):
    with pytest.raises(ParameterError, match=r"zigzag|steps"):
        schedule_from_document(document)
