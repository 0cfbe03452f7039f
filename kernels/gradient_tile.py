"""The register tile whose rows are units of the layer below: dW = A^T dZ, with the step of gradient descent (tile.py)."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from fastdnn.kernels._jit import JIT_DISABLED, intrinsic
from fastdnn.kernels.tile import ADD, outlined, switch_start, write_padding, write_product, write_variants
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
    j: Any,
    r0: Any,
    r1: Any,
    vectors: Any,
    start: Any,
    step: Any,
    keep: Any,
    rate: Any,
) -> Any:
    dtype = W.dtype
    sig = types.void(A, dZ, S, W, *([types.int64] * 8), dtype, dtype)

    def write(context: Any, builder: ir.IRBuilder, arguments: list[Any]) -> None:
        w = VectorWriter(context, builder, dtype)
        a, z, s, target, steps, rows, vecs, how, descend, keep_value, rate_value = arguments
        width = 2 * w.lanes

        def one(rows_here: int, v: int) -> None:
            b = w.builder
            offsets = [i * width + k * w.lanes for i in range(rows_here) for k in range(v)]
            values = switch_start(w, how, {ADD: lambda: [w.load(w.at(s, o)) for o in offsets]}, rows_here * v)
            values = write_product(w, rows_here, v, (1, width), (a, z), steps, None, values)
            updating, storing, done = (b.append_basic_block(name) for name in ("descend", "keep", "stored"))
            b.cbranch(b.icmp_signed("!=", descend, ir.Constant(INT64, 0)), updating, storing)
            b.position_at_end(updating)
            keep_all, rate_all = w.splat(keep_value), w.splat(b.fneg(rate_value))
            for o, gradient in zip(offsets, values, strict=True):
                place = w.at(target, o)
                w.store(w.multiply_add(gradient, rate_all, b.fmul(keep_all, w.load(place))), place)
            b.branch(done)
            b.position_at_end(storing)
            for o, gradient in zip(offsets, values, strict=True):
                w.store(gradient, w.at(s, o))
            write_padding(w, s, rows_here, v)
            b.branch(done)
            b.position_at_end(done)

        write_variants(builder, rows, vecs, one)

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        tA, tZ, tS, tW = signature.args[:4]
        vA, vZ, vS, vW, vi, vheight, vj, vr0, vr1, vvectors, vstart, vstep, vkeep, vrate = args
        zero, width = ir.Constant(INT64, 0), ir.Constant(INT64, panel_width(dtype.name))
        inside = builder.srem(vi, width)
        a = array_pointer(context, builder, tA, vA, [builder.sdiv(vi, width), vr0, inside])
        z = array_pointer(context, builder, tZ, vZ, [vj, vr0, zero])
        s = array_pointer(context, builder, tS, vS, [inside, zero])
        target = array_pointer(context, builder, tW, vW, [vj, vi, zero])
        arguments = [a, z, s, target, builder.sub(vr1, vr0), vheight, vvectors, vstart, vstep, vkeep, vrate]
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
    j: int,
    r0: int,
    r1: int,
    vectors: int,
    start: int,
    step: int,
    keep: Any,
    rate: Any,
) -> None:
    width = S.shape[1]
    columns = slice(0, vectors * width // 2)
    inside = i % width
    dW = A[i // width, r0:r1, inside : inside + height].T @ dZ[j, r0:r1, columns]
    if start == ADD:
        dW = dW + S[inside : inside + height, columns]
    if step:
        W[j, i : i + height, columns] = keep * W[j, i : i + height, columns] - rate * dW
    else:
        S[inside : inside + height] = 0
        S[inside : inside + height, columns] = dW


gradient_tile = _gradient_tile_plain if JIT_DISABLED else _gradient_tile_ir
