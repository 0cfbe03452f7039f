"""Views into flat buffers that cost nothing: no reference is counted, so threads do not write to a shared counter.

A view does not keep its buffer alive; kernels use them only on arrays that their caller holds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.np.arrayobj import make_array, populate_array

from fastdnn.kernels._jit import JIT_DISABLED, intrinsic
from fastdnn.kernels.vector import CACHE_LINE, INT64, panel_width, write_line_prefetch, write_prefetch

# Rows of a scratch panel: no CPU's panels are wider, so a square block of one fits.
SCRATCH_ROWS = 32


def _borrow(
    context: Any, builder: ir.IRBuilder, source: tuple[Any, Any], at: Any, result_type: Any, shape: list[Any]
) -> Any:
    """The array structure of type `result_type` and `shape`, C order, that begins `at` numbers into `source`."""
    source_type, value = source
    data = builder.gep(make_array(source_type)(context, builder, value).data, [at])
    itemsize = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(source_type.dtype)))
    strides = [itemsize]
    for size in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], size))
    view = make_array(result_type)(context, builder)
    populate_array(view, data=data, shape=shape, strides=strides, itemsize=itemsize, meminfo=None, parent=None)
    return view._getvalue()


@intrinsic
def _flat_view_ir(typingctx: Any, array: Any, at: Any, size: Any) -> Any:
    result = types.Array(array.dtype, 1, "C", readonly=not array.mutable)

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        return _borrow(context, builder, (signature.args[0], args[0]), args[1], result, [args[2]])

    return result(array, types.int64, types.int64), codegen


@intrinsic
def _panel_view_ir(typingctx: Any, array: Any, at: Any, panels: Any, rows: Any, width: Any) -> Any:
    result = types.Array(array.dtype, 3, "C")

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        return _borrow(context, builder, (signature.args[0], args[0]), args[1], result, args[2:])

    return result(array, *([types.int64] * 4)), codegen


@intrinsic
def _rows_view_ir(typingctx: Any, P: Any, q: Any, r0: Any, r1: Any) -> Any:
    result = types.Array(P.dtype, 1, "C")

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        value, q, r0, r1 = args
        _, rows, width = cgutils.unpack_tuple(builder, make_array(signature.args[0])(context, builder, value).shape, 3)
        at = builder.mul(builder.add(builder.mul(q, rows), r0), width)
        size = builder.mul(builder.sub(r1, r0), width)
        return _borrow(context, builder, (signature.args[0], value), at, result, [size])

    return result(P, *([types.int64] * 3)), codegen


@intrinsic
def _scratch_panel_ir(typingctx: Any, like: Any) -> Any:
    result = types.Array(like.dtype, 3, "C")

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        number, width = context.get_data_type(like.dtype), panel_width(like.dtype.name)
        space = cgutils.alloca_once(builder, number, INT64(SCRATCH_ROWS * width))
        space.align = CACHE_LINE
        shape = [INT64(1), INT64(SCRATCH_ROWS), INT64(width)]
        itemsize = context.get_abi_sizeof(number)
        strides = [INT64(SCRATCH_ROWS * width * itemsize), INT64(width * itemsize), INT64(itemsize)]
        view = make_array(result)(context, builder)
        populate_array(view, space, shape, strides, INT64(itemsize), meminfo=None)
        return view._getvalue()

    return result(like), codegen


def _prefetch_of(*, for_writing: bool) -> Any:
    def typed(typingctx: Any, array: Any, at: Any, size: Any) -> Any:
        def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
            array_type = signature.args[0]
            itemsize = context.get_abi_sizeof(context.get_data_type(array_type.dtype))
            data = make_array(array_type)(context, builder, args[0]).data
            size = builder.mul(args[2], INT64(itemsize))
            write_prefetch(builder, builder.gep(data, [args[1]]), size, for_writing=for_writing)
            return context.get_dummy_value()

        return types.void(array, types.int64, types.int64), codegen

    return intrinsic(typed)


def _prefetch_number_of(*, for_writing: bool) -> Any:
    def typed(typingctx: Any, array: Any, at: Any) -> Any:
        def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
            data = make_array(signature.args[0])(context, builder, args[0]).data
            write_line_prefetch(builder, builder.gep(data, [args[1]]), for_writing=for_writing)
            return context.get_dummy_value()

        return types.void(array, types.int64), codegen

    return intrinsic(typed)


def _scratch_panel_plain(like: Any) -> Any:
    return np.empty((1, SCRATCH_ROWS, panel_width(like.dtype)), like.dtype)


def _prefetch_plain(array: Any, at: int, size: int) -> None:
    """Nothing: a hint has no meaning without machine code."""


def _prefetch_number_plain(array: Any, at: int) -> None:
    """Nothing, as above."""


def _flat_view_plain(array: Any, at: int, size: int) -> Any:
    return array.reshape(-1)[at : at + size]


def _panel_view_plain(array: Any, at: int, panels: int, rows: int, width: int) -> Any:
    return array.reshape(-1)[at : at + panels * rows * width].reshape(panels, rows, width)


def _rows_view_plain(P: Any, q: int, r0: int, r1: int) -> Any:
    return P[q, r0:r1].reshape(-1)


if JIT_DISABLED:
    flat_view, panel_view, rows_view = _flat_view_plain, _panel_view_plain, _rows_view_plain
    scratch_panel, prefetch, prefetch_to_read = _scratch_panel_plain, _prefetch_plain, _prefetch_plain
    prefetch_number, prefetch_number_to_read = _prefetch_number_plain, _prefetch_number_plain
else:
    flat_view, panel_view, rows_view, scratch_panel = _flat_view_ir, _panel_view_ir, _rows_view_ir, _scratch_panel_ir
    prefetch, prefetch_to_read = _prefetch_of(for_writing=True), _prefetch_of(for_writing=False)
    prefetch_number = _prefetch_number_of(for_writing=True)
    prefetch_number_to_read = _prefetch_number_of(for_writing=False)
flat_view.__doc__ = (
    """flat_view(array, at, size): `size` numbers of a C-contiguous array from flat position `at`, as a vector."""
)
panel_view.__doc__ = (
    """panel_view(array, at, panels, rows, width): a C-contiguous array from flat position `at` on, as panels."""
)
rows_view.__doc__ = """rows_view(P, q, r0, r1): rows r0 .. r1 of panel q, which lie side by side, as a vector."""
scratch_panel.__doc__ = (
    """scratch_panel(P): a panel like P's, SCRATCH_ROWS rows on the stack, gone when the caller returns."""
)
prefetch.__doc__ = (
    """prefetch(array, at, size): ask for `size` numbers from flat position `at`, soon to be read and written."""
)
prefetch_number.__doc__ = """prefetch_number(array, at): the same of one number, in fewer instructions."""
prefetch_number_to_read.__doc__ = """prefetch_number_to_read(array, at): the same of one that will only be read."""
prefetch_to_read.__doc__ = """prefetch_to_read(array, at, size): the same of numbers that will only be read."""
