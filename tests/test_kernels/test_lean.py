"""kernels/lean.py: what is left out of Numba's compiler changes no result, and what would need it is refused."""

from __future__ import annotations

import contextlib
import gc
import sys

import numpy as np
import pytest
from callers import JIT, uncached_kernel
from numba.core import compiler
from numba.core.errors import TypingError

from fastdnn.kernels import _jit, lean

pytestmark = pytest.mark.skipif(not JIT, reason="compiled code")


@_jit.device
def _row(A, i):
    return A[i]


def test_views_of_views_are_the_callers_memory_and_hold_nothing(dtype):
    @uncached_kernel
    def double_row(A, i):
        row = _row(A, i)
        part = row[1:]
        for j in range(part.size):
            part[j] *= 2

    A = np.ones((3, 4), dtype)
    before = sys.getrefcount(A)
    for _ in range(10):
        double_row(A, 1)
    np.testing.assert_array_equal(A, [[1, 1, 1, 1], [1, 1024, 1024, 1024], [1, 1, 1, 1]])
    assert sys.getrefcount(A) == before


def test_nothing_is_counted_in_a_kernel():
    @uncached_kernel
    def total(A, out):
        for i in range(A.shape[0]):
            row = _row(A, i)
            out[0] += row[0]

    total(np.ones((2, 2)), np.zeros(1))
    (done,) = total.overloads.values()
    assert "NRT_" not in done.library.get_llvm_str()


def test_a_kernel_that_returns_an_array_is_refused():
    @uncached_kernel
    def give(A):
        return A

    with pytest.raises(TypingError, match="kernel give returns an array: kernels fill those they are given"):
        give(np.ones(2))


def test_a_kernel_that_allocates_is_refused():
    @uncached_kernel
    def allocate(A):
        A[0] = np.empty(int(A[0])).sum()

    with pytest.raises(TypingError, match=r"kernel .*allocate.* allocates memory, or calls what counts references"):
        allocate(np.ones(2))


def test_numba_has_the_passes_that_are_left_out_and_that_one_is_put_before():
    """Otherwise compiling is as slow as Numba's own way, and nobody sees it."""
    names = []

    class Listing(compiler.Compiler):
        def define_pipelines(self):
            steps = compiler.DefaultPassBuilder.define_nopython_pipeline(self.state).passes
            names.extend(step.__name__ for step, _ in steps)
            return super().define_pipelines()

    _jit._njit(pipeline_class=Listing)(lambda x: x)(1)
    assert set(names) > lean.LEFT_OUT
    assert lean._LOWERING in names


def test_flags_are_equal_where_numbas_are():
    def flags(kind, **values):
        made = kind()
        for name, value in values.items():
            setattr(made, name, value)
        return made

    for given in ({}, {"forceinline": True}, {"fastmath": {"nsz"}}, {"forceinline": False}):
        for other in ({}, {"forceinline": True}, {"fastmath": {"nsz", "arcp"}}):
            as_numba = flags(compiler.Flags, **given) == flags(compiler.Flags, **other)
            ours = flags(lean.Flags, **given)
            assert (ours == flags(lean.Flags, **other)) == as_numba
            assert (ours == flags(compiler.Flags, **other)) == as_numba
            assert (flags(compiler.Flags, **other) == ours) == as_numba
        assert hash(ours) == hash(flags(compiler.Flags, **given))
    assert lean.Flags() != 1


@pytest.mark.parametrize("collecting", [True, False])
def test_the_garbage_collector_is_as_it_was(collecting):
    was = gc.isenabled()
    try:
        (gc.enable if collecting else gc.disable)()
        with contextlib.suppress(ValueError), lean.garbage_kept():
            collected = gc.isenabled()
            raise ValueError
        assert not collected
        assert gc.isenabled() == collecting
    finally:
        (gc.enable if was else gc.disable)()
