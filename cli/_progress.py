"""Training as it happens, on standard error: two live lines in a terminal, an occasional plain line anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from fastdnn.cli._output import count, number, percent

if TYPE_CHECKING:
    from rich.console import RenderableType

    from fastdnn.history import TrainingProgress

# A log gets a line this often, in seconds; the first at once, so that one sees that training has begun.
_PLAIN_INTERVAL = 5.0


class Progress:
    """Shows what goes on; silent when `quiet`. Close it before printing anything else."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._live: Any = None
        self._last_plain = -_PLAIN_INTERVAL

    def say(self, sentence: str) -> None:
        """What is being done before there is anything to count; only where it can be wiped away again."""
        if not self._quiet and sys.stderr.isatty():
            from rich.text import Text

            self._show(lambda width: Text(sentence, style="dim"))

    def update(self, stage: str, progress: TrainingProgress, score_name: str, unit: str = "epoch") -> None:
        """Show the state of a training run; its validation score is called `score_name`, what it counts is a `unit`."""
        if self._quiet:
            return
        if sys.stderr.isatty():
            self._show(lambda width: _live_lines(stage, progress, score_name, unit, width))
        elif time.monotonic() - self._last_plain >= _PLAIN_INTERVAL:
            self._last_plain = time.monotonic()
            click.echo(_plain_line(stage, progress, score_name, unit), err=True)

    def close(self) -> None:
        """Wipe the live lines away."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _show(self, content: Callable[[int], RenderableType]) -> None:
        """Replace the live lines by what `content` makes for the width of the terminal."""
        if self._live is None:
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(stderr=True), auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(content(self._live.console.width), refresh=True)


def _figures(progress: TrainingProgress, score_name: str) -> list[str]:
    """The losses and the score, as far as they are known yet."""
    figures = [f"loss {number(progress.loss)}"] if progress.loss is not None else []
    if progress.valid_loss is not None:
        figures.append(f"validation loss {number(progress.valid_loss)}")
    if progress.valid_score is not None:
        value = progress.valid_score
        figures.append(f"{score_name} {percent(value) if score_name == 'accuracy' else number(value)}")
    return figures


def _epoch(progress: TrainingProgress, unit: str) -> str:
    """'epoch 3/50', or 'epoch 3' where only the clock ends the run."""
    return f"{unit} {progress.epoch}" + (f"/{progress.epochs}" if progress.epochs else "")


def _time_left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d} left" if hours else f"{minutes}:{rest:02d} left"


def _plain_line(stage: str, progress: TrainingProgress, score_name: str, unit: str) -> str:
    speed = f"{count(progress.samples_per_s)} samples/s"
    parts = [
        _epoch(progress, unit),
        *_figures(progress, score_name),
        speed,
        _time_left(progress.seconds_left),
    ]
    return f"{stage}: {', '.join(part for part in parts if part)}"


def _live_lines(stage: str, progress: TrainingProgress, score_name: str, unit: str, width: int) -> RenderableType:
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    where = f"{stage}, {_epoch(progress, unit)}"
    rows = f"{count(progress.rows_done)}/{count(progress.rows)} rows"
    speed = f"{count(progress.samples_per_s)} samples/s"
    bar = max(4, min(30, width - len(where) - len(rows) - len(speed) - 4))
    upper = Table.grid(padding=(0, 1))
    upper.add_row(
        Text(where, style="bold"),
        ProgressBar(total=max(progress.rows, 1), completed=progress.rows_done, width=bar),
        Text(rows),
        Text(speed, style="cyan"),
    )
    lower = _figures(progress, score_name)
    if progress.best_epoch:
        lower.append(f"best {unit} {progress.best_epoch}")
    lower.append(_time_left(progress.seconds_left))
    return Group(upper, Text(", ".join(part for part in lower if part), style="dim", overflow="ellipsis", no_wrap=True))
