"""Entry points for fastdnn.course: equations of the other files made callable from Python.

No equation is stated here. Matrices are panels (panels.py) of all examples, as in the files that are called. Scalars of the update
rules are those of float64 arrays, gradients those of the cost.
"""

from __future__ import annotations

from typing import Any

from fastdnn.kernels import activations, elementwise_losses, layers, losses, optimizers, regularization
from fastdnn.kernels._jit import kernel
from fastdnn.kernels.tile import STORE


@kernel
def linear_forward(A_prev: Any, W: Any, b: Any, Z: Any, n_prev: int, n: int) -> None:
    """layers.linear_forward for every example."""
    layers.linear_forward(A_prev, W, b, Z, n_prev, n, 0, Z.shape[1], 0, Z.shape[0], STORE, Z.dtype.type(0))


@kernel
def activate(activation: int, Z: Any, A: Any, n: int, slope: float) -> None:
    """activations.activate for every example."""
    activations.activate(activation, Z, A, n, 0, Z.shape[1], slope)


@kernel
def activate_backward(activation: int, dA: Any, A: Any, dZ: Any, n: int, slope: float) -> None:
    """activations.activate_backward for every example."""
    activations.activate_backward(activation, dA, A, dZ, n, 0, A.shape[1], slope)


@kernel
def sigmoid_cross_entropy(Z: Any, Y: Any, parameters: Any) -> None:
    """elementwise_losses.loss_terms of binary cross-entropy for vectors: Z becomes each loss, Y becomes sigmoid(Z) - Y."""
    elementwise_losses.loss_terms(elementwise_losses.BINARY_CROSS_ENTROPY, Z, Y, 0, 1, Z.size, parameters)


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
def momentum_update(theta: Any, dtheta: Any, v: Any, beta: float, learning_rate: float) -> None:
    """optimizers.momentum_update in the course's form: gain 1 - beta."""
    optimizers.momentum_update(theta, dtheta, v, 1.0, 0.0, 1.0, beta, 1.0 - beta, learning_rate)


@kernel
def adam_update(
    theta: Any, dtheta: Any, v: Any, s: Any, learning_rate: float, beta1: float, beta2: float, epsilon: float, t: int
) -> None:
    """optimizers.adam_update at step t."""
    rate, small = optimizers.adam_rate(learning_rate, beta1, beta2, epsilon, t)
    optimizers.adam_update(theta, dtheta, v, s, 1.0, 0.0, 1.0, beta1, beta2, small, rate)


@kernel
def l2_cost(W: Any, lambd: float, m: int) -> float:
    """regularization.l2_cost."""
    return regularization.l2_cost(W, lambd, m)


@kernel
def l2_backward(W: Any, lambd: float, m: int, dW: Any) -> None:
    """regularization.l2_backward."""
    regularization.l2_backward(W, lambd, m, dW)
