"""Training: epochs, the validation part that chooses the best of them, and the end of a run."""

from __future__ import annotations

import math
import numbers
import time
from collections.abc import Callable

import numpy as np

from fastdnn import vocabulary
from fastdnn.defaults import LEARNING_RATES
from fastdnn.engine import Pass, run_pass
from fastdnn.errors import DivergenceError, ParameterError, check_seed, unknown_name
from fastdnn.examples import Examples
from fastdnn.history import History, TrainingProgress
from fastdnn.inference import evaluate_in
from fastdnn.kernels.layout import Data, Rule
from fastdnn.kernels.optimizers import ADAM, GRADIENT_DESCENT
from fastdnn.network import Network
from fastdnn.non_finite import in_batch
from fastdnn.thread_choice import choose_threads, most_threads
from fastdnn.workers import check_threads
from fastdnn.workspace import Workspace

__all__ = ["LEARNING_RATES", "History", "TrainingProgress", "train"]

# An epoch of fewer seconds runs in the calling thread: starting another costs 0.1 ms, and Ctrl-C need not interrupt it.
_TOO_QUICK_TO_WATCH = 0.02
_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8


def train(
    network: Network,
    examples: Examples,
    valid: Examples | None = None,
    *,
    epochs: int = 100,
    batch_size: int = 128,
    optimizer: str = "adam",
    learning_rate: float | None = None,
    l2: float = 0.0,
    patience: int = 10,
    seed: int = 0,
    threads: int | None = None,
    shuffle: bool = True,
    progress: Callable[[TrainingProgress], None] | None = None,
) -> History:
    """Train a network in place by mini-batch gradient descent or Adam.

    Parameters
    ----------
    examples : with targets. valid : a part never trained on; after each epoch its mean loss is computed, and at the end the
        network has the parameters of the epoch where that was least. Without it those of the last epoch.
    epochs : the most passes over the examples. patience : epochs without a better validation loss before the run ends.
    batch_size : examples a step; more than there are means all of them.
    optimizer : 'adam' or 'sgd' (gradient descent). learning_rate : positive; default LEARNING_RATES.
    l2 : lambda of the course's J = mean loss + lambda / (2 m) sum W^2, m the number of examples; the reported losses leave it out.
    seed : of the order of examples, drawn anew each epoch unless `shuffle` is False.
    threads : default: what a probe of some milliseconds finds fastest. The result has the same bits for every number.
    progress : called some times a second.

    Returns
    -------
    History. Ctrl-C ends the run after the step under way, keeps the best epoch, and is reported in `stopped_by`; it is caught
    only where `progress` or the main thread's signal can reach this call.

    Raises
    ------
    ParameterError : an argument outside its range. DataError : targets that do not fit the loss.
    DivergenceError : a cost that is not finite; the network then has the best parameters seen before.
    """
    run = _Run(
        network, examples, valid, epochs, batch_size, optimizer, learning_rate, l2, patience, seed, threads, shuffle
    )
    return run.go(progress)


class _Run:
    """One run: its buffers, its best parameters so far, its history."""

    def __init__(
        self, network: Network, examples: Examples, valid: Examples | None, epochs: int, batch_size: int, optimizer: str,
        learning_rate: float | None, l2: float, patience: int, seed: int, threads: int | None, shuffle: bool,
    ) -> None:  # fmt: skip
        if optimizer not in vocabulary.OPTIMIZERS:
            raise ParameterError(unknown_name("optimizer", optimizer, vocabulary.OPTIMIZERS))
        learning_rate = LEARNING_RATES[optimizer] if learning_rate is None else learning_rate
        _require("learning_rate", learning_rate, _is_number(learning_rate) and learning_rate > 0, "positive")
        _require("l2", l2, _is_number(l2) and l2 >= 0, "0 or more")
        for name, count in (("epochs", epochs), ("batch_size", batch_size), ("patience", patience)):
            _require(name, count, _is_number(count) and count >= 1 and count == int(count), "a whole number, 1 or more")
        seed = check_seed(seed)
        self.network, self.examples, self.valid = network, examples, valid
        self.epochs, self.patience, self.shuffle = epochs, patience, shuffle
        self.rows = len(examples)
        batch_size = min(batch_size, self.rows)
        most = check_threads(threads) if threads is not None else None
        self.workspace = Workspace(network, batch_size, most or most_threads(batch_size))
        self.data: Data = self.workspace.data(examples, with_targets=True)
        self.valid_data = None if valid is None else self.workspace.data(valid, with_targets=True)
        run_pass(self.workspace, self.data, examples.indices[:0], 1)  # compiles, so that no epoch's clock does
        chosen = most or choose_threads(self.workspace, self.data, examples.indices)
        self.workspace.use_workers(chosen)
        code = {"sgd": GRADIENT_DESCENT, "adam": ADAM}[optimizer]
        self.rule = Rule(code, float(learning_rate), _BETA1, _BETA2, _EPSILON, l2 / self.rows)
        self.order = np.empty(self.rows, np.int64)
        self.history = History(batch_size, optimizer, float(learning_rate), float(l2), seed, chosen)
        self.best = self.workspace.buffers.parameters.copy()
        self.best_loss = math.inf
        self.began = time.perf_counter()
        self.training_seconds = 0.0
        self.trained = 0

    def go(self, progress: Callable[[TrainingProgress], None] | None) -> History:
        """All epochs, then the best parameters into the network."""
        try:
            for epoch in range(1, self.epochs + 1):
                if self._one_epoch(epoch, progress):
                    self.history.stopped_by = "interrupt"
                    break
                if self.valid is not None and epoch - self.history.best_epoch >= self.patience:
                    self.history.stopped_by = "patience"
                    break
        except KeyboardInterrupt:  # between two passes, or while validating
            self.history.stopped_by = "interrupt"
        finally:
            np.copyto(self.workspace.buffers.parameters, self.best)
            self.workspace.store()
            self.history.seconds = time.perf_counter() - self.began
            self.history.samples_per_s = self._speed()
        return self.history

    def _one_epoch(self, epoch: int, progress: Callable[[TrainingProgress], None] | None) -> bool:
        """Train, validate, record. Returns whether Ctrl-C ended it."""
        history, batch = self.history, self.history.batch_size
        steps = -(-self.rows // batch)
        began = time.perf_counter()

        def watch(state: Pass) -> None:
            if progress is not None:
                progress(
                    self._moment(
                        epoch, min(state.steps * batch, self.rows), state.loss_sum, time.perf_counter() - began
                    )
                )

        # One batch of all examples: their order does not matter, and where nothing else used the buffers they are still there.
        one_batch = steps == 1
        quick = history.threads == 1 and epoch > 1 and history.epochs[-1]["seconds"] < _TOO_QUICK_TO_WATCH
        state, interrupted = run_pass(
            self.workspace, self.data, self.examples.indices, history.threads, rule=self.rule, step=(epoch - 1) * steps,
            shuffle=(history.seed, epoch) if self.shuffle and not one_batch else None, order=self.order,
            resident=one_batch and epoch > 1 and self.valid is None, watch=None if quick else watch,
        )  # fmt: skip
        seconds = time.perf_counter() - began
        if state.diverged_at:
            self._diverged(epoch, state)
        if interrupted:
            return True
        self.training_seconds += seconds
        self.trained += self.rows
        valid_loss, valid_score = self._validate()
        if valid_loss is None or valid_loss < self.best_loss:
            self.best_loss = math.inf if valid_loss is None else valid_loss
            self.history.best_epoch = epoch
            np.copyto(self.best, self.workspace.buffers.parameters)
        history.epochs.append(
            {
                "epoch": epoch,
                "loss": state.loss_sum / self.rows,
                "valid_loss": valid_loss,
                "valid_score": valid_score,
                "learning_rate": history.learning_rate,
                "seconds": seconds,
                "samples_per_s": self.rows / seconds,
            }
        )
        if progress is not None:
            progress(self._moment(epoch, self.rows, state.loss_sum, 0.0))
        return False

    def _validate(self) -> tuple[float | None, float | None]:
        if self.valid is None or self.valid_data is None:
            return None, None
        rows = self.valid.indices
        AL, losses = evaluate_in(self.workspace, self.valid_data, rows, self.history.threads, with_losses=True)
        loss = float(losses.mean())
        Y = (self.valid_data.labels if self.valid_data.labels.size else self.valid_data.targets)[rows]
        if self.network.loss == "categorical_cross_entropy":
            return loss, float(np.mean(AL.argmax(axis=1) == Y))
        Y = Y.reshape(AL.shape)
        if self.network.loss == "binary_cross_entropy":
            return loss, float(np.mean((AL > 0.5) == (Y > 0.5)))
        spread = float(np.sum(np.square(Y - Y.mean(axis=0), dtype=np.float64)))
        return loss, 1.0 - float(np.sum(np.square(AL - Y, dtype=np.float64))) / spread if spread > 0 else None

    def _moment(self, epoch: int, rows_done: int, loss_sum: float, in_epoch: float) -> TrainingProgress:
        seconds = time.perf_counter() - self.began
        done = self.trained + (rows_done if in_epoch else 0)
        left = (self.epochs * self.rows - done) * seconds / done if done else None
        last = self.history.epochs[-1] if self.history.epochs else {"valid_loss": None, "valid_score": None}
        return TrainingProgress(
            epoch, self.epochs, rows_done, self.rows, loss_sum / rows_done if rows_done else None, last["valid_loss"],
            last["valid_score"], self.history.best_epoch, self._speed(rows_done if in_epoch else 0, in_epoch), seconds, left,
        )  # fmt: skip

    def _speed(self, rows: int = 0, seconds: float = 0.0) -> float:
        total = self.training_seconds + seconds
        return (self.trained + rows) / total if total > 0 else 0.0

    def _diverged(self, epoch: int, state: Pass) -> None:
        last = (
            state.last_cost
            if state.diverged_at > 1
            else self.history.epochs[-1]["loss"]
            if self.history.epochs
            else None
        )
        known = "" if last is None else f" (last finite: {last:.3g})"
        first = (state.diverged_at - 1) * self.history.batch_size
        found = in_batch(self.workspace, self.order[first : first + self.history.batch_size])
        error = DivergenceError(
            f"Training diverged at epoch {epoch}, batch {state.diverged_at}: the cost is not finite{known}."
            f"{f' {found.sentence}' if found else ''}",
            f"a smaller learning rate (now {self.history.learning_rate:g}), or standardised inputs",
            epoch,
            state.diverged_at,
            last,
        )
        error.layer, error.row = (found.layer, found.row) if found else (None, None)
        raise error


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and math.isfinite(value)


def _require(name: str, value: object, holds: bool, allowed: str) -> None:
    if not holds:
        raise ParameterError(f"{name} must be {allowed}, got {value!r}.")
