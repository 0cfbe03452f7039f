"""What a training run reports: while it runs, and afterwards."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from fastdnn.errors import ParameterError, unknown_name


@dataclass(frozen=True)
class TrainingProgress:
    """The state of a run at one moment.

    Attributes
    ----------
    epoch, epochs : the epoch under way (from 1) and the most there will be, None where only a time limit ends the run.
    rows_done, rows : examples of this epoch, and how many it has.
    loss : mean loss of this epoch's examples so far, None before the first mini-batch.
    valid_loss, valid_score : of the last finished epoch, None without a validation part or before the first end of an epoch.
    best_epoch : the epoch kept so far, 0 for the initial parameters.
    samples_per_s : examples trained on per second, this run. seconds, seconds_left : elapsed, and an estimate to the last epoch.
    """

    epoch: int
    epochs: int | None
    rows_done: int
    rows: int
    loss: float | None
    valid_loss: float | None
    valid_score: float | None
    best_epoch: int
    samples_per_s: float
    seconds: float
    seconds_left: float | None


@dataclass
class History:
    """A run so far, or a finished one.

    Attributes
    ----------
    epochs : one dict an epoch: epoch (from 1), loss (mean over its examples, each at the parameters of its mini-batch),
        valid_loss, valid_score (accuracy of the cross-entropies, D^2 of quantiles, R^2 of every other loss; None without a
        validation part), learning_rate (of its last step, the schedule's factor included; of L-BFGS 1), seconds,
        samples_per_s, and 'valid_' and its name for each further metric that was asked for, as valid_f1.
    best_epoch : the epoch whose parameters the network has now; 0 where no epoch was finished.
    stopped_by : 'epochs' (all were run), 'time limit', 'patience' (no better `metric`), 'interrupt' (Ctrl-C), or
        the reason that a callback gave; of L-BFGS also 'converged' and 'line search' (no step lowers the cost further), of the
        estimators also 'divergence' (a loss that is not finite).
    batch_size, optimizer, learning_rate, l2, seed, threads, schedule : what was used;
        of threads the number that was fastest at the end.
    metric : what chose the best epoch, a column of `epochs`; None where it is the last.
    seconds : of the whole run, validation included. samples_per_s : examples per second of training alone.

    Examples
    --------
    >>> history = History(32, "adam", 1e-3, 0.0, 0, 1, [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}])
    >>> history["loss"]
    [0.5, 0.25]
    """

    batch_size: int
    optimizer: str
    learning_rate: float
    l2: float
    seed: int
    threads: int
    epochs: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = 0
    stopped_by: str = "epochs"
    seconds: float = 0.0
    samples_per_s: float = 0.0
    schedule: str = "constant"
    metric: str | None = "valid_loss"

    @property
    def columns(self) -> list[str]:
        """The names that the epochs have values under, none before the first."""
        return list(self.epochs[0]) if self.epochs else []

    def __getitem__(self, column: str) -> list[Any]:
        """The values of one column, an epoch each; ParameterError where there is none of that name."""
        if self.epochs and column not in self.epochs[0]:
            raise ParameterError(unknown_name("column of History", column, self.columns))
        return [row[column] for row in self.epochs]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> History:
        """The inverse of `to_json`."""
        return cls(**fields)
