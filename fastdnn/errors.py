"""What a person did that cannot work, said so that they can mend it: one sentence, and what to type next."""

from __future__ import annotations

import difflib
import math
import numbers
from collections.abc import Iterable


class FastDNNError(ValueError):
    """Base of every error that fastdnn raises on purpose.

    Parameters
    ----------
    message : one sentence: what, where, what was given, what is allowed.
    hint : what to type or change next, one line, or None.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class DataError(FastDNNError):
    """The table, the array or the target cannot be used as asked."""


class ParameterError(FastDNNError):
    """An argument is outside its allowed set or range."""


class ModelFileError(FastDNNError):
    """A file is not a fastdnn model, is damaged, or comes from a newer version."""


class MissingExtraError(FastDNNError):
    """An optional package that this task needs is not installed."""


class CompilationError(FastDNNError):
    """The kernels cannot be compiled ahead of their use."""


class DivergenceError(FastDNNError):
    """Training produced a cost that is not finite.

    Attributes
    ----------
    epoch, batch : int, both counted from 1: where the cost stopped being finite.
    last_finite : the last finite cost of a mini-batch, or None if there was none.
    layer, row : int, where the first number that is not finite came from: the layer from 1 and the row of X from 0; or None.
    """

    layer: int | None = None
    row: int | None = None

    def __init__(self, message: str, hint: str | None, epoch: int, batch: int, last_finite: float | None) -> None:
        super().__init__(message, hint)
        self.epoch = epoch
        self.batch = batch
        self.last_finite = last_finite


def check_seed(seed: object) -> int:
    """`seed` as an int, or ParameterError unless it is a whole number from 0 to 2^63 - 1."""
    if isinstance(seed, bool) or not isinstance(seed, numbers.Integral) or not 0 <= int(seed) < 2**63:
        raise ParameterError(f"The seed must be a whole number from 0 to 2^63 - 1, got {seed!r}.")
    return int(seed)


def check_number(
    name: str,
    value: object,
    low: float,
    high: float = math.inf,
    *,
    above: bool = False,
    below: bool = False,
) -> float:
    """`value` as a float, or ParameterError unless it is finite and from `low` to `high`; `above`, `below`: ends excluded."""
    if not isinstance(value, bool) and isinstance(value, numbers.Real) and math.isfinite(value):
        given = float(value)
        if (given > low if above else given >= low) and (given < high if below else given <= high):
            return given
    start = f"above {low:g}" if above else f"{low:g} or more"
    end = "" if math.isinf(high) else f" and below {high:g}" if below else f" and at most {high:g}"
    raise ParameterError(f"{name} must be a number {start}{end}, got {value!r}.")


def check_whole(name: str, value: object, low: int = 1) -> int:
    """`value` as an int, or ParameterError unless it is a whole number of `low` or more."""
    if not isinstance(value, bool) and isinstance(value, numbers.Real) and math.isfinite(value):
        given = float(value)
        if given.is_integer() and given >= low:
            return int(given)
    raise ParameterError(f"{name} must be a whole number, {low} or more, got {value!r}.")


def check_name(what: str, name: object, allowed: Iterable[str]) -> str:
    """`name`, or ParameterError unless it is one of the allowed; what : it names, for the message."""
    allowed = list(allowed)
    if name not in allowed:
        raise ParameterError(unknown_name(what, str(name), allowed))
    return str(name)


def nearest(name: str, allowed: Iterable[str]) -> str | None:
    """The allowed name that looks most like `name`, or None if none comes close; case does not count."""
    by_lower = {item.lower(): item for item in allowed}
    found = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def unknown_name(what: str, name: str, allowed: Iterable[str]) -> str:
    """The sentence for a name outside a closed set: what it is, what was given, the nearest, and all that is allowed."""
    allowed = list(allowed)
    guess = nearest(name, allowed)
    meant = f" Did you mean '{guess}'?" if guess else ""
    return f"Unknown {what} '{name}'.{meant} Allowed: {', '.join(allowed)}."
