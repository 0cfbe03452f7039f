"""Kernels for Python to call: `device` functions and intrinsics have no Python entry, so a caller is compiled, once each.

And operands for them.
"""

from __future__ import annotations

import functools

import numba
import numpy as np
import reference

from fastdnn.kernels import _jit, pieces
from fastdnn.kernels._jit import load_separate
from fastdnn.kernels.vector import panel_width

JIT = not numba.config.DISABLE_JIT


def compiled(function):
    """A decorator for kernels of the tests' own."""
    return numba.njit(error_model="numpy", nogil=True)(function)


def uncached_kernel(function):
    """As fastdnn compiles its kernels, but not kept in the cache."""
    return _jit._njit(no_cfunc_wrapper=True, pipeline_class=pieces.KernelCompiler, **_jit._OPTIONS)(function)


@functools.cache
def from_python(function):
    """`function`, callable from Python with the arguments it takes; the function itself without the JIT."""
    # What a kernel loaded from the cache jumps to must be there before it is called.
    for dtype in ("float32", "float64"):
        load_separate(np.dtype(dtype))
    if not JIT:
        return function
    if hasattr(function, "from_python"):
        return function.from_python

    @compiled
    def call(*arguments):
        return function(*arguments)

    return call


@functools.cache
def copied_from_python(function):
    """As `from_python`, for a function that returns a view which does not keep its array alive: a copy is returned."""

    def call(*arguments):
        return function(*arguments).copy()

    return compiled(call)


def assert_same_bits(one, two):
    """Equal to the last bit; without the JIT NumPy chooses the order of its sums by shape, and equal up to rounding."""
    if JIT:
        np.testing.assert_array_equal(one, two)
    else:
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-4)


def product_operands(rng, rows, k, n, dtype):
    """A, B and b of C = A B + b, the panels of A and B, and room for C's."""
    width = panel_width(dtype)
    A, B = rng.normal(size=(rows, k)).astype(dtype), rng.normal(size=(k, n)).astype(dtype)
    b = np.zeros(-(-n // width) * width, dtype)
    b[:n] = rng.normal(size=n)
    # What the contraction must not read, columns of A and rows of B beyond k, would show as NaN.
    PA = reference.to_panels(A, width, dtype, fill=np.nan)
    PB = reference.to_panels(B, width, dtype, rows=-(-k // width) * width)
    PB[:, k:] = np.nan
    return A, B, b, PA, PB, np.full((-(-n // width), rows, width), np.nan, dtype)
