"""Run: the epochs of a training run, what is recorded of each, and the end."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn.callbacks import Callback, notify
from fastdnn.checkpoint_callback import checkpoints_last
from fastdnn.engine import Pass
from fastdnn.errors import DivergenceError, check_number
from fastdnn.examples import Examples
from fastdnn.history import History, TrainingProgress
from fastdnn.monitoring import column_of, validation_scores
from fastdnn.network import Network
from fastdnn.non_finite import in_batch
from fastdnn.patience import Patience
from fastdnn.run_settings import NO_END, RunSettings
from fastdnn.schedules import Schedule
from fastdnn.trainer import Trainer

# A pass of fewer seconds runs in the calling thread: starting another costs 0.1 ms, and Ctrl-C need not interrupt it.
_TOO_QUICK_TO_WATCH = 0.02
# Seconds between two looks at the clock under a time limit.
_CLOCK_EVERY = 0.1


class Run:
    """One run, as callbacks see it.

    Attributes
    ----------
    history : History; `history.epochs[-1]` is the epoch that ended last.
    epoch, epochs : epochs done, and the most there will be.
    settings : what the run was told; None of a run that no checkpoint can go on with.
    seconds_before : what the run had taken when it was cut short, where it goes on from a checkpoint.
    data_facts : what tells its data from others, once a checkpoint has asked for them.
    """

    def __init__(
        self, trainer: Trainer, valid: Examples | None, epochs: int, time_limit: float | None, schedule: Schedule,
        watched: str | None, patience: Patience, metrics: list[str], callbacks: Sequence[Callback], l2: float,
        settings: RunSettings | None = None,
    ) -> None:  # fmt: skip
        self.trainer, self.valid, self.epochs, self.time_limit = trainer, valid, epochs, time_limit
        self.schedule, self.callbacks, self.metrics = schedule, checkpoints_last(callbacks), metrics
        self.settings = settings
        self.watched = None if watched is None else column_of(watched)
        self.patience = patience
        # Kept is the best epoch itself, though its gain may be less than counts for patience.
        self.kept = Patience(1, higher_is_better=patience.higher_is_better)
        self.learning_rate = trainer.optimizer.rate
        self.rows = len(trainer.examples)
        self.history = History(
            trainer.batch_size, trainer.optimizer.name, self.learning_rate, l2, trainer.seed, trainer.threads,
            schedule=repr(schedule), metric=self.watched,
        )  # fmt: skip
        self.valid_data = None if valid is None else trainer.workspace.data(valid, with_targets=True)
        self.best = trainer.workspace.buffers.parameters.copy()
        self.ended = False
        self.epoch = 0
        self.seconds_before = 0.0
        self.data_facts: dict[str, Any] | None = None
        self.began = time.perf_counter()
        self.training_seconds, self.trained = 0.0, 0.0

    @property
    def learning_rate(self) -> float:
        """The base rate, before the schedule's factor; it may be set between epochs."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self._learning_rate = check_number("run.learning_rate", rate, 0.0)

    @property
    def network(self) -> Network:
        """The network with the parameters of this moment."""
        if not self.ended:
            self.trainer.store()
        return self.trainer.network

    @property
    def seconds(self) -> float:
        """What the run has taken so far."""
        return self._elapsed()

    def stop(self, reason: str = "callback") -> None:
        """End the run after this epoch; `reason` becomes history.stopped_by."""
        self.history.stopped_by = reason

    def save(self, path: str | os.PathLike[str], about: Mapping[str, Any] | None = None) -> None:
        """Write a checkpoint, from which fastdnn.resume goes on unless the run has ended.

        about : more for the file to hold, plain JSON types. Raises as `checkpoints.save_checkpoint`.
        """
        from fastdnn.checkpoints import save_checkpoint
        from fastdnn.run_checkpoints import save_run

        if self.settings is None or self.ended:
            save_checkpoint(path, self.network, self.history, about)
        else:
            save_run(path, self, self.settings, about)

    def go(self, progress: Callable[[TrainingProgress], None] | None) -> History:
        """All epochs, then the best parameters into the network."""
        try:
            self._all_epochs(progress)
        except KeyboardInterrupt:  # between two passes, or while validating
            self.history.stopped_by = "interrupt"
        except BaseException:
            self._keep_best()
            with contextlib.suppress(Exception):  # the first failure is the one to be seen
                notify(self.callbacks, "on_train_end", self)
            raise
        self._keep_best()
        notify(self.callbacks, "on_train_end", self)
        return self.history

    def _all_epochs(self, progress: Callable[[TrainingProgress], None] | None) -> None:
        history = self.history
        notify(self.callbacks, "on_train_begin", self)
        self.began = time.perf_counter() - self.seconds_before
        if self.epoch:  # the checkpoint may be that of the last epoch
            self._look_for_the_end()
        while self.epoch < self.epochs and history.stopped_by == "epochs":
            if self._some_epochs(progress):
                self.stop("interrupt")
            else:
                self._look_for_the_end()

    def _look_for_the_end(self) -> None:
        """Stop where the time is up or patience has run out; a callback that has stopped the run has said why."""
        if self.history.stopped_by != "epochs":
            return
        if self._out_of_time():
            self.stop("time limit")
        elif self.watched is not None and self.patience.exhausted:
            self.stop("patience")

    def _keep_best(self) -> None:
        """The best parameters into the network, which from now on is as callbacks leave it."""
        np.copyto(self.trainer.workspace.buffers.parameters, self.best)
        self.trainer.store()
        self.ended = True
        self.history.seconds = self._elapsed()
        self.history.samples_per_s = self._speed()
        self.history.threads = self.trainer.threads

    def _some_epochs(self, progress: Callable[[TrainingProgress], None] | None) -> bool:
        """Train an epoch, or many short ones in one call, validate, record. Returns whether Ctrl-C ended it."""
        trainer, history = self.trainer, self.history
        last_seconds = history.epochs[-1]["seconds"] if history.epochs else math.inf
        count = 1
        alone = self.watched is None and self.time_limit is None and not (self.callbacks or self.schedule.listens)
        if alone and self.valid is None and last_seconds < _TOO_QUICK_TO_WATCH:
            count = max(1, min(self.epochs - self.epoch, int(_TOO_QUICK_TO_WATCH / max(last_seconds, 1e-6))))
        steps, began, done = count * trainer.steps_per_epoch, time.perf_counter(), 0
        losses: list[float] = []
        rates = np.empty(steps)

        def watch(state: Pass) -> None:
            if progress is not None:
                progress(
                    self._moment(
                        min((done + state.steps) * trainer.batch_size, self.rows), state, time.perf_counter() - began
                    )
                )

        quick = last_seconds < _TOO_QUICK_TO_WATCH
        while done < steps and not (done and self._out_of_time()):
            chunk = self._chunk(steps - done)
            rates[done : done + chunk] = self._rates(chunk)
            state, interrupted = trainer.run(chunk, rates[done : done + chunk], watch=None if quick else watch)
            done += state.steps
            losses += state.epoch_losses.tolist()
            if state.diverged_at:
                self._diverged(state)
            if interrupted:
                return True
        seconds = time.perf_counter() - began
        rows = self.rows * count if done == steps else min(done * trainer.batch_size, self.rows)
        self.training_seconds += seconds
        self.trained += rows
        if done < steps and state.mean_loss is not None:
            losses.append(state.mean_loss)
        for i, loss in enumerate(losses, 1):
            self.epoch += 1
            rate = float(rates[min(i * trainer.steps_per_epoch, done) - 1])
            self._record(loss, rate, seconds / len(losses), rows / seconds)
        notify(self.callbacks, "on_epoch_end", self)
        if progress is not None:
            progress(self._moment(self.rows, state, 0.0))
        return False

    def _record(self, loss: float, rate: float, seconds: float, speed: float) -> None:
        """Validate, keep the best, and enter the epoch into the history."""
        row = {
            "epoch": self.epoch,
            "loss": loss,
            **self._validate(),
            "learning_rate": rate,
            "seconds": seconds,
            "samples_per_s": speed,
        }
        if self.judge(row):
            self.history.best_epoch = self.epoch
            np.copyto(self.best, self.trainer.workspace.buffers.parameters)
        self.history.epochs.append(row)

    def judge(self, row: Mapping[str, Any]) -> bool:
        """Tell patience and schedule of an epoch by its row of History. Returns whether it is the best so far."""
        value = None if self.watched is None else row[self.watched]
        best = self.kept.improved(value) or self.watched is None
        self.patience.improved(value)
        self.schedule.after_epoch(
            row["loss"] if self.watched is None else value, higher_is_better=self.patience.higher_is_better
        )
        return best

    def _chunk(self, left: int) -> int:
        """Steps until the next look at the clock."""
        if self.time_limit is None:
            return left
        if self.trainer.step == 0:
            return min(left, 10)
        per_step = self._elapsed() / self.trainer.step
        seconds = min(_CLOCK_EVERY, self.time_limit - self._elapsed())
        return max(1, min(left, int(seconds / per_step)))

    def _rates(self, steps: int) -> NDArray[np.float64]:
        """The learning rates of the next steps."""
        epoch = (self.trainer.step + np.arange(steps)) / self.trainer.steps_per_epoch
        if self.time_limit is None:
            t = epoch / self.epochs
        else:
            per_step = self._elapsed() / max(1, self.trainer.step)
            t = np.minimum(1.0, (self._elapsed() + per_step * np.arange(steps)) / self.time_limit)
        return self.learning_rate * self.schedule.factors(t, epoch)

    def _out_of_time(self) -> bool:
        return self.time_limit is not None and self._elapsed() >= self.time_limit

    def _elapsed(self) -> float:
        return time.perf_counter() - self.began

    def _validate(self) -> dict[str, float | None]:
        """The columns of History for the validation part."""
        if self.valid is None or self.valid_data is None:
            return {"valid_loss": None, "valid_score": None}
        rows = self.valid.indices
        AL, losses = self.trainer.evaluate(self.valid, self.valid_data)
        Y = (self.valid_data.labels if self.valid_data.labels.size else self.valid_data.targets)[rows]
        weights = None if self.valid.weights is None else self.valid.weights[rows]
        return validation_scores(
            self.trainer.network, AL, Y, losses, self.metrics, weights=weights, score_weights=self.valid.scoring_weights
        )

    def _moment(self, rows_done: int, state: Pass, in_epoch: float) -> TrainingProgress:
        """in_epoch : seconds that the epoch under way has run; 0: it has ended and is in the history."""
        seconds = self._elapsed()
        done = self.epoch + (rows_done / self.rows if in_epoch else 0.0)
        left = (self.epochs - done) * seconds / done if done else None
        if self.time_limit is not None:
            left = max(0.0, self.time_limit - seconds)
        last = self.history.epochs[-1] if self.history.epochs else {"valid_loss": None, "valid_score": None}
        epoch = self.epoch + 1 if in_epoch else self.epoch
        epochs = None if self.epochs == NO_END else self.epochs
        return TrainingProgress(
            epoch, epochs, rows_done, self.rows, state.mean_loss if in_epoch else last["loss"], last["valid_loss"],
            last["valid_score"], self.history.best_epoch, self._speed(rows_done if in_epoch else 0, in_epoch), seconds, left,
        )  # fmt: skip

    def _speed(self, rows: int = 0, seconds: float = 0.0) -> float:
        total = self.training_seconds + seconds
        return (self.trained + rows) / total if total > 0 else 0.0

    def _diverged(self, state: Pass) -> None:
        epoch = (self.trainer.step - 1) // self.trainer.steps_per_epoch + 1
        last = state.last_cost if self.trainer.step > 1 else None
        known = "" if last is None else f" (last finite: {last:.3g})"
        found = in_batch(self.trainer.workspace, self.trainer.batch_rows(state.diverged_at))
        error = DivergenceError(
            f"Training diverged at epoch {epoch}, batch {state.diverged_at}: the cost is not finite{known}."
            f"{f' {found.sentence}' if found else ''}",
            f"a smaller learning rate (now {self.learning_rate:g}), or standardised inputs",
            epoch,
            state.diverged_at,
            last,
        )
        error.layer, error.row = (found.layer, found.row) if found else (None, None)
        raise error
