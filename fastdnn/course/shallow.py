"""A network with one hidden layer of tanh units and a sigmoid output, learnt by gradient descent.

Shapes: X (n_x, m), Y (n_y, m) of 0 and 1, W1 (n_h, n_x), b1 (n_h, 1), W2 (n_y, n_h), b2 (n_y, 1).
Source: Ng, Deep Learning Specialization, course 1 week 3, "Planar data classification with one hidden layer". Names, arguments
and return values are those of the editions since 2021.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn.course import _adapters, _checks, _deep_models
from fastdnn.course._checks import Array, Parameters
from fastdnn.course._descent import cost_printer, descend
from fastdnn.errors import DataError

# Iterations between two costs that are kept and printed.
_EVERY = 1000


def load_planar_dataset(seed: int = 1) -> tuple[Array, NDArray[np.uint8]]:
    """The flower: X (2, 400) and Y (1, 400), 200 points of each class on four petals, drawn from RandomState(seed)."""
    draw = np.random.RandomState(seed)
    points, classes = [], []
    for label in (0, 1):
        angle = np.linspace(label * 3.12, (label + 1) * 3.12, 200) + draw.randn(200) * 0.2
        radius = 4 * np.sin(4 * angle) + draw.randn(200) * 0.2
        points.append(np.stack([radius * np.sin(angle), radius * np.cos(angle)]))
        classes.append(np.full((1, 200), label, np.uint8))
    return np.hstack(points), np.hstack(classes)


def layer_sizes(X: Any, Y: Any) -> tuple[int, int, int]:
    """(n_x, n_h, n_y): rows of X, 4 hidden units, rows of Y."""
    m = np.shape(X)[-1] if np.ndim(X) == 2 else "m"
    return _checks.matrix("X", X, "n_x", "m").shape[0], 4, _checks.matrix("Y", Y, "n_y", m).shape[0]


def initialize_parameters(n_x: int, n_h: int, n_y: int, seed: int = 2) -> Parameters:
    """W1 and W2 small normal deviates, 0.01 * RandomState(seed).randn, W1 drawn first; b1 and b2 zeros.

    seed : the course's is 2.

    Examples
    --------
    >>> initialize_parameters(2, 4, 1)["W1"][0].round(8).tolist()
    [-0.00416758, -0.00056267]
    """
    return _deep_models.initialize_parameters(n_x, n_h, n_y, seed)


def forward_propagation(X: Any, parameters: Any) -> tuple[Array, dict[str, Array]]:
    """Z1 = W1 X + b1, A1 = tanh(Z1), Z2 = W2 A1 + b2, A2 = sigmoid(Z2).

    Returns
    -------
    (A2, {"Z1", "A1", "Z2", "A2"})
    """
    (W1, b1), (W2, b2) = _two_layers(parameters)
    Z1 = _adapters.linear_forward(_checks.matrix("X", X, W1.shape[1], "m"), W1, b1)
    A1 = _adapters.activate("tanh", Z1)
    Z2 = _adapters.linear_forward(A1, W2, b2)
    A2 = _adapters.activate("sigmoid", Z2)
    return A2, {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2}


def compute_cost(A2: Any, Y: Any) -> float:
    """J = -1/m sum(Y log A2 + (1 - Y) log(1 - A2)). A2 and Y (n_y, m).

    Examples
    --------
    >>> compute_cost([[0.5002307, 0.49985831, 0.50023963, 0.25, 0.7]], [[1, 0, 0, 0, 1]])
    0.5447066599017815
    """
    A2 = _checks.probabilities("A2", A2)
    return _adapters.binary_cross_entropy(A2, _checks.labels("Y", Y, *A2.shape))[0]


def backward_propagation(parameters: Any, cache: Any, X: Any, Y: Any) -> dict[str, Array]:
    """Gradients from W2 and from A1 and A2 of the cache; nothing else in them is read.

        dZ2 = A2 - Y                        dW2 = 1/m dZ2 A1^T    db2 = 1/m sum dZ2
        dZ1 = W2^T dZ2 * (1 - A1^2)         dW1 = 1/m dZ1 X^T     db1 = 1/m sum dZ1

    Returns
    -------
    {"dW1", "db1", "dW2", "db2"}
    """
    X = _checks.matrix("X", X, "n_x", "m")
    m = X.shape[1]
    A1 = _checks.matrix("A1", _checks.entry(cache, "A1"), "n_h", m)
    A2 = _checks.matrix("A2", _checks.entry(cache, "A2"), "n_y", m)
    W2 = _checks.matrix("W2", _checks.entry(parameters, "W2"), A2.shape[0], A1.shape[0])
    dZ2 = _adapters.difference(A2, _checks.labels("Y", Y, *A2.shape))
    dA1, dW2, db2 = _adapters.linear_backward(dZ2, A1, W2)
    dZ1 = _adapters.activate_backward("tanh", dA1, A1)
    # dX is not wanted, so any W1 will do.
    _, dW1, db1 = _adapters.linear_backward(dZ1, X, np.zeros((A1.shape[0], X.shape[0])))
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}


def update_parameters(parameters: Any, grads: Any, learning_rate: float = 1.2) -> Parameters:
    """W = W - learning_rate dW and b = b - learning_rate db, layer by layer; a new dictionary."""
    _two_layers(parameters)
    return _adapters.update_parameters(parameters, grads, learning_rate)


def nn_model(
    X: Any,
    Y: Any,
    n_h: int,
    num_iterations: int = 10000,
    print_cost: bool = False,
    *,
    learning_rate: float = 1.2,
    seed: int = 3,
    return_costs: bool = False,
) -> Any:
    """Learn a network of n_h hidden units.

    Parameters
    ----------
    print_cost : print the cost of every 1000th iteration.
    learning_rate : the course's is 1.2.
    seed : of `initialize_parameters`: 3 since 2021, 2 in the editions before.
    return_costs : return (parameters, costs) with the costs before iterations 0, 1000, 2000, ...

    Returns
    -------
    parameters, as in every edition, unless `return_costs`.

    Examples
    --------
    >>> X, Y = load_planar_dataset()
    >>> parameters = nn_model(X, Y, n_h=4, num_iterations=1000)
    >>> bool((predict(parameters, X) == Y).mean() > 0.85)
    True
    """
    X, Y = _checks.examples(X, Y, "n_x", "n_y")
    _checks.steps(num_iterations, learning_rate)

    parameters = initialize_parameters(X.shape[0], n_h, Y.shape[0], seed)
    show = cost_printer(print_cost, _EVERY, "f")
    parameters, costs = descend(parameters, "tanh", X, Y, learning_rate, num_iterations, _EVERY, show)
    return (parameters, costs) if return_costs else parameters


def predict(parameters: Any, X: Any) -> NDArray[np.bool_]:
    """(n_y, m) booleans: where A2 is greater than 0.5."""
    predictions: NDArray[np.bool_] = forward_propagation(X, parameters)[0] > 0.5
    return predictions


def _two_layers(parameters: Any) -> list[tuple[Array, Array]]:
    layers = _checks.layers(parameters)
    if len(layers) != 2:
        raise DataError(f"parameters must hold W1, b1, W2 and b2, got {', '.join(sorted(parameters))}.")
    return layers
