"""Logistic regression: A = sigmoid(w^T X + b), learnt by gradient descent.

Shapes: X (n_x, m), Y (1, m) of 0 and 1, w (n_x, 1), b a number.
Source: Ng, Deep Learning Specialization, course 1 week 2, "Logistic Regression with a Neural Network mindset". Names, arguments
and return values are those of the editions since 2021.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastdnn.course import _adapters, _checks
from fastdnn.course._checks import Array
from fastdnn.course._descent import cost_printer, descend
from fastdnn.course.activations import sigmoid as sigmoid
from fastdnn.errors import ParameterError

# Iterations between two costs that are kept and printed.
_EVERY = 100


def initialize_with_zeros(dim: int) -> tuple[Array, float]:
    """w = zeros (dim, 1) and b = 0.0. Zeros are right here: one unit has no symmetry to break."""
    if not isinstance(dim, int | np.integer) or dim < 1:
        raise ParameterError(f"dim must be a whole number of 1 or more, got {dim}.")
    return np.zeros((dim, 1)), 0.0


def propagate(w: Any, b: float, X: Any, Y: Any) -> tuple[dict[str, Any], Any]:
    """The cost J and its gradients.

        A = sigmoid(w^T X + b)
        J = -1/m sum(Y log A + (1 - Y) log(1 - A))
        dw = 1/m X (A - Y)^T,   db = 1/m sum(A - Y)

    J is computed from the logits w^T X + b, so it is finite wherever they are.

    Returns
    -------
    ({"dw": (n_x, 1), "db": number}, cost as an array without axes)

    Examples
    --------
    >>> grads, cost = propagate([[1.0], [2.0]], 1.5, [[1.0, -2.0, -1.0], [3.0, 0.5, -3.2]], [[1, 1, 0]])
    >>> grads["dw"].round(8).tolist(), float(grads["db"].round(8)), float(cost.round(8))
    ([[0.25071532], [-0.06604096]], -0.12500405, 0.15900538)
    """
    w, bias, X = _model(w, b, X)
    Y = _checks.labels("Y", Y, 1, X.shape[1])
    Z = _adapters.linear_forward(X, w.T, bias)
    cost, dZ = _adapters.sigmoid_cross_entropy(Z, Y)
    _, dW, db = _adapters.linear_backward(dZ, X, w.T)
    return {"dw": dW.T.copy(), "db": db[0, 0]}, np.array(cost)


def optimize(
    w: Any,
    b: float,
    X: Any,
    Y: Any,
    num_iterations: int = 100,
    learning_rate: float = 0.009,
    print_cost: bool = False,
) -> tuple[dict[str, Any], dict[str, Any], list[Any]]:
    """num_iterations steps w = w - learning_rate dw, b = b - learning_rate db.

    print_cost : print the cost of every 100th iteration.

    Returns
    -------
    ({"w", "b"} after the last step, {"dw", "db"} of the last step, the costs before steps 0, 100, 200, ...)
    """
    w, bias, X = _model(w, b, X)
    Y = _checks.labels("Y", Y, 1, X.shape[1])
    _checks.steps(num_iterations, learning_rate, least=1)

    show = cost_printer(print_cost, _EVERY, "f")
    # The last step is made here, because its gradients are returned.
    before = num_iterations - 1
    learnt, kept = descend({"W1": w.T, "b1": bias}, "", X, Y, learning_rate, before, _EVERY, show)
    w, bias = np.ascontiguousarray(learnt["W1"].T), learnt["b1"]
    grads, cost = propagate(w, bias[0, 0], X, Y)
    if before % _EVERY == 0:
        kept.append(float(cost))
        show(before, kept[-1])
    w = _adapters.gradient_descent_update(w, grads["dw"], learning_rate)
    bias = _adapters.gradient_descent_update(bias, grads["db"].reshape(1, 1), learning_rate)
    return {"w": w, "b": bias[0, 0]}, grads, [np.array(cost) for cost in kept]


def predict(w: Any, b: float, X: Any) -> Array:
    """(1, m) of 0.0 and 1.0: 1 where sigmoid(w^T X + b) is greater than 0.5.

    Examples
    --------
    >>> predict([[0.1124579], [0.23106775]], -0.3, [[1.0, -1.1, -3.2], [1.2, 2.0, 0.1]]).tolist()
    [[1.0, 1.0, 0.0]]
    """
    w, bias, X = _model(w, b, X)
    A = _adapters.activate("sigmoid", _adapters.linear_forward(X, w.T, bias))
    return (A > 0.5).astype(np.float64)


def model(
    X_train: Any,
    Y_train: Any,
    X_test: Any,
    Y_test: Any,
    num_iterations: int = 2000,
    learning_rate: float = 0.5,
    print_cost: bool = False,
) -> dict[str, Any]:
    """Learn from the training examples, starting at zeros, and predict both sets.

    print_cost : print the cost of every 100th iteration and, at the end, both accuracies.

    Returns
    -------
    {"costs", "Y_prediction_test", "Y_prediction_train", "w", "b", "learning_rate", "num_iterations"}
    """
    X_train = _checks.matrix("X_train", X_train, "n_x", "m")
    X_test = _checks.matrix("X_test", X_test, X_train.shape[0], "m_test")
    Y_test = _checks.labels("Y_test", Y_test, 1, X_test.shape[1])
    w, b = initialize_with_zeros(X_train.shape[0])
    parameters, _, costs = optimize(w, b, X_train, Y_train, num_iterations, learning_rate, print_cost)
    on_train = predict(parameters["w"], parameters["b"], X_train)
    on_test = predict(parameters["w"], parameters["b"], X_test)
    if print_cost:
        print(f"train accuracy: {100 - np.mean(np.abs(on_train - Y_train)) * 100} %")
        print(f"test accuracy: {100 - np.mean(np.abs(on_test - Y_test)) * 100} %")
    return {
        "costs": costs,
        "Y_prediction_test": on_test,
        "Y_prediction_train": on_train,
        "w": parameters["w"],
        "b": parameters["b"],
        "learning_rate": learning_rate,
        "num_iterations": num_iterations,
    }


def _model(w: Any, b: float, X: Any) -> tuple[Array, Array, Array]:
    """w (n_x, 1), b as a (1, 1) matrix, X (n_x, m)."""
    X = _checks.matrix("X", X, "n_x", "m")
    bias = _checks.numbers("b", b)
    if bias.size != 1:
        raise ParameterError(f"b must be one number, got the shape {bias.shape}.")
    return _checks.matrix("w", w, X.shape[0], 1), bias.reshape(1, 1), X
