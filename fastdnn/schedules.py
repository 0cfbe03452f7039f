"""Learning-rate schedules by name, with a warm-up before any of them; schedule_curves.py says what a schedule is."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from fastdnn import vocabulary
from fastdnn.errors import ParameterError, check_name, check_number
from fastdnn.plateau import Plateau as Plateau
from fastdnn.schedule_curves import Constant as Constant
from fastdnn.schedule_curves import Cosine as Cosine
from fastdnn.schedule_curves import CosLog4 as CosLog4
from fastdnn.schedule_curves import Exponential as Exponential
from fastdnn.schedule_curves import FloatArray, check_option
from fastdnn.schedule_curves import InverseScaling as InverseScaling
from fastdnn.schedule_curves import OneCycle as OneCycle
from fastdnn.schedule_curves import Schedule as Schedule
from fastdnn.schedule_curves import Step as Step


@dataclass(frozen=True)
class WarmUp(Schedule):
    """factor = (start + (1 - start) min(epoch / epochs, 1)) x the factor of another schedule.

    Goyal et al., Accurate, Large Minibatch SGD (2017), section 2.2, "gradual warmup".

    Parameters
    ----------
    schedule : the one that is wrapped. epochs : length of the rise, above 0. start : factor at its begin, 0 to 1.
    """

    name: ClassVar[str] = "warm_up"
    schedule: Schedule
    epochs: float
    start: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.schedule, Schedule):
            raise ParameterError(f"A warm-up wraps a schedule, got {self.schedule!r}.", "make_schedule('cosine')")
        check_option(self, "epochs", 0.0, above=True)
        check_option(self, "start", 0.0, 1.0)

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
    kind.name: kind for kind in (Constant, Step, Exponential, InverseScaling, Cosine, OneCycle, Plateau, CosLog4)
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
    check_name("schedule", name, _CLASSES)
    allowed = [item.name for item in fields(_CLASSES[name]) if item.init]  # type: ignore[arg-type]
    for option in options:
        if not allowed:
            raise ParameterError(f"Schedule '{name}' has no options, got '{option}'.")
        check_name(f"option of schedule '{name}':", option, allowed)
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
