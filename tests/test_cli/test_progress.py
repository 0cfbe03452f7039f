"""Progress: plain lines now and then where no terminal is, two live lines where one is, nothing with --quiet."""

from __future__ import annotations

import io
import re
import sys

import pytest

from fastdnn.cli import _progress
from fastdnn.cli._progress import Progress
from fastdnn.history import TrainingProgress


def moment(epoch: int, rows_done: int = 31_200, valid: float | None = 0.0987) -> TrainingProgress:
    return TrainingProgress(
        epoch=epoch, epochs=100, rows_done=rows_done, rows=1_048_000, loss=0.1034, valid_loss=valid, valid_score=0.971,
        best_epoch=epoch - 1, samples_per_s=1_320_000.0, seconds=3.0, seconds_left=4_000.0,
    )  # fmt: skip


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal in place of standard error; called in the test's body, as pytest sets its own stream before that."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    return stream


def test_a_log_gets_its_first_line_at_once_and_then_one_every_some_seconds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([100.0, 100.0, 101.0, 104.9, 106.0, 106.0])
    monkeypatch.setattr(_progress.time, "monotonic", lambda: next(clock))
    shown = Progress(quiet=False)
    for epoch in range(1, 5):
        shown.update("network", moment(epoch), "accuracy")
    shown.close()
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert [line.split(",")[0] for line in lines] == ["network: epoch 1/100", "network: epoch 4/100"]
    for fact in ("loss 0.1034", "validation loss 0.0987", "accuracy 97.1 %", "1,320,000 samples/s", "1:06:40 left"):
        assert fact in lines[0]
    assert captured.out == ""


def test_a_terminal_gets_two_live_lines_that_fit_and_are_wiped_away(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = terminal(monkeypatch)
    shown = Progress(quiet=False)
    shown.say("Reading the data ...")
    shown.update("network", moment(1, 31_200, None), "accuracy")
    shown.update("network", moment(2, 999_000), "accuracy")
    shown.close()
    text = stream.getvalue()
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    assert "Reading the data" in plain
    assert "network, epoch 2/100" in plain
    assert "999,000/1,048,000 rows" in plain
    assert "1,320,000 samples/s" in plain
    assert max(len(line) for line in re.split(r"[\r\n]+", plain)) <= 80
    assert text.rstrip().endswith("\x1b[2K")
    assert capsys.readouterr().out == ""


def test_what_is_not_known_yet_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = terminal(monkeypatch)
    start = TrainingProgress(1, 9, 0, 100, None, None, None, 0, 0.0, 0.0, None)
    shown = Progress(quiet=False)
    shown.update("network", start, "R²")
    shown.close()
    assert "epoch 1/9" in stream.getvalue()
    assert "None" not in stream.getvalue()
    assert "best epoch" not in stream.getvalue()


def test_quiet_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = terminal(monkeypatch)
    shown = Progress(quiet=True)
    shown.say("Reading ...")
    shown.update("network", moment(1), "accuracy")
    shown.close()
    assert stream.getvalue() == ""
