"""One layer: the course's linear forward and backward equations, over panels (panels.py).

Shapes below are the course's; in memory examples are rows, so a matrix of shape (n, m) is kept as the panels of its
transpose (m, n), and W (n_l, n_prev) as the panels of W^T: rows are units of the layer below, columns units of this. A narrow layer
has the panels of W (panels.py).
Source: Ng, Deep Learning Specialization, course 1 week 4, "Building your Deep Neural Network", equations 4 and 8 to 10.
"""

from __future__ import annotations

from typing import Any

from fastdnn.kernels._jit import device, kernel
from fastdnn.kernels.gemm import gradient_block, matmul_bias
from fastdnn.kernels.narrow import narrow_gradient, narrow_product
from fastdnn.kernels.panels import block_of, is_narrow
from fastdnn.kernels.rows import column_totals
from fastdnn.kernels.tile import STORE
from fastdnn.kernels.views import flat_view


@device
def linear_forward(
    A_prev: Any, W: Any, b: Any, Z: Any, n_prev: int, n: int, r0: int, r1: int, j0: int, j1: int, finish: int, slope: Any
) -> None:  # fmt: skip
    """Z = W A_prev + b (4), then as `finish` says: STORE or ACTIVATE, see gemm.matmul_bias. Of examples r0..r1, panels j0..j1.

    A_prev : (n_prev, m), read. W : (n, n_prev), read. b : (n,) padded to whole panels, read.
    Z : (n, m), overwritten there; overlaps nothing else.
    """
    if is_narrow(n):
        narrow_product(A_prev, W, b, Z, n_prev, n, r0, r1, finish, slope)
    else:
        matmul_bias(A_prev, W, b, Z, Z, r0, r1, j0, j1, n_prev, n, True, finish, slope)


@device
def weight_gradient(
    A_prev: Any, dZ: Any, S: Any, W: Any, m: int, n_prev: int, n: int, i: int, j: int, descend: bool, keep: Any, rate: Any,
    q_soon: int, r_soon: int, rows_soon: int,
) -> None:  # fmt: skip
    """Block (i, j) of dW = sum over examples 0..m of dZ A_prev^T (8, without the 1/m): in S, or where `descend` as a step of W.

    S : (width, width), overwritten as far as panels.block_of says. The rest as gemm.gradient_block; narrow layers do not `descend`.
    """
    if is_narrow(n):
        narrow_gradient(A_prev, dZ, S, i, m, n_prev)
    else:
        gradient_block(A_prev, dZ, S, W, m, n_prev, n, i, j, descend, keep, rate, q_soon, r_soon, rows_soon)


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

    dZ : (n, m), read. A_prev : (n_prev, m), read. WT : panels of W (n, n_prev), the transpose of what `linear_forward` reads where
    the layer is not narrow. S : (width, width) scratch. dW : kept as W is in `linear_forward`, overwritten but for rows beyond
    n_prev. db : as b, overwritten. dA_prev : (n_prev, m), overwritten; overlaps nothing else.
    """
    width = S.shape[1]
    scale = S.dtype.type(1.0) / S.dtype.type(m)
    for j in range((n + width - 1) // width):
        bias_gradient(dZ, j, m, flat_view(db, j * width, width))
        for c in range(j * width, (j + 1) * width):
            db[c] *= scale
        for i in range((n_prev + width - 1) // width):
            weight_gradient(A_prev, dZ, S, dW, m, n_prev, n, i, j, False, scale, scale, 0, 0, 0)
            at, size = block_of(dW, i, j, n_prev, n)
            block, total = flat_view(dW, at, size), flat_view(S, 0, size)
            for q in range(size):
                block[q] = scale * total[q]
    matmul_bias(dZ, WT, db, dA_prev, dA_prev, 0, m, 0, dA_prev.shape[0], n, n_prev, False, STORE, scale)
