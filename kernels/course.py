"""Entry points for fastdnn.course: equations of the other files made callable from Python, and full-batch gradient descent.

No equation is stated here. Matrices are panels (panels.py) of all examples, as in the files that are called.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastdnn.kernels import layers, losses, optimizers
from fastdnn.kernels._jit import kernel
from fastdnn.kernels.epoch import prepare_rates
from fastdnn.kernels.layout import A_AT, ACTIVATION, DZ_AT, UNITS, layer_panels
from fastdnn.kernels.passes import backward_pass, forward_pass, update_pass
from fastdnn.kernels.views import flat_view


@kernel
def linear_forward(A_prev: Any, W: Any, b: Any, Z: Any, n_prev: int, n: int) -> None:
    """layers.linear_forward for every example."""
    layers.linear_forward(A_prev, W, b, Z, n_prev, n, 0, Z.shape[1])


@kernel
def binary_cross_entropy(A: Any, Y: Any, dA: Any, per_example: Any) -> None:
    """losses.binary_cross_entropy for every example."""
    losses.binary_cross_entropy(A, Y, dA, per_example, Y.shape[1], 0, Y.shape[0])


@kernel
def half_squared_error(A: Any, Y: Any, dA: Any, per_example: Any) -> None:
    """losses.half_squared_error for every example: the kernel that gives A - Y from A alone."""
    losses.half_squared_error(A, Y, dA, per_example, Y.shape[1], 0, Y.shape[0])


@kernel
def gradient_descent_update(theta: Any, dtheta: Any, learning_rate: float) -> None:
    """optimizers.gradient_descent_update."""
    optimizers.gradient_descent_update(theta, dtheta, learning_rate)


@kernel
def descend(buffers: Any, loss: int, slope: Any, rule: Any, costs: Any) -> int:
    """costs.size updates of all parameters, each from the same examples, which stay in the buffers; on the calling thread.

    The step of epoch.run_epoch without the gathering of examples: on wide inputs that takes three quarters of a step.

    Parameters
    ----------
    buffers : layout.Buffers for one worker; A[0] and the targets are read, as many examples as the buffers hold.
    loss, slope, rule : as in epoch.run_epoch.
    costs : (steps,) float64; overwritten with the cost before each update.

    Returns the number of updates made: fewer than costs.size where a cost is not finite, and then that update is not made.
    """
    layout = buffers.layout
    m = buffers.losses.size
    last = layout.shape[0] - 1
    width = buffers.scratch.shape[2]
    rates = flat_view(buffers.rates, 0, buffers.rates.shape[1])
    ZL = layer_panels(buffers.logits, layout, last, 0, m, width)
    AL = layer_panels(buffers.activations, layout, last, layout[last, A_AT], m, width)
    dZL = layer_panels(buffers.deltas, layout, last, layout[last, DZ_AT], m, width)
    for t in range(costs.size):
        forward_pass(buffers, m, 0, m, slope)
        losses.output_backward(
            loss, layout[last, ACTIVATION], ZL, AL, buffers.batch_labels, buffers.batch_targets, buffers.batch_weights,
            buffers.loss_parameters, dZL, buffers.losses, layout[last, UNITS], 0, m, slope,
        )  # fmt: skip
        costs[t] = 0.0
        for r in range(m):
            costs[t] += buffers.losses[r]
        costs[t] /= m
        if not np.isfinite(costs[t]):
            return t
        backward_pass(buffers, m, 0, m, slope)
        prepare_rates(rule, t + 1, rates)
        update_pass(0, buffers, m, m, rule)
    return costs.size
