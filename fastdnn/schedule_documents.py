"""A schedule in plain JSON types, and back."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from fastdnn import vocabulary
from fastdnn.schedules import Schedule, WarmUp, make_schedule

_WARM_UP = "warm_up"
_NAMES: dict[type[Schedule], str] = {type(make_schedule(name)): name for name in vocabulary.SCHEDULES}


def schedule_document(schedule: Schedule) -> dict[str, Any] | None:
    """The name and the options of a schedule, not its state; None for a class of one's own.

    >>> schedule_document(make_schedule("step", every=2))
    {'name': 'step', 'factor': 0.5, 'every': 2.0}
    """
    if isinstance(schedule, WarmUp):
        wrapped = schedule_document(schedule.schedule)
        rise = {"name": _WARM_UP, "epochs": schedule.epochs, "start": schedule.start}
        return None if wrapped is None else {**rise, "schedule": wrapped}
    name = _NAMES.get(type(schedule))
    if name is None:
        return None
    options = [item.name for item in fields(schedule) if item.init]  # type: ignore[arg-type]
    return {"name": name} | {option: float(getattr(schedule, option)) for option in options}


def schedule_from_document(document: dict[str, Any]) -> Schedule:
    """The inverse of `schedule_document`; ParameterError for an unknown name or option."""
    options = dict(document)
    name = options.pop("name")
    if name == _WARM_UP:
        return WarmUp(schedule_from_document(options.pop("schedule")), **options)
    return make_schedule(name, **options)
