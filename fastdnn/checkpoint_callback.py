"""The callback that saves a run while it trains."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from fastdnn.callbacks import Callback, Run
from fastdnn.errors import ModelFileError, check_whole
from fastdnn.watching import Mode, Watched


class Checkpoint(Callback):
    """Save the run while it trains: `fastdnn.resume` goes on from such a file, `fastdnn.load_checkpoint` gives its network.

    Each file is written whole or not at all, so a run that is killed leaves the last good one. Those of the estimators hold
    the network and its history alone.

    Parameters
    ----------
    path : the file; '{epoch}' in it becomes the epoch in four digits, else each save takes the place of the last.
    every : epochs between saves, 1 or more. best_only : save only when `metric` is better than ever before; it is looked at
        every `every` epochs.
    metric, mode : as EarlyStopping takes them; read with `best_only`.

    Raises
    ------
    ParameterError : an unknown metric or mode, or a number outside its range.
    ModelFileError : in `on_train_begin` where the place cannot be written or holds something else than a checkpoint; in
        `on_epoch_end` where the disk is full.
    """

    steers: ClassVar[bool] = False

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        every: int = 1,
        best_only: bool = False,
        metric: str = "valid_loss",
        mode: Mode = "auto",
    ) -> None:
        self.path = os.fspath(path)
        self.every = check_whole("every", every)
        self.best_only = best_only
        self._best = Watched(metric, mode)
        self.metrics = self._best.metrics if best_only else ()

    def on_train_begin(self, run: Run) -> None:
        self._best.begin()
        self.check()

    def on_epoch_end(self, run: Run) -> None:
        if run.epoch % self.every:
            return
        if self.best_only and not self._best.improved(run):
            return
        place = self.path_of(run.epoch)
        self._check_kind(place)
        self._save(run, place)

    def check(self) -> None:
        """Raise unless the file can be written: before hours of training, not after."""
        from fastdnn.persistence import check_writable

        place = self.path_of(1)
        check_writable(place)
        self._check_kind(place)

    def _save(self, run: Run, place: str) -> None:
        run.save(place)

    def path_of(self, epoch: int) -> str:
        """Where the checkpoint of an epoch goes."""
        return self.path.replace("{epoch}", f"{epoch:04d}")

    @staticmethod
    def _check_kind(place: str) -> None:
        from fastdnn.persistence import is_checkpoint

        file = Path(place)
        if file.exists() and file.stat().st_size > 0 and not is_checkpoint(file):
            raise ModelFileError(
                f"'{place}' exists and is not a checkpoint, so it is not overwritten.",
                "another name for the checkpoint.",
            )


def checkpoints_last(callbacks: Iterable[Callback]) -> tuple[Callback, ...]:
    """The callbacks in the order in which a run calls them."""
    return tuple(sorted(callbacks, key=lambda callback: isinstance(callback, Checkpoint)))
