"""What the course's functions refuse: NumPy would broadcast shapes that differ, and a cost of labels other than 0 and 1 is none."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn.errors import DataError, ParameterError

Array = NDArray[np.float64]
Parameters = dict[str, Array]


def matrix(name: str, value: Any, rows: int | str, columns: int | str) -> Array:
    """`value` as a C-contiguous float64 matrix, itself where it is one.

    rows, columns : the size it must have, or a letter where any size of 1 or more will do.
    """
    array = numbers(name, value)
    wanted = (rows, columns)
    fits = array.ndim == 2 and all(
        have > 0 if isinstance(want, str) else have == want for have, want in zip(array.shape, wanted, strict=False)
    )
    if not fits:
        raise DataError(f"{name} must have the shape ({rows}, {columns}), got {array.shape}.")
    return array


def numbers(name: str, value: Any) -> Array:
    """`value` as a C-contiguous float64 array of its own shape."""
    try:
        return np.asarray(value, np.float64, order="C")
    except (TypeError, ValueError):
        raise DataError(f"{name} must be an array of numbers, got {type(value).__name__} {value!r:.60}.") from None


def labels(name: str, value: Any, rows: int | str, columns: int) -> Array:
    """`value` as a matrix of zeros and ones."""
    Y = matrix(name, value, rows, columns)
    strange = np.argwhere((Y != 0) & (Y != 1))
    if strange.size:
        row, column = strange[0]
        raise DataError(f"{name} must hold labels 0 and 1 only, got {Y[row, column]} in row {row}, column {column}.")
    return Y


def examples(X: Any, Y: Any, n_x: int | str, n_y: int | str) -> tuple[Array, Array]:
    """X (n_x, m) as a matrix, and Y (n_y, m) as a matrix of zeros and ones; m is any number of columns, the same in both."""
    X = matrix("X", X, n_x, "m")
    return X, labels("Y", Y, n_y, X.shape[1])


def probabilities(name: str, value: Any) -> Array:
    """`value` as a matrix of numbers from 0 to 1."""
    A = matrix(name, value, "n_y", "m")
    if not (A.min() >= 0 and A.max() <= 1):
        raise DataError(f"{name} must hold probabilities from 0 to 1, got numbers from {A.min()} to {A.max()}.")
    return A


def finite(name: str, value: Array) -> Array:
    """`value`, if it holds neither NaN nor infinity."""
    strange = np.argwhere(~np.isfinite(value))
    if strange.size:
        row, column = strange[0]
        raise DataError(
            f"{name} holds {value[row, column]} in row {row}, column {column}; every number must be finite."
        )
    return value


def layers(parameters: Mapping[str, Any]) -> list[tuple[Array, Array]]:
    """(W, b) of layers 1 to L from {"W1": ..., "b1": ..., "W2": ...}, each fitting the one below."""
    L = len(parameters) // 2
    found: list[tuple[Array, Array]] = []
    for l in range(1, L + 1):
        n_prev: int | str = found[-1][0].shape[0] if found else "n_x"
        W = matrix(f"W{l}", entry(parameters, f"W{l}"), f"n_{l}", n_prev)
        found.append((W, matrix(f"b{l}", entry(parameters, f"b{l}"), W.shape[0], 1)))
    if not found:
        raise DataError(f"parameters must hold W1 and b1 at least, got {sorted(parameters)}.")
    return found


def matrices(parameters: Mapping[str, Any]) -> Iterator[tuple[str, Array]]:
    """(name, value) of W1, b1, W2, ..., whether or not one layer fits the next: an update does not ask."""
    if not parameters:
        raise DataError("parameters must hold W1 and b1 at least, got none.")
    for l in range(1, len(parameters) // 2 + 1):
        W = matrix(f"W{l}", entry(parameters, f"W{l}"), f"n_{l}", "n")
        yield f"W{l}", W
        yield f"b{l}", matrix(f"b{l}", entry(parameters, f"b{l}"), W.shape[0], 1)


def entry(parameters: Mapping[str, Any], key: str) -> Any:
    """parameters[key]."""
    if key not in parameters:
        raise DataError(f"'{key}' is missing; given are {', '.join(sorted(parameters)) or 'none'}.")
    return parameters[key]


def sizes(name: str, dims: Sequence[int], count: int | None = None) -> list[int]:
    """Layer sizes: whole numbers of 1 or more, `count` of them or at least two."""
    whole = all(isinstance(n, int | np.integer) and n >= 1 for n in dims)
    if not whole or (len(dims) != count if count else len(dims) < 2):
        raise ParameterError(
            f"{name} must be {count or 'two or more'} whole numbers, each 1 or more, got {list(dims)}."
        )
    return [int(n) for n in dims]


def steps(num_iterations: int, learning_rate: float, least: int = 0) -> None:
    """Raise ParameterError unless num_iterations is a whole number >= `least` and learning_rate is positive."""
    whole("num_iterations", num_iterations, least)
    positive("learning_rate", learning_rate)


def whole(name: str, value: Any, least: int) -> int:
    """`value`, a whole number of `least` or more."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ParameterError(f"{name} must be a whole number of {least} or more, got {value}.")
    return int(value)


def positive(name: str, value: Any) -> float:
    """`value`, a finite number above 0."""
    if not (_is_number(value) and value > 0):
        raise ParameterError(f"{name} must be a positive number, got {value}.")
    return float(value)


def not_negative(name: str, value: Any) -> float:
    """`value`, a finite number of 0 or more."""
    if not (_is_number(value) and value >= 0):
        raise ParameterError(f"{name} must be a number of 0 or more, got {value}.")
    return float(value)


def decay(name: str, value: Any) -> float:
    """`value`, the factor of a running mean: 0 or more, below 1."""
    if not (_is_number(value) and 0 <= value < 1):
        raise ParameterError(f"{name} must be 0 or more and below 1, got {value}.")
    return float(value)


def keep_probability(value: Any) -> float:
    """`value`, the share of units that dropout keeps: above 0, at most 1."""
    if not (_is_number(value) and 0 < value <= 1):
        raise ParameterError(f"keep_prob must be above 0 and at most 1, got {value}.")
    return float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and math.isfinite(value)
