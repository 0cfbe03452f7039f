"""One example times a matrix: the register tile of height 1, over several panels at once.

The tile of tile.py keeps two accumulators for one row, and each fused multiply-add waits for the one before it. Eight, over four
panels, keep the CPU's multipliers busy while each number of A is read once. Every output is still one accumulator in ascending
order: the bits are those of `gemm.matmul_bias`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from fastdnn.kernels._jit import JIT_DISABLED, intrinsic, separate
from fastdnn.kernels.rows import width_of
from fastdnn.kernels.tile import ACTIVATE, STORE
from fastdnn.kernels.vector import INT64, VectorWriter, array_pointer, array_shape, write_loop

# Panels of one tile: with two vectors each, enough accumulators for a multiply-add of 4 cycles, two of them a cycle.
PANELS_AT_ONCE = 4
_UNROLL = 4


def _write_row(w: VectorWriter, a0: Any, panels: list[Any], k: Any, values: list[Any]) -> list[Any]:
    """The contraction: values[2 q + v] += a[p] panels[q][p, v] for p = 0 .. k, ascending. `a0`, `panels`: addresses."""
    b = w.builder

    def steps(unroll: int) -> Any:
        def add(p: Any, accumulators: list[Any]) -> list[Any]:
            result = list(accumulators)
            for u in range(unroll):
                spread = w.splat(w.load_scalar(w.at(w.at(a0, p), u)))
                for i in range(len(result)):
                    column = w.load(
                        w.at(w.at(panels[i // 2], b.mul(p, ir.Constant(INT64, 2 * w.lanes))), (2 * u + i % 2) * w.lanes)
                    )
                    result[i] = w.multiply_add(spread, column, result[i])
            return result

        return add

    whole = b.and_(k, ir.Constant(INT64, -_UNROLL))
    values = write_loop(b, "main", INT64(0), whole, _UNROLL, values, steps(_UNROLL))
    return write_loop(b, "rest", whole, k, 1, values, steps(1))


@intrinsic
def _row_tile_ir(
    typingctx: Any, A: Any, B: Any, b: Any, C: Any, k: Any, j: Any, panels: Any, finish: Any, slope: Any
) -> Any:
    dtype = C.dtype

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        tA, tB, tb, tC = signature.args[:4]
        vA, vB, vb, vC, vk, vj, vpanels, vfinish, vslope = args
        w = VectorWriter(context, builder, dtype)
        width = 2 * w.lanes
        zero = ir.Constant(INT64, 0)
        a = array_pointer(context, builder, tA, vA, [zero, zero, zero])
        bp = array_pointer(context, builder, tB, vB, [vj, zero, zero])
        bias = array_pointer(context, builder, tb, vb, [builder.mul(vj, ir.Constant(INT64, width))])
        c = array_pointer(context, builder, tC, vC, [vj, zero, zero])
        stride = builder.mul(array_shape(context, builder, tB, vB)[1], ir.Constant(INT64, width))
        spread = w.splat(vslope)
        activated = builder.icmp_signed("==", vfinish, ir.Constant(INT64, ACTIVATE))
        end = builder.append_basic_block("end")
        switch = builder.switch(vpanels, end)
        for count in range(1, PANELS_AT_ONCE + 1):
            block = builder.append_basic_block(f"row{count}")
            switch.add_case(ir.Constant(INT64, count), block)
            builder.position_at_end(block)
            places = [w.at(bp, builder.mul(stride, ir.Constant(INT64, q))) for q in range(count)]
            values = _write_row(w, a, places, vk, [w.load(w.at(bias, i * w.lanes)) for i in range(2 * count)])
            for i, z in enumerate(values):
                below = builder.select(activated, builder.fmul(z, spread), z)
                w.store(w.where_positive(z, z, below), w.at(c, i * w.lanes))
            builder.branch(end)
        builder.position_at_end(end)
        return context.get_dummy_value()

    return types.void(A, B, b, C, *([types.int64] * 4), dtype), codegen


def _row_tile_plain(A: Any, B: Any, b: Any, C: Any, k: int, j: int, panels: int, finish: int, slope: Any) -> None:
    width = C.shape[2]
    for q in range(j, j + panels):
        Z = A.reshape(-1)[:k] @ B[q, :k] + b[q * width : (q + 1) * width]
        C[q, 0] = Z if finish == STORE else np.where(Z > 0, Z, Z * slope)


_row_tile = _row_tile_plain if JIT_DISABLED else _row_tile_ir


def _row_matmul_types(f: Any) -> tuple[Any, ...]:
    panels = types.Array(f, 3, "C")
    return panels, panels, types.Array(f, 1, "C"), panels, types.int64, types.int64, types.int64, f


@separate(_row_matmul_types)
def row_matmul_bias(A: Any, B: Any, b: Any, C: Any, k: int, n: int, finish: int, slope: Any) -> None:
    """C = A B + b of one row, then as `finish` says: STORE or ACTIVATE, see gemm.matmul_bias.

    A : panels of (1, k), read. B : panels of (k, n), read. b : (panels of B * width,), read.
    C : panels of (1, n), overwritten, padding columns too; overlaps neither A nor B.
    """
    panels = (n + width_of(C) - 1) // width_of(C)
    for j in range(0, panels, PANELS_AT_ONCE):
        _row_tile(A, B, b, C, k, j, min(PANELS_AT_ONCE, panels - j), finish, slope)
