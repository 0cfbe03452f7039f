"""How the weights begin, and what becomes of it: zeros, large random numbers, He.

Source: Ng, Deep Learning Specialization, course 2 week 1, "Initialization".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastdnn.course import _checks
from fastdnn.course._checks import Parameters
from fastdnn.course._deep_models import scaled_normals
from fastdnn.course._descent import cost_printer, descend
from fastdnn.errors import check_name

# Iterations between two costs that are kept and printed.
_EVERY = 1000


def initialize_parameters_zeros(layers_dims: Sequence[int]) -> Parameters:
    """W and b of every layer zeros: no symmetry is broken, so all units of a hidden layer stay alike.

    layers_dims : [n_0, n_1, ..., n_L].
    """
    return scaled_normals(_checks.sizes("layers_dims", layers_dims), 0, lambda normal, n_prev: np.zeros_like(normal))


def initialize_parameters_random(layers_dims: Sequence[int], seed: int = 3) -> Parameters:
    """W of each layer 10 RandomState(seed).randn(n_l, n_{l-1}), layer after layer, too large on purpose; b zeros.

    Examples
    --------
    >>> initialize_parameters_random([3, 2, 1])["W2"].round(8).tolist()
    [[-0.82741481, -6.27000677]]
    """
    return scaled_normals(_checks.sizes("layers_dims", layers_dims), seed, lambda normal, n_prev: normal * 10.0)


def initialize_parameters_he(layers_dims: Sequence[int], seed: int = 3) -> Parameters:
    """W of each layer RandomState(seed).randn(n_l, n_{l-1}) sqrt(2 / n_{l-1}), layer after layer; b zeros. He et al. (2015).

    Examples
    --------
    >>> initialize_parameters_he([2, 4, 1])["W1"][0].round(8).tolist()
    [1.78862847, 0.43650985]
    """
    return scaled_normals(
        _checks.sizes("layers_dims", layers_dims), seed, lambda normal, n_prev: normal * np.sqrt(2.0 / n_prev)
    )


def model(
    X: Any,
    Y: Any,
    learning_rate: float = 0.01,
    num_iterations: int = 15000,
    print_cost: bool = False,
    initialization: str = "he",
    *,
    seed: int = 3,
    return_costs: bool = False,
) -> Any:
    """Learn a network of layers n_x, 10, 5, 1 by gradient descent over all examples.

    Parameters
    ----------
    X : (n_x, m). Y : (1, m) of 0 and 1.
    print_cost : print the cost of every 1000th iteration. The course prints unasked.
    initialization : 'zeros', 'random' or 'he'. seed : of the weights.
    return_costs : return (parameters, costs) with the costs before iterations 0, 1000, 2000, ...

    Returns
    -------
    parameters, as in every edition, unless `return_costs`. Costs are computed from the logits, so they are finite where the course
    prints inf.

    Raises
    ------
    DataError, ParameterError : shapes, labels or settings that do not fit. DivergenceError : a cost that is not finite.
    """
    X, Y = _checks.examples(X, Y, "n_x", 1)
    _checks.steps(num_iterations, learning_rate)
    layers_dims = [X.shape[0], 10, 5, 1]
    starts = {
        "zeros": lambda: initialize_parameters_zeros(layers_dims),
        "random": lambda: initialize_parameters_random(layers_dims, seed),
        "he": lambda: initialize_parameters_he(layers_dims, seed),
    }
    check_name("initialization", initialization, starts)

    show = cost_printer(print_cost, _EVERY)
    parameters, costs = descend(starts[initialization](), "relu", X, Y, learning_rate, num_iterations, _EVERY, show)
    return (parameters, costs) if return_costs else parameters
