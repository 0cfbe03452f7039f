"""A run that is played: callbacks and loggers see what they would see of training, without any."""

from __future__ import annotations

from fastdnn.callbacks import Callback, notify
from fastdnn.checkpoint_callback import checkpoints_last
from fastdnn.checkpoints import save_checkpoint
from fastdnn.history import History
from fastdnn.network import Network


class FakeRun:
    """A run without training: each epoch has the row it is given, and the parameters all have the epoch's number."""

    def __init__(self, epochs: int = 100) -> None:
        self.network = Network([2, 3, 1], dtype="float64")
        self.history = History(32, "sgd", 0.1, 0.0, 0, 1)
        self.epoch, self.epochs = 0, epochs
        self.learning_rate = 0.1
        self.reasons: list[str] = []

    def stop(self, reason: str) -> None:
        self.reasons.append(reason)

    def save(self, path: str, about: dict[str, object] | None = None) -> None:
        save_checkpoint(path, self.network, self.history, about)

    def play(self, *callbacks: Callback, **columns: list[float | None]) -> FakeRun:
        """Epochs with these values until one stops the run; as the real one, it then keeps the last parameters."""
        callbacks = checkpoints_last(callbacks)
        notify(callbacks, "on_train_begin", self)
        for values in zip(*columns.values(), strict=True):
            self.epoch += 1
            self.network.parameters[:] = self.epoch
            self.history.best_epoch = self.epoch
            self.history.epochs.append({"epoch": self.epoch, **dict(zip(columns, values, strict=True))})
            notify(callbacks, "on_epoch_end", self)
            if self.reasons:
                break
        notify(callbacks, "on_train_end", self)
        return self
