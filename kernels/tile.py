"""The register tile: C[height x 2 vectors] (+)= A[height x k] B[k x 2 vectors], all accumulators in registers.

Two forms of one loop, written as LLVM vector instructions; each is one function in which the number of rows (1 to the
tile's height) and of vectors (1 or 2) is chosen at run time; the first does `count` tiles, one below the other:

* `product_tile`   rows are examples: Z = A W + b and dA = dZ W^T, with a piecewise linear activation or its derivative;
* `gradient_tile`  rows are units of the layer below: dW = A^T dZ, with the step of gradient descent.

Operands are panels (see panels.py): three-dimensional arrays in which the numbers one tile needs lie side by side, so
that no step of training packs or copies a matrix. B is read a vector at a time, A one number at a time, spread over a
vector. A contraction always runs in ascending order in one accumulator per output: neither the tile's height nor
the number of threads can change a bit of the result.

With `NUMBA_DISABLE_JIT=1` the plain loops at the end of the file stand in; they state the same equations.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from fastdnn.kernels._jit import JIT_DISABLED, intrinsic
from fastdnn.kernels.vector import INT64, VectorWriter, array_pointer, array_shape, panel_width, tile_height

# How the accumulators start.
ZERO, BIAS, ADD = 0, 1, 2
# What is done with them at the end.
STORE, ACTIVATE, DERIVE, SCALE = 0, 1, 2, 3

_UNROLL = 4


def _write_product(
    w: VectorWriter,
    height: int,
    vectors: int,
    strides: tuple[int, int],
    operands: tuple[Any, Any],
    steps: Any,
    jump: Any,
    start: list[Any],
) -> list[Any]:
    """The contraction: acc[r][v] += A[r, p] B[p, v] for `steps` values of p, in ascending order.

    strides : scalars from one row of A to the next, and from one p to the next; B advances by one panel row per p.
    jump : None, or scalars to add to A's address at the end of each panel of A (the contraction runs across panels).
    """
    b = w.builder
    row_stride, step_stride = strides
    a_start, b_start = operands
    width = 2 * w.lanes

    def one_step(a: Any, bp: Any, u: int, accumulators: list[Any]) -> list[Any]:
        columns = [w.load(w.at(bp, u * width + v * w.lanes)) for v in range(vectors)]
        result = []
        for r in range(height):
            spread = w.splat(w.load_scalar(w.at(a, r * row_stride + u * step_stride)))
            result += [w.multiply_add(spread, columns[v], accumulators[r * vectors + v]) for v in range(vectors)]
        return result

    def loop(name: str, count: Any, unroll: int, a0: Any, b0: Any, values: list[Any]) -> tuple[Any, Any, list[Any]]:
        before = b.block
        body, done = b.append_basic_block(name), b.append_basic_block(name + ".done")
        b.cbranch(b.icmp_signed(">", count, ir.Constant(INT64, 0)), body, done)
        b.position_at_end(body)
        i, a, bp = b.phi(INT64), b.phi(a0.type), b.phi(b0.type)
        accumulators = [b.phi(w.vector) for _ in values]
        result: list[Any] = list(accumulators)
        for u in range(unroll):
            result = one_step(a, bp, u, result)
        i_next = b.add(i, ir.Constant(INT64, 1))
        advance: Any = ir.Constant(INT64, unroll * step_stride)
        if jump is not None and unroll > 1:
            at_end = b.icmp_signed("==", b.and_(i_next, ir.Constant(INT64, width // unroll - 1)), ir.Constant(INT64, 0))
            advance = b.select(at_end, b.add(advance, jump), advance)
        a_next, b_next = w.at(a, advance), w.at(bp, unroll * width)
        phis, firsts, nexts = (
            [i, a, bp, *accumulators],
            [ir.Constant(INT64, 0), a0, b0, *values],
            [i_next, a_next, b_next, *result],
        )
        for phi, first, following in zip(phis, firsts, nexts, strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(following, b.block)
        latch = b.block
        b.cbranch(b.icmp_signed("<", i_next, count), body, done)
        b.position_at_end(done)
        merged = []
        for first, following in zip([a0, b0, *values], [a_next, b_next, *result], strict=True):
            phi = b.phi(first.type)
            phi.add_incoming(first, before)
            phi.add_incoming(following, latch)
            merged.append(phi)
        return merged[0], merged[1], merged[2:]

    unroll = min(_UNROLL, width)
    quads = b.sdiv(steps, ir.Constant(INT64, unroll))
    rest = b.srem(steps, ir.Constant(INT64, unroll))
    a, bp, values = loop("main", quads, unroll, a_start, b_start, start)
    return loop("rest", rest, 1, a, bp, values)[2]


def _write_variants(b: ir.IRBuilder, height: Any, vectors: Any, write_one: Any) -> None:
    """One block for every (height, vectors), chosen by a jump table; each returns."""
    nowhere = b.append_basic_block("nowhere")
    choice = b.switch(b.add(b.mul(height, ir.Constant(INT64, 2)), vectors), nowhere)
    for rows in range(1, tile_height() + 1):
        for v in (1, 2):
            block = b.append_basic_block(f"tile{rows}x{v}")
            choice.add_case(ir.Constant(INT64, 2 * rows + v), block)
            b.position_at_end(block)
            write_one(rows, v)
            b.ret_void()
    b.position_at_end(nowhere)
    b.ret_void()


def _write_padding(w: VectorWriter, pointer: Any, rows: int, vectors: int) -> None:
    """Zeros in the second vector of each row where the panel has no column there, so that padding is zero throughout."""
    if vectors == 1:
        for i in range(rows):
            w.store(w.zero, w.at(pointer, (2 * i + 1) * w.lanes))


def _outlined(builder: ir.IRBuilder, name: str, arguments: list[Any], write: Any) -> None:
    """Call the function `name` of this module with `arguments`; `write(builder, arguments)` writes its body once."""
    function = builder.module.globals.get(name)
    if function is None:
        function = ir.Function(builder.module, ir.FunctionType(ir.VoidType(), [a.type for a in arguments]), name)
        function.linkage = "linkonce_odr"
        function.attributes.add("noinline")
        function.attributes.add("nounwind")
        write(ir.IRBuilder(function.append_basic_block("entry")), list(function.args))
    builder.call(function, arguments)


def _switch_start(w: VectorWriter, how: Any, choices: dict[int, Any], count: int) -> list[Any]:
    """The first accumulators: `choices[how]()` gives `count` vectors; ZERO needs no entry."""
    b = w.builder
    merge = b.append_basic_block("start")
    switch = b.switch(how, merge)
    incoming = [(b.block, [w.zero] * count)]
    for code, values in choices.items():
        block = b.append_basic_block(f"start.{code}")
        switch.add_case(ir.Constant(INT64, code), block)
        b.position_at_end(block)
        incoming.append((block, values()))
        b.branch(merge)
    b.position_at_end(merge)
    phis = [b.phi(w.vector) for _ in range(count)]
    for block, values_there in incoming:
        for phi, value in zip(phis, values_there, strict=True):
            phi.add_incoming(value, block)
    return phis


@intrinsic
def _product_tile_ir(
    typingctx: Any,
    A: Any,
    B: Any,
    b: Any,
    C: Any,
    D: Any,
    r: Any,
    rows: Any,
    count: Any,
    p0: Any,
    p1: Any,
    j: Any,
    vectors: Any,
    start: Any,
    finish: Any,
    slope: Any,
) -> Any:
    dtype = C.dtype
    sig = types.void(A, B, b, C, D, *([types.int64] * 9), dtype)

    def write(context: Any, builder: ir.IRBuilder, arguments: list[Any]) -> None:
        w = VectorWriter(context, builder, dtype)
        a0, bp, bias, c0, d0, jump, steps, height, repeat, vecs, how, end, slope_value = arguments
        width = 2 * w.lanes

        def one(rows_here: int, v: int) -> None:
            b = w.builder
            before, body, finished = b.block, b.append_basic_block("tile"), b.append_basic_block("tiles.done")
            b.branch(body)
            b.position_at_end(body)
            left, a, c, d = b.phi(INT64), b.phi(a0.type), b.phi(c0.type), b.phi(d0.type)
            places = [w.at(c, i * width + k * w.lanes) for i in range(rows_here) for k in range(v)]

            def from_bias() -> list[Any]:
                return [w.load(w.at(bias, k * w.lanes)) for k in range(v)] * rows_here

            values = _switch_start(w, how, {BIAS: from_bias, ADD: lambda: [w.load(p) for p in places]}, rows_here * v)
            values = _write_product(w, rows_here, v, (width, 1), (a, bp), steps, jump, values)
            spread = w.splat(slope_value)
            done = b.append_basic_block("stored")
            switch = b.switch(end, done)
            for code in (STORE, ACTIVATE, DERIVE, SCALE):
                block = b.append_basic_block(f"finish.{code}")
                switch.add_case(ir.Constant(INT64, code), block)
                b.position_at_end(block)
                for i, (place, z) in enumerate(zip(places, values, strict=True)):
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
            _write_padding(w, c, rows_here, v)
            following = [
                b.sub(left, ir.Constant(INT64, 1)),
                *(w.at(pointer, rows_here * width) for pointer in (a, c, d)),
            ]
            for phi, start, value in zip((left, a, c, d), (repeat, a0, c0, d0), following, strict=True):
                phi.add_incoming(start, before)
                phi.add_incoming(value, b.block)
            b.cbranch(b.icmp_signed(">", following[0], ir.Constant(INT64, 0)), body, finished)
            b.position_at_end(finished)

        _write_variants(builder, height, vecs, one)

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        tA, tB, tb, tC, tD = signature.args[:5]
        vA, vB, vb, vC, vD, vr, vrows, vcount, vp0, vp1, vj, vvectors, vstart, vfinish, vslope = args
        zero, one = ir.Constant(INT64, 0), ir.Constant(INT64, panel_width(dtype.name))
        a = array_pointer(context, builder, tA, vA, [builder.sdiv(vp0, one), vr, zero])
        bp = array_pointer(context, builder, tB, vB, [vj, vp0, zero])
        bias = array_pointer(context, builder, tb, vb, [builder.mul(vj, one)])
        c = array_pointer(context, builder, tC, vC, [vj, vr, zero])
        d = array_pointer(context, builder, tD, vD, [vj, vr, zero])
        stride = builder.mul(array_shape(context, builder, tA, vA)[1], one)
        jump = builder.sub(stride, one)
        arguments = [a, bp, bias, c, d, jump, builder.sub(vp1, vp0), vrows, vcount, vvectors, vstart, vfinish, vslope]
        _outlined(builder, f"fastdnn.product_tile.{dtype}", arguments, lambda b, given: write(context, b, given))
        return context.get_dummy_value()

    return sig, codegen


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
            values = _switch_start(w, how, {ADD: lambda: [w.load(w.at(s, o)) for o in offsets]}, rows_here * v)
            values = _write_product(w, rows_here, v, (1, width), (a, z), steps, None, values)
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
            _write_padding(w, s, rows_here, v)
            b.branch(done)
            b.position_at_end(done)

        _write_variants(builder, rows, vecs, one)

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
        _outlined(builder, f"fastdnn.gradient_tile.{dtype}", arguments, lambda b, given: write(context, b, given))
        return context.get_dummy_value()

    return sig, codegen


def _product_tile_plain(
    A: Any,
    B: Any,
    b: Any,
    C: Any,
    D: Any,
    r: int,
    rows: int,
    count: int,
    p0: int,
    p1: int,
    j: int,
    vectors: int,
    start: int,
    finish: int,
    slope: Any,
) -> None:
    width = C.shape[2]
    columns = slice(0, vectors * width // 2)
    here = slice(r, r + rows * count)
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


product_tile = _product_tile_plain if JIT_DISABLED else _product_tile_ir
gradient_tile = _gradient_tile_plain if JIT_DISABLED else _gradient_tile_ir
