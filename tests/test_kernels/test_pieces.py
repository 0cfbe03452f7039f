"""kernels/pieces.py: pieces are linked into kernels and are no machine code themselves; other Numbas compile as they do."""

from __future__ import annotations

import numpy as np
import pytest
from callers import JIT
from numba.core.compiler import Compiler

from fastdnn.kernels import _jit, pieces


@_jit.device
def _twice(x):
    return x + x


@_jit.device
def _both(x, y):
    return _twice(x), _twice(y)


@_jit.kernel
def _apply(x, out):
    for i in range(x.size):
        out[i], out[x.size + i] = _both(x[i], x[x.size - 1 - i])


def test_pieces_of_pieces_become_part_of_the_kernel(dtype):
    x, out = np.arange(5, dtype=dtype), np.full(10, np.nan, dtype)
    _apply(x, out)
    np.testing.assert_array_equal(out, [0, 2, 4, 6, 8, 8, 6, 4, 2, 0])


@pytest.mark.skipif(not JIT, reason="compiled code")
def test_a_piece_is_no_machine_code_and_a_kernel_calls_none():
    @_jit._njit(no_cfunc_wrapper=True, pipeline_class=pieces.KernelCompiler)
    def use(x, out):  # not from the cache, which keeps no module to look into
        for i in range(x.size):
            out[i] = _both(x[i], x[i])[0]

    x = np.ones(3, np.float32)
    use(x, np.empty_like(x))
    (compiled,) = use.overloads.values()
    calls = [line for line in compiled.library.get_llvm_str().splitlines() if " call " in line and "_twice" in line]
    assert calls == []
    piece = next(iter(_twice.overloads.values())).library
    assert isinstance(piece, pieces.PieceLibrary)
    assert piece.get_pointer_to_function(piece.name) == 0


@pytest.mark.parametrize("name", pieces._REPLACED)
def test_where_numba_looks_different_its_own_way_is_taken(monkeypatch, name):
    assert pieces._compiler_into(pieces.PieceLibrary) is not Compiler

    class Changed:
        pass

    for other in pieces._REPLACED:
        if other != name:
            setattr(Changed, other, None)
    monkeypatch.setattr(pieces, "_Library", Changed)
    assert pieces._compiler_into(pieces.PieceLibrary) is Compiler
