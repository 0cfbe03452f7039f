"""kernels/lookups.py: what the compiler looks up once changes no code, and only while kernels are compiled."""

from __future__ import annotations

import numpy as np
import pytest
from callers import JIT, uncached_kernel
from numba import types
from numba.core import compiler
from numba.core.registry import cpu_target
from numba.core.targetconfig import ConfigStack

from fastdnn.kernels import _jit, lookups

pytestmark = pytest.mark.skipif(not JIT, reason="compiled code")


def code():
    """What LLVM made of a kernel and its piece: of each function the attributes and the operations."""

    @_jit.device
    def largest(A, i, n):
        best = A[i, 0]
        for j in range(1, min(n, A.shape[1])):
            best = max(best, A[i, j])
        return best

    @uncached_kernel
    def add_largest(A, out, n):
        for i in range(min(n, A.shape[0])):
            out[0] += largest(A, i, n) + A[i, n % 3] * 2

    add_largest(np.ones((2, 3)), np.zeros(1), 2)
    (done,) = add_largest.overloads.values()
    return [
        (sorted(map(str, function.attributes)), [i.opcode for block in function.blocks for i in block.instructions])
        for function in done.library._final_module.functions
    ]


def test_the_code_is_numbas_own(monkeypatch):
    with_lookups = code()
    monkeypatch.setattr(lookups, "_ONCE", [])
    assert code() == with_lookups


def test_numba_has_what_is_replaced_and_gets_it_back():
    """Otherwise compiling is as slow as Numba's own way, and nobody sees it."""
    before = [getattr(owner, name) for owner, name, _ in lookups._ONCE]
    with lookups.looked_up_once(), lookups.looked_up_once():
        during = [getattr(owner, name) for owner, name, _ in lookups._ONCE]
    assert not set(before) & set(during)
    assert [getattr(owner, name) for owner, name, _ in lookups._ONCE] == before
    with pytest.raises(ValueError, match="stopped"), lookups.looked_up_once():
        raise ValueError("stopped")
    assert [getattr(owner, name) for owner, name, _ in lookups._ONCE] == before


def test_a_signature_is_looked_up_once_for_each_set_of_flags(monkeypatch):
    asked = []
    context = cpu_target.typing_context
    context.refresh()
    largest = context.resolve_value_type(max)
    ask = type(largest).get_call_type

    def counted(self, *given):
        asked.append(self)
        return ask(self, *given)

    monkeypatch.setattr(lookups, "_signatures", {})
    monkeypatch.setattr(type(largest).__mro__[1], "get_call_type", counted)
    arguments = (types.float64, types.float64)
    inlined = compiler.Flags()
    inlined.forceinline = True
    with lookups.looked_up_once():
        for flags in (compiler.Flags(), compiler.Flags(), inlined, inlined, compiler.Flags()):
            with ConfigStack().enter(flags):
                assert largest.get_call_type(context, arguments, {}).return_type == types.float64
    assert asked.count(largest) == 2


def test_a_registry_that_has_grown_is_read_again():
    context = cpu_target.target_context
    context.refresh()
    key = object()
    registry = next(iter(context._registries))
    with lookups.looked_up_once():
        context.refresh()
        registry.lower(key, types.int64)(lambda *_: None)
        assert key not in context._defns
        context.refresh()
    assert key in context._defns
