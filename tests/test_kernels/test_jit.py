"""kernels/_jit.py: what its three kinds of compiled function promise, and the fast-math that keeps NaN honest."""

from __future__ import annotations

import numpy as np
import pytest
from callers import JIT, from_python
from numba import TypingError, typeof, types

from fastdnn.kernels import _jit, activations, losses


@_jit.kernel
def _honest(x, out):
    out[0] = np.isnan(x[0])
    out[1] = np.isfinite(x[1])
    out[2] = x[0] == x[0]
    out[3] = x[2] / x[3]


@_jit.kernel
def _ordered_sum(x, out):
    total = x.dtype.type(0)
    for i in range(x.size):
        total += x[i]
    out[0] = total


def test_nan_and_infinity_are_seen_and_division_by_zero_does_not_raise(dtype):
    x, out = np.array([np.nan, np.inf, 1.0, 0.0], dtype), np.full(4, -1.0)
    with np.errstate(all="ignore"):
        _honest(x, out)
    np.testing.assert_array_equal(out, [1, 0, 0, np.inf])


def test_sums_keep_their_order(dtype, rng):
    """Fast-math without `reassoc`: a loop adds in the order it is written in."""
    x = (rng.normal(size=1000) * 10.0 ** rng.integers(-6, 6, 1000)).astype(dtype)
    out, expected = np.zeros(1, dtype), dtype(0)
    _ordered_sum(x, out)
    for value in x:
        expected += value
    assert out[0] == expected


@pytest.mark.skipif(not JIT, reason="compiled types")
def test_a_separate_function_checks_its_arguments_when_a_kernel_calls_it():
    def call(Z, A):
        activations.activate(0, Z, A, 1, 0, 1, Z.dtype.type(0))

    _jit.load_separate(np.float64)  # what comes from the cache does not load what it jumps to
    good, bad = np.zeros((1, 1, 8)), np.zeros((1, 8))
    compiled = _jit._njit(call)
    compiled(good, good)
    with pytest.raises(TypingError, match="activate takes"):
        compiled(good, bad)


@pytest.mark.skipif(not JIT, reason="compiled types")
def test_separate_functions_serve_two_float_types_and_compile_no_third(dtype):
    from_python(losses.output_backward)  # loads all
    for name, (compiled, signature, jumped_to) in _jit._known.items():
        floats = {next(a.dtype for a in s if getattr(a, "dtype", None) in (types.float32, types.float64))
                  for s in compiled.overloads}  # fmt: skip
        if jumped_to:
            assert floats == {types.float32, types.float64}, name
            assert signature(types.float32) in compiled.overloads


@pytest.mark.skipif(not JIT, reason="compiled code")
def test_callers_can_be_compiled_before_what_they_jump_to(monkeypatch, dtype):
    """As the helper of fastdnn.compilation does; the pointer that they read is filled in later."""
    arguments = (0, *(np.full((1, 1, 16), value, dtype) for value in (3.0, np.nan)), 1, 0, 1, dtype(0))
    _jit.compile_known("activate", np.dtype(dtype))
    pointer = _jit._pointers[f"fastdnn.activate.{np.dtype(dtype)}"]
    address = pointer.value
    monkeypatch.setattr(_jit, "_load", None)  # compiling the caller does not come near it
    call = _jit._njit(lambda kind, Z, A, n, r0, r1, slope: activations.activate(kind, Z, A, n, r0, r1, slope))
    pointer.value = None
    try:
        with _jit.calls_left_open():
            call.compile(tuple(map(typeof, arguments)))
    finally:
        pointer.value = address
    arguments[2][:] = np.nan
    call(*arguments)
    assert arguments[2][0, 0, 0] == 3


@pytest.mark.skipif(not JIT, reason="compiled code")
def test_nothing_is_missing_once_all_is_loaded(dtype):
    for name in _jit.missing_known(np.dtype(dtype)):
        _jit.compile_known(name, np.dtype(dtype))
    assert _jit.missing_known(np.dtype(dtype)) == []


@pytest.mark.skipif(not JIT, reason="compiled code")
def test_what_kernels_jump_to_has_no_entry_for_python(dtype):
    """It would be a quarter of the code to compile."""
    _jit.load_separate(np.dtype(dtype))
    for name, known in _jit._known.items():
        for compiled in known.compiled.overloads.values():
            wrapper = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_cpython_wrapper_name)
            assert (wrapper == 0) == known.jumped_to, name
