"""L2 regularisation, and the model that learns with it, with dropout, or with neither.

Source: Ng, Deep Learning Specialization, course 2 week 1, "Regularization", sections 1 and 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastdnn.course import _adapters, _checks, deep
from fastdnn.course._checks import Array, Parameters
from fastdnn.course._descent import cost_printer, descend
from fastdnn.course.improving._descents import descend_with_dropout
from fastdnn.course.improving.propagation import chain, compute_cost, split_cache
from fastdnn.errors import ParameterError

# Iterations between two costs that are kept, and between two that are printed.
_KEPT, _PRINTED = 1000, 10000


def initialize_parameters(layer_dims: Sequence[int], seed: int = 3) -> Parameters:
    """W of each layer RandomState(seed).randn(n_l, n_{l-1}) / sqrt(n_{l-1}), layer after layer; b zeros."""
    return deep.initialize_parameters_deep(layer_dims, seed, "fan_in")


def compute_cost_with_regularization(A3: Any, Y: Any, parameters: Any, lambd: float) -> float:
    """J = -1/m sum(Y log AL + (1 - Y) log(1 - AL)) + lambda/(2 m) sum over layers of W^2. Biases are not penalised.

    A3 : AL (n_L, m). parameters : W1, W2, ... of it are read. lambd : lambda, 0 or more.

    Examples
    --------
    >>> round(compute_cost_with_regularization([[0.5, 0.5]], [[1, 0]], {"W1": [[3.0, 4.0]]}, 0.1), 12)
    1.31814718056
    """
    lambd = _checks.not_negative("lambd", lambd)
    return compute_cost(A3, Y) + _penalty(parameters, lambd, np.shape(A3)[1])


def backward_propagation_with_regularization(X: Any, Y: Any, cache: Sequence[Any], lambd: float) -> Parameters:
    """All gradients, as `propagation.backward_propagation`, with lambda/m W[l] added to dW[l].

    cache : (Z1, A1, W1, b1, ..., ZL, AL, WL, bL); Z and b in it are not read.

    Returns
    -------
    {"dZL", "dWL", "dbL", "dA(L-1)", "dZ(L-1)", ..., "dZ1", "dW1", "db1"}
    """
    lambd = _checks.not_negative("lambd", lambd)
    m = _checks.matrix("X", X, "n_0", "m").shape[1]

    def penalised(l: int, W: Array, dW: Array) -> Array:
        return _adapters.with_l2(dW, W, lambd, m)

    return chain(X, Y, split_cache(cache, 4, len(cache)), on_weights=penalised)


def model(
    X: Any,
    Y: Any,
    learning_rate: float = 0.3,
    num_iterations: int = 30000,
    print_cost: bool = False,
    lambd: float = 0,
    keep_prob: float = 1,
    *,
    seed: int = 3,
    mask_seed: int = 1,
    same_masks: bool = False,
    return_costs: bool = False,
) -> Any:
    """Learn a network of layers n_x, 20, 3, 1 by gradient descent over all examples.

    Parameters
    ----------
    X : (n_x, m). Y : (1, m) of 0 and 1.
    print_cost : print the cost of every 10000th iteration. The course prints unasked.
    lambd : of the L2 term. keep_prob : of dropout in the hidden layers. As in the course one of them at a time: lambd 0, or
        keep_prob 1.
    seed : of the weights. mask_seed : of the masks.
    same_masks : the masks of the first step in every step, as the course, whose generator begins anew in every forward pass.
        Otherwise every step draws its own, as dropout is meant.
    return_costs : return (parameters, costs) with the costs before iterations 0, 1000, 2000, ..., L2 term and all.

    Returns
    -------
    parameters, as in every edition, unless `return_costs`.

    Raises
    ------
    DataError, ParameterError : shapes, labels or settings that do not fit. DivergenceError : a cost that is not finite.
    """
    X, Y = _checks.examples(X, Y, "n_x", 1)
    _checks.steps(num_iterations, learning_rate)
    lambd, keep_prob = _checks.not_negative("lambd", lambd), _checks.keep_probability(keep_prob)
    if lambd > 0 and keep_prob < 1:
        raise ParameterError(
            f"L2 and dropout are explored one at a time here: lambd must be 0 or keep_prob 1, got {lambd} and {keep_prob}.",
            "fastdnn.train, which takes both l2 and dropout",
        )

    show = cost_printer(print_cost, _PRINTED)
    parameters = initialize_parameters([X.shape[0], 20, 3, 1], seed)
    if keep_prob < 1:
        masks = keep_prob, mask_seed, same_masks
        parameters, costs = descend_with_dropout(parameters, X, Y, learning_rate, num_iterations, masks, _KEPT, show)
    else:
        parameters, costs = descend(parameters, "relu", X, Y, learning_rate, num_iterations, _KEPT, show, lambd)
    return (parameters, costs) if return_costs else parameters


def _penalty(parameters: Any, lambd: float, m: int) -> float:
    """lambda/(2 m) sum over layers of W^2."""
    total, l = 0.0, 1
    while l == 1 or f"W{l}" in parameters:
        W = _checks.matrix(f"W{l}", _checks.entry(parameters, f"W{l}"), "n", "n_prev")
        total += _adapters.l2_cost(W, lambd, m)
        l += 1
    return total
