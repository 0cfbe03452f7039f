"""Learning-rate schedules: the factor of the base learning rate at every moment of a run.

A moment is given by two numbers: `t`, the fraction of the training budget that is spent, be that epochs or seconds,
and `epoch`, the passes over the examples done so far, as a float. Schedules that end in a valley go by `t`, so that
they get there when the budget is up; those that decay for ever go by `epoch`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastdnn.errors import check_number

FloatArray = NDArray[np.float64]

# floor(0.3 / 0.1) is 2: a boundary that is missed by rounding only counts as reached.
_ROUNDING = 1e-9


class Schedule:
    """The base of all schedules; a subclass with `factors` is a schedule of your own.

    Attributes
    ----------
    name : what messages call it.
    anneals : whether the factor comes down to a valley at t = 1, so that a run which ends earlier loses what it is for.
    listens : whether `after_epoch` changes what comes, so that no factor may be asked for beyond the epoch under way.
    """

    name: ClassVar[str] = "of your own"
    anneals: ClassVar[bool] = False
    listens: ClassVar[bool] = False

    def factors(self, t: ArrayLike, epoch: ArrayLike) -> FloatArray:
        """The factors of the base learning rate, 0 to 1, at given moments.

        Parameters
        ----------
        t : fraction of the training budget spent before the step, any shape, read; what lies outside 0 to 1 is taken as
            the nearer end.
        epoch : passes over the examples done before the step (step / steps an epoch), 0 or more, of the same shape.

        Returns
        -------
        float64 of that shape, newly made.
        """
        raise NotImplementedError

    def begin(self) -> Schedule:
        """The schedule in its first state; a run calls this once and uses what it gets, so that runs do not share a state."""
        return self

    def after_epoch(self, value: float | None, *, higher_is_better: bool = False) -> None:
        """Told after every epoch: the value that the run watches. Only `plateau` listens."""


@dataclass(frozen=True)
class Constant(Schedule):
    """factor = 1"""

    name: ClassVar[str] = "constant"

    def factors(self, t: ArrayLike, epoch: ArrayLike) -> FloatArray:
        return np.ones_like(fraction(t))


@dataclass(frozen=True)
class Step(Schedule):
    """factor = f^floor(epoch / every): cut by the factor f every so many epochs.

    Parameters
    ----------
    factor : f, above 0 and at most 1. every : epochs, above 0.
    """

    name: ClassVar[str] = "step"
    factor: float = 0.5
    every: float = 10.0

    def __post_init__(self) -> None:
        check_option(self, "factor", 0.0, 1.0, above=True)
        check_option(self, "every", 0.0, above=True)

    def factors(self, t: ArrayLike, epoch: ArrayLike) -> FloatArray:
        return np.asarray(self.factor ** _whole_periods(epoch, self.every), np.float64)


@dataclass(frozen=True)
class Exponential(Schedule):
    """factor = rate^epoch

    Ng, Deep Learning Specialization, course 2 week 2, "Learning rate decay": alpha = 0.95^epochNum alpha0.

    Parameters
    ----------
    rate : what one epoch leaves, above 0 and at most 1.
    """

    name: ClassVar[str] = "exponential"
    rate: float = 0.95

    def __post_init__(self) -> None:
        check_option(self, "rate", 0.0, 1.0, above=True)

    def factors(self, t: ArrayLike, epoch: ArrayLike) -> FloatArray:
        return np.asarray(self.rate ** np.asarray(epoch, np.float64), np.float64)


@dataclass(frozen=True)
class InverseScaling(Schedule):
    """factor = (1 + rate e)^-power, with e = epoch, or floor(epoch / every) where `every` is above 0.

    Ng, Deep Learning Specialization, course 2 week 2, "Learning rate decay": alpha = alpha0 / (1 + decayRate epochNum) is
    power = 1, and its programming assignment's fixed intervals are every = timeInterval. scikit-learn's 'invscaling', which
    counts examples instead of epochs, is rate = m, every = 1, power = power_t.

    Parameters
    ----------
    power : 0 or more. rate : 0 or more. every : epochs, 0 or more; 0 decays at every step.
    """

    name: ClassVar[str] = "inverse_scaling"
    power: float = 0.5
    rate: float = 1.0
    every: float = 0.0

    def __post_init__(self) -> None:
        for name in ("power", "rate", "every"):
            check_option(self, name, 0.0)

    def factors(self, t: ArrayLike, epoch: ArrayLike) -> FloatArray:
        e = _whole_periods(epoch, self.every) if self.every else np.asarray(epoch, np.float64)
        return np.asarray((1.0 + self.rate * e) ** -self.power, np.float64)


@dataclass(frozen=True)
class Cosine(Schedule):
    """factor = end + (1 - end) (1 + cos(pi t)) / 2

    Loshchilov and Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts (2017), equation 5, without restarts.

    Parameters
    ----------
    end : factor at t = 1, 0 to 1.
    """

    name: ClassVar[str] = "cosine"
    end: float = 0.0
    anneals: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_option(self, "end", 0.0, 1.0)

    def factors(self, t: ArrayLike, epoch: ArrayLike) -> FloatArray:
        return _half_cosine(1.0, self.end, fraction(t))


@dataclass(frozen=True)
class OneCycle(Schedule):
    """From `start` up to 1 while t <= rise, then down to `end`, each along half a cosine.

    Smith and Topin, Super-Convergence (2018), with cosines in place of straight lines, as PyTorch's OneCycleLR; the base
    learning rate is the peak.

    Parameters
    ----------
    rise : fraction of the budget, above 0 and below 1. start, end : factors at t = 0 and t = 1, 0 to 1.
    """

    name: ClassVar[str] = "one_cycle"
    rise: float = 0.3
    start: float = 0.04
    end: float = 0.0
    anneals: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_option(self, "rise", 0.0, 1.0, above=True, below=True)
        check_option(self, "start", 0.0, 1.0)
        check_option(self, "end", 0.0, 1.0)

    def factors(self, t: ArrayLike, epoch: ArrayLike) -> FloatArray:
        t = fraction(t)
        up = _half_cosine(self.start, 1.0, np.minimum(t / self.rise, 1.0))
        down = _half_cosine(1.0, self.end, np.maximum((t - self.rise) / (1.0 - self.rise), 0.0))
        return np.where(t <= self.rise, up, down)


@dataclass(frozen=True)
class CosLog4(Schedule):
    """factor = (1 - cos(2 pi log2(1 + 15 t))) / 2: four periods of a cosine, each twice as long as the one before.

    Valleys of 0 at t = 0, 1/15, 3/15, 7/15 and 1; peaks of 1 where log2(1 + 15 t) is 1/2, 3/2, 5/2 and 7/2.
    Holzmüller, Grinsztajn and Steinwart, Better by Default: Strong Pre-Tuned MLPs and Boosted Trees on Tabular Data (2024).
    """

    name: ClassVar[str] = "coslog4"
    anneals: ClassVar[bool] = True

    def factors(self, t: ArrayLike, epoch: ArrayLike) -> FloatArray:
        return np.asarray((1.0 - np.cos(2.0 * np.pi * np.log2(1.0 + 15.0 * fraction(t)))) / 2.0, np.float64)


def check_option(
    schedule: Any, name: str, low: float, high: float = np.inf, *, above: bool = False, below: bool = False
) -> None:
    """Require a field to lie in its range, and keep it as a float."""
    what = f"{name} of schedule '{schedule.name}'"
    number = check_number(what, getattr(schedule, name), low, high, above=above, below=below)
    object.__setattr__(schedule, name, number)


def fraction(t: ArrayLike) -> FloatArray:
    """t, what lies outside 0 to 1 taken as the nearer end."""
    return np.clip(np.asarray(t, np.float64), 0.0, 1.0)


def _whole_periods(epoch: ArrayLike, every: float) -> FloatArray:
    return np.asarray(np.floor(np.asarray(epoch, np.float64) / every + _ROUNDING), np.float64)


def _half_cosine(first: float, last: float, t: FloatArray) -> FloatArray:
    """From `first` at t = 0 to `last` at t = 1: last + (first - last) (1 + cos(pi t)) / 2."""
    return np.asarray(last + (first - last) * (1.0 + np.cos(np.pi * t)) / 2.0, np.float64)
