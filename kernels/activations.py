"""Activations g and their derivatives over panels: which code is which function, softmax, and dZ = dA g'(Z) from A.

What works number by number is stated once, in elementwise.py; here it is applied to the rows of panels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from fastdnn.kernels import elementwise, mathfun
from fastdnn.kernels._jit import device, separate
from fastdnn.kernels.custom import FIRST_ADDRESS, call_elementwise
from fastdnn.kernels.each import each
from fastdnn.kernels.rows import row_largest, row_total, width_of
from fastdnn.kernels.views import SCRATCH_ROWS, panel_view, rows_view, scratch_panel

IDENTITY, RELU, LEAKY_RELU, SIGMOID, TANH, SOFTMAX = 0, 1, 2, 3, 4, 5
EXPONENTIAL = 12


@device
def largest(Z: Any, r: int, n: int) -> Any:
    """The largest of the n numbers of row r of panels Z; a NaN is passed over, and shows in what is computed next."""
    width = width_of(Z)
    top = Z.dtype.type(-np.inf)
    for q in range((n + width - 1) // width):
        here = row_largest(Z, q, r, min(width, n - q * width))
        top = here if here > top else top
    return top


@device
def row_sum(P: Any, r: int, n: int) -> Any:
    """The sum of the n numbers of row r of panels P."""
    width = width_of(P)
    total = P.dtype.type(0)
    for q in range((n + width - 1) // width):
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
            z, e = rows_view(Z, q, r, r + 1), rows_view(E, q, r, r + 1)
            for c in range(width):
                e[c] = z[c] - top
    for q in range(panels):
        e = rows_view(E, q, r0, r1)
        each(mathfun.exp, e.size, (e,), (e,))


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
            a, last = rows_view(A, q, r, r + 1), n - q * width
            for c in range(width):
                a[c] = a[c] / total if c < last else zero


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


def _three_panels_types(f: Any) -> tuple[Any, ...]:
    return types.int64, *([types.Array(f, 3, "C")] * 3), *([types.int64] * 3), f


@separate(_three_panels_types)
def activate_and_derive(activation: int, Z: Any, A: Any, D: Any, n: int, r0: int, r1: int, slope: Any) -> None:
    """A = g(Z), D = g'(Z), number by number, for rows r0..r1 of panels of (rows, n); every activation but softmax.

    Z : read. A, D : overwritten, finite in the padding too if Z is; A may be Z, but then without vector instructions.
    activation : a code, or the address of a user's own (custom.py). slope : leaky ReLU's below zero.
    Derivatives at a kink are those below it, as in the course.
    """
    width = width_of(Z)
    for q in range((n + width - 1) // width):
        z, a, d = rows_view(Z, q, r0, r1), rows_view(A, q, r0, r1), rows_view(D, q, r0, r1)
        if activation >= FIRST_ADDRESS:
            call_elementwise(activation, z, a, d)
        elif activation == SIGMOID:
            each(elementwise.sigmoid, z.size, (z,), (a, d))
        elif activation == TANH:
            each(elementwise.tanh, z.size, (z,), (a, d))
        elif activation == EXPONENTIAL:
            each(elementwise.exponential, z.size, (z,), (a, d))
        else:
            below = slope_below_zero(activation, slope)
            for i in range(z.size):
                a[i], d[i] = elementwise.piecewise_linear(z[i], below)


@separate(_activate_types)
def activate(activation: int, Z: Any, A: Any, n: int, r0: int, r1: int, slope: Any) -> None:
    """A = g(Z) for rows r0..r1 of panels of (rows, n), every activation; arguments as in `activate_and_derive`."""
    if activation == SOFTMAX:
        softmax(Z, A, n, r0, r1)
        return
    width = width_of(Z)
    D = scratch_panel(Z)  # for the derivatives, which stay in the first-level cache
    for q in range((n + width - 1) // width):
        for r in range(r0, r1, SCRATCH_ROWS):
            at, rows = (q * Z.shape[1] + r) * width, min(SCRATCH_ROWS, r1 - r)
            z, a = panel_view(Z, at, 1, rows, width), panel_view(A, at, 1, rows, width)
            activate_and_derive(activation, z, a, D, width, 0, rows, slope)


@separate(_three_panels_types)
def activate_backward(activation: int, dA: Any, A: Any, dZ: Any, n: int, r0: int, r1: int, slope: Any) -> None:
    """dZ = dA g'(Z), from A, for rows r0..r1 of panels of (rows, n): the activations of the course, softmax among them.

    Where dA's padding is zero, dZ's is. dZ may be dA, but then without vector instructions.
    """
    if activation == SOFTMAX:
        softmax_backward(dA, A, dZ, n, r0, r1)
        return
    width = width_of(A)
    below = slope_below_zero(activation, slope)
    for q in range((n + width - 1) // width):
        da, a, dz = rows_view(dA, q, r0, r1), rows_view(A, q, r0, r1), rows_view(dZ, q, r0, r1)
        if activation == SIGMOID:
            for i in range(a.size):
                dz[i] = da[i] * elementwise.sigmoid_slope(a[i])
        elif activation == TANH:
            for i in range(a.size):
                dz[i] = da[i] * elementwise.tanh_slope(a[i])
        else:
            for i in range(a.size):
                dz[i] = da[i] * elementwise.piecewise_linear(a[i], below)[1]
