"""Gradient descent with dropout masks that are given, for fastdnn.course.improving: the course draws them with NumPy.

Training draws its own (dropout.py). Composed of the pieces that course 1 is made of, in float64, on the calling thread; elementwise
hidden activations, sigmoid output, binary cross-entropy.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastdnn.kernels import activations, layers, losses, optimizers, tile
from fastdnn.kernels._jit import device, kernel
from fastdnn.kernels.layout import (
    A_AT,
    ACTIVATION,
    DZ_AT,
    PANELS,
    ROWS,
    UNITS,
    W_AT,
    bias_panels,
    layer_panels,
    weight_panels,
)
from fastdnn.kernels.panels import is_narrow, transpose_block
from fastdnn.kernels.rows import width_of
from fastdnn.kernels.views import panel_view


class Descent(NamedTuple):
    """What `descend_with_masks` writes beside the layout.Buffers it is given; floats of the same type."""

    gradients: Any  # as parameters: dW and db
    transposed: Any  # as parameters: panels of W^T where those have W; not of narrow layers
    derivatives: Any  # dA of one layer of one batch, the input's too


@device
def apply_mask(A: Any, D: Any, first: int, n: int, keep_prob: Any) -> None:
    """Inverted dropout with a given mask: A = A * D / keep_prob, and so dA = dA * D / keep_prob. Source: course 2 week 1.

    A : panels of (rows, n), updated in all rows that D has. D : (units, rows) of 0 and 1, rows first .. first + n of it read.
    """
    width = width_of(A)
    for c in range(n):
        for r in range(D.shape[1]):
            A[c // width, r, c % width] = A[c // width, r, c % width] * D[first + c, r] / keep_prob


@kernel
def mask_panels(A: Any, D: Any, keep_prob: float) -> None:
    """apply_mask, D being the mask of this layer alone."""
    apply_mask(A, D, 0, D.shape[0], keep_prob)


@device
def transposed_at(buffers: Any, more: Any, l: int, width: int) -> Any:
    """The panels of W^T of layer l, a narrow layer's in its parameters."""
    layout = buffers.layout
    if is_narrow(layout[l, UNITS]):
        return weight_panels(buffers.parameters, layout, l, width)
    return panel_view(more.transposed, layout[l, W_AT], layout[l - 1, PANELS], layout[l, PANELS] * width, width)


@kernel
def transpose_weights(buffers: Any, more: Any) -> None:
    """W^T of every layer from its W."""
    layout, width = buffers.layout, buffers.scratch.shape[2]
    for l in range(1, layout.shape[0]):
        if is_narrow(layout[l, UNITS]):
            continue
        W, WT = weight_panels(buffers.parameters, layout, l, width), transposed_at(buffers, more, l, width)
        for j in range(layout[l, PANELS]):
            for i in range(layout[l - 1, PANELS]):
                transpose_block(W, WT, i, j)


@device
def forward_and_backward(buffers: Any, more: Any, D: Any, keep_prob: Any) -> float:
    """The cost of the examples that A[0] and the targets hold, and its gradients.

    D : (units of all hidden layers, m) of 0 and 1, the masks one below the other.
    """
    layout = buffers.layout
    m, rows = buffers.losses.size, layout[0, ROWS]
    width, last = buffers.scratch.shape[2], layout.shape[0] - 1
    slope = buffers.scratch.dtype.type(0)
    first = 0
    for l in range(1, last + 1):
        k, n = layout[l - 1, UNITS], layout[l, UNITS]
        A_prev = layer_panels(buffers.activations, layout, l - 1, layout[l - 1, A_AT], rows, width)
        Z = layer_panels(buffers.logits, layout, l, 0, rows, width)
        W, b = weight_panels(buffers.parameters, layout, l, width), bias_panels(buffers.parameters, layout, l, width)
        layers.linear_forward(A_prev, W, b, Z, k, n, 0, m, 0, Z.shape[0], tile.STORE, slope)
        if l < last:
            A = layer_panels(buffers.activations, layout, l, layout[l, A_AT], rows, width)
            activations.activate(layout[l, ACTIVATION], Z, A, n, 0, m, slope)
            apply_mask(A, D, first, n, keep_prob)
            first += n
        else:
            dZ = layer_panels(buffers.deltas, layout, l, layout[l, DZ_AT], rows, width)
            AL = layer_panels(buffers.activations, layout, l, layout[l, A_AT], rows, width)
            losses.output_backward(
                losses.BINARY_CROSS_ENTROPY, activations.SIGMOID, Z, AL, buffers.batch_labels, buffers.batch_targets,
                buffers.batch_weights, buffers.loss_parameters, dZ, buffers.losses, n, 0, m, slope,
                buffers.batch_labels, 0, 0, 0,
            )  # fmt: skip
    for l in range(last, 0, -1):
        k, n = layout[l - 1, UNITS], layout[l, UNITS]
        dZ = layer_panels(buffers.deltas, layout, l, layout[l, DZ_AT], rows, width)
        A = layer_panels(buffers.activations, layout, l - 1, layout[l - 1, A_AT], rows, width)
        dW, db = weight_panels(more.gradients, layout, l, width), bias_panels(more.gradients, layout, l, width)
        dA = layer_panels(more.derivatives, layout, l - 1, 0, rows, width)
        WT = transposed_at(buffers, more, l, width)
        layers.linear_backward(dZ, A, WT, buffers.scratch[0], dW, db, dA, k, n, m)
        if l > 1:
            first -= k
            apply_mask(dA, D, first, k, keep_prob)
            below = layer_panels(buffers.deltas, layout, l - 1, layout[l - 1, DZ_AT], rows, width)
            activations.activate_backward(layout[l - 1, ACTIVATION], dA, A, below, k, 0, m, slope)
    total = 0.0
    for r in range(m):
        total += buffers.losses[r]
    return total / m


@kernel
def descend_with_masks(buffers: Any, more: Any, masks: Any, keep_prob: float, learning_rate: float, costs: Any) -> int:
    """costs.size steps of gradient descent, each over the same examples, with masks of its own.

    Parameters
    ----------
    buffers : layout.Buffers for one worker, A[0] and targets filled, as many examples as they hold. more : Descent.
    masks : (steps, units of all hidden layers, m) of 0 and 1.
    costs : (steps,), overwritten with the cost before each step.

    Returns the number of steps made: fewer than costs.size where a cost is not finite, and then that step is not made.
    """
    for t in range(costs.size):
        costs[t] = forward_and_backward(buffers, more, masks[t], keep_prob)
        if not np.isfinite(costs[t]):
            return t
        optimizers.gradient_descent_update(buffers.parameters, more.gradients, learning_rate)
        transpose_weights(buffers, more)
    return costs.size
