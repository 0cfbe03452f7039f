"""The register tile whose rows are units of the layer below: dW = A^T dZ, with the step of gradient descent; as product_tile.py.

While it computes, lines of A are asked for, from row `r_soon` of panel `q_soon` on; each tile begins `rows_soon` rows after the one
before. All at once they would be waited for: a tile has time for a line with each round of its loop.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from fastdnn.kernels._jit import JIT_DISABLED, intrinsic
from fastdnn.kernels.tile import ADD, Tiles, outlined, switch_start, write_padding, write_product, write_tiles
from fastdnn.kernels.vector import INT64, VectorWriter, array_pointer, panel_width


@intrinsic
def _gradient_tile_ir(
    typingctx: Any,
    A: Any,
    dZ: Any,
    S: Any,
    W: Any,
    i: Any,
    height: Any,
    higher: Any,
    tiles: Any,
    j: Any,
    r0: Any,
    r1: Any,
    vectors: Any,
    start: Any,
    step: Any,
    keep: Any,
    rate: Any,
    q_soon: Any,
    r_soon: Any,
    rows_soon: Any,
) -> Any:
    dtype = W.dtype
    sig = types.void(A, dZ, S, W, *([types.int64] * 10), dtype, dtype, *([types.int64] * 3))

    def write(context: Any, builder: ir.IRBuilder, arguments: list[Any]) -> None:
        w = VectorWriter(context, builder, dtype)
        a0, z, s0, target0, steps, height, higher, tiles, vecs, how, descend, keep_value, rate_value, soon0, asked = (
            arguments
        )
        width = 2 * w.lanes

        def one(rows_here: int, v: int, values: list[Any]) -> list[Any]:
            b = w.builder
            a, s, target, soon = values
            offsets = [i * width + k * w.lanes for i in range(rows_here) for k in range(v)]
            results = switch_start(w, how, {ADD: lambda: [w.load(w.at(s, o)) for o in offsets]}, rows_here * v)
            results = write_product(w, rows_here, v, (1, width), (a, z), steps, None, results, soon)
            updating, storing, done = (b.append_basic_block(name) for name in ("descend", "keep", "stored"))
            b.cbranch(b.icmp_signed("!=", descend, INT64(0)), updating, storing)
            b.position_at_end(updating)
            keep_all, rate_all = w.splat(keep_value), w.splat(b.fneg(rate_value))
            for o, gradient in zip(offsets, results, strict=True):
                place = w.at(target, o)
                w.store(w.multiply_add(gradient, rate_all, b.fmul(keep_all, w.load(place))), place)
            b.branch(done)
            b.position_at_end(storing)
            for o, gradient in zip(offsets, results, strict=True):
                w.store(gradient, w.at(s, o))
            write_padding(w, s, rows_here, v)
            b.branch(done)
            b.position_at_end(done)
            below = [w.at(pointer, rows_here * width) for pointer in (s, target)]
            return [w.at(a, rows_here), *below, w.at(soon, b.mul(asked, INT64(width)))]

        write_tiles(builder, Tiles(height, higher, tiles, vecs), [a0, s0, target0, soon0], one)

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        tA, tZ, tS, tW = signature.args[:4]
        vA, vZ, vS, vW, vi, *shape, vj, vr0, vr1, vvectors, vstart, vstep, vkeep, vrate, vq, vp, vsoon = args
        zero, width = ir.Constant(INT64, 0), ir.Constant(INT64, panel_width(dtype.name))
        inside = builder.srem(vi, width)
        a = array_pointer(context, builder, tA, vA, [builder.sdiv(vi, width), vr0, inside])
        z = array_pointer(context, builder, tZ, vZ, [vj, vr0, zero])
        s = array_pointer(context, builder, tS, vS, [inside, zero])
        target = array_pointer(context, builder, tW, vW, [vj, vi, zero])
        soon = array_pointer(context, builder, tA, vA, [vq, vp, zero])
        arguments = [a, z, s, target, builder.sub(vr1, vr0), *shape, vvectors, vstart, vstep, vkeep, vrate, soon, vsoon]
        outlined(builder, f"fastdnn.gradient_tile.{dtype}", arguments, lambda b, given: write(context, b, given))
        return context.get_dummy_value()

    return sig, codegen


def _gradient_tile_plain(
    A: Any,
    dZ: Any,
    S: Any,
    W: Any,
    i: int,
    height: int,
    higher: int,
    tiles: int,
    j: int,
    r0: int,
    r1: int,
    vectors: int,
    start: int,
    step: int,
    keep: Any,
    rate: Any,
    q_soon: int,
    r_soon: int,
    rows_soon: int,
) -> None:
    width = S.shape[1]
    columns = slice(0, vectors * width // 2)
    inside = i % width
    height = tiles * (height - 1) + higher
    dW = A[i // width, r0:r1, inside : inside + height].T @ dZ[j, r0:r1, columns]
    if start == ADD:
        dW = dW + S[inside : inside + height, columns]
    if step:
        W[j, i : i + height, columns] = keep * W[j, i : i + height, columns] - rate * dW
    else:
        S[inside : inside + height] = 0
        S[inside : inside + height, columns] = dW


gradient_tile = _gradient_tile_plain if JIT_DISABLED else _gradient_tile_ir
