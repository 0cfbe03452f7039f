"""fastdnn/loggers.py: what the files hold, that they hold it at once, and what they do not overwrite."""

from __future__ import annotations

import csv
import json
import struct
import sys
from pathlib import Path

import pytest
from played import FakeRun

import fastdnn
from fastdnn.callbacks import Callback
from fastdnn.errors import MissingExtraError, ParameterError
from fastdnn.loggers import CSVLogger, JSONLLogger, TensorBoard, logger_for

COLUMNS = {"loss": [0.1 + 0.2, 1 / 3], "valid_loss": [None, 2.0], "valid_f1": [0.5, float("nan")]}


def test_csv_has_a_header_and_a_line_an_epoch_with_every_digit(tmp_path):
    FakeRun().play(CSVLogger(tmp_path / "h.csv"), **COLUMNS)
    text = (tmp_path / "h.csv").read_text()
    assert text == "epoch,loss,valid_loss,valid_f1\n1,0.30000000000000004,,0.5\n2,0.3333333333333333,2.0,nan\n"


def test_json_lines_are_one_object_an_epoch_without_nan(tmp_path):
    FakeRun().play(JSONLLogger(tmp_path / "h.jsonl"), **COLUMNS)
    rows = [json.loads(line) for line in (tmp_path / "h.jsonl").read_text().splitlines()]
    assert rows == [
        {"epoch": 1, "loss": 0.1 + 0.2, "valid_loss": None, "valid_f1": 0.5},
        {"epoch": 2, "loss": 1 / 3, "valid_loss": 2.0, "valid_f1": None},
    ]


@pytest.mark.parametrize("name", ["h.csv", "h.jsonl"])
def test_every_line_is_on_the_disk_when_its_epoch_has_ended(tmp_path, name):
    lines = []

    class Look(Callback):
        def on_epoch_end(self, run):
            lines.append(len((tmp_path / name).read_text().splitlines()))

    FakeRun().play(logger_for(str(tmp_path / name)), Look(), **COLUMNS)
    assert lines == ([2, 3] if name == "h.csv" else [1, 2])


@pytest.mark.parametrize("name", ["h.csv", "h.jsonl"])
def test_an_earlier_log_is_replaced_and_other_files_are_not(tmp_path, name):
    place = tmp_path / name
    logger = logger_for(str(place))
    for _ in range(2):
        FakeRun().play(logger, **COLUMNS)
        assert len(place.read_text().splitlines()) in (2, 3)
    place.write_text("")
    logger.check()
    for content in ("species,mass\n1,2\n", "epoch of rococo", '{"epic": 1}'):
        place.write_text(content)
        for refuse in (logger.check, lambda: FakeRun().play(logger, **COLUMNS)):
            with pytest.raises(ParameterError, match="is not a log of fastdnn, so it is not overwritten"):
                refuse()
        assert place.read_text() == content


def test_places_that_cannot_be_written(tmp_path):
    with pytest.raises(ParameterError, match="does not exist") as caught:
        CSVLogger(tmp_path / "none" / "h.csv").check()
    assert caught.value.hint.startswith("mkdir -p")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ParameterError, match="not overwritten"):
        CSVLogger(tmp_path / "folder.csv").check()


def test_a_folder_that_cannot_be_written_is_noticed_by_the_check(tmp_path, monkeypatch):
    def refuse(path, **_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(ParameterError, match=r"h\.csv' cannot be written: Permission denied"):
        CSVLogger(tmp_path / "h.csv").check()


def test_the_ending_chooses_the_logger():
    assert type(logger_for("a/History.CSV")) is CSVLogger
    assert type(logger_for("h.jsonl")) is JSONLLogger
    for name in ("h.txt", "csv", "h.json"):
        with pytest.raises(ParameterError, match=r"must end in \.csv or \.jsonl"):
            logger_for(name)


def test_the_log_can_be_read_with_pythons_own_reader(tmp_path):
    FakeRun().play(CSVLogger(tmp_path / "h.csv"), **COLUMNS)
    with open(tmp_path / "h.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["loss"]) for row in rows] == COLUMNS["loss"]


# --- TensorBoard ---


def scalars(folder):
    """Curve -> [(epoch, value)] of the event files in a folder; each record is length, its checksum, bytes, their checksum."""
    from tensorboardX.proto.event_pb2 import Event

    found = {}
    for file in sorted(folder.iterdir()):
        content, at = file.read_bytes(), 0
        while at < len(content):
            (length,) = struct.unpack_from("<Q", content, at)
            event = Event.FromString(content[at + 12 : at + 12 + length])
            for value in event.summary.value:
                found.setdefault(value.tag, []).append((event.step, value.simple_value))
            at += 16 + length
    return found


def test_tensorboard_gets_a_curve_of_each_column(tmp_path):
    pytest.importorskip("tensorboardX", reason="the extra 'tensorboard' is not installed")
    columns = {
        "loss": [1.0, 0.5], "valid_loss": [None, 2.0], "valid_accuracy": [0.25, 0.75], "learning_rate": [0.5, 0.25],
        "seconds": [1.0, 1.0], "samples_per_s": [128.0, 256.0],
    }  # fmt: skip
    FakeRun().play(TensorBoard(tmp_path / "runs" / "a"), **columns)
    assert scalars(tmp_path / "runs" / "a") == {
        "loss/train": [(1, 1.0), (2, 0.5)],
        "loss/valid": [(2, 2.0)],
        "valid/accuracy": [(1, 0.25), (2, 0.75)],
        "learning_rate": [(1, 0.5), (2, 0.25)],
        "samples_per_s": [(1, 128.0), (2, 256.0)],
    }


def test_without_tensorboardx_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(MissingExtraError, match="tensorboardX, which is not installed") as caught:
        TensorBoard(tmp_path)
    assert caught.value.hint == "pip install 'fastdnn[tensorboard]'"


def test_a_file_in_the_place_of_tensorboards_folder(tmp_path):
    pytest.importorskip("tensorboardX", reason="the extra 'tensorboard' is not installed")
    (tmp_path / "file").write_text("text")
    with pytest.raises(ParameterError, match="cannot be a folder of logs"):
        TensorBoard(tmp_path / "file").check()


def test_the_package_has_them():
    for name in ("CSVLogger", "JSONLLogger", "TensorBoard"):
        assert getattr(fastdnn, name).__module__ == "fastdnn.loggers"
