"""The later course's descents for fastdnn.course.improving: with dropout masks that are given, and in mini-batches.

Training has engines of its own for both (epoch.py), whose masks and orders come from its own generator; the course's come from
NumPy's. Composed of the pieces that the engine is made of, in float64, on the calling thread; ReLU or any other elementwise hidden
activation, sigmoid output, binary cross-entropy.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastdnn.kernels import activations, layers, losses, optimizers
from fastdnn.kernels._jit import device, kernel
from fastdnn.kernels.layout import (
    A_AT,
    ACTIVATION,
    DZ_AT,
    PANELS,
    UNITS,
    W_AT,
    bias_panels,
    layer_panels,
    weight_panels,
)
from fastdnn.kernels.panels import transpose_block
from fastdnn.kernels.rows import width_of
from fastdnn.kernels.views import panel_view

GRADIENT_DESCENT, MOMENTUM, ADAM = range(3)


class Descent(NamedTuple):
    """What these descents write beside the layout.Buffers they are given; floats of the same type."""

    gradients: Any  # as parameters: dW and db
    transposed: Any  # as parameters: panels of W^T where those have W
    derivatives: Any  # dA of one layer of one batch, the input's too


@device
def momentum_update(
    theta: Any, dtheta: Any, v: Any, scale: Any, l2: Any, keep: Any, beta: Any, gain: Any, rate: Any
) -> None:
    """Gradient descent with momentum, v = beta v + gain g and theta = keep theta - rate v, where g = scale dtheta + l2 theta.

    Flat arrays of one size; theta and v updated, dtheta read. The course has gain 1 - beta and rate alpha (course 2 week 2).
    """
    for i in range(theta.size):
        g = scale * dtheta[i] + l2 * theta[i]
        v[i] = beta * v[i] + gain * g
        theta[i] = keep * theta[i] - rate * v[i]


@device
def apply_mask(A: Any, D: Any, first: int, n: int, keep_prob: Any) -> None:
    """Inverted dropout with a given mask: A = A * D / keep_prob, and so dA. Source: course 2 week 1.

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


@kernel
def momentum_step(theta: Any, dtheta: Any, v: Any, beta: float, learning_rate: float) -> None:
    """momentum_update in the course's form, by a gradient of the cost."""
    momentum_update(theta, dtheta, v, 1.0, 0.0, 1.0, beta, 1.0 - beta, learning_rate)


@device
def transposed_at(more: Any, layout: Any, l: int, width: int) -> Any:
    """The panels of W^T of layer l."""
    return panel_view(more.transposed, layout[l, W_AT], layout[l - 1, PANELS], layout[l, PANELS] * width, width)


@kernel
def transpose_weights(buffers: Any, more: Any) -> None:
    """W^T of every layer from its W."""
    layout, width = buffers.layout, buffers.scratch.shape[2]
    for l in range(1, layout.shape[0]):
        W, WT = weight_panels(buffers.parameters, layout, l, width), transposed_at(more, layout, l, width)
        for j in range(layout[l, PANELS]):
            for i in range(layout[l - 1, PANELS]):
                transpose_block(W, WT, i, j)


@device
def forward_and_backward(buffers: Any, more: Any, m: int, D: Any, keep_prob: Any) -> float:
    """Gradients of the mean loss of m examples, which A[0] and the targets hold; returns the sum of their losses.

    D : (units of all hidden layers, m) of 0 and 1, the masks one below the other; or without rows, for no dropout.
    """
    layout = buffers.layout
    batch, width, last = buffers.losses.size, buffers.scratch.shape[2], layout.shape[0] - 1
    slope = buffers.scratch.dtype.type(0)
    first = 0
    for l in range(1, last + 1):
        k, n = layout[l - 1, UNITS], layout[l, UNITS]
        A_prev = layer_panels(buffers.activations, layout, l - 1, layout[l - 1, A_AT], batch, width)
        Z = layer_panels(buffers.logits, layout, l, 0, batch, width)
        W, b = weight_panels(buffers.parameters, layout, l, width), bias_panels(buffers.parameters, layout, l, width)
        layers.linear_forward(A_prev, W, b, Z, k, n, 0, m)
        if l < last:
            A = layer_panels(buffers.activations, layout, l, layout[l, A_AT], batch, width)
            activations.activate(layout[l, ACTIVATION], Z, A, n, 0, m, slope)
            if D.shape[0] > 0:
                apply_mask(A, D, first, n, keep_prob)
                first += n
        else:
            dZ = layer_panels(buffers.deltas, layout, l, layout[l, DZ_AT], batch, width)
            losses.sigmoid_cross_entropy(Z, buffers.batch_targets, dZ, buffers.losses, n, 0, m)
    for l in range(last, 0, -1):
        k, n = layout[l - 1, UNITS], layout[l, UNITS]
        dZ = layer_panels(buffers.deltas, layout, l, layout[l, DZ_AT], batch, width)
        A = layer_panels(buffers.activations, layout, l - 1, layout[l - 1, A_AT], batch, width)
        dW, db = weight_panels(more.gradients, layout, l, width), bias_panels(more.gradients, layout, l, width)
        dA = layer_panels(more.derivatives, layout, l - 1, 0, batch, width)
        layers.linear_backward(dZ, A, transposed_at(more, layout, l, width), buffers.scratch[0], dW, db, dA, k, n, m)
        if l > 1:
            if D.shape[0] > 0:
                first -= k
                apply_mask(dA, D, first, k, keep_prob)
            below = layer_panels(buffers.deltas, layout, l - 1, layout[l - 1, DZ_AT], batch, width)
            activations.activate_backward(layout[l - 1, ACTIVATION], dA, A, below, k, 0, m, slope)
    total = 0.0
    for r in range(m):
        total += buffers.losses[r]
    return total


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
    m = buffers.losses.size
    for t in range(costs.size):
        costs[t] = forward_and_backward(buffers, more, m, masks[t], keep_prob) / m
        if not np.isfinite(costs[t]):
            return t
        optimizers.gradient_descent_update(buffers.parameters, more.gradients, learning_rate)
        transpose_weights(buffers, more)
    return costs.size


@device
def take_batch(buffers: Any, X: Any, Y: Any, order: Any, first: int, m: int) -> None:
    """A[0] and targets: columns order[first] .. of X (n_x, examples) and Y (n_y, examples)."""
    A0 = layer_panels(
        buffers.activations, buffers.layout, 0, buffers.layout[0, A_AT], buffers.losses.size, buffers.scratch.shape[2]
    )
    width = width_of(A0)
    for r in range(m):
        column = order[first + r]
        for c in range(X.shape[0]):
            A0[c // width, r, c % width] = X[c, column]
        for c in range(Y.shape[0]):
            buffers.batch_targets[r, c] = Y[c, column]


@kernel
def descend_in_batches(
    buffers: Any, more: Any, X: Any, Y: Any, orders: Any, optimizer: int, learning_rates: Any,
    beta1: float, beta2: float, epsilon: float, step: int, costs: Any,
) -> int:  # fmt: skip
    """costs.size epochs in mini-batches of as many examples as the buffers hold, the last of an epoch with what is left.

    Parameters
    ----------
    buffers : layout.Buffers for one worker. more : Descent; its W^T are those of the buffers' W.
    X : (n_x, m), Y : (n_y, m), read. orders : (epochs, m) int64, the order of the examples in each epoch.
    optimizer : GRADIENT_DESCENT, MOMENTUM with beta1, or ADAM. learning_rates : (epochs,).
    step : updates made before; Adam's t starts at step + 1.
    costs : (epochs,), overwritten with the mean loss of each epoch, every example's before the update of its mini-batch.

    Returns the number of epochs whose cost is finite: fewer than costs.size where one is not.
    """
    m, batch = X.shape[1], buffers.losses.size
    theta, dtheta, v, s = buffers.parameters, more.gradients, buffers.moments1, buffers.moments2
    no_masks = np.zeros((0, 0), np.uint8)
    for e in range(costs.size):
        total, alpha = 0.0, learning_rates[e]
        for first in range(0, m, batch):
            here = min(batch, m - first)
            take_batch(buffers, X, Y, orders[e], first, here)
            total += forward_and_backward(buffers, more, here, no_masks, 1.0)
            step += 1
            if optimizer == MOMENTUM:
                momentum_update(theta, dtheta, v, 1.0, 0.0, 1.0, beta1, 1.0 - beta1, alpha)
            elif optimizer == ADAM:
                rate, small = optimizers.adam_rate(alpha, beta1, beta2, epsilon, step)
                optimizers.adam_update(theta, dtheta, v, s, 1.0, 0.0, rate, beta1, beta2, small)
            else:
                optimizers.gradient_descent_update(theta, dtheta, alpha)
            transpose_weights(buffers, more)
        costs[e] = total / m
        if not np.isfinite(costs[e]):
            return e
    return costs.size
