"""The update of one layer's parameters, block by block: gradient, rule, and the transposed copy that the next step reads."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from fastdnn.kernels._jit import device, separate
from fastdnn.kernels.gemm import LARGE
from fastdnn.kernels.layers import bias_gradient, weight_gradient
from fastdnn.kernels.optimizers import (
    ADAM,
    BETA1,
    BETA2,
    EPSILON,
    GAIN,
    GRADIENT_DESCENT,
    KEEP,
    KEPT,
    L1,
    L2,
    MOMENTUM,
    NESTEROV,
    RATE,
    RMSPROP,
    SCALE,
    adam_update,
    decayed_descent_update,
    momentum_update,
    nesterov_update,
    rmsprop_update,
)
from fastdnn.kernels.panels import block_of, is_narrow, transpose_block
from fastdnn.kernels.regularization import l1_backward
from fastdnn.kernels.rows import width_of
from fastdnn.kernels.views import flat_view, prefetch


@device
def apply_rule(optimizer: int, theta: Any, dtheta: Any, v: Any, s: Any, rates: Any, penalised: bool) -> None:
    """One update of flat parameters by the sum dtheta; with KEEP none: the gradient of the cost is left in v.

    rates : optimizers.prepare_rates. penalised : whether L2, L1 and weight decay apply; then dtheta may be overwritten.
    """
    scale, zero, one = rates[SCALE], theta.dtype.type(0), theta.dtype.type(1)
    l2, keep = (rates[L2], rates[KEPT]) if penalised else (zero, one)
    if penalised and rates[L1] != zero:
        l1_backward(theta, rates[L1] / scale, dtheta)
    if optimizer == ADAM:
        adam_update(theta, dtheta, v, s, scale, l2, keep, rates[BETA1], rates[BETA2], rates[EPSILON], rates[RATE])
    elif optimizer == GRADIENT_DESCENT:
        decayed_descent_update(theta, dtheta, scale, l2, keep, rates[RATE])
    elif optimizer == MOMENTUM:
        momentum_update(theta, dtheta, v, scale, l2, keep, rates[BETA1], rates[GAIN], rates[RATE])
    elif optimizer == NESTEROV:
        nesterov_update(theta, dtheta, v, scale, l2, keep, rates[BETA1], rates[GAIN], rates[RATE])
    elif optimizer == RMSPROP:
        rmsprop_update(theta, dtheta, s, scale, l2, keep, rates[BETA2], rates[EPSILON], rates[RATE])
    else:
        for i in range(theta.size):
            v[i] = scale * dtheta[i] + l2 * theta[i]


@device
def next_panel_below(blocks: Any, t: int, t1: int, m: int) -> tuple[int, int]:
    """The panel of the layer below that blocks read after that of block t, and its m rows by the number of blocks until then."""
    end = t + 1
    while end < t1 and blocks[end, 1] == blocks[t, 1]:
        end += 1
    return (blocks[end, 1], (m + end - t - 1) // (end - t)) if end < t1 else (0, 0)


def _update_layer_types(f: Any) -> tuple[Any, ...]:
    panels, floats = types.Array(f, 3, "C"), types.Array(f, 1, "C")
    integer = types.int64
    return (
        panels, panels, *([panels, floats] * 4), panels, types.Array(f, 2, "C"), types.Array(integer, 2, "C"),
        *([integer] * 6), types.boolean, floats,
    )  # fmt: skip


@separate(_update_layer_types)
def update_layer(
    A: Any, dZ: Any, G: Any, g: Any, W: Any, b: Any, W1: Any, b1: Any, W2: Any, b2: Any, WT: Any, S: Any,
    blocks: Any, t0: int, t1: int, m: int, k: int, n: int, optimizer: int, kept: bool, rates: Any,
) -> None:  # fmt: skip
    """Blocks t0..t1 of one layer's update over the m examples of a batch.

        dW = scale dZ A^T + l2 W + l1 sign W,   db = scale sum dZ,   then the optimizer's rule

    Where gradient descent is the rule and there is no L1, dW never exists outside registers (but a narrow layer's); else it is one
    block in the first-level cache. With `kept` the sums dZ A^T and sum dZ are those that KEEP left in G and g.

    Parameters
    ----------
    A : panels of (m, k), the layer below; dZ : panels of (m, n); both read, but for `kept`.
    G, g : as W and b, read with `kept`.
    W, b : panels of (k, n) and (n,), padded, updated; W1, b1, W2, b2 : their moments v and s, alike.
    WT : panels of (n, k), overwritten in the blocks that changed, or a narrow layer's W; or without panels, for the first layer.
    S : (width + 1, width) scratch of this worker.
    blocks : (layer, panel below, panel); the worker that has the block of panel 0 below also updates that panel of b.
    rates : optimizers.prepare_rates.
    """
    width = width_of(S)
    kind = S.dtype.type
    descend = optimizer == GRADIENT_DESCENT and rates[L1] == kind(0.0) and not kept and not is_narrow(n)
    keep, rate = rates[KEPT] - rates[RATE] * rates[L2], rates[RATE] * rates[SCALE]
    # The panel of A that comes after this one, and how many of its rows are asked for with each block until then.
    large, begun, coming, share = A.shape[0] * A.shape[1] > LARGE and not kept, t0, 0, 0
    for t in range(t0, t1):
        i, j = blocks[t, 1], blocks[t, 2]
        if large and (t == t0 or i != blocks[t - 1, 1]):
            begun = t
            coming, share = next_panel_below(blocks, t, t1, m)
        at, size = block_of(W, i, j, k, n)
        if not kept:
            prefetch(W, at, size)
            if not descend:
                prefetch(W1, at, size)
                prefetch(W2, at, size)
            weight_gradient(A, dZ, S, W, m, k, n, i, j, descend, keep, rate, coming, (t - begun) * share, share)
        # The block of W, and panel j of b; the rule stands here once, for its code is long.
        for part in range(1 if descend else 0, 2 if i == 0 else 1):
            theta, dtheta = flat_view(W, at, size), flat_view(S, 0, size)
            v, s = flat_view(W1, at, size), flat_view(W2, at, size)
            if kept:
                dtheta = flat_view(G, at, size)
            if part == 1:
                theta, dtheta = flat_view(b, j * width, width), flat_view(S, width * width, width)
                v, s = flat_view(b1, j * width, width), flat_view(b2, j * width, width)
                if kept:
                    dtheta = flat_view(g, j * width, width)
                else:
                    bias_gradient(dZ, j, m, dtheta)
            apply_rule(optimizer, theta, dtheta, v, s, rates, part == 0)
        if WT.shape[0] > 0 and optimizer != KEEP and not is_narrow(n):
            transpose_block(W, WT, i, j)


@device
def gradient_square(G: Any, g: Any, i: int, j: int, k: int, n: int) -> float:
    """The sum of squares, in float64, of block (i, j) of a kept gradient, and of its part of the bias's where i is 0."""
    width = G.shape[2]
    at, size = block_of(G, i, j, k, n)
    total = 0.0
    for x in flat_view(G, at, size):
        total += np.float64(x) * np.float64(x)
    if i == 0:
        for x in flat_view(g, j * width, width):
            total += np.float64(x) * np.float64(x)
    return total
