"""A network of L layers step by step: ReLU in the hidden layers, sigmoid at the output.

Shapes: X = A0 (n_0, m), Y (1, m) of 0 and 1; for layer l: W (n_l, n_{l-1}), b (n_l, 1), Z and A (n_l, m).
A cache is ((A_prev, W, b), Z): what `linear_forward` had, and what the activation had.
Source: Ng, Deep Learning Specialization, course 1 week 4, "Building your Deep Neural Network: Step by Step" (equations 4 and 8 to
10) and "Deep Neural Network: Application". Names, arguments and return values are those of the editions since 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastdnn.course import _adapters, _checks, activations
from fastdnn.course._checks import Array, Parameters
from fastdnn.course._deep_models import L_layer_model as L_layer_model
from fastdnn.course._deep_models import initialize_parameters as initialize_parameters
from fastdnn.course._deep_models import initialize_parameters_deep as initialize_parameters_deep
from fastdnn.course._deep_models import two_layer_model as two_layer_model
from fastdnn.course.activations import relu_backward as relu_backward
from fastdnn.course.activations import sigmoid_backward as sigmoid_backward
from fastdnn.errors import DataError

LinearCache = tuple[Array, Array, Array]
Cache = tuple[LinearCache, Array]


def sigmoid(Z: Any) -> tuple[Any, Any]:
    """(A, cache): A = 1 / (1 + exp(-Z)), and Z itself."""
    return activations.sigmoid(Z), Z


def relu(Z: Any) -> tuple[Any, Any]:
    """(A, cache): A = max(0, Z), and Z itself."""
    return activations.relu(Z), Z


def linear_forward(A: Any, W: Any, b: Any) -> tuple[Array, LinearCache]:
    """Z = W A + b (4). A (n_prev, m), W (n, n_prev), b (n, 1).

    Returns
    -------
    (Z (n, m), (A, W, b))

    Examples
    --------
    >>> Z, cache = linear_forward([[1.0, 2.0], [3.0, 4.0]], [[1.0, -1.0]], [[0.5]])
    >>> Z.tolist()
    [[-1.5, -1.5]]
    """
    A = _checks.matrix("A", A, "n_prev", "m")
    W = _checks.matrix("W", W, "n", A.shape[0])
    b = _checks.matrix("b", b, W.shape[0], 1)
    return _adapters.linear_forward(A, W, b), (A, W, b)


def linear_activation_forward(A_prev: Any, W: Any, b: Any, activation: str) -> tuple[Array, Cache]:
    """A = g(W A_prev + b).

    activation : 'sigmoid' or 'relu', as in the course; also 'identity', 'leaky_relu', 'tanh', and 'softmax' over the units.

    Returns
    -------
    (A (n, m), ((A_prev, W, b), Z))
    """
    Z, linear_cache = linear_forward(A_prev, W, b)
    return _adapters.activate(activation, Z), (linear_cache, Z)


def L_model_forward(X: Any, parameters: Any) -> tuple[Array, list[Cache]]:
    """[linear -> ReLU] * (L - 1) -> linear -> sigmoid. parameters : {"W1", "b1", ..., "WL", "bL"}.

    Returns
    -------
    (AL (n_L, m), the caches of layers 1 to L)
    """
    layers = _checks.layers(parameters)
    A = _checks.matrix("X", X, layers[0][0].shape[1], "m")
    caches = []
    for l, (W, b) in enumerate(layers, 1):
        A, cache = linear_activation_forward(A, W, b, "relu" if l < len(layers) else "sigmoid")
        caches.append(cache)
    return A, caches


def compute_cost(AL: Any, Y: Any) -> Any:
    """J = -1/m sum(Y log AL + (1 - Y) log(1 - AL)), as an array without axes. AL and Y (1, m).

    Examples
    --------
    >>> float(compute_cost([[0.8, 0.9, 0.4]], [[1, 1, 0]]).round(12))
    0.279776563579
    """
    AL = _checks.probabilities("AL", AL)
    return np.array(_adapters.binary_cross_entropy(AL, _checks.labels("Y", Y, *AL.shape))[0])


def linear_backward(dZ: Any, cache: Any) -> tuple[Array, Array, Array]:
    """Gradients of one linear layer.

        dW      = 1/m dZ A_prev^T                 (8)
        db      = 1/m sum over columns of dZ      (9)
        dA_prev = W^T dZ                          (10)

    dZ (n, m); cache = (A_prev, W, b), of which b is not read. Returns (dA_prev, dW, db).
    """
    A_prev, W, _ = cache
    dZ = _checks.matrix("dZ", dZ, "n", "m")
    A_prev = _checks.matrix("A_prev", A_prev, "n_prev", dZ.shape[1])
    W = _checks.matrix("W", W, dZ.shape[0], A_prev.shape[0])
    return _adapters.linear_backward(dZ, A_prev, W)


def linear_activation_backward(dA: Any, cache: Any, activation: str) -> tuple[Array, Array, Array]:
    """dZ = dA * g'(Z), then `linear_backward`. cache = ((A_prev, W, b), Z); activation as in `linear_activation_forward`."""
    linear_cache, Z = cache
    Z = _checks.matrix("Z", Z, "n", "m")
    dA = _checks.matrix("dA", dA, *Z.shape)
    dZ = _adapters.activate_backward(activation, dA, _adapters.activate(activation, Z))
    return linear_backward(dZ, linear_cache)


def L_model_backward(AL: Any, Y: Any, caches: Sequence[Any]) -> Parameters:
    """All gradients, by the chain that the course writes, without shortcut:

        dAL = -(Y / AL - (1 - Y) / (1 - AL)),   dZL = dAL * s (1 - s),   then layer by layer down.

    AL need not be sigmoid(ZL). Y is given the shape of AL. (Training uses dZL = AL - Y, which is the same for AL = sigmoid(ZL).)

    Returns
    -------
    {"dA0", "dW1", "db1", "dA1", ..., "dWL", "dbL"}
    """
    AL = _checks.matrix("AL", AL, "n_L", "m")
    if np.size(Y) != AL.size:
        raise DataError(f"Y must have the shape of AL, {AL.shape}, got {np.shape(Y)}.")
    Y = _checks.labels("Y", np.reshape(Y, AL.shape), *AL.shape)
    dA = _adapters.binary_cross_entropy(AL, Y)[1]
    grads: Parameters = {}
    L = len(caches)
    for l in range(L, 0, -1):
        dA, dW, db = linear_activation_backward(dA, caches[l - 1], "sigmoid" if l == L else "relu")
        grads[f"dA{l - 1}"], grads[f"dW{l}"], grads[f"db{l}"] = dA, dW, db
    return grads


def update_parameters(params: Any, grads: Any, learning_rate: float) -> Parameters:
    """W = W - learning_rate dW and b = b - learning_rate db, layer by layer; a new dictionary."""
    _checks.layers(params)
    return _adapters.update_parameters(params, grads, learning_rate)


def predict(X: Any, y: Any, parameters: Any, *, print_accuracy: bool = False) -> Array:
    """(1, m) of 0.0 and 1.0: 1 where AL is greater than 0.5.

    y : (1, m) labels, or None; read only for the accuracy.
    print_accuracy : print it, as the course's function always does.
    """
    p = (L_model_forward(X, parameters)[0] > 0.5).astype(np.float64)
    if print_accuracy:
        print(f"Accuracy: {np.mean(p == _checks.labels('y', y, *p.shape))}")
    return p
