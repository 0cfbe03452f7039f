"""Losses of the user's own: registered under a name by a pair of scalar functions, then used like any other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastdnn import vocabulary
from fastdnn.registry import Registry

REGISTERED = Registry("loss", vocabulary.LOSSES, 2)


def register_loss(name: str, f: Callable[[Any, Any], Any], f_prime: Callable[[Any, Any], Any]) -> None:
    """Make `name` a loss: the sum over the output units of f(A, Y), with dA = f'(A, Y), the derivative for A.

    It goes with every output activation but softmax.

    Parameters
    ----------
    name : a Python identifier in small letters, not one of fastdnn's own. A name registered before is replaced.
    f, f_prime : f(a, y) and df/da(a, y) of two numbers, an output and its target, as `@njit` functions or plain Python ones,
        which are compiled; functions that they call must be `@njit`. In float32 networks `type(a)(0.5)` stays float32, a bare 0.5
        is computed in float64 and rounded.

    The registration is that of this process: a model file or a pickled estimator holds the name, and whoever loads it registers
    it first; so does each worker process of joblib.

    Raises
    ------
    ParameterError : the name cannot be taken, the functions do not compile, give a number that is not finite, or f_prime is not
        what central differences of f give, for outputs a and targets y from 0.05 to 0.97, in float64.

    Examples
    --------
    >>> import fastdnn
    >>> fastdnn.register_loss("fourth_power", lambda a, y: (a - y) ** 4, lambda a, y: 4 * (a - y) ** 3)
    >>> fastdnn.Network([2, 1], loss="fourth_power").activations
    ['identity']
    """
    import numpy as np

    # Between 0 and 1, where losses of probabilities are defined too; never a = y, where many a loss has its kink.
    grid = np.linspace(0.05, 0.95, 19)
    a, y = np.meshgrid(grid + 0.0123456, grid)
    REGISTERED.register(name, f, f_prime, (a.ravel(), y.ravel()))


def registered_losses() -> tuple[str, ...]:
    """The names of the user's own losses."""
    return REGISTERED.names()
