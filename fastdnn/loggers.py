"""Callbacks that write History while it grows: one line an epoch as CSV or JSON, or TensorBoard's event file.

Every line is flushed as it is written, so that a run that is killed leaves all epochs it had finished; TensorBoard's file
is written by a thread of tensorboardX, at most a second or two later.
"""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import IO, Any, ClassVar

from fastdnn.callbacks import Callback, Run
from fastdnn.errors import MissingExtraError, ModelFileError, ParameterError
from fastdnn.model import without_nan

# A flush of tensorboardX waits for the disk (fsync), which takes longer than many an epoch.
_FLUSH_SECONDS = 1


class _LineLogger(Callback):
    """A text file with a line for each epoch.

    Parameters
    ----------
    path : the file; an earlier log there is replaced, anything else is not.

    Raises
    ------
    ParameterError : in `check` and `on_train_begin`, where `path` exists and is no log of this kind, or its folder does not.
    """

    steers: ClassVar[bool] = False
    # What a log's first line begins with.
    _begins: ClassVar[str]

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._file: IO[str] | None = None

    def check(self) -> None:
        """Raise unless the log can be written: before hours of training, not after."""
        if not self.path.parent.is_dir():
            raise ParameterError(
                f"Folder '{self.path.parent}' does not exist, so '{self.path}' cannot be written.",
                f"mkdir -p '{self.path.parent}'",
            )
        if self.path.exists() and not self._is_log():
            raise ParameterError(
                f"'{self.path}' exists and is not a log of fastdnn, so it is not overwritten.",
                "another name for the log.",
            )
        if not self.path.exists():
            from fastdnn.persistence import check_writable

            try:
                check_writable(self.path)
            except ModelFileError as error:
                raise ParameterError(str(error), error.hint) from error

    def _is_log(self) -> bool:
        if not self.path.is_file():
            return False
        with open(self.path, "rb") as file:
            first = file.read(len(self._begins))
        return first in (b"", self._begins.encode())

    def on_train_begin(self, run: Run) -> None:
        self.check()
        self._file = open(self.path, "w", encoding="utf-8", newline="")  # noqa: SIM115 - closed in on_train_end

    def on_epoch_end(self, run: Run) -> None:
        assert self._file is not None
        self._write(self._file, run.history.epochs[-1])
        self._file.flush()

    def on_train_end(self, run: Run) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, file: IO[str], row: dict[str, Any]) -> None:
        raise NotImplementedError


class CSVLogger(_LineLogger):
    """History as a CSV file: the columns' names, then a line for each epoch; an empty field where a value is not defined.

    Floats are written with as many digits as give the same float back.
    """

    _begins = "epoch,"

    def on_train_begin(self, run: Run) -> None:
        super().on_train_begin(run)
        self._columns: list[str] = []

    def _write(self, file: IO[str], row: dict[str, Any]) -> None:
        lines = csv.writer(file, lineterminator="\n")
        if not self._columns:
            self._columns = list(row)
            lines.writerow(self._columns)
        lines.writerow([row.get(column) for column in self._columns])


class JSONLLogger(_LineLogger):
    """History as JSON lines: one object for each epoch; null where a value is not defined or not finite."""

    _begins = '{"epoch":'

    def _write(self, file: IO[str], row: dict[str, Any]) -> None:
        file.write(json.dumps(without_nan(row), allow_nan=False) + "\n")


class TensorBoard(Callback):
    """History as an event file that `tensorboard --logdir FOLDER` shows while training goes on.

    Curves: loss/train and loss/valid, valid/<metric>, learning_rate, samples_per_s; values that are not defined are left out.

    Parameters
    ----------
    folder : made where it is missing; each run adds a file to it.

    Raises
    ------
    MissingExtraError : tensorboardX is not installed.
    """

    steers: ClassVar[bool] = False
    _TAGS: ClassVar[dict[str, str]] = {"loss": "loss/train", "valid_loss": "loss/valid"}
    _LEFT_OUT = ("epoch", "seconds")

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        try:
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise MissingExtraError(
                "TensorBoard logs need the package tensorboardX, which is not installed.",
                "pip install 'fastdnn[tensorboard]'",
            ) from error
        self.folder = Path(folder)
        self._make = SummaryWriter
        self._writer: Any = None

    def check(self) -> None:
        """Raise unless the folder is one, or can be made."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ParameterError(
                f"'{self.folder}' cannot be a folder of logs: {error.strerror or error}.", "another folder."
            ) from error

    def on_train_begin(self, run: Run) -> None:
        self.check()
        self._writer = self._make(logdir=str(self.folder), flush_secs=_FLUSH_SECONDS)

    def on_epoch_end(self, run: Run) -> None:
        for column, value in run.history.epochs[-1].items():
            if column not in self._LEFT_OUT and value is not None:
                tag = self._TAGS.get(column, column.replace("valid_", "valid/", 1))
                self._writer.add_scalar(tag, value, run.epoch)

    def on_train_end(self, run: Run) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def logger_for(path: str) -> CSVLogger | JSONLLogger:
    """The logger of a file by its ending: .csv, or .jsonl for JSON lines; ParameterError for any other."""
    kinds: dict[str, type[CSVLogger] | type[JSONLLogger]] = {".csv": CSVLogger, ".jsonl": JSONLLogger}
    suffix = Path(path).suffix.lower()
    if suffix not in kinds:
        raise ParameterError(
            f"The log '{path}' must end in .csv or .jsonl, which decides its format.", "--log history.csv"
        )
    return kinds[suffix](path)
