"""One row of a panel in vector registers, copied and reduced, and the sums of a panel's columns.

The order of a sum is fixed: a result depends on the vector width, but not on threads or batches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.np.arrayobj import make_array

from fastdnn.kernels._jit import JIT_DISABLED, device, intrinsic
from fastdnn.kernels.vector import INT32, INT64, VectorWriter, array_pointer, panel_width, write_loop


def _reduction(neutral: float, combine: Callable[[ir.IRBuilder, Any, Any], Any]) -> Any:
    """An intrinsic (P, q, r, n) -> the first n numbers of P[q, r], combined; n is 1 to the panel's width."""

    def typed(typingctx: Any, P: Any, q: Any, r: Any, n: Any) -> Any:
        def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
            w = VectorWriter(context, builder, P.dtype)
            row = array_pointer(context, builder, P, args[0], [args[1], args[2], ir.Constant(INT64, 0)])
            missing = ir.Constant(w.vector, [neutral] * w.lanes)
            parts = [
                builder.select(inside, w.load(w.at(row, v * w.lanes)), missing)
                for v, inside in enumerate(w.columns_below(args[3]))
            ]
            value = combine(builder, parts[0], parts[1])
            half = w.lanes // 2
            while half:
                turn = ir.Constant(ir.VectorType(INT32, w.lanes), [(i + half) % w.lanes for i in range(w.lanes)])
                value = combine(builder, value, builder.shuffle_vector(value, value, turn))
                half //= 2
            return builder.extract_element(value, ir.Constant(INT32, 0))

        return P.dtype(P, types.int64, types.int64, types.int64), codegen

    return intrinsic(typed)


@intrinsic
def _column_totals_ir(typingctx: Any, P: Any, q: Any, m: Any, totals: Any) -> Any:
    """Four sums at a time, of every fourth row, because one would wait for each addition to end."""
    chains = 4

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        w = VectorWriter(context, builder, P.dtype)
        zero, width = ir.Constant(INT64, 0), 2 * w.lanes
        first = array_pointer(context, builder, P, args[0], [args[1], zero, zero])

        def rows(count: int) -> Any:
            def add(r: Any, sums: list[Any]) -> list[Any]:
                row = w.at(first, builder.mul(r, ir.Constant(INT64, width)))
                loaded = [w.load(w.at(row, i * w.lanes)) for i in range(2 * count)]
                return [builder.fadd(total, x) for total, x in zip(sums, loaded, strict=False)] + sums[2 * count :]

            return add

        whole = builder.sub(args[2], builder.srem(args[2], ir.Constant(INT64, chains)))
        sums = write_loop(builder, "fours", zero, whole, chains, [w.zero] * (2 * chains), rows(chains))
        sums = write_loop(builder, "rest", whole, args[2], 1, sums, rows(1))
        target = array_pointer(context, builder, totals, args[3], [zero])
        for v in range(2):
            left, right = builder.fadd(sums[v], sums[2 + v]), builder.fadd(sums[4 + v], sums[6 + v])
            w.store(builder.fadd(left, right), w.at(target, v * w.lanes))
        return context.get_dummy_value()

    return types.void(P, types.int64, types.int64, totals), codegen


def _larger(builder: ir.IRBuilder, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


@intrinsic
def _width_of_ir(typingctx: Any, P: Any) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        return ir.Constant(INT64, panel_width(P.dtype.name))

    return types.int64(P), codegen


def write_row_copy(w: VectorWriter, source: Any, target: Any) -> None:
    """A panel's width of numbers."""
    for v, vector in enumerate([w.load(w.at(source, v * w.lanes)) for v in range(2)]):
        w.store(vector, w.at(target, v * w.lanes))


def write_part_copy(w: VectorWriter, source: Any, n: Any, target: Any) -> None:
    """n numbers, fewer than a panel's width, and no more: in pieces of half a width, a quarter, and so on."""
    builder = w.builder
    done: Any = INT64(0)
    size = w.lanes
    while size:
        here = builder.and_(n, INT64(size))
        with builder.if_then(builder.icmp_signed("!=", here, INT64(0))):
            piece = ir.VectorType(w.scalar, size).as_pointer()
            source_piece, target_piece = (builder.bitcast(w.at(p, done), piece) for p in (source, target))
            builder.store(builder.load(source_piece, align=w.bytes), target_piece, align=w.bytes)
        done = builder.add(done, here)
        size //= 2


@intrinsic
def _copy_row_ir(typingctx: Any, source: Any, at: Any, target: Any, to: Any) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        w = VectorWriter(context, builder, target.dtype)
        read, write = (make_array(kind)(context, builder, args[i]).data for i, kind in ((0, source), (2, target)))
        write_row_copy(w, w.at(read, args[1]), w.at(write, args[3]))
        return context.get_dummy_value()

    return types.void(source, types.int64, target, types.int64), codegen


@intrinsic
def _copy_part_ir(typingctx: Any, source: Any, at: Any, n: Any, target: Any, to: Any) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        w = VectorWriter(context, builder, target.dtype)
        read, write = (make_array(kind)(context, builder, args[i]).data for i, kind in ((0, source), (3, target)))
        write_part_copy(w, w.at(read, args[1]), args[2], w.at(write, args[4]))
        return context.get_dummy_value()

    return types.void(source, types.int64, types.int64, target, types.int64), codegen


def _copy_row_plain(source: Any, at: int, target: Any, to: int) -> None:
    width = panel_width(target.dtype)
    target.reshape(-1)[to : to + width] = source.reshape(-1)[at : at + width]


def _copy_part_plain(source: Any, at: int, n: int, target: Any, to: int) -> None:
    target.reshape(-1)[to : to + n] = source.reshape(-1)[at : at + n]


def _row_largest_plain(P: Any, q: int, r: int, n: int) -> Any:
    return np.fmax.reduce(P[q, r, :n])


def _row_total_plain(P: Any, q: int, r: int, n: int) -> Any:
    return P[q, r, :n].sum()


def _column_totals_plain(P: Any, q: int, m: int, totals: Any) -> None:
    totals[:] = P[q, :m].sum(axis=0)


def _width_of_plain(P: Any) -> int:
    return panel_width(P.dtype)


row_largest: Any = _row_largest_plain if JIT_DISABLED else _reduction(float("-inf"), _larger)
row_total: Any = _row_total_plain if JIT_DISABLED else _reduction(0.0, lambda builder, a, b: builder.fadd(a, b))
column_totals: Any = _column_totals_plain if JIT_DISABLED else _column_totals_ir
copy_row: Any = _copy_row_plain if JIT_DISABLED else _copy_row_ir
copy_part: Any = _copy_part_plain if JIT_DISABLED else _copy_part_ir
width_of: Any = _width_of_plain if JIT_DISABLED else _width_of_ir
row_largest.__doc__ = (
    """row_largest(P, q, r, n): the largest of P[q, r, 0] .. P[q, r, n - 1], a NaN among them passed over."""
)
row_total.__doc__ = """row_total(P, q, r, n): the sum of P[q, r, :n]."""
copy_row.__doc__ = """copy_row(source, at, target, to): one panel's width of numbers from flat position `at` to flat position `to`.

    Both C-contiguous, of one float type. A loop would move them one by one: nobody told the compiler that they do not overlap.
    """
copy_part.__doc__ = """copy_part(source, at, n, target, to): n numbers, fewer than a panel's width, and no more.

    In pieces of half a width, a quarter, and so on: masked vectors would do it in two instructions, but wait for cache lines of
    which every number is masked.
    """
width_of.__doc__ = (
    """width_of(P): columns of a panel, known when a kernel is compiled, so that loops over them need no remainder."""
)
column_totals.__doc__ = (
    """column_totals(P, q, m, totals): totals = the sum of rows 0 .. m - 1 of panel q; (width,), overwritten."""
)


@device
def copy_numbers(source: Any, at: int, n: int, target: Any, to: int) -> None:
    """n numbers from flat position `at` to flat position `to`, as in `copy_row`."""
    width = width_of(target)
    whole = n // width * width
    for c in range(0, whole, width):
        copy_row(source, at + c, target, to + c)
    if whole < n:
        copy_part(source, at + whole, n - whole, target, to + whole)
