"""The register tile whose rows are examples: Z = A W + b, dA = dZ W^T; the tiles one below the other in a call (tile.py).

With each tile `rows_soon` rows of B are asked for, from row `p_soon` of panel `q_soon` on: what the next tiles read.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from fastdnn.kernels._jit import JIT_DISABLED, intrinsic
from fastdnn.kernels.tile import (
    ACTIVATE,
    ADD,
    BIAS,
    DERIVE,
    SCALE,
    STORE,
    Tiles,
    outlined,
    switch_start,
    write_padding,
    write_product,
    write_tiles,
)
from fastdnn.kernels.vector import (
    INT64,
    VectorWriter,
    array_pointer,
    array_shape,
    panel_width,
    write_prefetch,
)


@intrinsic
def _product_tile_ir(
    typingctx: Any,
    A: Any,
    B: Any,
    b: Any,
    C: Any,
    D: Any,
    r: Any,
    height: Any,
    higher: Any,
    tiles: Any,
    p0: Any,
    p1: Any,
    j: Any,
    vectors: Any,
    start: Any,
    finish: Any,
    slope: Any,
    q_soon: Any,
    p_soon: Any,
    rows_soon: Any,
) -> Any:
    dtype = C.dtype
    sig = types.void(A, B, b, C, D, *([types.int64] * 10), dtype, *([types.int64] * 3))

    def write(context: Any, builder: ir.IRBuilder, arguments: list[Any]) -> None:
        w = VectorWriter(context, builder, dtype)
        a0, bp, bias, c0, d0, jump, steps, height, higher, tiles, vecs, how, end, slope_value, soon0, soon_rows = (
            arguments
        )
        width = 2 * w.lanes

        def one(rows_here: int, v: int, values: list[Any]) -> list[Any]:
            b = w.builder
            a, c, d, soon = values
            write_prefetch(b, soon, b.mul(soon_rows, INT64(width * w.bytes)), for_writing=False)
            places = [w.at(c, i * width + k * w.lanes) for i in range(rows_here) for k in range(v)]

            def from_bias() -> list[Any]:
                return [w.load(w.at(bias, k * w.lanes)) for k in range(v)] * rows_here

            results = switch_start(w, how, {BIAS: from_bias, ADD: lambda: [w.load(p) for p in places]}, rows_here * v)
            results = write_product(w, rows_here, v, (width, 1), (a, bp), steps, jump, results)
            spread = w.splat(slope_value)
            done = b.append_basic_block("stored")
            switch = b.switch(end, done)
            for code in (STORE, ACTIVATE, DERIVE, SCALE):
                block = b.append_basic_block(f"finish.{code}")
                switch.add_case(INT64(code), block)
                b.position_at_end(block)
                for i, (place, z) in enumerate(zip(places, results, strict=True)):
                    beside = w.at(d, (i // v) * width + (i % v) * w.lanes)
                    result = z
                    if code == SCALE:
                        result = b.fmul(z, w.load(beside))
                    elif code != STORE:
                        sign = z if code == ACTIVATE else w.load(beside)
                        result = w.where_positive(sign, z, b.fmul(z, spread))
                    w.store(result, place)
                b.branch(done)
            b.position_at_end(done)
            write_padding(w, c, rows_here, v)
            following = [w.at(pointer, rows_here * width) for pointer in (a, c, d)]
            return [*following, w.at(soon, b.mul(soon_rows, INT64(width)))]

        write_tiles(builder, Tiles(height, higher, tiles, vecs), [a0, c0, d0, soon0], one)

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        tA, tB, tb, tC, tD = signature.args[:5]
        vA, vB, vb, vC, vD, vr, *shape, vp0, vp1, vj, vvectors, vstart, vfinish, vslope, vq, vp, vsoon = args
        zero, one = ir.Constant(INT64, 0), ir.Constant(INT64, panel_width(dtype.name))
        a = array_pointer(context, builder, tA, vA, [builder.sdiv(vp0, one), vr, zero])
        bp = array_pointer(context, builder, tB, vB, [vj, vp0, zero])
        bias = array_pointer(context, builder, tb, vb, [builder.mul(vj, one)])
        c = array_pointer(context, builder, tC, vC, [vj, vr, zero])
        d = array_pointer(context, builder, tD, vD, [vj, vr, zero])
        stride = builder.mul(array_shape(context, builder, tA, vA)[1], one)
        jump = builder.sub(stride, one)
        soon = array_pointer(context, builder, tB, vB, [vq, vp, zero])
        steps = builder.sub(vp1, vp0)
        arguments = [a, bp, bias, c, d, jump, steps, *shape, vvectors, vstart, vfinish, vslope, soon, vsoon]
        outlined(builder, f"fastdnn.product_tile.{dtype}", arguments, lambda b, given: write(context, b, given))
        return context.get_dummy_value()

    return sig, codegen


def _product_tile_plain(
    A: Any,
    B: Any,
    b: Any,
    C: Any,
    D: Any,
    r: int,
    height: int,
    higher: int,
    tiles: int,
    p0: int,
    p1: int,
    j: int,
    vectors: int,
    start: int,
    finish: int,
    slope: Any,
    q_soon: int,
    p_soon: int,
    rows_soon: int,
) -> None:
    width = C.shape[2]
    columns = slice(0, vectors * width // 2)
    here = slice(r, r + tiles * (height - 1) + higher)
    a = np.concatenate(list(A[p0 // width : -(-p1 // width), here]), axis=1)[:, : p1 - p0]
    Z = a @ B[j, p0:p1, columns]
    if start == BIAS:
        Z = Z + b[j * width :][columns]
    elif start == ADD:
        Z = Z + C[j, here, columns]
    beside = D[j, here, columns].copy()
    C[j, here] = 0
    if finish == STORE:
        C[j, here, columns] = Z
    elif finish == SCALE:
        C[j, here, columns] = Z * beside
    else:
        C[j, here, columns] = np.where((Z if finish == ACTIVATE else beside) > 0, Z, Z * slope)


product_tile = _product_tile_plain if JIT_DISABLED else _product_tile_ir
