"""Gradient checking: the analytic gradient beside two-sided differences of the cost.

    gradapprox_i = (J(theta_i + epsilon) - J(theta_i - epsilon)) / (2 epsilon)
    difference   = ||grad - gradapprox|| / (||grad|| + ||gradapprox||)

The course's epsilon, 1e-7, leaves a right gradient with differences up to about 2e-7, because J is rounded; with epsilon 1e-5
rounding and truncation balance, and the difference of a right one is 1e-8 or less.
Source: Ng, Deep Learning Specialization, course 2 week 1, "Gradient Checking".
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastdnn.course import _adapters, _checks
from fastdnn.course._checks import Array, Parameters
from fastdnn.course.improving import propagation
from fastdnn.errors import DataError

# Above this difference the course's message says that there is a mistake.
_LIMIT = 2e-7
# The network of the exercise, whose shapes `vector_to_dictionary` assumes where none are given.
_DIMS = (4, 5, 3, 1)


def forward_propagation(x: float, theta: float) -> float:
    """J = theta x, the cost of the one-dimensional example."""
    return theta * x


def backward_propagation(x: float, theta: float) -> float:
    """dJ/dtheta = x."""
    return x


def gradient_check(x: float, theta: float, epsilon: float = 1e-7, print_msg: bool = False) -> float:
    """The difference between `backward_propagation` and the slope of `forward_propagation`.

    Examples
    --------
    >>> gradient_check(3, 4) < 1e-9
    True
    """
    epsilon = _checks.positive("epsilon", epsilon)
    costs = [forward_propagation(x, theta + sign * epsilon) for sign in (1, -1)]
    approx = np.atleast_1d((costs[0] - costs[1]) / (2 * epsilon))
    return _difference(np.atleast_1d(np.float64(backward_propagation(x, theta))), approx, print_msg)


def forward_propagation_n(X: Any, Y: Any, parameters: Any) -> tuple[float, tuple[Array, ...]]:
    """(J, cache): the cross-entropy cost of [linear -> ReLU] * (L - 1) -> linear -> sigmoid; cache (Z1, A1, W1, b1, ...)."""
    AL, cache = propagation.forward_propagation(X, parameters)
    return propagation.compute_cost(AL, Y), cache


def backward_propagation_n(X: Any, Y: Any, cache: Sequence[Any]) -> Parameters:
    """All gradients: `propagation.backward_propagation`."""
    return propagation.backward_propagation(X, Y, cache)


def gradient_check_n(
    parameters: Any, gradients: Any, X: Any, Y: Any, epsilon: float = 1e-7, print_msg: bool = False
) -> float:
    """The difference between `gradients` and the slopes of `forward_propagation_n`, over all parameters.

    parameters : {"W1", "b1", ..., "WL", "bL"}; gradients : {"dW1", "db1", ...} of the same shapes, as `backward_propagation_n`
    returns them, right or not. print_msg : print the course's sentence; nothing is printed unasked.
    """
    layers = _checks.layers(parameters)
    epsilon = _checks.positive("epsilon", epsilon)
    grad = np.concatenate([dtheta.reshape(-1) for _, _, dtheta in _adapters.with_gradients(parameters, gradients)])
    theta = dictionary_to_vector(parameters)[0][:, 0]
    like: Parameters = {}
    for l, (W, b) in enumerate(layers, 1):
        like[f"W{l}"], like[f"b{l}"] = W, b
    approx = np.empty_like(theta)
    for i in range(theta.size):
        costs = []
        for sign in (1, -1):
            moved = theta.copy()
            moved[i] += sign * epsilon
            costs.append(forward_propagation_n(X, Y, vector_to_dictionary(moved, like))[0])
        approx[i] = (costs[0] - costs[1]) / (2 * epsilon)
    return _difference(grad, approx, print_msg)


def dictionary_to_vector(parameters: Any) -> tuple[Array, list[str]]:
    """W1, b1, W2, ... one below the other as a column, each row by row; and the name that each number belongs to."""
    parts, keys = [], []
    for l, layer in enumerate(_checks.layers(parameters), 1):
        for letter, theta in zip("Wb", layer, strict=True):
            parts.append(theta.reshape(-1, 1))
            keys += [f"{letter}{l}"] * theta.size
    return np.concatenate(parts), keys


def vector_to_dictionary(theta: Any, like: Mapping[str, Any] | None = None) -> Parameters:
    """The inverse of `dictionary_to_vector`.

    like : parameters of the shapes wanted; without it they are those of the exercise's network, 4-5-3-1, 47 numbers.

    Examples
    --------
    >>> vector_to_dictionary([[1.0], [2.0], [3.0]], like={"W1": [[0.0, 0.0]], "b1": [[0.0]]})
    {'W1': array([[1., 2.]]), 'b1': array([[3.]])}
    """
    if like is None:
        shapes = [((n, n_prev), (n, 1)) for n_prev, n in itertools.pairwise(_DIMS)]
    else:
        shapes = [(W.shape, b.shape) for W, b in _checks.layers(like)]
    values = _checks.numbers("theta", theta).reshape(-1)
    wanted = sum(int(np.prod(shape)) for layer in shapes for shape in layer)
    if values.size != wanted:
        raise DataError(f"theta must hold {wanted} numbers, got {values.size}.", "like=parameters, for other shapes")
    parameters: Parameters = {}
    at = 0
    for l, layer in enumerate(shapes, 1):
        for letter, shape in zip("Wb", layer, strict=True):
            size = int(np.prod(shape))
            parameters[f"{letter}{l}"] = values[at : at + size].reshape(shape).copy()
            at += size
    return parameters


def gradients_to_vector(gradients: Any) -> Array:
    """dW1, db1, dW2, ... one below the other as a column, each row by row; whatever else is in `gradients` is left out."""
    parts: list[Array] = []
    l = 1
    while l == 1 or f"dW{l}" in gradients:
        for key in (f"dW{l}", f"db{l}"):
            parts.append(_checks.matrix(key, _checks.entry(gradients, key), "n", "n_prev").reshape(-1, 1))
        l += 1
    return np.concatenate(parts)


def _difference(grad: Array, approx: Array, print_msg: bool) -> float:
    size = np.linalg.norm(grad) + np.linalg.norm(approx)
    difference = float(np.linalg.norm(grad - approx) / size) if size > 0 else 0.0
    if print_msg:
        verdict = "There is a mistake in the backward propagation!" if difference > _LIMIT else (
            "Your backward propagation works perfectly fine!"
        )  # fmt: skip
        print(f"{verdict} difference = {difference}")
    return difference
