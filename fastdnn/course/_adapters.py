"""From the course's arrays to the kernels and back: (n, m) matrices in, panels to the kernel, (n, m) matrices out.

Every function takes float64 C-contiguous arrays of the right shapes (_checks.py) and returns new ones.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn.activation_codes import activation_code
from fastdnn.course import _checks
from fastdnn.course._checks import Array, Parameters
from fastdnn.errors import check_name
from fastdnn.kernels import course as kernels
from fastdnn.kernels import layers
from fastdnn.kernels._jit import load_separate
from fastdnn.kernels.course_dropout import mask_panels
from fastdnn.kernels.vector import panel_width
from fastdnn.panels import (
    aligned_zeros,
    empty_panels,
    fill_panels,
    fill_weights,
    panel_count,
    read_panels,
    read_weights,
    weight_shape,
)

_ACTIVATIONS = ("identity", "relu", "leaky_relu", "sigmoid", "tanh", "softmax")


@functools.cache
def _make_ready() -> None:
    """Before any kernel runs: the kernels that others jump to."""
    load_separate(np.float64)


@functools.cache
def _width() -> int:
    """Columns of a panel of float64; whoever needs to know it will call a kernel."""
    _make_ready()
    return panel_width(np.float64)


def _whole(n: int) -> int:
    """n, rounded up to whole panels."""
    return panel_count(n, np.float64) * _width()


def _empty(n: int, m: int) -> Any:
    """Panels for m examples of n numbers."""
    _width()
    return empty_panels(m, n, np.float64)


def _empty_weights(n: int, n_prev: int) -> Any:
    """Room for the weights of a layer, or their derivatives."""
    _width()
    return aligned_zeros(weight_shape(n_prev, n, np.float64), np.float64)


def _packed(M: Array) -> Any:
    """Panels of an (n, m) matrix; examples are rows there."""
    P = _empty(*M.shape)
    fill_panels(P, M.T)
    return P


def _unpacked(P: Any, n: int, m: int) -> Array:
    """The (n, m) matrix that panels hold."""
    M = np.empty((n, m))
    read_panels(P, M.T)
    return M


def linear_forward(A_prev: Array, W: Array, b: Array) -> Array:
    """Z = W A_prev + b: A_prev (n_prev, m), W (n, n_prev), b (n, 1); Z (n, m)."""
    (n, n_prev), m = W.shape, A_prev.shape[1]
    weights, bias, Z = _empty_weights(n, n_prev), aligned_zeros((_whole(n),), np.float64), _empty(n, m)
    fill_weights(weights, W)
    bias[:n] = b[:, 0]
    kernels.linear_forward(_packed(A_prev), weights, bias, Z, n_prev, n)
    return _unpacked(Z, n, m)


def linear_backward(dZ: Array, A_prev: Array, W: Array) -> tuple[Array, Array, Array]:
    """dA_prev (n_prev, m), dW (n, n_prev) and db (n, 1) from dZ (n, m), A_prev (n_prev, m) and W (n, n_prev)."""
    (n, n_prev), m = W.shape, dZ.shape[1]
    transposed, dA_prev = _empty(n_prev, _whole(n)), _empty(n_prev, m)
    fill_panels(transposed, W)
    dweights, db = _empty_weights(n, n_prev), aligned_zeros((_whole(n),), np.float64)
    scratch = aligned_zeros((_width(), _width()), np.float64)
    layers.linear_backward(_packed(dZ), _packed(A_prev), transposed, scratch, dweights, db, dA_prev, n_prev, n, m)
    dW = np.empty_like(W)
    read_weights(dweights, dW)
    return _unpacked(dA_prev, n_prev, m), dW, db[:n].reshape(n, 1).copy()


def _code(activation: str) -> int:
    """Of the activations whose derivative follows from A, as the course has it: those that the engine added since need Z."""
    return activation_code(check_name("activation", activation, _ACTIVATIONS), np.float64)


def activate(activation: str, Z: Array, slope: float = 0.01) -> Array:
    """A = g(Z), (n, m); softmax works column by column. `slope` is that of leaky ReLU below zero."""
    code = _code(activation)
    # What works element by element is laid out as one long example, so that no panel is padding.
    n, m = Z.shape if activation == "softmax" else (Z.size, 1)
    A = _empty(n, m)
    kernels.activate(code, _packed(Z.reshape(n, m)), A, n, float(slope))
    result: Array = _unpacked(A, n, m).reshape(Z.shape) + 0.0  # no zero has a minus: ReLU gives 0 times a negative Z
    return result


def activate_backward(activation: str, dA: Array, A: Array, slope: float = 0.01) -> Array:
    """dZ = dA g'(Z), from A = g(Z), all (n, m); softmax works column by column."""
    code = _code(activation)
    n, m = A.shape if activation == "softmax" else (A.size, 1)
    dZ = _empty(n, m)
    kernels.activate_backward(code, _packed(dA.reshape(n, m)), _packed(A.reshape(n, m)), dZ, n, float(slope))
    return _unpacked(dZ, n, m).reshape(A.shape)


def _loss(kernel: Any, A: Array, Y: Array) -> tuple[Array, Array]:
    """The loss of each example, (m,), and the derivative of the losses, (n_y, m)."""
    n, m = A.shape
    derivative, per_example = _empty(n, m), np.empty(m)
    kernel(_packed(A), np.ascontiguousarray(Y.T), derivative, per_example)
    return per_example, _unpacked(derivative, n, m)


def binary_cross_entropy(A: Array, Y: Array) -> tuple[float, Array]:
    """The cost J and dA of probabilities A."""
    per_example, dA = _loss(kernels.binary_cross_entropy, A, Y)
    return float(per_example.sum() / per_example.size), dA


def sigmoid_cross_entropy(Z: Array, Y: Array) -> tuple[float, Array]:
    """The cost J and dZ = sigmoid(Z) - Y of logits Z."""
    _make_ready()
    terms, dZ = Z.flatten(), Y.flatten()
    kernels.sigmoid_cross_entropy(terms, dZ, np.empty(0))
    return float(terms.sum() / Z.shape[1]), dZ.reshape(Z.shape)


def difference(A: Array, Y: Array) -> Array:
    """A - Y: dZ of the output layer for the pairs where the course derives it."""
    return _loss(kernels.half_squared_error, A, Y)[1]


def squared_error(A: Array, Y: Array) -> float:
    """Sum of (A - Y)^2 over everything."""
    return 2.0 * float(_loss(kernels.half_squared_error, A, Y)[0].sum())


def gradient_descent_update(theta: Array, dtheta: Array, learning_rate: float) -> Array:
    """theta - learning_rate dtheta."""
    updated = theta.copy()
    kernels.gradient_descent_update(updated.reshape(-1), dtheta.reshape(-1), float(learning_rate))
    return updated


def momentum_update(theta: Array, dtheta: Array, v: Array, beta: float, learning_rate: float) -> tuple[Array, Array]:
    """theta and v after one step of momentum."""
    theta, v = theta.copy(), v.copy()
    kernels.momentum_update(theta.reshape(-1), dtheta.reshape(-1), v.reshape(-1), float(beta), float(learning_rate))
    return theta, v


def adam_update(
    theta: Array, dtheta: Array, v: Array, s: Array, t: int, learning_rate: float, beta1: float, beta2: float, epsilon: float
) -> tuple[Array, Array, Array]:  # fmt: skip
    """theta, v and s after step t of Adam."""
    theta, v, s = theta.copy(), v.copy(), s.copy()
    flat = (array.reshape(-1) for array in (theta, dtheta, v, s))
    kernels.adam_update(*flat, float(learning_rate), float(beta1), float(beta2), float(epsilon), int(t))
    return theta, v, s


def l2_cost(W: Array, lambd: float, m: int) -> float:
    """lambda/(2 m) sum of W^2."""
    return float(kernels.l2_cost(W.reshape(-1), float(lambd), m))


def with_l2(dW: Array, W: Array, lambd: float, m: int) -> Array:
    """dW + lambda/m W."""
    total = dW.copy()
    kernels.l2_backward(W.reshape(-1), float(lambd), m, total.reshape(-1))
    return total


def mask(A: Array, D: NDArray[Any], keep_prob: float) -> Array:
    """A * D / keep_prob; A and D (n, m)."""
    P = _packed(A)
    mask_panels(P, np.ascontiguousarray(D, np.uint8), float(keep_prob))
    return _unpacked(P, *A.shape)


def update_parameters(parameters: Mapping[str, Any], grads: Mapping[str, Any], learning_rate: float) -> Parameters:
    """Each W and b minus learning_rate times its gradient, which must have its shape."""
    updated: Parameters = {}
    for key, theta, dtheta in with_gradients(parameters, grads):
        updated[key] = gradient_descent_update(theta, dtheta, learning_rate)
    return updated


def with_gradients(parameters: Mapping[str, Any], grads: Mapping[str, Any]) -> Iterator[tuple[str, Array, Array]]:
    """(name, theta, dtheta) of W1, b1, W2, ...; a gradient must have the shape of its parameter."""
    for key, theta in _checks.matrices(parameters):
        yield key, theta, _checks.matrix(f"d{key}", _checks.entry(grads, f"d{key}"), *theta.shape)
