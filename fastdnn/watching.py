"""A metric of History under watch: which way it gets better, and for how long it has not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fastdnn.errors import ParameterError, check_name
from fastdnn.monitoring import column_of, higher_is_better
from fastdnn.patience import Patience

if TYPE_CHECKING:
    from fastdnn.callbacks import Run

Mode = Literal["auto", "min", "max"]


class Watched:
    """What callbacks that wait for a metric ask after every epoch.

    Parameters
    ----------
    metric : a name of fastdnn.monitoring. mode : 'min' or 'max'; 'auto' follows the metric.
    patience, min_delta : of the Patience that counts the epochs without improvement.

    Attributes
    ----------
    metrics : (metric,), as a callback lists what it reads. column : of History.

    Raises
    ------
    ParameterError : an unknown metric or mode, or a number outside its range.
    """

    def __init__(self, metric: str, mode: Mode, patience: int = 1, min_delta: float = 0.0) -> None:
        check_name("mode", mode, ("auto", "min", "max"))
        self.metrics = (metric,)
        self.column = column_of(metric)
        higher = higher_is_better(metric) if mode == "auto" else mode == "max"
        self._settings = (patience, min_delta, higher)
        self.begin()

    def begin(self) -> None:
        """Forget earlier runs."""
        self.patience = Patience(*self._settings)

    def improved(self, run: Run) -> bool:
        """Take the epoch that has just ended; whether its value improves on those before."""
        row = run.history.epochs[-1]
        if self.column not in row:
            raise ParameterError(f"History has no '{self.column}'. It has: {', '.join(row)}.")
        return self.patience.improved(row[self.column])

    def waited_in_vain(self, run: Run) -> bool:
        """As `improved`; whether this epoch did not improve and patience is at its end."""
        return not self.improved(run) and self.patience.exhausted
