"""Kernels for Python to call: `device` functions and intrinsics have no Python entry, so a caller is compiled, once each."""

from __future__ import annotations

import functools

import numba
import numpy as np

from fastdnn.kernels import _jit, pieces
from fastdnn.kernels._jit import load_separate

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
    return _jit.from_python(function)


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
