"""Kernels for Python to call: `device` functions and intrinsics have no Python entry, so a caller is compiled, once each."""

from __future__ import annotations

import functools
import threading

import numba
import numpy as np

from fastdnn.kernels import _jit, pieces
from fastdnn.kernels._jit import load_separate
from fastdnn.kernels.sync import SPINS

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


def waits_of(workers, spins):
    """What workers keep between their meetings, before the first; each looks so often before it sleeps."""
    waits = np.zeros((workers, 8), np.int64)
    waits[:, SPINS] = spins
    return waits


def on_threads(workers, work):
    """work(0) .. work(workers - 1) at the same time, and all of them return."""
    threads = [threading.Thread(target=work, args=(i,), daemon=True) for i in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
