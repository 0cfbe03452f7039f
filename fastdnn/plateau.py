"""The schedule that watches the run: the learning rate falls where a value no longer gets better."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from fastdnn.patience import Patience
from fastdnn.schedule_curves import FloatArray, Schedule, check_option, fraction


@dataclass
class Plateau(Schedule):
    """The factor stays until the watched value has not improved for `patience` epochs; then it is multiplied by `factor`.

    scikit-learn's 'adaptive' is factor = 1/5 with the training loss as the value. The one schedule with a state:
    `begin` gives one that has seen nothing, `after_epoch` tells it the value.

    Parameters
    ----------
    factor : above 0 and below 1. patience : epochs, 1 or more. min_delta : gain that counts, 0 or more.
    least : the factor never falls below this, 0 to 1.
    """

    name: ClassVar[str] = "plateau"
    factor: float = 0.2
    patience: int = 5
    min_delta: float = 0.0
    least: float = 0.0
    listens: ClassVar[bool] = True
    _now: float = field(default=1.0, init=False, repr=False, compare=False)
    _waiting: Patience | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_option(self, "factor", 0.0, 1.0, above=True, below=True)
        check_option(self, "least", 0.0, 1.0)
        Patience(self.patience, self.min_delta)  # checks both

    def factors(self, t: ArrayLike, epoch: ArrayLike) -> FloatArray:
        return np.full_like(fraction(t), self._now)

    def begin(self) -> Plateau:
        return replace(self)

    def after_epoch(self, value: float | None, *, higher_is_better: bool = False) -> None:
        if self._waiting is None:
            self._waiting = Patience(self.patience, self.min_delta, higher_is_better)
        if not self._waiting.improved(value) and self._waiting.exhausted:
            self._now = max(self._now * self.factor, self.least)
            self._waiting.restart()
