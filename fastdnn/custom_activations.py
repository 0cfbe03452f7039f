"""Activations of the user's own: registered under a name by a pair of scalar functions, then used like any other."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from fastdnn import vocabulary
from fastdnn.errors import ModelFileError, ParameterError

Scalar = Callable[[Any], Any]

_pairs: dict[str, tuple[Scalar, Scalar]] = {}
_codes: dict[tuple[str, str], int] = {}


def register_activation(name: str, f: Scalar, f_prime: Scalar) -> None:
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
    from fastdnn.derivative_check import check_derivative

    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ParameterError(
            f"The name of an activation must be small letters, digits and underscores, a letter first; got {name!r}.",
            "fastdnn.register_activation('my_activation', f, f_prime)",
        )
    if name in vocabulary.ACTIVATIONS:
        raise ParameterError(
            f"'{name}' is an activation of fastdnn's own, so it cannot be registered.",
            f"fastdnn.register_activation('my_{name}', f, f_prime)",
        )
    check_derivative(f"activation '{name}'", f, f_prime)
    _pairs[name] = f, f_prime
    for key in [key for key in _codes if key[0] == name]:
        del _codes[key]


def hidden_activations() -> tuple[str, ...]:
    """Every name a hidden layer may have now: fastdnn's own, then the registered ones."""
    return (*vocabulary.HIDDEN_ACTIVATIONS, *_pairs)


def registered_activations() -> tuple[str, ...]:
    """The names of the user's own activations."""
    return tuple(_pairs)


def custom_code(name: str, dtype: Any) -> int:
    """The code of a registered activation for arrays of `dtype`, compiled at the first call."""
    import numpy as np

    from fastdnn.kernels.custom import compile_elementwise

    key = name, np.dtype(dtype).name
    if key not in _codes:
        _codes[key] = compile_elementwise(*_pairs[name], dtype)
    return _codes[key]


def require_known(names: Sequence[str]) -> None:
    """Raise ModelFileError where a model uses an activation that is neither fastdnn's own nor registered here."""
    for name in names:
        if name not in vocabulary.ACTIVATIONS and name not in _pairs:
            raise ModelFileError(
                f"This model uses the activation '{name}', which is not fastdnn's own and not registered in this program.",
                f"fastdnn.register_activation('{name}', f, f_prime) before the model is loaded",
            )
