"""Update rules: gradient descent, momentum, Adam. Dictionaries in, new dictionaries out.

Source: Ng, Deep Learning Specialization, course 2 week 2, "Optimization Methods", sections 1, 3 and 4. Names, arguments and return
values are those of the editions since 2021.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastdnn.course import _adapters, _checks
from fastdnn.course._checks import Array, Parameters


def update_parameters_with_gd(parameters: Any, grads: Any, learning_rate: float) -> Parameters:
    """W = W - learning_rate dW and b = b - learning_rate db, layer by layer; a new dictionary.

    Examples
    --------
    >>> update_parameters_with_gd({"W1": [[1.0]], "b1": [[0.0]]}, {"dW1": [[2.0]], "db1": [[4.0]]}, 0.25)
    {'W1': array([[0.5]]), 'b1': array([[-1.]])}
    """
    return _adapters.update_parameters(parameters, grads, _checks.positive("learning_rate", learning_rate))


def initialize_velocity(parameters: Any) -> Parameters:
    """{"dW1", "db1", ...}: zeros of the shapes of W1, b1, ..."""
    return {f"d{key}": np.zeros_like(theta) for key, theta in _checks.matrices(parameters)}


def update_parameters_with_momentum(
    parameters: Any, grads: Any, v: Any, beta: float, learning_rate: float
) -> tuple[Parameters, Parameters]:
    """v = beta v + (1 - beta) g and theta = theta - learning_rate v, for every W and b with its gradient g.

    v : {"dW1", "db1", ...}, the velocity, zeros before the first step. beta : 0 or more, below 1; 0 is gradient descent.

    Returns
    -------
    (parameters, v), both new.

    Examples
    --------
    >>> parameters = {"W1": [[1.0]], "b1": [[0.0]]}
    >>> v = initialize_velocity(parameters)
    >>> update_parameters_with_momentum(parameters, {"dW1": [[2.0]], "db1": [[4.0]]}, v, 0.5, 0.25)
    ({'W1': array([[0.75]]), 'b1': array([[-0.5]])}, {'dW1': array([[1.]]), 'db1': array([[2.]])})
    """
    beta, learning_rate = _checks.decay("beta", beta), _checks.positive("learning_rate", learning_rate)
    updated: Parameters = {}
    velocity: Parameters = {}
    for key, theta, dtheta in _adapters.with_gradients(parameters, grads):
        moment = _moment("v", v, key, theta)
        updated[key], velocity[f"d{key}"] = _adapters.momentum_update(theta, dtheta, moment, beta, learning_rate)
    return updated, velocity


def initialize_adam(parameters: Any) -> tuple[Parameters, Parameters]:
    """(v, s): both {"dW1", "db1", ...}, zeros of the shapes of W1, b1, ..."""
    return initialize_velocity(parameters), initialize_velocity(parameters)


def update_parameters_with_adam(
    parameters: Any,
    grads: Any,
    v: Any,
    s: Any,
    t: int,
    learning_rate: float = 0.01,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> tuple[Parameters, Parameters, Parameters, Parameters, Parameters]:
    """Step t of Adam, t = 1, 2, ..., for every W and b with its gradient g:

        v = beta1 v + (1 - beta1) g          v_corrected = v / (1 - beta1^t)
        s = beta2 s + (1 - beta2) g^2        s_corrected = s / (1 - beta2^t)
        theta = theta - learning_rate v_corrected / (sqrt(s_corrected) + epsilon)

    epsilon is added to the root, as the course's formula has it; an expected output that some editions print has it inside.

    Parameters
    ----------
    v, s : {"dW1", "db1", ...}, the moments, zeros before the first step. beta1, beta2 : 0 or more, below 1. epsilon : above 0.

    Returns
    -------
    (parameters, v, s, v_corrected, s_corrected), all new, as since 2021 (before: the first three).

    Examples
    --------
    >>> parameters = {"W1": [[1.0]], "b1": [[0.0]]}
    >>> v, s = initialize_adam(parameters)
    >>> updated, *_ = update_parameters_with_adam(parameters, {"dW1": [[2.0]], "db1": [[4.0]]}, v, s, t=1)
    >>> updated["W1"].round(8).tolist(), updated["b1"].round(8).tolist()
    ([[0.99]], [[-0.01]])
    """
    t, learning_rate = _checks.whole("t", t, 1), _checks.positive("learning_rate", learning_rate)
    beta1, beta2 = _checks.decay("beta1", beta1), _checks.decay("beta2", beta2)
    epsilon = _checks.positive("epsilon", epsilon)
    updated: Parameters = {}
    moments: tuple[Parameters, Parameters, Parameters, Parameters] = {}, {}, {}, {}
    for key, theta, dtheta in _adapters.with_gradients(parameters, grads):
        first, second = _moment("v", v, key, theta), _moment("s", s, key, theta)
        updated[key], first, second = _adapters.adam_update(
            theta, dtheta, first, second, t, learning_rate, beta1, beta2, epsilon
        )
        corrected = first / (1 - beta1**t), second / (1 - beta2**t)
        for part, value in zip(moments, (first, second, *corrected), strict=True):
            part[f"d{key}"] = value
    return updated, *moments


def _moment(name: str, moments: Any, key: str, theta: Array) -> Array:
    return _checks.matrix(f"{name}['d{key}']", _checks.entry(moments, f"d{key}"), *theta.shape)
