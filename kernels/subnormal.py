"""Subnormal numbers, those nearer to 0 than any normal one, are taken as 0 while a kernel runs: CPUs compute with them slowly.

A weight whose gradient is exactly 0 for long, as of a column that is nearly always 0 or of a unit that died, has a v (momentum,
Adam) that shrinks until it is subnormal, and stays so: 0.9 of the few smallest ones round to themselves. It moves nothing any
more, but an instruction with it takes an x86 CPU longer, some of them more than a hundred cycles. They have two flags for that, of
each thread: subnormal results and subnormal operands are 0. Other CPUs have less need, and nothing is set there.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from fastdnn.kernels._jit import JIT_DISABLED, intrinsic
from fastdnn.kernels.vector import INT32, IS_X86

# In MXCSR: results are flushed to zero, operands are zeros.
_FLAGS = 1 << 15 | 1 << 6


def _control(builder: ir.IRBuilder, name: str, place: Any) -> None:
    byte = ir.IntType(8).as_pointer()
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.VoidType(), [byte]), name)
    builder.call(function, [builder.bitcast(place, byte)])


@intrinsic
def _subnormal_to_zero_ir(typingctx: Any) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        if not IS_X86:
            return INT32(0)
        place = cgutils.alloca_once(builder, INT32)
        _control(builder, "llvm.x86.sse.stmxcsr", place)
        before = builder.load(place)
        builder.store(builder.or_(before, INT32(_FLAGS)), place)
        _control(builder, "llvm.x86.sse.ldmxcsr", place)
        return before

    return types.int32(), codegen


@intrinsic
def _subnormal_as_before_ir(typingctx: Any, before: Any) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        if IS_X86:
            place = cgutils.alloca_once_value(builder, args[0])
            _control(builder, "llvm.x86.sse.ldmxcsr", place)
        return context.get_dummy_value()

    return types.void(types.int32), codegen


def _subnormal_to_zero_plain() -> int:
    return 0


def _subnormal_as_before_plain(before: int) -> None:
    """Nothing was set."""


if JIT_DISABLED:
    subnormal_to_zero, subnormal_as_before = _subnormal_to_zero_plain, _subnormal_as_before_plain
else:
    subnormal_to_zero, subnormal_as_before = _subnormal_to_zero_ir, _subnormal_as_before_ir
subnormal_to_zero.__doc__ = """subnormal_to_zero(): from now on this thread takes subnormal numbers as 0.

Returns what `subnormal_as_before` takes.
"""
subnormal_as_before.__doc__ = (
    """subnormal_as_before(before): the thread computes as it did before `subnormal_to_zero`."""
)
