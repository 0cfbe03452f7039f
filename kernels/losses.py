"""Losses, and dZ of the output layer.

`fused` kernels go from the logits Z[L] straight to dZ[L] = A[L] - Y, for the pairs where the course derives it, and one more:
sigmoid with binary cross-entropy, softmax with categorical cross-entropy, identity with half squared error, exponential with
the Poisson loss. Their losses are computed from the logits; those of the cross-entropies are finite for every finite logit.
The others give dA[L] from A[L], for the chain dZ = dA * g'(Z).

Everywhere: Z, A, dA, dZ are panels of (rows, n); Y is (rows, n) and labels (rows,), row r of them belonging to row r of the
panels; rows r0..r1 are done. `losses[r]` (float64) is overwritten with the loss of example r, no 1/m. dZ and dA carry no 1/m
either; their padding is set to zero.
"""

from __future__ import annotations

from typing import Any

from numba import types

from fastdnn.kernels import mathfun
from fastdnn.kernels._jit import device, separate
from fastdnn.kernels.activations import (
    IDENTITY,
    SOFTMAX,
    activate,
    activate_and_derive,
    activate_backward,
)
from fastdnn.kernels.elementwise_losses import (
    ABSOLUTE_ERROR,
    BINARY_CROSS_ENTROPY,
    CATEGORICAL_CROSS_ENTROPY,
    HUBER,
    POISSON,
    QUANTILE,
    SQUARED_ERROR,
    elementwise_loss,
)
from fastdnn.kernels.rows import width_of
from fastdnn.kernels.softmax_loss import softmax_cross_entropy

__all__ = [
    "ABSOLUTE_ERROR", "BINARY_CROSS_ENTROPY", "CATEGORICAL_CROSS_ENTROPY", "HUBER", "POISSON", "QUANTILE", "SQUARED_ERROR",
    "output_backward",
]  # fmt: skip


@device
def half_squared_error(A: Any, Y: Any, dA: Any, losses: Any, n: int, r0: int, r1: int) -> None:
    """loss = 1/2 sum over units of (A - Y)^2,  dA = A - Y, which may be A: for softmax, and for the course."""
    width = width_of(A)
    zero, half = A.dtype.type(0), A.dtype.type(0.5)
    for r in range(r0, r1):
        losses[r] = 0.0
        for q in range((n + width - 1) // width):
            last = min(width, n - q * width)
            for c in range(last):
                error = A[q, r, c] - Y[r, q * width + c]
                losses[r] += half * error * error
                dA[q, r, c] = error
            for c in range(last, width):
                dA[q, r, c] = zero


@device
def binary_cross_entropy(A: Any, Y: Any, dA: Any, losses: Any, n: int, r0: int, r1: int) -> None:
    """loss = -sum over units of Y log A + (1 - Y) log(1 - A),  dA = -(Y/A - (1 - Y)/(1 - A)): the course's form, unfused.

    A term whose factor Y or 1 - Y is 0 counts as 0 whatever its logarithm, and so does its derivative. A = 0 with Y = 1, or
    A = 1 with Y = 0, gives an infinite loss: from a rounded A nothing better can be known; the fused kernel can.
    """
    width = width_of(A)
    zero, one = A.dtype.type(0), A.dtype.type(1)
    for r in range(r0, r1):
        losses[r] = 0.0
        for q in range((n + width - 1) // width):
            last = min(width, n - q * width)
            for c in range(last):
                a, y = A[q, r, c], Y[r, q * width + c]
                other = one - y
                slope = zero
                if y != zero:
                    losses[r] -= y * mathfun.log(a)
                    slope -= y / a
                if other != zero:
                    losses[r] -= other * mathfun.log(one - a)
                    slope += other / (one - a)
                dA[q, r, c] = slope
            for c in range(last, width):
                dA[q, r, c] = zero


@device
def weigh(weights: Any, dZ: Any, losses: Any, n: int, r0: int, r1: int) -> None:
    """losses[r] and row r of dZ, times weights[r]; a weight of 0 makes 0 of whatever was there, as if the example were not."""
    width = width_of(dZ)
    zero = dZ.dtype.type(0)
    for q in range((n + width - 1) // width):
        for r in range(r0, r1):
            weight = weights[r]
            for c in range(width):
                dZ[q, r, c] = dZ[q, r, c] * weight
            if weight == zero:
                for c in range(width):
                    dZ[q, r, c] = zero
    for r in range(r0, r1):
        losses[r] = losses[r] * weights[r] if weights[r] > zero else 0.0


def _output_backward_types(f: Any) -> tuple[Any, ...]:
    panels, numbers = types.Array(f, 3, "C"), types.Array(f, 1, "C")
    return (
        types.int64, types.int64, panels, panels, types.Array(types.int64, 1, "C"), types.Array(f, 2, "C"), numbers, numbers,
        panels, types.Array(types.float64, 1, "C"), types.int64, types.int64, types.int64, f, types.Array(types.int64, 1, "C"),
        types.int64, types.int64, types.int64,
    )  # fmt: skip


@separate(_output_backward_types)
def output_backward(
    loss: int,
    activation: int,
    Z: Any,
    A: Any,
    labels: Any,
    Y: Any,
    weights: Any,
    parameters: Any,
    dZ: Any,
    losses: Any,
    n: int,
    r0: int,
    r1: int,
    slope: Any,
    order: Any,
    soon: int,
    begin: int,
    row_bytes: int,
) -> None:
    """From the logits of the output layer to each example's loss and dZ[L], for every pair that a Network allows.

    Z : logits, used up. A : used up. dZ : overwritten. None of the three overlap.
    weights : (rows,), what losses[r] and dZ of row r are multiplied with, or (0,).
    parameters : the loss's own numbers: Huber's delta; for the quantile loss a tau for each unit; for the cross-entropies the
    label smoothing, or (0,) for none.
    order, soon, begin, row_bytes : examples that will soon be read; row r asks for row order[soon + r] of a matrix at this address,
    with rows of so many bytes, or of 0 for none.
    """
    if loss == CATEGORICAL_CROSS_ENTROPY:
        softmax_cross_entropy(Z, labels, parameters, dZ, losses, n, r0, r1, order, soon, begin, row_bytes)
    elif activation == SOFTMAX:
        activate(activation, Z, A, n, r0, r1, slope)
        half_squared_error(A, Y, Z, losses, n, r0, r1)
        activate_backward(activation, Z, A, dZ, n, r0, r1, slope)
    else:
        fused = loss in (BINARY_CROSS_ENTROPY, POISSON) or activation == IDENTITY
        if not fused:
            activate_and_derive(activation, Z, A, dZ, n, r0, r1, slope)
        elementwise_loss(loss, Z if fused else A, Y, parameters, A, Z, dZ, losses, n, r0, r1, not fused)
    if weights.size > 0:
        weigh(weights, dZ, losses, n, r0, r1)
