"""A fit as its callbacks see it (fastdnn.callbacks.Run), and the history it leaves."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from fastdnn.callbacks import check_callbacks, notify
from fastdnn.checkpoint_callback import checkpoints_last
from fastdnn.checkpoints import save_checkpoint
from fastdnn.errors import check_number
from fastdnn.estimators.validation import Validation
from fastdnn.history import History
from fastdnn.monitoring import requested_metrics
from fastdnn.network import Network
from fastdnn.trainer import Trainer


class EstimatorRun:
    """fastdnn.callbacks.Run for an estimator: epochs count from 1 in every call of fit.

    Attributes
    ----------
    history : becomes the estimator's history_.
    """

    def __init__(self, estimator: Any, trainer: Trainer, validation: Validation | None) -> None:
        self.estimator, self.trainer, self.validation = estimator, trainer, validation
        check_callbacks(estimator.callbacks or ())
        self.callbacks = checkpoints_last(estimator.callbacks or ())
        self.history = History(
            trainer.batch_size,
            trainer.optimizer.name,
            float(estimator.learning_rate_init),
            0.0,
            trainer.seed,
            trainer.threads,
        )
        self.ended = False
        self.metrics: list[str] = []
        if self.callbacks:
            self.metrics = requested_metrics(trainer.network, None, self.callbacks, valid=validation is not None)
        self.began = time.perf_counter()

    @property
    def network(self) -> Network:
        """The network with the parameters of this moment."""
        if not self.ended:
            self.trainer.store()
        return self.trainer.network

    @property
    def epoch(self) -> int:
        """The epoch that has just ended."""
        return int(self.estimator.n_iter_)

    @property
    def epochs(self) -> int:
        """The most there will be."""
        return int(self.estimator.max_iter)

    @property
    def learning_rate(self) -> float:
        """The base rate, before the schedule's factor."""
        return float(self.estimator._optimizer.learning_rate)

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self.estimator._optimizer.learning_rate = check_number("run.learning_rate", rate, 0.0)

    def stop(self, reason: str = "callback") -> None:
        """End the fit after this epoch; `reason` becomes history.stopped_by."""
        self.history.stopped_by = reason

    def save(self, path: str | os.PathLike[str], about: Mapping[str, Any] | None = None) -> None:
        """Write a checkpoint of the network and its history; raises as `checkpoints.save_checkpoint`."""
        save_checkpoint(path, self.network, self.history, about)

    @property
    def stopped(self) -> bool:
        """Whether a callback asked for the end."""
        return self.history.stopped_by != "epochs"

    def elapsed(self) -> float:
        """Seconds since the run began."""
        return time.perf_counter() - self.began

    def record(self, loss: float, score: float | None, rate: float, seconds: float) -> None:
        """Enter the epoch that has just ended; tell the callbacks."""
        row: dict[str, Any] = {"epoch": self.epoch, "loss": loss, "valid_loss": None, "valid_score": None}
        if self.validation is not None:
            row |= self.validation.columns(self.trainer.network, self.metrics) | {"valid_score": score}
        speed = len(self.trainer.examples) / seconds
        self.history.epochs.append(row | {"learning_rate": rate, "seconds": seconds, "samples_per_s": speed})
        self.tell("on_epoch_end")

    def end(self) -> None:
        """The parameters into the network; tell the callbacks, which may change them there before the estimator takes them."""
        self.trainer.store()
        self.ended = True
        self.history.seconds = self.elapsed()
        trained = sum(row["seconds"] for row in self.history.epochs)
        self.history.samples_per_s = len(self.history.epochs) * len(self.trainer.examples) / trained if trained else 0.0
        self.history.best_epoch = self.history.best_epoch or len(self.history.epochs)
        self.tell("on_train_end")

    def tell(self, event: Any) -> None:
        """Call one method of every callback."""
        if self.callbacks:
            notify(self.callbacks, event, self)
