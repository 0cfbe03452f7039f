"""Losses, and dZ of the output layer.

`fused` kernels go from the logits Z[L] straight to dZ[L] = A[L] - Y, for the pairs where the course derives it: sigmoid with
binary cross-entropy, softmax with categorical cross-entropy, identity with half squared error. Their losses are computed
from the logits and are finite for every finite logit. The others give dA[L] from A[L], for the chain dZ = dA * g'(Z).

Everywhere: Z, A, dA, dZ are panels of (rows, n); Y is (rows, n) and labels (rows,), row r of them belonging to row r of the
panels; rows r0..r1 are done. `losses[r]` (float64) is overwritten with the loss of example r, no 1/m. dZ and dA carry no 1/m
either; their padding is set to zero. dZ may be Z, dA may be A.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from fastdnn.kernels import mathfun
from fastdnn.kernels._jit import device, separate
from fastdnn.kernels.activations import (
    IDENTITY,
    SIGMOID,
    SOFTMAX,
    activate,
    activate_backward,
    exp_below_top,
    largest,
    row_sum,
)
from fastdnn.kernels.rows import width_of

SQUARED_ERROR, BINARY_CROSS_ENTROPY, CATEGORICAL_CROSS_ENTROPY = 0, 1, 2


@device
def softmax_cross_entropy(Z: Any, labels: Any, dZ: Any, losses: Any, n: int, r0: int, r1: int) -> None:
    """Fused: loss = log(sum over c of exp(Z[c])) - Z[label],  dZ = softmax(Z) - Y with Y the one-hot row of the label.

    labels : (rows,) int64 in [0, n). The largest logit is subtracted before exp, so no logit overflows.
    """
    width = width_of(Z)
    zero, one = Z.dtype.type(0), Z.dtype.type(1)
    for r in range(r0, r1):
        # In float64: logits at both ends of float32 are further apart than float32 reaches.
        losses[r] = np.float64(Z[labels[r] // width, r, labels[r] % width]) - np.float64(largest(Z, r, n))
    exp_below_top(Z, dZ, n, r0, r1)
    for r in range(r0, r1):
        total = row_sum(dZ, r, n)
        losses[r] = mathfun.log(total) - losses[r]
        scale = one / total
        for q in range((n + width - 1) // width):
            for c in range(width):
                dZ[q, r, c] = dZ[q, r, c] * scale if q * width + c < n else zero
        dZ[labels[r] // width, r, labels[r] % width] -= one


@device
def sigmoid_cross_entropy(Z: Any, Y: Any, dZ: Any, losses: Any, n: int, r0: int, r1: int) -> None:
    """Fused: loss = sum over units of softplus(Z) - Y Z,  dZ = sigmoid(Z) - Y.

    softplus(Z) - Y Z = -(Y log sigmoid(Z) + (1 - Y) log(1 - sigmoid(Z))), without the logarithm of a rounded sigmoid; computed
    as max(Z, 0) - Y Z + softplus(-|Z|), whose first two terms cancel exactly where the loss is small.
    """
    width = width_of(Z)
    zero = Z.dtype.type(0)
    if n == 1:
        # One output, the usual case: a loop over examples, so that eight or sixteen of them share an instruction.
        for r in range(r0, r1):
            for c in range(1, width):
                dZ[0, r, c] = zero
        for r in range(r0, r1):
            z, y = Z[0, r, 0], Y[r, 0]
            losses[r] = max(z, zero) - y * z + mathfun.softplus(-abs(z))
            dZ[0, r, 0] = mathfun.sigmoid(z) - y
        return
    for r in range(r0, r1):
        losses[r] = 0.0
        for q in range((n + width - 1) // width):
            last = min(width, n - q * width)
            for c in range(last):
                z, y = Z[q, r, c], Y[r, q * width + c]
                losses[r] += max(z, zero) - y * z + mathfun.softplus(-abs(z))
                dZ[q, r, c] = mathfun.sigmoid(z) - y
            for c in range(last, width):
                dZ[q, r, c] = zero


@device
def half_squared_error(A: Any, Y: Any, dA: Any, losses: Any, n: int, r0: int, r1: int) -> None:
    """loss = 1/2 sum over units of (A - Y)^2,  dA = A - Y; with the identity as output activation this dA is dZ (fused)."""
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
def categorical_cross_entropy(A: Any, Y: Any, dA: Any, losses: Any, n: int, r0: int, r1: int) -> None:
    """loss = -sum over classes of Y log A,  dA = -Y/A: unfused, for one-hot or other probabilities Y.

    A class with Y = 0 counts as 0 whatever its logarithm.
    """
    width = width_of(A)
    zero = A.dtype.type(0)
    for r in range(r0, r1):
        losses[r] = 0.0
        for q in range((n + width - 1) // width):
            last = min(width, n - q * width)
            for c in range(last):
                a, y = A[q, r, c], Y[r, q * width + c]
                dA[q, r, c] = zero
                if y != zero:
                    losses[r] -= y * mathfun.log(a)
                    dA[q, r, c] = -y / a
            for c in range(last, width):
                dA[q, r, c] = zero


def _output_backward_types(f: Any) -> tuple[Any, ...]:
    panels = types.Array(f, 3, "C")
    return (
        types.int64, types.int64, panels, panels, types.Array(types.int64, 1, "C"), types.Array(f, 2, "C"),
        types.Array(f, 1, "C"), types.Array(f, 1, "C"), panels,
        types.Array(types.float64, 1, "C"), types.int64, types.int64, types.int64, f,
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
) -> None:
    """From the logits of the output layer to each example's loss and dZ[L], for every pair that a Network allows.

    Z : logits, read where the pair is fused, else overwritten with dA. A : overwritten where it is not fused. dZ : overwritten.
    None of the three overlap.
    """
    if loss == CATEGORICAL_CROSS_ENTROPY and activation == SOFTMAX:
        softmax_cross_entropy(Z, labels, dZ, losses, n, r0, r1)
    elif loss == BINARY_CROSS_ENTROPY and activation == SIGMOID:
        sigmoid_cross_entropy(Z, Y, dZ, losses, n, r0, r1)
    elif activation == IDENTITY:
        half_squared_error(Z, Y, dZ, losses, n, r0, r1)
    else:
        activate(activation, Z, A, n, r0, r1, slope)
        half_squared_error(A, Y, Z, losses, n, r0, r1)
        activate_backward(activation, Z, A, dZ, n, r0, r1, slope)
    if weights.size > 0:
        width = width_of(dZ)
        for r in range(r0, r1):
            losses[r] *= weights[r]
            for q in range((n + width - 1) // width):
                for c in range(width):
                    dZ[q, r, c] *= weights[r]
