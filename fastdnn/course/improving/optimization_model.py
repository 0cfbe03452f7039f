"""The model of the notebook on optimisers: mini-batches with gradient descent, momentum or Adam, and a decaying rate.

Source: Ng, Deep Learning Specialization, course 2 week 2, "Optimization Methods", sections 5 to 7.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fastdnn.course import _checks
from fastdnn.course._checks import Parameters
from fastdnn.course.improving._descents import descend_in_batches
from fastdnn.course.improving.initialization import initialize_parameters_he
from fastdnn.errors import check_name
from fastdnn.optimizer import Optimizer

# Epochs between two costs that are kept, and between two that are printed.
_KEPT, _PRINTED = 100, 1000
# The first epoch's order is RandomState(11).permutation(m): the seed is raised before it is used.
_FIRST_SEED = 11
_OPTIMIZERS = {"gd": "sgd", "momentum": "momentum", "adam": "adam"}


def initialize_parameters(layer_dims: Sequence[int], seed: int = 3) -> Parameters:
    """He initialisation, as the notebook's helper file has it: `initialization.initialize_parameters_he`."""
    return initialize_parameters_he(layer_dims, seed)


def model(
    X: Any,
    Y: Any,
    layers_dims: Sequence[int],
    optimizer: str,
    learning_rate: float = 0.0007,
    mini_batch_size: int = 64,
    beta: float = 0.9,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    num_epochs: int = 5000,
    print_cost: bool = False,
    decay: Callable[[float, int, float], float] | None = None,
    decay_rate: float = 1,
    *,
    seed: int = 3,
    return_costs: bool = False,
) -> Any:
    """Learn [linear -> ReLU] * (L - 1) -> linear -> sigmoid in mini-batches.

    Parameters
    ----------
    X : (n_x, m). Y : (n_y, m) of 0 and 1. layers_dims : [n_0, ..., n_L].
    optimizer : 'gd', 'momentum' with beta, or 'adam' with beta1, beta2 and epsilon; the equations are in `optimization`.
    mini_batch_size : epoch i, from 0, takes the batches of `random_mini_batches(X, Y, mini_batch_size, seed=11 + i)`.
    print_cost : print the cost of every 1000th epoch, and the learning rate of the next where it decays. The course prints unasked.
    decay : of (learning_rate, i, decay_rate) after epoch i, the rate of epoch i + 1: `decay.update_lr`,
        `decay.schedule_lr_decay`, or one of your own.
    seed : of the weights (`initialize_parameters_he`).
    return_costs : return (parameters, costs) with the costs of epochs 0, 100, 200, ...

    Returns
    -------
    parameters, as in every edition, unless `return_costs`. A cost is the mean over an epoch, each mini-batch's before its update,
    as since 2018 (before: of the last mini-batch).

    Raises
    ------
    DataError, ParameterError : shapes, labels or settings that do not fit. DivergenceError : a cost that is not finite.

    Examples
    --------
    >>> X, Y = np.array([[-2.0, -1.0, 1.0, 2.0]]), np.array([[0, 0, 1, 1]])
    >>> _, costs = model(X, Y, [1, 4, 1], "adam", 0.01, num_epochs=201, return_costs=True)
    >>> len(costs), bool(costs[0] > costs[2])
    (3, True)
    """
    dims = _checks.sizes("layers_dims", layers_dims)
    X, Y = _checks.examples(X, Y, dims[0], dims[-1])
    check_name("optimizer", optimizer, _OPTIMIZERS)
    _checks.positive("learning_rate", learning_rate)
    mini_batch_size = _checks.whole("mini_batch_size", mini_batch_size, 1)
    num_epochs = _checks.whole("num_epochs", num_epochs, 0)
    beta, beta1 = _checks.decay("beta", beta), _checks.decay("beta1", beta1)
    beta2, epsilon = _checks.decay("beta2", beta2), _checks.positive("epsilon", epsilon)
    rates = _rates(learning_rate, num_epochs, decay, decay_rate)

    def show(i: int, cost: float) -> None:
        if print_cost and i % _PRINTED == 0:
            print(f"Cost after epoch {i}: {cost:f}")
            if decay is not None:
                print(f"learning rate after epoch {i}: {rates[i + 1]:f}")

    first_beta = beta if optimizer == "momentum" else beta1
    rule = Optimizer(_OPTIMIZERS[optimizer], learning_rate, first_beta, beta2, epsilon)
    seeds = range(_FIRST_SEED, _FIRST_SEED + num_epochs)
    parameters, costs = descend_in_batches(
        initialize_parameters(dims, seed), X, Y, rates[:num_epochs], mini_batch_size, seeds, rule, show
    )
    return (parameters, costs[::_KEPT]) if return_costs else parameters


def _rates(learning_rate: float, num_epochs: int, decay: Any, decay_rate: float) -> list[float]:
    """The learning rates of epochs 0 .. num_epochs, the last of which is only printed."""
    if decay is None:
        return [float(learning_rate)] * (num_epochs + 1)
    later = [decay(learning_rate, i, decay_rate) for i in range(num_epochs)]
    return [float(learning_rate), *(_checks.positive("The rate that `decay` returns", rate) for rate in later)]
