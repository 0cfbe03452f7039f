"""Losses of the user's own: registered under a name by a pair of scalar functions, then used like any other."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from fastdnn import vocabulary
from fastdnn.errors import ModelFileError, ParameterError

Pair = Callable[[Any, Any], Any]

_pairs: dict[str, tuple[Pair, Pair]] = {}
_codes: dict[tuple[str, str], int] = {}


def register_loss(name: str, f: Pair, f_prime: Pair) -> None:
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

    from fastdnn.derivative_check import check_derivative

    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ParameterError(
            f"The name of a loss must be small letters, digits and underscores, a letter first; got {name!r}.",
            "fastdnn.register_loss('my_loss', f, f_prime)",
        )
    if name in vocabulary.LOSSES:
        raise ParameterError(
            f"'{name}' is a loss of fastdnn's own, so it cannot be registered.",
            f"fastdnn.register_loss('my_{name}', f, f_prime)",
        )
    # Between 0 and 1, where losses of probabilities are defined too; never a = y, where many a loss has its kink.
    grid = np.linspace(0.05, 0.95, 19)
    a, y = np.meshgrid(grid + 0.0123456, grid)
    check_derivative(f"loss '{name}'", f, f_prime, a.ravel(), y.ravel())
    _pairs[name] = f, f_prime
    for key in [key for key in _codes if key[0] == name]:
        del _codes[key]


def registered_losses() -> tuple[str, ...]:
    """The names of the user's own losses."""
    return tuple(_pairs)


def custom_loss_code(name: str, dtype: Any) -> int:
    """The code of a registered loss for arrays of `dtype`, compiled at the first call."""
    import numpy as np

    from fastdnn.kernels.custom import compile_elementwise

    key = name, np.dtype(dtype).name
    if key not in _codes:
        _codes[key] = compile_elementwise(*_pairs[name], dtype, arity=2)
    return _codes[key]


def require_known_loss(name: str) -> None:
    """Raise ModelFileError where a model's loss is neither fastdnn's own nor registered here."""
    if name not in vocabulary.LOSSES and name not in _pairs:
        raise ModelFileError(
            f"This model was trained with the loss '{name}', which is not fastdnn's own and not registered in this program.",
            f"fastdnn.register_loss('{name}', f, f_prime) before the model is loaded",
        )
