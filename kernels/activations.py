"""Activations g and their derivatives, each beside the other.

Elementwise kernels take flat C-contiguous arrays of one size and float type, `Z` and `dA` read, `A` and `dZ` overwritten.
The output may be the input itself, but then the loop runs without vector instructions; give two arrays where speed counts.
Derivatives are taken from A, not Z: every activation of the course allows it, and the engine keeps A only.
"""

from __future__ import annotations

from typing import Any

from numba import types

from fastdnn.kernels import mathfun
from fastdnn.kernels._jit import device, separate
from fastdnn.kernels.rows import row_largest, row_total, width_of
from fastdnn.kernels.views import rows_view

IDENTITY, RELU, LEAKY_RELU, SIGMOID, TANH, SOFTMAX = 0, 1, 2, 3, 4, 5


@device
def identity(Z: Any, A: Any) -> None:
    """A = Z."""
    for i in range(Z.size):
        A[i] = Z[i]


@device
def identity_backward(dA: Any, A: Any, dZ: Any) -> None:
    """dZ = dA, since g'(Z) = 1. A is not read."""
    for i in range(dA.size):
        dZ[i] = dA[i]


@device
def relu(Z: Any, A: Any) -> None:
    """A = max(0, Z). Source: Ng, Deep Learning Specialization, course 1 week 3."""
    zero = Z.dtype.type(0)
    for i in range(Z.size):
        A[i] = Z[i] if Z[i] > zero or Z[i] != Z[i] else zero


@device
def relu_backward(dA: Any, A: Any, dZ: Any) -> None:
    """dZ = dA where A > 0, else 0: the derivative at exactly 0 is 0, as in the course."""
    zero = A.dtype.type(0)
    for i in range(dA.size):
        dZ[i] = dA[i] if A[i] > zero else zero


@device
def leaky_relu(Z: Any, A: Any, slope: Any) -> None:
    """A = Z where Z > 0, else slope Z; the course's slope is 0.01. A scalar of Z's type; 0 < slope for A to keep Z's sign."""
    zero = Z.dtype.type(0)
    for i in range(Z.size):
        A[i] = Z[i] if Z[i] > zero else slope * Z[i]


@device
def leaky_relu_backward(dA: Any, A: Any, dZ: Any, slope: Any) -> None:
    """dZ = dA where A > 0, else slope dA."""
    zero = A.dtype.type(0)
    for i in range(dA.size):
        dZ[i] = dA[i] if A[i] > zero else slope * dA[i]


@device
def sigmoid(Z: Any, A: Any) -> None:
    """A = 1 / (1 + exp(-Z)). Some notes in circulation print 1 - exp(-Z) below the line; that is an error."""
    for i in range(Z.size):
        A[i] = mathfun.sigmoid(Z[i])


@device
def sigmoid_backward(dA: Any, A: Any, dZ: Any) -> None:
    """dZ = dA A (1 - A), since g'(Z) = g(Z) (1 - g(Z))."""
    one = A.dtype.type(1)
    for i in range(dA.size):
        dZ[i] = dA[i] * (A[i] * (one - A[i]))


@device
def tanh(Z: Any, A: Any) -> None:
    """A = (exp(Z) - exp(-Z)) / (exp(Z) + exp(-Z))."""
    for i in range(Z.size):
        A[i] = mathfun.tanh(Z[i])


@device
def tanh_backward(dA: Any, A: Any, dZ: Any) -> None:
    """dZ = dA (1 - A^2), since g'(Z) = 1 - g(Z)^2."""
    one = A.dtype.type(1)
    for i in range(dA.size):
        dZ[i] = dA[i] * (one - A[i] * A[i])


@device
def largest(Z: Any, r: int, n: int) -> Any:
    """The largest of the n numbers of row r of panels Z; a NaN is passed over, and shows in what is computed next."""
    width = width_of(Z)
    top = row_largest(Z, 0, r, min(n, width))
    for q in range(1, (n + width - 1) // width):
        top = max(top, row_largest(Z, q, r, min(width, n - q * width)))
    return top


@device
def row_sum(P: Any, r: int, n: int) -> Any:
    """The sum of the n numbers of row r of panels P."""
    width = width_of(P)
    total = row_total(P, 0, r, min(n, width))
    for q in range(1, (n + width - 1) // width):
        total += row_total(P, q, r, min(width, n - q * width))
    return total


@device
def exp_below_top(Z: Any, E: Any, n: int, r0: int, r1: int) -> None:
    """E = exp(Z - largest Z of its row) for rows r0..r1 of panels of (rows, n); what it writes to padding has no meaning.

    In two passes, the second over all rows of a panel as one vector: a loop over one row is too short to be vectorised.
    """
    width = width_of(Z)
    panels = (n + width - 1) // width
    for r in range(r0, r1):
        top = largest(Z, r, n)
        for q in range(panels):
            for c in range(width):
                E[q, r, c] = Z[q, r, c] - top
    for q in range(panels):
        e = rows_view(E, q, r0, r1)
        for i in range(e.size):
            e[i] = mathfun.exp(e[i])


@device
def softmax(Z: Any, A: Any, n: int, r0: int, r1: int) -> None:
    """A[c] = exp(Z[c]) / sum over c of exp(Z[c]), example by example; the largest Z is subtracted first.

    Z : panels of (rows, n), rows r0..r1 read. A : the same shape, those rows overwritten, padding with zeros; A may be Z.
    """
    width = width_of(Z)
    zero = Z.dtype.type(0)
    exp_below_top(Z, A, n, r0, r1)
    for r in range(r0, r1):
        total = row_sum(A, r, n)
        for q in range((n + width - 1) // width):
            for c in range(width):
                A[q, r, c] = A[q, r, c] / total if q * width + c < n else zero


@device
def softmax_backward(dA: Any, A: Any, dZ: Any, n: int, r0: int, r1: int) -> None:
    """dZ[c] = A[c] (dA[c] - sum over k of dA[k] A[k]): the product of dA with softmax's Jacobian, example by example.

    Panels of (rows, n); rows r0..r1 of dA and A read, of dZ overwritten, padding with zeros. dZ may be dA.
    """
    width = width_of(A)
    zero = A.dtype.type(0)
    panels = (n + width - 1) // width
    for r in range(r0, r1):
        dot = zero
        for q in range(panels):
            for c in range(min(width, n - q * width)):
                dot += dA[q, r, c] * A[q, r, c]
        for q in range(panels):
            for c in range(width):
                dZ[q, r, c] = A[q, r, c] * (dA[q, r, c] - dot) if q * width + c < n else zero


@device
def is_piecewise_linear(activation: int) -> bool:
    """Identity, ReLU and leaky ReLU: done inside the register tile, with a slope of 1, 0 and `slope` below zero."""
    return activation <= LEAKY_RELU


@device
def slope_below_zero(activation: int, slope: Any) -> Any:
    """The slope below zero of a piecewise linear activation, in the type of `slope`, which is leaky ReLU's."""
    one = type(slope)(1)
    return one if activation == IDENTITY else slope if activation == LEAKY_RELU else one - one


def _activate_types(f: Any) -> tuple[Any, ...]:
    return types.int64, *([types.Array(f, 3, "C")] * 2), *([types.int64] * 3), f


def _activate_backward_types(f: Any) -> tuple[Any, ...]:
    return types.int64, *([types.Array(f, 3, "C")] * 3), *([types.int64] * 3), f


@separate(_activate_types)
def activate(activation: int, Z: Any, A: Any, n: int, r0: int, r1: int, slope: Any) -> None:
    """A = g(Z) for rows r0..r1 of panels of (rows, n)."""
    if activation == SOFTMAX:
        softmax(Z, A, n, r0, r1)
        return
    width = width_of(Z)
    for q in range((n + width - 1) // width):
        z, a = rows_view(Z, q, r0, r1), rows_view(A, q, r0, r1)
        if activation == SIGMOID:
            sigmoid(z, a)
        elif activation == TANH:
            tanh(z, a)
        elif activation == RELU:
            relu(z, a)
        elif activation == LEAKY_RELU:
            leaky_relu(z, a, slope)
        else:
            identity(z, a)


@separate(_activate_backward_types)
def activate_backward(activation: int, dA: Any, A: Any, dZ: Any, n: int, r0: int, r1: int, slope: Any) -> None:
    """dZ = dA g'(Z) for rows r0..r1 of panels of (rows, n); where dA's padding is zero, dZ's is."""
    if activation == SOFTMAX:
        softmax_backward(dA, A, dZ, n, r0, r1)
        return
    width = width_of(A)
    for q in range((n + width - 1) // width):
        da, a, dz = rows_view(dA, q, r0, r1), rows_view(A, q, r0, r1), rows_view(dZ, q, r0, r1)
        if activation == SIGMOID:
            sigmoid_backward(da, a, dz)
        elif activation == TANH:
            tanh_backward(da, a, dz)
        elif activation == RELU:
            relu_backward(da, a, dz)
        elif activation == LEAKY_RELU:
            leaky_relu_backward(da, a, dz, slope)
        else:
            identity_backward(da, a, dz)


def _activate_and_derive_types(f: Any) -> tuple[Any, ...]:
    return types.int64, *([types.Array(f, 3, "C")] * 3), *([types.int64] * 3), f


@separate(_activate_and_derive_types)
def activate_and_derive(activation: int, Z: Any, A: Any, D: Any, n: int, r0: int, r1: int, slope: Any) -> None:
    """A = g(Z) and D = g'(Z) for rows r0..r1 of panels of (rows, n); elementwise activations."""
    width = width_of(Z)
    for q in range((n + width - 1) // width):
        z, a, d = rows_view(Z, q, r0, r1), rows_view(A, q, r0, r1), rows_view(D, q, r0, r1)
        one, zero = Z.dtype.type(1), Z.dtype.type(0)
        if activation == SIGMOID:
            for i in range(z.size):
                a[i] = mathfun.sigmoid(z[i])
                d[i] = a[i] * (one - a[i])
        elif activation == TANH:
            for i in range(z.size):
                a[i] = mathfun.tanh(z[i])
                d[i] = one - a[i] * a[i]
        else:
            below = slope_below_zero(activation, slope)
            for i in range(z.size):
                a[i] = z[i] if z[i] > zero else below * z[i]
                d[i] = one if z[i] > zero else below
