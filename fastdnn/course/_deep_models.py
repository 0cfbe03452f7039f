"""Whole fits of week 4: initial parameters, and the two models of "Deep Neural Network: Application"."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from fastdnn.course import _checks
from fastdnn.course._checks import Array, Parameters
from fastdnn.course._descent import cost_printer, descend
from fastdnn.errors import check_name

# Iterations between two costs that are kept and printed.
_EVERY = 100


def initialize_parameters(n_x: int, n_h: int, n_y: int, seed: int = 1) -> Parameters:
    """W1 and W2 small normal deviates, 0.01 * RandomState(seed).randn, W1 drawn first; b1 and b2 zeros.

    seed : the course's is 1.

    Examples
    --------
    >>> initialize_parameters(3, 2, 1)["W2"].round(8).tolist()
    [[0.01744812, -0.00761207]]
    """
    return initialize_parameters_deep(_checks.sizes("n_x, n_h, n_y", (n_x, n_h, n_y), 3), seed)


def initialize_parameters_deep(layer_dims: Sequence[int], seed: int = 3, scaling: str = "small") -> Parameters:
    """W of each layer from RandomState(seed).randn(n_l, n_{l-1}), layer after layer; b zeros.

    Parameters
    ----------
    layer_dims : [n_0, n_1, ..., n_L].
    seed : 3 in "Step by Step", 1 in "Application".
    scaling : 'small', times 0.01, as in "Step by Step"; or 'fan_in', divided by the root of n_{l-1}, as the function of the same
        name in "Application".

    Examples
    --------
    >>> parameters = initialize_parameters_deep([5, 4, 3])
    >>> {name: value.shape for name, value in parameters.items()}
    {'W1': (4, 5), 'b1': (4, 1), 'W2': (3, 4), 'b2': (3, 1)}
    """
    check_name("scaling", scaling, ("small", "fan_in"))
    dims = _checks.sizes("layer_dims", layer_dims)
    if scaling == "small":
        return scaled_normals(dims, seed, lambda normal, n_prev: normal * 0.01)
    return scaled_normals(dims, seed, lambda normal, n_prev: normal / np.sqrt(n_prev))


def scaled_normals(dims: list[int], seed: int, scaled: Callable[[Array, int], Array]) -> Parameters:
    """W[l] = scaled(RandomState(seed).randn(n_l, n_{l-1}), n_{l-1}), layer after layer; b zeros."""
    draw = np.random.RandomState(seed)
    parameters: Parameters = {}
    for l, (n_prev, n) in enumerate(pairwise(dims), 1):
        parameters[f"W{l}"], parameters[f"b{l}"] = scaled(draw.randn(n, n_prev), n_prev), np.zeros((n, 1))
    return parameters


def two_layer_model(
    X: Any,
    Y: Any,
    layers_dims: Sequence[int],
    learning_rate: float = 0.0075,
    num_iterations: int = 3000,
    print_cost: bool = False,
    *,
    seed: int = 1,
) -> tuple[Parameters, list[Any]]:
    """Linear -> ReLU -> linear -> sigmoid, learnt by gradient descent over all examples.

    Parameters
    ----------
    X : (n_x, m). Y : (n_y, m) of 0 and 1. layers_dims : (n_x, n_h, n_y).
    print_cost : print the cost of every 100th iteration and of the last.
    seed : of `initialize_parameters`.

    Returns
    -------
    (parameters, costs), as since 2021 (before: parameters only); the costs before the updates of iterations 0, 100, 200, ...

    Raises
    ------
    DataError, ParameterError : shapes, labels or sizes that do not fit. DivergenceError : a cost that is not finite.

    Examples
    --------
    >>> X, Y = np.array([[-2.0, -1.0, 1.0, 2.0]]), np.array([[0, 0, 1, 1]])
    >>> parameters, costs = two_layer_model(X, Y, (1, 4, 1), learning_rate=0.5, num_iterations=201)
    >>> len(costs), bool(costs[0] > costs[2])
    (3, True)
    """
    dims = _checks.sizes("layers_dims", layers_dims, 3)
    parameters = initialize_parameters(dims[0], dims[1], dims[2], seed)
    return _model(X, Y, dims, parameters, learning_rate, num_iterations, print_cost)


def L_layer_model(
    X: Any,
    Y: Any,
    layers_dims: Sequence[int],
    learning_rate: float = 0.0075,
    num_iterations: int = 3000,
    print_cost: bool = False,
    *,
    seed: int = 1,
) -> tuple[Parameters, list[Any]]:
    """[Linear -> ReLU] * (L - 1) -> linear -> sigmoid, learnt by gradient descent over all examples.

    layers_dims : [n_0, ..., n_L], two numbers or more. seed : of `initialize_parameters_deep` with scaling 'fan_in'.
    Everything else as in `two_layer_model`.
    """
    dims = _checks.sizes("layers_dims", layers_dims)
    parameters = initialize_parameters_deep(dims, seed, "fan_in")
    return _model(X, Y, dims, parameters, learning_rate, num_iterations, print_cost)


def _model(
    X: Any, Y: Any, dims: list[int], parameters: Parameters, learning_rate: float, num_iterations: int, print_cost: bool
) -> tuple[Parameters, list[Any]]:
    X, Y = _checks.examples(X, Y, dims[0], dims[-1])
    _checks.steps(num_iterations, learning_rate)
    # Every hundredth and the last are all that is reported.
    show = cost_printer(print_cost, 1)
    parameters, costs = descend(parameters, "relu", X, Y, learning_rate, num_iterations, _EVERY, show)
    return parameters, [np.array(cost) for cost in costs]
