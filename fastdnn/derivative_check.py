"""Is f' the derivative of f? Asked of every function that a user registers, before anything is trained with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn.errors import ParameterError

Array = NDArray[np.float64]

# Points z from -20 to 20, none of them where a function is likely to have a kink.
POINTS = np.linspace(-20.0, 20.0, 801) + 0.00712345
_STEP = 1e-5
# A central difference with that step is wrong by some 1e-10, and its rounding by 1e-11 of f; an error in f' is larger.
TOLERANCE = 1e-6


def check_derivative(
    what: str, f: Callable[..., Any], f_prime: Callable[..., Any], x: Array = POINTS, *others: Array
) -> None:
    """Compare f'(x, ...) with (f(x + h, ...) - f(x - h, ...)) / 2h in float64, h = 1e-5, at every point.

    what : "activation 'name'", for the messages. x, others : vectors of one size, the arguments of f and f' in their order;
    the derivative is that for the first.

    Raises ParameterError where a function does not compile, raises, gives a number that is not finite, or where
    |difference - f'| > 1e-6 (|difference| + |f'| + 1e-3 (1 + |f|)): the worst point is named.
    """
    all_values, all_slopes = _evaluated(what, f, f_prime, np.concatenate([x, x + _STEP, x - _STEP]), others)
    (values, above, below), slopes = np.split(all_values, 3), all_slopes[: x.size]
    for name, result in (("f", values), ("f'", slopes)):
        if not np.isfinite(result).all():
            i = int(np.argmin(np.isfinite(result)))
            raise ParameterError(f"The {what} gives {result[i]} for {name}({_point(x, others, i)}); it must be finite.")
    differences = (above - below) / ((x + _STEP) - (x - _STEP))
    size = np.abs(differences) + np.abs(slopes) + 1e-3 * (1 + np.abs(values))
    error = np.abs(differences - slopes) / size
    i = int(np.argmax(np.where(np.isnan(error), np.inf, error)))
    if not error[i] <= TOLERANCE:
        raise ParameterError(
            f"The {what} has a wrong derivative: at {_point(x, others, i)} f' is {slopes[i]:.9g}, but central differences of f "
            f"give {differences[i]:.9g}.",
            "give f_prime as the derivative of f for its first argument",
        )


def _evaluated(what: str, f: Any, f_prime: Any, x: Array, others: tuple[Array, ...]) -> tuple[Array, Array]:
    """f and f' at every x, which holds the points of `others` three times."""
    from numba.core.errors import NumbaError

    from fastdnn.kernels.custom import compile_elementwise, evaluate

    for name, function in (("f", f), ("f_prime", f_prime)):
        if not callable(function):
            raise ParameterError(f"The {what} needs a function as {name}, got {type(function).__name__}.")
    try:
        address = compile_elementwise(f, f_prime, np.float64, 1 + len(others))
    except NumbaError as error:
        raise ParameterError(
            f"The {what} does not compile: {_reason(str(error))}",
            "scalar functions of numbers, with what Numba's nopython mode allows",
        ) from error
    values, slopes = np.full_like(x, np.nan), np.full_like(x, np.nan)
    if not evaluate(address, x, *(np.tile(y, 3) for y in others), values, slopes):
        raise ParameterError(
            f"The {what} raised an error between {x.min():.3g} and {x.max():.3g}; it must give a number."
        )
    return values, slopes


def _point(x: Array, others: tuple[Array, ...], i: int) -> str:
    return ", ".join(f"{v[i]:.6g}" for v in (x, *others))


def _reason(message: str) -> str:
    """The sentence of Numba's report that says what is wrong, without where it was noticed."""
    lines = [line.strip() for line in message.splitlines()]
    around = ("Failed in", "During", "File", "<", "def ", "\\x1b")
    return next((line for line in lines if line and not line.startswith(around)), "it is beyond Numba's nopython mode.")
