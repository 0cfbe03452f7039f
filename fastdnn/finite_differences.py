"""Slopes by differences: how a sum of per-example losses changes along a line, and how far that number can be trusted.

Each example's losses are subtracted before anything is summed: the rounding error is then that of one loss, not of the sum.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Where the losses are taken, in steps from the point itself.
POINTS = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0)
_EPS = float(np.finfo(np.float64).eps)


def slopes(values: Floats, at_zero: Floats, steps: Floats) -> tuple[Floats, Floats]:
    """f'(0) of functions known at POINTS, and a bound of its error that sees kinks.

        D(a)  = (f(a) - f(-a)) / 2a                  central difference, error a^2 f'''/6
        D4(a) = (4 D(a) - D(2a)) / 3                 Richardson, error of order a^4
        f'(0) = (16 D4(h/2) - D4(h)) / 15            Richardson again, order h^6
        S(a)  = f(a) + f(-a) - 2 f(0)                a^2 f'' where f is smooth, so that S(2a) - 4 S(a) is of order a^4
        error = |D4(h/2) - D4(h)| + (|S(h) - 4 S(h/2)| + |S(2h) - 4 S(h)|) / h

    A corner of f (ReLU, |x|) inside (-2h, 2h) leaves its jump in S, a jump of f'' alone (ELU, Huber) in S or in D4: the error
    is then of the size of the jump of the slope, however small h is. No place of a single corner escapes both terms of S.

    Parameters
    ----------
    values : (n, 6, m) float64, n lines, m functions each, read. at_zero : (m,), read. steps : (n,), h of each line, read.

    Returns
    -------
    (n, m) slopes and (n, m) errors.

    Notes
    -----
    Source: Ng, course 2 week 1, Gradient Checking, has D(h) alone; Richardson (1911).
    """
    below2, below1, below, above, above1, above2 = (values[:, i] for i in range(len(POINTS)))
    h = steps[:, None]
    central = ((above - below) / h, (above1 - below1) / (2 * h), (above2 - below2) / (4 * h))
    fine, coarse = (4 * central[0] - central[1]) / 3, (4 * central[1] - central[2]) / 3
    curved = [
        (right - at_zero) + (left - at_zero) for left, right in ((below, above), (below1, above1), (below2, above2))
    ]
    error = np.abs(fine - coarse) + (np.abs(curved[1] - 4 * curved[0]) + np.abs(curved[2] - 4 * curved[1])) / h
    return (16 * fine - coarse) / 15, error


def rounding_error(steps: Any, size: float) -> Any:
    """What rounding may add to the error of `slopes`: each of its losses, of this mean size, is known to some ulp."""
    return 16 * _EPS * size / steps


def power_of_two(steps: Any) -> Floats:
    """The powers of two at or below `steps`: with one of them x + h and x - h are without rounding unless h is tiny beside x."""
    powers: Floats = np.exp2(np.floor(np.log2(steps)))
    return powers
