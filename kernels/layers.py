"""One layer: the course's linear forward and backward equations, over panels (panels.py).

Shapes below are the course's; in memory examples are rows, so a matrix of shape (n, m) is kept as the panels of its
transpose (m, n), and W (n_l, n_prev) as the panels of W^T: rows are units of the layer below, columns units of this.
Source: Ng, Deep Learning Specialization, course 1 week 4, "Building your Deep Neural Network", equations 4 and 8 to 10.
"""

from __future__ import annotations

from typing import Any

from fastdnn.kernels._jit import device, kernel
from fastdnn.kernels.gemm import gradient_block, matmul_bias
from fastdnn.kernels.rows import column_totals
from fastdnn.kernels.tile import STORE
from fastdnn.kernels.views import flat_view


@device
def linear_forward(A_prev: Any, W: Any, b: Any, Z: Any, n_prev: int, n: int, r0: int, r1: int) -> None:
    """Z = W A_prev + b (4), for examples r0..r1.

    A_prev : (n_prev, m), read. W : (n, n_prev), read. b : (n,) padded to whole panels, read.
    Z : (n, m), overwritten for those examples; overlaps nothing else.
    """
    matmul_bias(A_prev, W, b, Z, Z, r0, r1, 0, Z.shape[0], n_prev, n, True, STORE, Z.dtype.type(0))


@device
def bias_gradient(dZ: Any, j: int, m: int, db: Any) -> None:
    """db = sum over examples 0..m of dZ (9, without the 1/m), for the units of panel j. db : (width,), overwritten."""
    column_totals(dZ, j, m, db)


@kernel
def linear_backward(
    dZ: Any, A_prev: Any, WT: Any, S: Any, dW: Any, db: Any, dA_prev: Any, n_prev: int, n: int, m: int
) -> None:
    """Gradients of one linear layer over m examples.

        dW      = 1/m dZ A_prev^T                 (8)
        db      = 1/m sum over examples of dZ     (9)
        dA_prev = W^T dZ                          (10)

    dZ : (n, m), read. A_prev : (n_prev, m), read. WT : panels of W (n, n_prev), the transpose of what `linear_forward` reads.
    S : (width, width) scratch. dW : kept as W is in `linear_forward`, rows padded to whole panels, overwritten in rows and columns
    that exist. db : as b, overwritten. dA_prev : (n_prev, m), overwritten; overlaps nothing else.
    """
    width = S.shape[1]
    scale = S.dtype.type(1.0) / S.dtype.type(m)
    for j in range((n + width - 1) // width):
        bias_gradient(dZ, j, m, flat_view(db, j * width, width))
        for c in range(j * width, (j + 1) * width):
            db[c] *= scale
        for i in range((n_prev + width - 1) // width):
            gradient_block(A_prev, dZ, S, dW, m, n_prev, n, i, j, False, scale, scale)
            for r in range(min(width, n_prev - i * width)):
                for c in range(min(width, n - j * width)):
                    dW[j, i * width + r, c] = scale * S[r, c]
    matmul_bias(dZ, WT, db, dA_prev, dA_prev, 0, m, 0, dA_prev.shape[0], n, n_prev, False, STORE, scale)
