"""Losses that are a sum over the output units, and their derivative, all through one loop each over contiguous numbers.

The numbers of a panel are first moved together: a loop over the few columns of one example is too short for vector
instructions, and a loop over whole panels would do the padding too, which for one output is nearly all of the panel.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from fastdnn.kernels import mathfun
from fastdnn.kernels._jit import device, separate
from fastdnn.kernels.custom import FIRST_ADDRESS, call_elementwise_pair
from fastdnn.kernels.each import each
from fastdnn.kernels.mathfun import constant, straight_line
from fastdnn.kernels.packed import pack_rows, unpack_rows
from fastdnn.kernels.rows import copy_numbers, width_of
from fastdnn.kernels.views import flat_view, rows_view

_ZERO = constant(0.0)

SQUARED_ERROR, BINARY_CROSS_ENTROPY, CATEGORICAL_CROSS_ENTROPY, ABSOLUTE_ERROR, HUBER, QUANTILE, POISSON = range(7)


@straight_line
def _poisson(z, y):
    a = mathfun.exp(z)
    return a - y * z, a - y


@straight_line
def _binary_cross_entropy(z, y, kept, spread):
    y = kept * y + spread
    above = z if z > _ZERO(z) else _ZERO(z)
    return above - y * z + mathfun.softplus(-abs(z)), mathfun.sigmoid(z) - y


def _loss_terms_types(f: Any) -> tuple[Any, ...]:
    numbers = types.Array(f, 1, "C")
    return types.int64, numbers, numbers, types.int64, types.int64, types.int64, numbers


@separate(_loss_terms_types)
def loss_terms(loss: int, v: Any, d: Any, first: int, n: int, size: int, parameters: Any) -> None:
    """v, holding values (A, or Z where the loss is stated for logits), becomes each unit's loss; d, holding Y, its derivative.

    With e = A - Y:

    squared error   e^2 / 2                                                        e
    Huber           the same where |e| <= delta, else delta (|e| - delta/2)        e, kept within -delta .. delta
    absolute error  |e|                                                            the sign of e
    quantile        (1 - tau) e where e > 0, else -tau e                           1 - tau, -tau; 0 where e is 0
    Poisson         exp(Z) - Y Z                                                   exp(Z) - Y
    binary cross-entropy with label smoothing s, Y standing for (1 - s) Y + s/2:
                    softplus(Z) - Y Z                                              sigmoid(Z) - Y
    a user's own    f(A, Y), see custom.py                                         its derivative for A

    The first two are one loop, squared error being Huber's with a delta that no error reaches; and so are the next two.
    softplus(Z) - Y Z = -(Y log sigmoid(Z) + (1 - Y) log(1 - sigmoid(Z))), without the logarithm of a rounded sigmoid; computed
    as max(Z, 0) - Y Z + softplus(-|Z|), whose first two terms cancel exactly where the loss is small. Poisson's is minus the
    log-likelihood of counts Y at the rate exp(Z), up to log Y!.

    v, d : `size` numbers, and room for whole registers; those of an example are n side by side, units first .. first + n of the
    output.
    parameters : Huber's delta; a tau for each unit; the label smoothing, or none.
    Sources: P. J. Huber, Robust estimation of a location parameter, Annals of Mathematical Statistics 35, 1964; R. Koenker,
    G. Bassett, Regression quantiles, Econometrica 46, 1978.
    """
    kind = v.dtype.type
    zero, half, one = kind(0), kind(0.5), kind(1)
    parameter = parameters[0] if parameters.size > 0 else zero
    if loss >= FIRST_ADDRESS:
        values, targets = flat_view(v, 0, size), flat_view(d, 0, size)
        call_elementwise_pair(loss, values, targets, values, targets)
        return
    # Whole registers: what is left over would be done by other instructions, which may round otherwise.
    size = min((size + 63) // 64 * 64, v.size)
    if loss in (SQUARED_ERROR, HUBER):
        delta, rate = (parameter, parameter) if loss == HUBER else (kind(np.inf), zero)
        for i in range(size):
            error = v[i] - d[i]
            far = abs(error)
            near = min(far, delta)
            # Both cases in one, and NaN stays NaN in it.
            v[i] = half * near * near + rate * (far - near)
            below = -delta if error < -delta else error
            d[i] = delta if error > delta else below
    elif loss in (ABSOLUTE_ERROR, QUANTILE):
        up, down = one, one
        c = 0
        for i in range(size):
            if loss == QUANTILE:
                down = parameters[first + c]
                up = one - down
                c = c + 1 if c + 1 < n else 0
            error = v[i] - d[i]
            below = -down if error < zero else zero
            d[i] = up if error > zero else below
            v[i] = d[i] * error
    elif loss == POISSON:
        each(_poisson, size, (v, d), (v, d))
    else:
        each(_binary_cross_entropy, size, (v, d, one - parameter, half * parameter), (v, d))


@device
def elementwise_loss(
    loss: int, values: Any, Y: Any, parameters: Any, A: Any, Z: Any, dZ: Any, losses: Any, n: int, r0: int, r1: int, chain: bool
) -> None:  # fmt: skip
    """losses[r] and dZ of rows r0..r1 for a loss that is a sum over the n units of `loss_terms`.

    values : panels that the loss is stated for: Z, or A. A, Z : both used up, as room for what is moved together.
    dZ : overwritten with the derivative of the loss for the values; with `chain` it holds that of A for Z before, and is
    multiplied. Its padding is set to zero.
    """
    width = width_of(A)
    for q in range((n + width - 1) // width):
        here = min(width, n - q * width)
        whole = here == width
        # A panel without padding is side by side as it is.
        v = rows_view(values if whole else A, q, r0, r1)
        d = rows_view(dZ if whole and not chain else Z, q, r0, r1)
        if not whole:
            pack_rows(values, q, r0, r1, here, v)
        if here == n:
            copy_numbers(Y, r0 * n, (r1 - r0) * n, d, 0)
        else:
            for r in range(r0, r1):
                copy_numbers(Y, r * n + q * width, here, d, (r - r0) * here)
        loss_terms(loss, v, d, q * width, here, (r1 - r0) * here, parameters)
        if q == 0:
            for r in range(r0, r1):
                losses[r] = 0.0
        for c in range(here):
            for r in range(r0, r1):
                losses[r] += v[(r - r0) * here + c]
        if not whole:
            unpack_rows(d, here, dZ, q, r0, r1, chain)
        elif chain:
            slopes = rows_view(dZ, q, r0, r1)
            for i in range(slopes.size):
                slopes[i] *= d[i]
