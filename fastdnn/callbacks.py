"""Callbacks: what a run tells after every epoch, and what may answer it: stop, save, change the learning rate."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from fastdnn.errors import ParameterError, check_number
from fastdnn.history import History
from fastdnn.network import Network
from fastdnn.watching import Mode, Watched

Event = Literal["on_train_begin", "on_epoch_end", "on_train_end"]


class Run(Protocol):
    """What a callback sees of the run that calls it.

    Attributes
    ----------
    network : with the parameters of this moment; in `on_train_end` those that the run keeps, and they may be changed.
    history : History so far; `history.epochs[-1]` is the epoch that has just ended.
    epoch, epochs : the epoch that has just ended (from 1; 0 before the first), and the most there will be.
    learning_rate : the base rate, before the schedule's factor; may be set, to 0 or more, for the epochs to come.
    """

    @property
    def network(self) -> Network: ...
    @property
    def history(self) -> History: ...
    @property
    def epoch(self) -> int: ...
    @property
    def epochs(self) -> int: ...

    learning_rate: float

    def stop(self, reason: str) -> None:
        """End the run after this epoch; History.stopped_by is the reason."""

    def save(self, path: str | os.PathLike[str], about: Mapping[str, Any] | None = None) -> None:
        """Write a checkpoint, one that `fastdnn.resume` goes on from where the run is one of `train`.

        about : more for the file to hold, plain JSON types. Raises ModelFileError where it cannot be written.
        """


class Callback(Protocol):
    """The three moments of a run; a subclass overrides those it needs, and anything else with all three will do.

    An attribute `metrics`, if there is one, lists the metrics (fastdnn.monitoring) that it reads from History, so that
    the run computes them. Callbacks are called in the order they were given in, a Checkpoint after all others, so that it
    keeps what they did. One that raises ends the run: the network has the best parameters so far, and the exception
    reaches the caller with a note that names the callback.

    Where `fastdnn.resume` goes on with a run, its callbacks are made anew and are first told of the epochs before, one by
    one: what they count, they have counted then. Such an epoch's History is as it was; `network` is that of the
    checkpoint, and `stop`, `save` and a new `learning_rate` do nothing, for all that has happened already. What cannot be
    had so, a callback keeps by two more methods: `state()`, a dict of plain JSON types and arrays, goes into the
    checkpoint, and `restore(state)` is called with it. An attribute `steers`, False, says that a run can go on without it.
    """

    def on_train_begin(self, run: Run) -> None:
        """Once, before the first epoch."""
        return  # here and below: without a statement, type checkers take a Protocol's method for abstract

    def on_epoch_end(self, run: Run) -> None:
        """After every epoch, when its row is in History."""
        return

    def on_train_end(self, run: Run) -> None:
        """Once, however the run ended, also where a callback's `on_train_begin` ended it."""
        return


def check_callbacks(callbacks: object) -> None:
    """Raise ParameterError unless it is a sequence of callbacks: objects with all three methods, made and not just named."""
    if not isinstance(callbacks, Sequence) or isinstance(callbacks, str):
        raise ParameterError(
            f"callbacks must be a sequence of callbacks, got {type(callbacks).__name__}.", "callbacks=[...]"
        )
    for callback in callbacks:
        if isinstance(callback, type):
            raise ParameterError(f"callbacks holds the class {callback.__name__}.", f"{callback.__name__}(...)")
        missing = [event for event in get_args(Event) if not callable(getattr(callback, event, None))]
        if missing:
            raise ParameterError(
                f"callbacks holds {callback!r}, which has no {', '.join(missing)}.", "a subclass of fastdnn.Callback"
            )


def notify(callbacks: Iterable[Callback], event: Event, run: Run) -> None:
    """Call one method of every callback in turn; an exception that one raises gets a note that names it.

    At 'on_train_end' all are called, also those after one that raises; the first exception is then raised.
    """
    failed: Exception | None = None
    for callback in callbacks:
        try:
            getattr(callback, event)(run)
        except Exception as error:
            error.add_note(f"Raised by the callback {type(callback).__name__} in {event}, epoch {run.epoch}.")
            if event != "on_train_end":
                raise
            failed = failed or error
    if failed is not None:
        raise failed


class EarlyStopping(Callback):
    """Stop when a metric has not improved for some epochs.

    Parameters
    ----------
    metric : a name of fastdnn.monitoring: 'loss', 'valid_loss', 'accuracy', 'f1', 'r2', ...
    patience : epochs without improvement, 1 or more. min_delta : the least gain that counts, 0 or more.
    mode : 'min' or 'max'; 'auto' follows the metric.
    restore_best : whether the network ends with the parameters of the epoch that was best by this metric, however the run
        ended. History.best_epoch then is that epoch.

    Raises
    ------
    ParameterError : an unknown metric or mode, or a number outside its range.
    """

    def __init__(
        self,
        metric: str = "valid_loss",
        *,
        patience: int = 10,
        min_delta: float = 0.0,
        mode: Mode = "auto",
        restore_best: bool = True,
    ) -> None:
        self.restore_best = restore_best
        self._watched = Watched(metric, mode, patience, min_delta)
        # Restored is the best epoch itself, though its gain may be less than counts for patience.
        self._best = Watched(metric, mode)
        self.metrics = self._watched.metrics
        self._kept: tuple[int, NDArray[Any]] | None = None

    def on_train_begin(self, run: Run) -> None:
        self._watched.begin()
        self._best.begin()
        self._kept = None

    def on_epoch_end(self, run: Run) -> None:
        if self._best.improved(run) and self.restore_best:
            self._kept = (run.epoch, run.network.parameters.copy())
        if self._watched.waited_in_vain(run):
            run.stop(f"no better {self._watched.column} for {self._watched.patience.epochs} epochs")

    def on_train_end(self, run: Run) -> None:
        if self._kept is not None:
            run.history.best_epoch, parameters = self._kept
            np.copyto(run.network.parameters, parameters)
            self._kept = None

    def state(self) -> dict[str, Any]:
        """The best epoch and its parameters, for a checkpoint."""
        return {} if self._kept is None else {"epoch": self._kept[0], "parameters": self._kept[1]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`."""
        self._kept = (state["epoch"], state["parameters"]) if state else None


class ReduceLROnPlateau(Callback):
    """Multiply the base learning rate when a metric has not improved for some epochs; the schedule's factor stays on top.

    Parameters
    ----------
    metric, min_delta, mode : as EarlyStopping takes them.
    factor : above 0 and below 1. patience : epochs, 1 or more. min_learning_rate : the rate never falls below this.

    Raises
    ------
    ParameterError : an unknown metric or mode, or a number outside its range.
    """

    def __init__(
        self,
        metric: str = "valid_loss",
        *,
        factor: float = 0.1,
        patience: int = 5,
        min_delta: float = 0.0,
        min_learning_rate: float = 0.0,
        mode: Mode = "auto",
    ) -> None:
        self.factor = check_number("factor", factor, 0.0, 1.0, above=True, below=True)
        self.min_learning_rate = check_number("min_learning_rate", min_learning_rate, 0.0)
        self._watched = Watched(metric, mode, patience, min_delta)
        self.metrics = self._watched.metrics

    def on_train_begin(self, run: Run) -> None:
        self._watched.begin()

    def on_epoch_end(self, run: Run) -> None:
        if self._watched.waited_in_vain(run):
            self._watched.patience.restart()
            if run.learning_rate > self.min_learning_rate:
                run.learning_rate = max(run.learning_rate * self.factor, self.min_learning_rate)


class TerminateOnNaN(Callback):
    """Stop when a number of the last epoch's row in History is nan or infinite.

    A training cost that is not finite ends every run by DivergenceError; this one notices the validation part too.
    """

    def on_epoch_end(self, run: Run) -> None:
        for column, value in run.history.epochs[-1].items():
            if isinstance(value, float) and not math.isfinite(value):
                run.stop(f"{column} is {value} at epoch {run.epoch}")
                return
