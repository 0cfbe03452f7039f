"""Activations of the course and their derivatives, on arrays of any shape, and the two losses of its first exercise.

`g(x)` gives A = g(Z); `g_backward(dA, cache)` gives dZ = dA * g'(Z) with Z as the cache, as in week 4; `g_derivative(x)` gives
g'(x). Elementwise functions return an array of the shape they were given, a number for a number, in float64.
Source: Ng, Deep Learning Specialization, course 1, weeks 2 ("Python Basics with NumPy"), 3 and 4.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastdnn.course import _adapters, _checks
from fastdnn.course._checks import Array
from fastdnn.errors import DataError, ParameterError


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)).

    Examples
    --------
    >>> sigmoid([0, 2]).round(8).tolist()
    [0.5, 0.88079708]
    """
    return _elementwise("sigmoid", x)


def tanh(x: Any) -> Any:
    """(exp(x) - exp(-x)) / (exp(x) + exp(-x))."""
    return _elementwise("tanh", x)


def relu(x: Any) -> Any:
    """max(0, x)."""
    return _elementwise("relu", x)


def leaky_relu(x: Any, slope: float = 0.01) -> Any:
    """x where x > 0, else slope x; 0 < slope < 1."""
    return _elementwise("leaky_relu", x, _slope(slope))


def identity(x: Any) -> Any:
    """x."""
    return _elementwise("identity", x)


def softmax(x: Any, axis: int = 1) -> Array:
    """exp(x) divided by its sum over the classes of each example; the largest is subtracted first, so nothing overflows.

    Parameters
    ----------
    x : matrix, or the vector of one example.
    axis : along which classes lie. The course's function of this name takes an example as a row: axis 1, the default. In the
        layout of everything else here, (n, m) with examples as columns, it is 0, and so in `deep.linear_activation_forward`.

    Examples
    --------
    >>> softmax([[9, 2, 5, 0, 0], [7, 5, 0, 0, 0]])[1].round(6).tolist()
    [0.87868, 0.118916, 0.000801, 0.000801, 0.000801]
    """
    Z, shape, by_row = _examples_as_columns("x", x, axis)
    A = _adapters.activate("softmax", Z)
    return np.ascontiguousarray(A.T if by_row else A).reshape(shape)


def sigmoid_backward(dA: Any, cache: Any) -> Array:
    """dZ = dA * s (1 - s), s = sigmoid(Z); dA and cache = Z of one shape."""
    return _elementwise_backward("sigmoid", dA, cache)


def tanh_backward(dA: Any, cache: Any) -> Array:
    """dZ = dA * (1 - tanh(Z)^2); dA and cache = Z of one shape."""
    return _elementwise_backward("tanh", dA, cache)


def relu_backward(dA: Any, cache: Any) -> Array:
    """dZ = dA where Z > 0, else 0; dA and cache = Z of one shape.

    Examples
    --------
    >>> relu_backward([[1.0, 2.0, 3.0]], [[-1.0, 0.0, 5.0]]).tolist()
    [[0.0, 0.0, 3.0]]
    """
    return _elementwise_backward("relu", dA, cache)


def leaky_relu_backward(dA: Any, cache: Any, slope: float = 0.01) -> Array:
    """dZ = dA where Z > 0, else slope dA; dA and cache = Z of one shape."""
    return _elementwise_backward("leaky_relu", dA, cache, _slope(slope))


def identity_backward(dA: Any, cache: Any) -> Array:
    """dZ = dA; dA and cache = Z of one shape."""
    return _elementwise_backward("identity", dA, cache)


def softmax_backward(dA: Any, cache: Any, axis: int = 1) -> Array:
    """dZ = A * (dA - sum of dA * A over the classes), A = softmax(Z); dA and cache = Z of one shape, axis as in `softmax`."""
    Z, shape, by_row = _examples_as_columns("cache", cache, axis)
    derivative, given, _ = _examples_as_columns("dA", dA, axis)
    _require_same(given, shape)
    dZ = _adapters.activate_backward("softmax", derivative, _adapters.activate("softmax", Z))
    return np.ascontiguousarray(dZ.T if by_row else dZ).reshape(shape)


def sigmoid_derivative(x: Any) -> Any:
    """s (1 - s), s = sigmoid(x)."""
    return _derivative("sigmoid", x)


def tanh_derivative(x: Any) -> Any:
    """1 - tanh(x)^2."""
    return _derivative("tanh", x)


def relu_derivative(x: Any) -> Any:
    """1 where x > 0, else 0, at 0 too."""
    return _derivative("relu", x)


def leaky_relu_derivative(x: Any, slope: float = 0.01) -> Any:
    """1 where x > 0, else slope."""
    return _derivative("leaky_relu", x, _slope(slope))


def identity_derivative(x: Any) -> Any:
    """1."""
    return _derivative("identity", x)


def L1(yhat: Any, y: Any) -> float:
    """Sum of |y - yhat|. yhat and y of one shape."""
    predicted, wanted = _pair(yhat, y)
    return float(np.sum(np.abs(wanted - predicted)))


def L2(yhat: Any, y: Any) -> float:
    """Sum of (y - yhat)^2. yhat and y of one shape.

    Examples
    --------
    >>> L1([0.9, 0.2, 0.1, 0.4, 0.9], [1, 0, 0, 1, 1]), L2([0.9, 0.2, 0.1, 0.4, 0.9], [1, 0, 0, 1, 1])
    (1.1, 0.43)
    """
    predicted, wanted = _pair(yhat, y)
    return _adapters.squared_error(predicted.reshape(1, -1), wanted.reshape(1, -1))


def _elementwise(activation: str, x: Any, slope: float = 0.01) -> Any:
    Z = _checks.numbers("x", x)
    return _adapters.activate(activation, Z.reshape(-1, 1), slope).reshape(Z.shape)[()]


def _elementwise_backward(activation: str, dA: Any, cache: Any, slope: float = 0.01) -> Array:
    derivative, Z = _checks.numbers("dA", dA), _checks.numbers("cache", cache)
    _require_same(derivative.shape, Z.shape)
    A = _adapters.activate(activation, Z.reshape(-1, 1), slope)
    return _adapters.activate_backward(activation, derivative.reshape(-1, 1), A, slope).reshape(Z.shape)


def _derivative(activation: str, x: Any, slope: float = 0.01) -> Any:
    Z = _checks.numbers("x", x)
    return _elementwise_backward(activation, np.ones_like(Z), Z, slope)[()]


def _examples_as_columns(name: str, x: Any, axis: int) -> tuple[Array, tuple[int, ...], bool]:
    """x with classes along the first axis, its own shape, and whether it was transposed for that."""
    array = _checks.numbers(name, x)
    by_row = array.ndim == 1 or axis in (1, -1)
    if axis not in (0, 1, -1, -2) or array.ndim not in (1, 2) or array.size == 0:
        raise DataError(f"{name} must be a vector or a matrix, with axis 0 or 1; got shape {array.shape}, axis {axis}.")
    columns = np.atleast_2d(array).T if by_row else array
    return np.ascontiguousarray(columns), array.shape, by_row


def _slope(slope: float) -> float:
    if not 0.0 < slope < 1.0:
        raise ParameterError(f"The slope of leaky ReLU must lie between 0 and 1, got {slope}.")
    return float(slope)


def _pair(yhat: Any, y: Any) -> tuple[Array, Array]:
    predicted, wanted = _checks.numbers("yhat", yhat), _checks.numbers("y", y)
    if predicted.shape != wanted.shape:
        raise DataError(f"yhat and y must have one shape, got {predicted.shape} and {wanted.shape}.")
    return predicted, wanted


def _require_same(dA: tuple[int, ...], Z: tuple[int, ...]) -> None:
    if dA != Z:
        raise DataError(f"dA must have the shape of Z, {Z}, got {dA}.")
