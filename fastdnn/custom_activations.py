"""Activations of the user's own: registered under a name by a pair of scalar functions, then used like any other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastdnn import vocabulary
from fastdnn.registry import Registry

REGISTERED = Registry("activation", vocabulary.ACTIVATIONS, 1)


def register_activation(name: str, f: Callable[[Any], Any], f_prime: Callable[[Any], Any]) -> None:
    """Make `name` an activation of hidden layers: A = f(Z), with dZ = dA f'(Z).

    Parameters
    ----------
    name : a Python identifier in small letters, not one of fastdnn's own. A name registered before is replaced.
    f, f_prime : f(z) and f'(z) of one number, as `@njit` functions or plain Python ones, which are compiled; what they may
        contain is what Numba's nopython mode allows. They are inlined into a loop over whole layers, which is vectorised
        where they are arithmetic; exp, tanh, log1p, sigmoid of fastdnn.kernels.mathfun are, those of `math` are not. In float32
        networks `type(z)(0.5)` stays float32, a bare 0.5 is computed in float64 and rounded.

    The registration is that of this process: a model file or a pickled estimator holds the name, and whoever loads it registers
    it first; so does each worker process of joblib.

    Raises
    ------
    ParameterError : the name cannot be taken, the functions do not compile, give a number that is not finite for some z from
        -20 to 20, or f_prime differs from the central differences of f there, in float64.

    Examples
    --------
    >>> import fastdnn
    >>> fastdnn.register_activation("square", lambda z: z * z, lambda z: z + z)
    >>> fastdnn.Network([2, 3, 1], activation="square").activations
    ['square', 'sigmoid']
    """
    REGISTERED.register(name, f, f_prime)


def hidden_activations() -> tuple[str, ...]:
    """Every name a hidden layer may have now: fastdnn's own, then the registered ones."""
    return (*vocabulary.HIDDEN_ACTIVATIONS, *REGISTERED.names())
