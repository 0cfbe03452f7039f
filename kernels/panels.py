"""Panels: the memory layout of every matrix inside the engine.

A matrix of `rows x columns` is kept as column panels: a C-contiguous array P of shape (ceil(columns / width), rows, width),

    P[q, r, c] = M[r, q width + c],

where `width` is two vector registers (`vector.panel_width`). A column beyond the last is padding. Whatever a register
tile reads next is then the next thing in memory, for Z = A W + b (panels of A and W), dA = dZ W^T (panels of dZ and W^T)
and dW = A^T dZ (panels of A and dZ) alike, so training never packs a matrix.

Above, W is (n_prev, n): rows are units of the layer below. A block of it of width x width numbers (one panel's rows, one panel's
columns) is contiguous too: what the update of W touches at a time, and what is transposed into the panels of W^T.

A narrow layer, of one or two units, would be nearly all padding. Its W is kept as the panels of W^T alone, of shape
(ceil(n_prev / width), n, width), which dA reads as they are, and Z as narrow.py does; block i is what panel i holds.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from fastdnn.kernels._jit import JIT_DISABLED, device, intrinsic
from fastdnn.kernels.rows import width_of
from fastdnn.kernels.vector import INT32, VectorWriter, array_pointer, array_shape

# Most units of a narrow layer.
NARROW = 2


@device
def is_narrow(n: int) -> bool:
    """Whether a layer of n units is narrow: its weights are the panels of W^T."""
    return n <= NARROW


@device
def block_of(W: Any, i: int, j: int, k: int, n: int) -> tuple[int, int]:
    """Where block (i, j) of the weights of n units over k begins in W, and how many numbers it has."""
    width = width_of(W)
    if is_narrow(n):
        return i * n * width, n * width
    return (j * W.shape[1] + i * width) * width, min(width, k - i * width) * width


def _write_transposed(w: VectorWriter, rows: list[Any]) -> list[Any]:
    """The transpose of as many vectors as one has lanes: log2(lanes) rounds of interleaving row i with row i + lanes / 2."""
    half = w.lanes // 2
    low = [i // 2 + (i % 2) * w.lanes for i in range(w.lanes)]
    masks = [ir.Constant(ir.VectorType(INT32, w.lanes), [i + at for i in low]) for at in (0, half)]
    for _ in range(w.lanes.bit_length() - 1):
        rows = [w.builder.shuffle_vector(rows[i], rows[i + half], mask) for i in range(half) for mask in masks]
    return rows


@intrinsic
def _transpose_block_ir(typingctx: Any, W: Any, WT: Any, i: Any, j: Any) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        w = VectorWriter(context, builder, W.dtype)
        width = array_shape(context, builder, W, args[0])[2]
        zero = ir.Constant(i64, 0)
        source = array_pointer(context, builder, W, args[0], [args[3], builder.mul(args[2], width), zero])
        target = array_pointer(context, builder, WT, args[1], [args[2], builder.mul(args[3], width), zero])
        for down in (0, w.lanes):
            for right in (0, w.lanes):
                rows = [w.load(w.at(source, (down + r) * 2 * w.lanes + right)) for r in range(w.lanes)]
                for c, column in enumerate(_write_transposed(w, rows)):
                    w.store(column, w.at(target, (right + c) * 2 * w.lanes + down))
        return context.get_dummy_value()

    i64 = ir.IntType(64)
    return types.void(W, WT, types.int64, types.int64), codegen


def _transpose_block_plain(W: Any, WT: Any, i: int, j: int) -> None:
    width = W.shape[2]
    WT[i, j * width : (j + 1) * width] = W[j, i * width : (i + 1) * width].T


transpose_block = _transpose_block_plain if JIT_DISABLED else _transpose_block_ir
transpose_block.__doc__ = """transpose_block(W, WT, i, j): W^T[j-th rows, i-th panel] = transpose of W[i-th rows, j-th panel].

W : panels of W, read. WT : panels of W^T, that one block of width x width overwritten.
"""
