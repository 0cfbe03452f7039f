"""The examples of the next batch, asked for while this one is computed.

Asked for all at once, lines of the cache stand in a queue of some twenty, and whoever asks waits with them. So a loop over the
examples of this batch, which has other work, asks for one of the next batch with each: they arrive meanwhile.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.np.arrayobj import make_array

from fastdnn.kernels._jit import JIT_DISABLED, device, intrinsic
from fastdnn.kernels.vector import CACHE_LINE, INT64, write_line_prefetch

# Lines of an example that is asked for, at most: for more there is no time, and the gathering that follows asks for its own.
_LINES = 8


@intrinsic
def _address_of_ir(typingctx: Any, array: Any) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        return builder.ptrtoint(make_array(signature.args[0])(context, builder, args[0]).data, INT64)

    return types.int64(array), codegen


@intrinsic
def _ask_for_ir(typingctx: Any, address: Any) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        write_line_prefetch(builder, builder.inttoptr(args[0], ir.IntType(8).as_pointer()), for_writing=False)
        return context.get_dummy_value()

    return types.void(types.int64), codegen


def _address_of_plain(array: Any) -> int:
    return int(array.ctypes.data)


def _ask_for_plain(address: int) -> None:
    """Nothing: a hint has no meaning without machine code."""


address_of: Any = _address_of_plain if JIT_DISABLED else _address_of_ir
ask_for: Any = _ask_for_plain if JIT_DISABLED else _ask_for_ir
address_of.__doc__ = """address_of(array): where its numbers begin."""
ask_for.__doc__ = """ask_for(address): the line of the cache there will soon be read."""


@device
def ask_for_row(begin: int, row_bytes: int, row: int, half: int) -> None:
    """Ask for the first (0) or the second (1) half of a row of a matrix that begins at an address; 0 bytes: for nothing."""
    # One that begins in the midst of a line touches one more.
    lines = (row_bytes + 2 * CACHE_LINE - 2) // CACHE_LINE
    if row_bytes > 0 and lines <= _LINES:
        at, middle = begin + row * row_bytes, (lines + 1) // 2
        for i in range(middle if half else 0, lines if half else middle):
            ask_for(at + min(i * CACHE_LINE, row_bytes - 1))
