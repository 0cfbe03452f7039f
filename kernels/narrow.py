"""Products of a narrow layer, as logistic regression's: the vectors run along the layer below, not along the one or two units.

A register tile spreads one number of A over a vector of units; with one unit most of that vector is padding. Here a vector of A
meets a vector of W (kept for it as panels.py says), and the lanes are added up at the end. So a contraction of Z has an
accumulator for each lane, each in ascending order: the bits depend on the vector width, but not on threads or batches.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from fastdnn.kernels._jit import JIT_DISABLED, device, intrinsic, separate
from fastdnn.kernels.panels import NARROW
from fastdnn.kernels.rows import width_of
from fastdnn.kernels.tile import STORE
from fastdnn.kernels.vector import INT32, INT64, VectorWriter, array_pointer, array_shape, write_loop

# Panels of W that are held in registers while rows of A pass by.
_HELD = (4, 2, 1)
# Rows whose accumulators stay in the first-level cache while all of W passes by.
_ROWS = 512


@intrinsic
def _add_products_ir(
    typingctx: Any, A: Any, W: Any, q: Any, held: Any, k: Any, c: Any, Z: Any, r0: Any, r1: Any, fresh: Any
) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        w, b = VectorWriter(context, builder, Z.dtype), builder
        vA, vW, vq, vheld, vk, vc, vZ, vr0, vr1, vfresh = args
        width, zero = 2 * w.lanes, INT64(0)
        a0 = array_pointer(context, b, A, vA, [vq, vr0, zero])
        w0 = array_pointer(context, b, W, vW, [vq, vc, zero])
        z0 = array_pointer(context, b, Z, vZ, [zero, vr0, b.mul(vc, INT64(w.lanes))])
        a_stride, w_stride = (
            b.mul(array_shape(context, b, kind, value)[1], INT64(width)) for kind, value in ((A, vA), (W, vW))
        )
        inside = w.columns_below(b.sub(vk, b.mul(b.sub(b.add(vq, vheld), INT64(1)), INT64(width))))

        def add(panels: int) -> None:
            weights = [
                w.load(w.at(w.at(w0, b.mul(w_stride, INT64(v // 2))), v % 2 * w.lanes)) for v in range(2 * panels)
            ]

            def row(r: Any, _: list[Any]) -> list[Any]:
                at = b.mul(r, INT64(width))
                place = w.at(z0, at)
                total = b.select(vfresh, w.zero, w.load(place))
                for v in range(2 * panels):
                    a = w.load(w.at(w.at(w.at(a0, b.mul(a_stride, INT64(v // 2))), at), v % 2 * w.lanes))
                    if v // 2 == panels - 1:  # the last may have padding, which may be anything
                        a = b.select(inside[v % 2], a, w.zero)
                    total = w.multiply_add(a, weights[v], total)
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
    return types.void(A, W, i, i, i, i, Z, i, i, types.boolean), codegen


@intrinsic
def _add_gradients_ir(typingctx: Any, A: Any, i: Any, dZ: Any, m: Any, S: Any) -> Any:
    """Examples take turns at two sums, because one would wait for each addition to end."""

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        w, b = VectorWriter(context, builder, S.dtype), builder
        vA, vi, vZ, vm, vS = args
        width, zero = 2 * w.lanes, INT64(0)
        a0 = array_pointer(context, b, A, vA, [vi, zero, zero])
        z0 = array_pointer(context, b, dZ, vZ, [zero, zero, zero])
        target = array_pointer(context, b, S, vS, [zero, zero])
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

    return types.void(A, types.int64, dZ, types.int64, S), codegen


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
def _finish_rows_ir(typingctx: Any, Z: Any, b: Any, n: Any, r0: Any, r1: Any, finish: Any, slope: Any) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        w = VectorWriter(context, builder, Z.dtype)
        vZ, vb, vn, vr0, vr1, vfinish, vslope = args
        width, zero = 2 * w.lanes, INT64(0)
        z0 = array_pointer(context, builder, Z, vZ, [zero, vr0, zero])
        bias = w.load(array_pointer(context, builder, b, vb, [zero]))
        store = builder.icmp_signed("==", vfinish, INT64(STORE))
        slopes = w.splat(vslope)
        inside = w.columns_below(vn)[0]

        def row(r: Any, _: list[Any]) -> list[Any]:
            place = w.at(z0, builder.mul(r, INT64(width)))
            z = _two_totals(w, *(w.load(w.at(place, c * w.lanes)) for c in range(NARROW)))
            z = builder.select(inside, builder.fadd(z, bias), w.zero)
            bent = w.where_positive(z, z, builder.fmul(z, slopes))
            w.store(builder.select(store, z, bent), place)
            w.store(w.zero, w.at(place, w.lanes))
            return []

        write_loop(builder, "finish", zero, builder.sub(vr1, vr0), 1, [], row)
        return context.get_dummy_value()

    i = types.int64
    return types.void(Z, b, i, i, i, i, Z.dtype), codegen


def _add_products_plain(
    A: Any, W: Any, q: int, held: int, k: int, c: int, Z: Any, r0: int, r1: int, fresh: bool
) -> None:
    width = Z.shape[2]
    lanes = width // 2
    here = Z[0, r0:r1, c * lanes : (c + 1) * lanes]
    if fresh:
        here[:] = 0
    for p in range(q, q + held):
        product = A[p, r0:r1] * W[p, c]
        product[:, max(0, k - p * width) :] = 0
        here += product[:, :lanes] + product[:, lanes:]


def _add_gradients_plain(A: Any, i: int, dZ: Any, m: int, S: Any) -> None:
    S[:NARROW] = dZ[0, :m, :NARROW].T @ A[i, :m]


def _finish_rows_plain(Z: Any, b: Any, n: int, r0: int, r1: int, finish: int, slope: Any) -> None:
    totals = Z[0, r0:r1].reshape(r1 - r0, 2, Z.shape[2] // 2).sum(axis=2)[:, :n] + b[:n]
    Z[0, r0:r1] = 0
    Z[0, r0:r1, :n] = totals if finish == STORE else np.where(totals > 0, totals, totals * slope)


if JIT_DISABLED:
    _add_products, _add_gradients, _finish_rows = _add_products_plain, _add_gradients_plain, _finish_rows_plain
else:
    _add_products, _add_gradients, _finish_rows = _add_products_ir, _add_gradients_ir, _finish_rows_ir


def _narrow_product_types(f: Any) -> tuple[Any, ...]:
    panels, i = types.Array(f, 3, "C"), types.int64
    return (panels, panels, types.Array(f, 1, "C"), panels, *([i] * 5), f)


@separate(_narrow_product_types)
def narrow_product(A: Any, W: Any, b: Any, Z: Any, k: int, n: int, r0: int, r1: int, finish: int, slope: Any) -> None:
    """Rows r0 to r1 of Z = A W + b, then as `finish` says: STORE or ACTIVATE, see gemm.matmul_bias.

    A : panels of (rows, k), read. W : of a narrow layer (panels.py), read. b : (width,), read.
    Z : panels of (rows, n), overwritten there, padding columns too; overlaps nothing else.
    """
    panels = (k + width_of(Z) - 1) // width_of(Z)
    for first in range(r0, r1, _ROWS):
        last = min(r1, first + _ROWS)
        q = 0
        while q < panels:
            left = panels - q
            held = _HELD[0] if left >= _HELD[0] else _HELD[1] if left >= _HELD[1] else _HELD[2]
            for c in range(n):
                _add_products(A, W, q, held, k, c, Z, first, last, q == 0)
            q += held
        _finish_rows(Z, b, n, first, last, finish, slope)


@device
def narrow_gradient(A: Any, dZ: Any, S: Any, i: int, m: int, k: int) -> None:
    """S = block i of the sum over m examples of A^T dZ of a narrow layer; rows of S beyond NARROW are not touched.

    A : panels of (m, k), read. dZ : panels of (m, n), read. S : (NARROW or more, width), its first n rows and what else there is
    of NARROW overwritten.
    """
    width = width_of(A)
    _add_gradients(A, i, dZ, m, S)
    # Beyond the last unit below A may hold anything.
    for u in range(min(width, k - i * width), width):
        for c in range(NARROW):
            S[c, u] = S.dtype.type(0)
