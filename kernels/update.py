"""The update of one layer's parameters, block by block: gradient, rule, and the transposed copy that the next step reads."""

from __future__ import annotations

from typing import Any

from numba import types

from fastdnn.kernels._jit import device, separate
from fastdnn.kernels.gemm import gradient_block
from fastdnn.kernels.layers import bias_gradient
from fastdnn.kernels.optimizers import ADAM, GRADIENT_DESCENT, adam_update, gradient_descent_update
from fastdnn.kernels.panels import transpose_block
from fastdnn.kernels.views import flat_view, prefetch


@device
def apply_rule(optimizer: int, theta: Any, dtheta: Any, v: Any, s: Any, scale: Any, l2: Any, rates: Any) -> None:
    """One update of flat parameters theta by the gradient scale dtheta + l2 theta; with KEEP none: the gradient is left in v.

    rates : learning rate, Adam's rate and epsilon' (optimizers.adam_rate), beta1, beta2, in this order.
    """
    if optimizer == ADAM:
        adam_update(theta, dtheta, v, s, scale, l2, rates[1], rates[3], rates[4], rates[2])
    elif optimizer == GRADIENT_DESCENT:
        gradient_descent_update(theta, dtheta, scale * rates[0])
    else:
        for i in range(theta.size):
            v[i] = scale * dtheta[i] + l2 * theta[i]


def _update_layer_types(f: Any) -> tuple[Any, ...]:
    panels, floats = types.Array(f, 3, "C"), types.Array(f, 1, "C")
    integer = types.int64
    return (
        panels, panels, panels, floats, panels, floats, panels, floats, panels, types.Array(f, 2, "C"),
        types.Array(integer, 2, "C"), integer, integer, integer, integer, integer, integer, f, floats,
    )  # fmt: skip


@separate(_update_layer_types)
def update_layer(
    A: Any, dZ: Any, W: Any, b: Any, W1: Any, b1: Any, W2: Any, b2: Any, WT: Any, S: Any,
    blocks: Any, t0: int, t1: int, m: int, k: int, n: int, optimizer: int, l2: Any, rates: Any,
) -> None:  # fmt: skip
    """Blocks t0..t1 of one layer's update over the m examples of a batch.

        dW = 1/m dZ A^T + l2 W,   db = 1/m sum dZ,   then the optimizer's rule

    Where gradient descent is the rule, dW never exists outside registers; else it is one block in the first-level cache.

    Parameters
    ----------
    A : panels of (m, k), the layer below; dZ : panels of (m, n); both read.
    W, b : panels of (k, n) and (n,), padded, updated; W1, b1, W2, b2 : their moments, alike.
    WT : panels of (n, k), overwritten in the blocks that changed; or without panels, for the first layer.
    S : (width + 1, width) scratch of this worker.
    blocks : (layer, panel below, panel); the worker that has the block of panel 0 below also updates that panel of b.
    """
    width = S.shape[1]
    kind = S.dtype.type
    descend = optimizer == GRADIENT_DESCENT
    scale = kind(1.0) / kind(m)
    keep, rate = kind(1.0) - rates[0] * l2, rates[0] * scale
    row = flat_view(S, width * width, width)
    for t in range(t0, t1):
        i, j = blocks[t, 1], blocks[t, 2]
        rows = min(width, k - i * width)
        at, size = (j * W.shape[1] + i * width) * width, rows * width
        prefetch(W, at, size)
        if not descend:
            prefetch(W1, at, size)
            prefetch(W2, at, size)
        gradient_block(A, dZ, S, W, m, k, n, i, j, descend, keep, rate)
        if not descend:
            theta, dtheta = flat_view(W, at, size), flat_view(S, 0, size)
            apply_rule(optimizer, theta, dtheta, flat_view(W1, at, size), flat_view(W2, at, size), scale, l2, rates)
        if WT.shape[0] > 0:
            transpose_block(W, WT, i, j)
        if i == 0:
            bias_gradient(dZ, j, m, row)
            at = j * width
            moments = flat_view(b1, at, width), flat_view(b2, at, width)
            apply_rule(optimizer, flat_view(b, at, width), row, moments[0], moments[1], scale, kind(0.0), rates)
