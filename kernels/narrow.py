"""Products with one or two columns, as logistic regression's: the vectors run along the contraction, not along the columns.

A register tile spreads one number of A over a vector of columns; with one column most of that vector is padding. Here a vector
of A meets a vector of B's column, and the lanes are added up at the end. So a contraction has an accumulator for each lane, each
in ascending order: the bits depend on the vector width, but not on threads or batches.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from fastdnn.kernels._jit import JIT_DISABLED, device, intrinsic, separate
from fastdnn.kernels.rows import width_of
from fastdnn.kernels.tile import DERIVE, STORE
from fastdnn.kernels.vector import INT32, INT64, VectorWriter, array_pointer, array_shape, write_loop
from fastdnn.kernels.views import scratch_panel

# Most columns: as many as a panel has vectors, for each has one to add up in, where its result will be.
NARROW = 2
# Parts of B's column, a panel's width long each, that are held in registers while rows of A pass by.
_HELD = (4, 2, 1)
# Rows whose accumulators stay in the first-level cache while all of B passes by.
_ROWS = 512


@intrinsic
def _add_products_ir(
    typingctx: Any, A: Any, q: Any, k: Any, B: Any, held: Any, C: Any, j: Any, c: Any, r0: Any, r1: Any, fresh: Any
) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        w, b = VectorWriter(context, builder, C.dtype), builder
        vA, vq, vk, vB, vheld, vC, vj, vc, vr0, vr1, vfresh = args
        width, zero = 2 * w.lanes, INT64(0)
        a0 = array_pointer(context, b, A, vA, [vq, vr0, zero])
        w0 = array_pointer(context, b, B, vB, [zero, zero, zero])
        c0 = array_pointer(context, b, C, vC, [vj, vr0, b.mul(vc, INT64(w.lanes))])
        stride = b.mul(array_shape(context, b, A, vA)[1], INT64(width))
        inside = w.columns_below(b.sub(vk, b.mul(b.sub(b.add(vq, vheld), INT64(1)), INT64(width))))

        def add(panels: int) -> None:
            columns = [w.load(w.at(w0, v * w.lanes)) for v in range(2 * panels)]

            def row(r: Any, _: list[Any]) -> list[Any]:
                at = b.mul(r, INT64(width))
                place = w.at(c0, at)
                total = b.select(vfresh, w.zero, w.load(place))
                for v in range(2 * panels):
                    a = w.load(w.at(w.at(w.at(a0, b.mul(stride, INT64(v // 2))), at), v % 2 * w.lanes))
                    if v // 2 == panels - 1:  # the last may have padding, which may be anything
                        a = b.select(inside[v % 2], a, w.zero)
                    total = w.multiply_add(a, columns[v], total)
                w.store(total, place)
                return []

            write_loop(b, "rows", zero, b.sub(vr1, vr0), 1, [], row)

        done = b.append_basic_block("added")
        choice = b.switch(vheld, done)
        for panels in _HELD:
            block = b.append_basic_block(f"held{panels}")
            choice.add_case(INT64(panels), block)
            b.position_at_end(block)
            add(panels)
            b.branch(done)
        b.position_at_end(done)
        return context.get_dummy_value()

    i = types.int64
    return types.void(A, i, i, B, i, C, i, i, i, i, types.boolean), codegen


@intrinsic
def _add_gradients_ir(typingctx: Any, A: Any, i: Any, dZ: Any, j: Any, m: Any, totals: Any) -> Any:
    """Examples take turns at two sums, because one would wait for each addition to end."""

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        w, b = VectorWriter(context, builder, totals.dtype), builder
        vA, vi, vZ, vj, vm, vtotals = args
        width, zero = 2 * w.lanes, INT64(0)
        a0 = array_pointer(context, b, A, vA, [vi, zero, zero])
        z0 = array_pointer(context, b, dZ, vZ, [vj, zero, zero])
        target = array_pointer(context, b, totals, vtotals, [zero, zero, zero])
        one = 2 * NARROW

        def examples(count: int) -> Any:
            def add(r: Any, sums: list[Any]) -> list[Any]:
                sums, at = list(sums), b.mul(r, INT64(width))
                for u in range(count):
                    a = [w.load(w.at(w.at(a0, at), u * width + v * w.lanes)) for v in range(2)]
                    for c in range(NARROW):
                        dz = w.splat(w.load_scalar(w.at(w.at(z0, at), u * width + c)))
                        for v in range(2):
                            place = u * one + c * 2 + v
                            sums[place] = w.multiply_add(a[v], dz, sums[place])
                return sums

            return add

        whole = b.sub(vm, b.srem(vm, INT64(2)))
        sums = write_loop(b, "pairs", zero, whole, 2, [w.zero] * (2 * one), examples(2))
        sums = write_loop(b, "rest", whole, vm, 1, sums, examples(1))
        for place in range(one):
            w.store(b.fadd(sums[place], sums[one + place]), w.at(target, place * w.lanes))
        return context.get_dummy_value()

    n = types.int64
    return types.void(A, n, dZ, n, n, totals), codegen


def _two_totals(w: VectorWriter, x: Any, y: Any) -> Any:
    """A vector that begins with the sum of x's lanes and the sum of y's."""
    half = w.lanes // 2

    def picked(one: Any, two: Any, lanes: list[int]) -> Any:
        return w.builder.shuffle_vector(one, two, ir.Constant(ir.VectorType(INT32, w.lanes), lanes))

    low = [*range(half), *range(w.lanes, w.lanes + half)]
    totals = w.builder.fadd(picked(x, y, low), picked(x, y, [lane + half for lane in low]))
    step = half // 2
    while step:  # in each half on its own
        turned = [lane // half * half + (lane + step) % half for lane in range(w.lanes)]
        totals = w.builder.fadd(totals, picked(totals, totals, turned))
        step //= 2
    return picked(totals, totals, [0, half] * half)


@intrinsic
def _finish_rows_ir(
    typingctx: Any,
    C: Any,
    D: Any,
    b: Any,
    j: Any,
    columns: Any,
    r0: Any,
    r1: Any,
    with_bias: Any,
    finish: Any,
    slope: Any,
) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        w = VectorWriter(context, builder, C.dtype)
        vC, vD, vb, vj, vcolumns, vr0, vr1, vwith_bias, vfinish, vslope = args
        width, zero = 2 * w.lanes, INT64(0)
        c0 = array_pointer(context, builder, C, vC, [vj, vr0, zero])
        d0 = array_pointer(context, builder, D, vD, [vj, vr0, zero])
        bias = w.load(array_pointer(context, builder, b, vb, [builder.mul(vj, INT64(width))]))
        bias = builder.select(vwith_bias, bias, w.zero)
        derive = builder.icmp_signed("==", vfinish, INT64(DERIVE))
        store = builder.icmp_signed("==", vfinish, INT64(STORE))
        slopes = w.splat(vslope)
        inside = w.columns_below(vcolumns)[0]

        def row(r: Any, _: list[Any]) -> list[Any]:
            at = builder.mul(r, INT64(width))
            place = w.at(c0, at)
            z = _two_totals(w, *(w.load(w.at(place, c * w.lanes)) for c in range(NARROW)))
            z = builder.select(inside, builder.fadd(z, bias), w.zero)
            sign = builder.select(derive, w.load(w.at(d0, at)), z)
            bent = w.where_positive(sign, z, builder.fmul(z, slopes))
            w.store(builder.select(store, z, bent), place)
            w.store(w.zero, w.at(place, w.lanes))
            return []

        write_loop(builder, "finish", zero, builder.sub(vr1, vr0), 1, [], row)
        return context.get_dummy_value()

    i = types.int64
    return types.void(C, D, b, i, i, i, i, types.boolean, i, C.dtype), codegen


def _add_products_plain(
    A: Any, q: int, k: int, B: Any, held: int, C: Any, j: int, c: int, r0: int, r1: int, fresh: bool
) -> None:
    width = C.shape[2]
    lanes = width // 2
    here = C[j, r0:r1, c * lanes : (c + 1) * lanes]
    if fresh:
        here[:] = 0
    for g in range(held):
        product = A[q + g, r0:r1] * B[0, g]
        product[:, max(0, k - (q + g) * width) :] = 0
        here += product[:, :lanes] + product[:, lanes:]


def _add_gradients_plain(A: Any, i: int, dZ: Any, j: int, m: int, totals: Any) -> None:
    totals[0, :NARROW] = dZ[j, :m, :NARROW].T @ A[i, :m]


def _finish_rows_plain(
    C: Any, D: Any, b: Any, j: int, columns: int, r0: int, r1: int, with_bias: bool, finish: int, slope: Any
) -> None:
    width = C.shape[2]
    Z = C[j, r0:r1].reshape(r1 - r0, 2, width // 2).sum(axis=2)[:, :columns]
    if with_bias:
        Z = Z + b[j * width : j * width + columns]
    sign = D[j, r0:r1, :columns].copy() if finish == DERIVE else Z
    C[j, r0:r1] = 0
    C[j, r0:r1, :columns] = Z if finish == STORE else np.where(sign > 0, Z, Z * slope)


if JIT_DISABLED:
    _add_products, _add_gradients, _finish_rows = _add_products_plain, _add_gradients_plain, _finish_rows_plain
else:
    _add_products, _add_gradients, _finish_rows = _add_products_ir, _add_gradients_ir, _finish_rows_ir


@device
def is_narrow(n: int, j: int, k: int, width: int) -> bool:
    """Whether panel j of n columns is done here, in a product with a contraction over k."""
    return n - j * width <= NARROW and k >= width


def _narrow_product_types(f: Any) -> tuple[Any, ...]:
    panels, i = types.Array(f, 3, "C"), types.int64
    return (panels, panels, types.Array(f, 1, "C"), panels, panels, *([i] * 5), types.boolean, i, f)


@separate(_narrow_product_types)
def narrow_product(
    A: Any, B: Any, b: Any, C: Any, D: Any, r0: int, r1: int, j: int, k: int, columns: int, with_bias: bool, finish: int,
    slope: Any,
) -> None:  # fmt: skip
    """Rows r0 to r1, in panel j, of C = A B (+ b), then as `finish` says, where that panel has one or two columns.

    As gemm.matmul_bias, but for SCALE: C holds the sums meanwhile, so D must be another.
    """
    width = width_of(C)
    zero = C.dtype.type(0)
    panels = (k + width - 1) // width
    column = scratch_panel(C)
    for first in range(r0, r1, _ROWS):
        last = min(r1, first + _ROWS)
        q = 0
        while q < panels:
            left = panels - q
            held = _HELD[0] if left >= _HELD[0] else _HELD[1] if left >= _HELD[1] else _HELD[2]
            for c in range(columns):
                for p in range(held * width):
                    at = q * width + p
                    column[0, p // width, p % width] = B[j, at, c] if at < k else zero
                _add_products(A, q, k, column, held, C, j, c, first, last, q == 0)
            q += held
        _finish_rows(C, D, b, j, columns, first, last, with_bias, finish, slope)


@device
def narrow_gradient(
    A: Any,
    dZ: Any,
    S: Any,
    W: Any,
    m: int,
    rows: int,
    i: int,
    j: int,
    columns: int,
    descend: bool,
    keep: Any,
    rate: Any,
) -> None:
    """One block of sum over examples of A^T dZ, as gemm.gradient_block, where panel j has one or two columns."""
    width = S.shape[1]
    totals = scratch_panel(S)
    _add_gradients(A, i, dZ, j, m, totals)
    for u in range(rows):
        if descend:
            for c in range(columns):
                W[j, i * width + u, c] = keep * W[j, i * width + u, c] - rate * totals[0, c, u]
        else:
            for c in range(width):
                S[u, c] = S.dtype.type(0)
            for c in range(columns):
                S[u, c] = totals[0, c, u]
