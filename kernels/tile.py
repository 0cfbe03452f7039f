"""The register tile: C[height x 2 vectors] (+)= A[height x k] B[k x 2 vectors], all accumulators in registers.

Two forms of one loop, written as LLVM vector instructions; each is one function in which the number of rows (1 to the
tile's height) and of vectors (1 or 2) is chosen at run time. What they share is here.

* product_tile.py   rows are examples: Z = A W + b and dA = dZ W^T, with a piecewise linear activation or its derivative;
* gradient_tile.py  rows are units of the layer below: dW = A^T dZ, with the step of gradient descent.

Operands are panels (see panels.py): three-dimensional arrays in which the numbers one tile needs lie side by side, so
that no step of training packs or copies a matrix. B is read a vector at a time, A one number at a time, spread over a
vector. A contraction always runs in ascending order in one accumulator per output: neither the tile's height nor
the number of threads can change a bit of the result.

With `NUMBA_DISABLE_JIT=1` the plain loops at the end of those files stand in; they state the same equations.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir

from fastdnn.kernels.vector import CACHE_LINE, INT64, VectorWriter, tile_height, write_line_prefetch, write_loop

# How the accumulators start.
ZERO, BIAS, ADD = 0, 1, 2
# What is done with them at the end.
STORE, ACTIVATE, DERIVE, SCALE = 0, 1, 2, 3

# Steps of a contraction written out in its loop, by vectors of a row: more is no faster, and longer to compile.
_UNROLL = {1: 2, 2: 4}


class Tiles(NamedTuple):
    """`count` register tiles, the first `higher` of `height` rows and the others of one less; 1 or 2 `vectors` a row."""

    height: Any
    higher: Any
    count: Any
    vectors: Any


def write_product(
    w: VectorWriter,
    height: int,
    vectors: int,
    strides: tuple[int, int],
    operands: tuple[Any, Any],
    steps: Any,
    jump: Any,
    start: list[Any],
    soon: Any = None,
) -> list[Any]:
    """The contraction: acc[r][v] += A[r, p] B[p, v] for `steps` values of p, in ascending order.

    strides : scalars from one row of A to the next, and from one p to the next; B advances by one panel row per p.
    jump : None, or scalars to add to A's address at the end of each panel of A (the contraction runs across panels).
    soon : None, or where numbers begin that are asked for meanwhile: as many lines of the cache with each round of the loop as a
        panel's row touches.
    """
    b = w.builder
    row_stride, step_stride = strides
    a_start, b_start = operands
    width = 2 * w.lanes
    line = CACHE_LINE // w.bytes
    in_round = max(width, line)

    def one_step(a: Any, bp: Any, u: int, accumulators: list[Any]) -> list[Any]:
        columns = [w.load(w.at(bp, u * width + v * w.lanes)) for v in range(vectors)]
        result = []
        for r in range(height):
            spread = w.splat(w.load_scalar(w.at(a, r * row_stride + u * step_stride)))
            result += [w.multiply_add(spread, columns[v], accumulators[r * vectors + v]) for v in range(vectors)]
        return result

    def steps_of(unroll: int) -> Any:
        def add(i: Any, values: list[Any]) -> list[Any]:
            a, bp, *result = values
            if soon is not None and unroll > 1:
                place = w.at(soon, b.mul(i, INT64(in_round)))
                for part in range(0, in_round, line):
                    write_line_prefetch(b, w.at(place, part), for_writing=False)
            for u in range(unroll):
                result = one_step(a, bp, u, result)
            advance: Any = INT64(unroll * step_stride)
            if jump is not None and unroll > 1:
                turn = b.and_(b.add(i, INT64(1)), INT64(width // unroll - 1))
                advance = b.select(b.icmp_signed("==", turn, INT64(0)), b.add(advance, jump), advance)
            return [w.at(a, advance), w.at(bp, unroll * width), *result]

        return add

    unroll = min(_UNROLL[vectors], width)
    quads, rest = b.sdiv(steps, INT64(unroll)), b.srem(steps, INT64(unroll))
    values = write_loop(b, "main", INT64(0), quads, 1, [a_start, b_start, *start], steps_of(unroll))
    return write_loop(b, "rest", INT64(0), rest, 1, values, steps_of(1))[2:]


def write_tiles(b: ir.IRBuilder, shape: Tiles, first: list[Any], write_one: Any) -> None:
    """Tiles one below the other, then return. `write_one(rows, vectors, values)` writes one and returns the next tile's values.

    There is a block for every (rows, vectors), and each tile jumps to its own.
    """
    before, choose, nowhere = b.block, b.append_basic_block("choose"), b.append_basic_block("nowhere")
    b.branch(choose)
    b.position_at_end(choose)
    left, higher, values = b.phi(INT64), b.phi(INT64), [b.phi(value.type) for value in first]
    rows_here = b.sub(shape.height, b.zext(b.icmp_signed("<=", higher, INT64(0)), INT64))
    choice = b.switch(b.add(b.mul(rows_here, INT64(2)), shape.vectors), nowhere)
    end = b.append_basic_block("end")
    incoming = [(before, [shape.count, shape.higher, *first])]
    for v in (1, 2):
        for rows in range(1, tile_height(v) + 1):
            block = b.append_basic_block(f"tile{rows}x{v}")
            choice.add_case(INT64(2 * rows + v), block)
            b.position_at_end(block)
            following = write_one(rows, v, values)
            left_then = b.sub(left, INT64(1))
            incoming.append((b.block, [left_then, b.sub(higher, INT64(1)), *following]))
            b.cbranch(b.icmp_signed(">", left_then, INT64(0)), choose, end)
    for block, values_there in incoming:
        for phi, value in zip([left, higher, *values], values_there, strict=True):
            phi.add_incoming(value, block)
    for block in (nowhere, end):
        b.position_at_end(block)
        b.ret_void()


def write_padding(w: VectorWriter, pointer: Any, rows: int, vectors: int) -> None:
    """Zeros in the second vector of each row where the panel has no column there, so that padding is zero throughout."""
    if vectors == 1:
        for i in range(rows):
            w.store(w.zero, w.at(pointer, (2 * i + 1) * w.lanes))


def outlined(builder: ir.IRBuilder, name: str, arguments: list[Any], write: Any) -> None:
    """Call the function `name` of this module with `arguments`; `write(builder, arguments)` writes its body once."""
    function = builder.module.globals.get(name)
    if function is None:
        function = ir.Function(builder.module, ir.FunctionType(ir.VoidType(), [a.type for a in arguments]), name)
        function.linkage = "linkonce_odr"
        function.attributes.add("noinline")
        function.attributes.add("nounwind")
        write(ir.IRBuilder(function.append_basic_block("entry")), list(function.args))
    builder.call(function, arguments)


def switch_start(w: VectorWriter, how: Any, choices: dict[int, Any], count: int) -> list[Any]:
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
