"""Panels: the memory layout of every matrix inside the engine.

A matrix of `rows x columns` is kept as column panels: a C-contiguous array P of shape (ceil(columns / width), rows, width),

    P[q, r, c] = M[r, q width + c],

where `width` is two vector registers (`vector.panel_width`). A column beyond the last is padding. Whatever a register
tile reads next is then the next thing in memory, for Z = A W + b (panels of A and W), dA = dZ W^T (panels of dZ and W^T)
and dW = A^T dZ (panels of A and dZ) alike, so training never packs a matrix.

A block of W of width x width numbers (one panel's columns, one panel's rows) is contiguous too: what the update of W
touches at a time, and what is transposed into the panels of W^T.
"""

from __future__ import annotations

from typing import Any

from fastdnn.kernels._jit import device


@device
def transpose_block(W: Any, WT: Any, i: int, j: int) -> None:
    """W^T[j-th rows, i-th panel] = the transpose of W[i-th rows, j-th panel], one block of width x width.

    W : panels of W, read. WT : panels of W^T, that one block overwritten.
    """
    width = W.shape[2]
    for r in range(width):
        for c in range(width):
            WT[i, j * width + c, r] = W[j, i * width + r, c]
