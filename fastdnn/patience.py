"""Patience: what counts as a better value, and for how many epochs none has come. One rule for all who wait."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from fastdnn.errors import check_number, check_whole


@dataclass
class Patience:
    """Counts epochs without improvement; early stopping, the schedule `plateau` and its callback ask it.

    A value improves when it beats the last value that improved by more than `min_delta`, so that many small gains
    count together (Keras and PyTorch count so, too); the first number always improves, nan and None never do.

    Parameters
    ----------
    epochs : a whole number, 1 or more: so many epochs in a row without improvement exhaust it.
    min_delta : 0 or more, in the units of the value.
    higher_is_better : True for scores, False for losses.

    Raises
    ------
    ParameterError : a number outside its range.

    Examples
    --------
    >>> patience = Patience(2)
    >>> [patience.improved(loss) for loss in (0.5, 0.4, 0.4, 0.6)], patience.waited, patience.exhausted
    ([True, True, False, False], 2, True)
    """

    epochs: int
    min_delta: float = 0.0
    higher_is_better: bool = False
    reference: float | None = field(default=None, init=False)
    waited: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.epochs = check_whole("patience", self.epochs)
        self.min_delta = check_number("min_delta", self.min_delta, 0.0)

    def improved(self, value: float | None) -> bool:
        """Take the value of one more epoch; whether it improves on those before."""
        better = value is not None and not math.isnan(value) and (self.reference is None or self._gain(value))
        if better:
            self.reference, self.waited = value, 0
        else:
            self.waited += 1
        return better

    def _gain(self, value: float) -> bool:
        assert self.reference is not None
        if self.higher_is_better:
            return value > self.reference + self.min_delta
        return value < self.reference - self.min_delta

    @property
    def exhausted(self) -> bool:
        """Whether as many epochs as there is patience for have passed since the last improvement."""
        return self.waited >= self.epochs

    def restart(self) -> None:
        """Wait anew, against the same value."""
        self.waited = 0
