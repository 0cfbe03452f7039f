"""Learning-rate schedules: the factor of the base learning rate at every moment of a run.

A moment is given by two numbers: `t`, the fraction of the training budget that is spent, be that epochs or seconds,
and `epoch`, the passes over the examples done so far, as a float. Schedules that end in a valley go by `t`, so that
they get there when the budget is up; those that decay for ever go by `epoch`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastdnn import vocabulary
from fastdnn.errors import ParameterError, check_number, unknown_name
from fastdnn.patience import Patience

FloatArray = NDArray[np.float64]

# floor(0.3 / 0.1) is 2: a boundary that is missed by rounding only counts as reached.
_ROUNDING = 1e-9


class Schedule:
    """The base of all schedules; a subclass with `factors` is a schedule of your own.

    Attributes
    ----------
    anneals : whether the factor comes down to a valley at t = 1, so that a run which ends earlier loses what it is for.
    listens : whether `after_epoch` changes what comes, so that no factor may be asked for beyond the epoch under way.
    """

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

    def factors(self, t: ArrayLike, epoch: ArrayLike) -> FloatArray:
        return np.ones_like(_fraction(t))


@dataclass(frozen=True)
class Step(Schedule):
    """factor = f^floor(epoch / every): cut by the factor f every so many epochs.

    Parameters
    ----------
    factor : f, above 0 and at most 1. every : epochs, above 0.
    """

    factor: float = 0.5
    every: float = 10.0

    def __post_init__(self) -> None:
        _check(self, "factor", 0.0, 1.0, above=True)
        _check(self, "every", 0.0, above=True)

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

    rate: float = 0.95

    def __post_init__(self) -> None:
        _check(self, "rate", 0.0, 1.0, above=True)

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

    power: float = 0.5
    rate: float = 1.0
    every: float = 0.0

    def __post_init__(self) -> None:
        for name in ("power", "rate", "every"):
            _check(self, name, 0.0)

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

    end: float = 0.0
    anneals: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _check(self, "end", 0.0, 1.0)

    def factors(self, t: ArrayLike, epoch: ArrayLike) -> FloatArray:
        return _half_cosine(1.0, self.end, _fraction(t))


@dataclass(frozen=True)
class OneCycle(Schedule):
    """From `start` up to 1 while t <= rise, then down to `end`, each along half a cosine.

    Smith and Topin, Super-Convergence (2018), with cosines in place of straight lines, as PyTorch's OneCycleLR; the base
    learning rate is the peak.

    Parameters
    ----------
    rise : fraction of the budget, above 0 and below 1. start, end : factors at t = 0 and t = 1, 0 to 1.
    """

    rise: float = 0.3
    start: float = 0.04
    end: float = 0.0
    anneals: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _check(self, "rise", 0.0, 1.0, above=True, below=True)
        _check(self, "start", 0.0, 1.0)
        _check(self, "end", 0.0, 1.0)

    def factors(self, t: ArrayLike, epoch: ArrayLike) -> FloatArray:
        t = _fraction(t)
        up = _half_cosine(self.start, 1.0, np.minimum(t / self.rise, 1.0))
        down = _half_cosine(1.0, self.end, np.maximum((t - self.rise) / (1.0 - self.rise), 0.0))
        return np.where(t <= self.rise, up, down)


@dataclass(frozen=True)
class CosLog4(Schedule):
    """factor = (1 - cos(2 pi log2(1 + 15 t))) / 2: four periods of a cosine, each twice as long as the one before.

    Valleys of 0 at t = 0, 1/15, 3/15, 7/15 and 1; peaks of 1 where log2(1 + 15 t) is 1/2, 3/2, 5/2 and 7/2.
    Holzmüller, Grinsztajn and Steinwart, Better by Default: Strong Pre-Tuned MLPs and Boosted Trees on Tabular Data (2024).
    """

    anneals: ClassVar[bool] = True

    def factors(self, t: ArrayLike, epoch: ArrayLike) -> FloatArray:
        return np.asarray((1.0 - np.cos(2.0 * np.pi * np.log2(1.0 + 15.0 * _fraction(t)))) / 2.0, np.float64)


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

    factor: float = 0.2
    patience: int = 5
    min_delta: float = 0.0
    least: float = 0.0
    listens: ClassVar[bool] = True
    _now: float = field(default=1.0, init=False, repr=False, compare=False)
    _waiting: Patience | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check(self, "factor", 0.0, 1.0, above=True, below=True)
        _check(self, "least", 0.0, 1.0)
        Patience(self.patience, self.min_delta)  # checks both

    def factors(self, t: ArrayLike, epoch: ArrayLike) -> FloatArray:
        return np.full_like(_fraction(t), self._now)

    def begin(self) -> Plateau:
        return replace(self)

    def after_epoch(self, value: float | None, *, higher_is_better: bool = False) -> None:
        if self._waiting is None:
            self._waiting = Patience(self.patience, self.min_delta, higher_is_better)
        if not self._waiting.improved(value) and self._waiting.exhausted:
            self._now = max(self._now * self.factor, self.least)
            self._waiting.restart()


@dataclass(frozen=True)
class WarmUp(Schedule):
    """factor = (start + (1 - start) min(epoch / epochs, 1)) x the factor of another schedule.

    Goyal et al., Accurate, Large Minibatch SGD (2017), section 2.2, "gradual warmup".

    Parameters
    ----------
    schedule : the one that is wrapped. epochs : length of the rise, above 0. start : factor at its begin, 0 to 1.
    """

    schedule: Schedule
    epochs: float
    start: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.schedule, Schedule):
            raise ParameterError(f"A warm-up wraps a schedule, got {self.schedule!r}.", "make_schedule('cosine')")
        _check(self, "epochs", 0.0, above=True)
        _check(self, "start", 0.0, 1.0)

    @property
    def anneals(self) -> bool:  # type: ignore[override]
        """As the schedule that is wrapped."""
        return self.schedule.anneals

    @property
    def listens(self) -> bool:  # type: ignore[override]
        """As the schedule that is wrapped."""
        return self.schedule.listens

    def factors(self, t: ArrayLike, epoch: ArrayLike) -> FloatArray:
        rise = np.minimum(np.asarray(epoch, np.float64) / self.epochs, 1.0)
        return np.asarray((self.start + (1.0 - self.start) * rise) * self.schedule.factors(t, epoch), np.float64)

    def begin(self) -> WarmUp:
        return replace(self, schedule=self.schedule.begin())

    def after_epoch(self, value: float | None, *, higher_is_better: bool = False) -> None:
        self.schedule.after_epoch(value, higher_is_better=higher_is_better)


_CLASSES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "step": Step,
    "exponential": Exponential,
    "inverse_scaling": InverseScaling,
    "cosine": Cosine,
    "one_cycle": OneCycle,
    "plateau": Plateau,
    "coslog4": CosLog4,
}


def make_schedule(name: str, *, warm_up: float = 0.0, **options: Any) -> Schedule:
    """A schedule by its name, one of vocabulary.SCHEDULES, with the options of its class.

    Parameters
    ----------
    warm_up : epochs over which the learning rate rises from 0, 0 for none.
    options : as the class takes them: `every` and `factor` of 'step', `end` of 'cosine', ...

    Raises
    ------
    ParameterError : an unknown name or option, or a number outside its range.

    Examples
    --------
    >>> make_schedule("step", every=2, factor=0.1).factors([0.0, 0.5, 1.0], [0, 2, 4]).round(3).tolist()
    [1.0, 0.1, 0.01]
    """
    if name not in _CLASSES:
        raise ParameterError(unknown_name("schedule", name, vocabulary.SCHEDULES))
    allowed = [item.name for item in fields(_CLASSES[name]) if item.init]  # type: ignore[arg-type]
    for option in options:
        if option not in allowed:
            raise ParameterError(
                unknown_name(f"option of schedule '{name}':", option, allowed)
                if allowed
                else f"Schedule '{name}' has no options, got '{option}'."
            )
    schedule = _CLASSES[name](**options)
    warm_up = check_number("warm_up", warm_up, 0.0)
    return WarmUp(schedule, warm_up) if warm_up else schedule


def parse_schedule(text: str, *, warm_up: float = 0.0) -> Schedule:
    """A schedule as the command line writes it: NAME, or NAME:OPTION=NUMBER,OPTION=NUMBER.

    Raises as `make_schedule`.

    >>> parse_schedule("step:every=20,factor=0.1")
    Step(factor=0.1, every=20.0)
    """
    name, colon, rest = text.partition(":")
    options = {}
    for part in rest.split(",") if colon else ():
        option, _, number = part.partition("=")
        try:
            options[option.strip()] = float(number)
        except ValueError:
            raise ParameterError(
                f"'{text}' is not a schedule: '{part}' must be OPTION=NUMBER.", "--schedule step:every=10,factor=0.5"
            ) from None
    return make_schedule(name.strip(), warm_up=warm_up, **options)


def as_schedule(schedule: str | Schedule) -> Schedule:
    """A schedule in its first state, from a schedule or from what `parse_schedule` reads."""
    if isinstance(schedule, str):
        return parse_schedule(schedule)
    if not isinstance(schedule, Schedule):
        raise ParameterError(
            f"schedule must be a name or a Schedule, got {schedule!r}. Allowed: {', '.join(vocabulary.SCHEDULES)}."
        )
    return schedule.begin()


def _check(
    schedule: Any, name: str, low: float, high: float = np.inf, *, above: bool = False, below: bool = False
) -> None:
    """Require a field to lie in its range, and keep it as a float."""
    known = {made: kind for kind, made in _CLASSES.items()}
    what = f"{name} of schedule '{known.get(type(schedule), 'warm_up')}'"
    number = check_number(what, getattr(schedule, name), low, high, above=above, below=below)
    object.__setattr__(schedule, name, number)


def _fraction(t: ArrayLike) -> FloatArray:
    return np.clip(np.asarray(t, np.float64), 0.0, 1.0)


def _whole_periods(epoch: ArrayLike, every: float) -> FloatArray:
    return np.asarray(np.floor(np.asarray(epoch, np.float64) / every + _ROUNDING), np.float64)


def _half_cosine(first: float, last: float, t: FloatArray) -> FloatArray:
    """From `first` at t = 0 to `last` at t = 1: last + (first - last) (1 + cos(pi t)) / 2."""
    return np.asarray(last + (first - last) * (1.0 + np.cos(np.pi * t)) / 2.0, np.float64)
