"""Rows of a panel that is not full, moved together without their padding, and back again.

For one output a panel is nearly all padding: what is done number by number is done to the numbers side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from fastdnn.kernels._jit import JIT_DISABLED, intrinsic
from fastdnn.kernels.rows import write_row_copy
from fastdnn.kernels.vector import INT64, VectorWriter, array_pointer, write_loop


@intrinsic
def _pack_rows_ir(typingctx: Any, P: Any, q: Any, r0: Any, r1: Any, n: Any, v: Any) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        w = VectorWriter(context, builder, P.dtype)
        vP, vq, vr0, vr1, vn, vv = args
        source = array_pointer(context, builder, P, vP, [vq, vr0, INT64(0)])
        target = array_pointer(context, builder, v, vv, [INT64(0)])

        def move(copy: Callable[[Any, Any], None]) -> None:
            def row(r: Any, _: list[Any]) -> list[Any]:
                copy(w.at(source, builder.mul(r, INT64(2 * w.lanes))), w.at(target, builder.mul(r, vn)))
                return []

            write_loop(builder, "pack", INT64(0), builder.sub(vr1, vr0), 1, [], row)

        # What a row writes beyond its numbers the next row overwrites.
        with builder.if_else(builder.icmp_signed("<=", vn, INT64(w.lanes))) as (few, many):
            with few:
                move(lambda read, write: w.store(w.load(read), write))
            with many:
                move(lambda read, write: write_row_copy(w, read, write))
        return context.get_dummy_value()

    i = types.int64
    return types.void(P, i, i, i, i, v), codegen


@intrinsic
def _unpack_rows_ir(typingctx: Any, v: Any, n: Any, P: Any, q: Any, r0: Any, r1: Any, multiply: Any) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        w = VectorWriter(context, builder, P.dtype)
        vv, vn, vP, vq, vr0, vr1, vmultiply = args
        source = array_pointer(context, builder, v, vv, [INT64(0)])
        target = array_pointer(context, builder, P, vP, [vq, vr0, INT64(0)])
        inside = w.columns_below(vn)

        def move(times: bool) -> None:
            def row(r: Any, _: list[Any]) -> list[Any]:
                read, write = w.at(source, builder.mul(r, vn)), w.at(target, builder.mul(r, INT64(2 * w.lanes)))
                for i, mask in enumerate(inside):
                    value, place = w.load(w.at(read, i * w.lanes)), w.at(write, i * w.lanes)
                    if times:
                        value = builder.fmul(value, w.load(place))
                    w.store(builder.select(mask, value, w.zero), place)
                return []

            write_loop(builder, "unpack", INT64(0), builder.sub(vr1, vr0), 1, [], row)

        with builder.if_else(vmultiply) as (product, copy):
            with product:
                move(True)
            with copy:
                move(False)
        return context.get_dummy_value()

    i = types.int64
    return types.void(v, i, P, i, i, i, types.boolean), codegen


def _pack_rows_plain(P: Any, q: int, r0: int, r1: int, n: int, v: Any) -> None:
    v[: (r1 - r0) * n] = P[q, r0:r1, :n].reshape(-1)


def _unpack_rows_plain(v: Any, n: int, P: Any, q: int, r0: int, r1: int, multiply: bool) -> None:
    numbers, rows = v[: (r1 - r0) * n].reshape(-1, n), P[q, r0:r1]
    with np.errstate(all="ignore"):
        rows[:, :n] = numbers * rows[:, :n] if multiply else numbers
    rows[:, n:] = 0


pack_rows: Any = _pack_rows_plain if JIT_DISABLED else _pack_rows_ir
unpack_rows: Any = _unpack_rows_plain if JIT_DISABLED else _unpack_rows_ir
pack_rows.__doc__ = """pack_rows(P, q, r0, r1, n, v): rows r0 .. r1 of panel q, n numbers of each, one after the other in v.

P : panels, read; n at most their width. v : room for (r1 - r0) rows of a panel; what it holds behind them has no meaning. It may
lie where those rows lie: numbers only ever move towards the front, so none is overwritten before it is read.
"""
unpack_rows.__doc__ = """unpack_rows(v, n, P, q, r0, r1, multiply): the other way: those rows become n numbers of v each, and zeros.

With `multiply` the numbers are multiplied with those in P. v : readable for (r1 - r0) rows of a panel; overlaps nothing.
"""
