"""How much each example counts: weights of classes, and of rows, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastdnn.columns import Column
from fastdnn.errors import DataError, ParameterError, nearest

FloatArray = NDArray[np.float64]

# A step adds up to a million weights and multiplies the sum with gradients, in float32.
LEAST, MOST = 1e-30, 1e30
# What becomes of rows whose weights are looked at.
TRAINS = "that trains: nothing can be learned from them"
GIVES_SCORE = "that gives the score: other rows can give it with --valid or --seed"
IS_COMPARED = "that has a target, so there is nothing to compare with"


def class_weights(
    labels: NDArray[Any], n_classes: int, how: str | Mapping[Any, float], names: Sequence[str] | None = None
) -> FloatArray:
    """The weight of each class, (n_classes,).

    Parameters
    ----------
    labels : (m,) class numbers 0 .. n_classes - 1 of the training rows.
    how : 'balanced', which gives every class the same total, m / (K count) with K the classes that occur; or a dict from class
        number, or name where `names` are given, to weight, 1 for those it leaves out.

    Raises
    ------
    ParameterError : another word, a class that does not exist, a weight that is negative or not finite, or zeros only.

    >>> class_weights(np.array([0, 0, 0, 1]), 2, "balanced").round(3).tolist()
    [0.667, 2.0]
    """
    if isinstance(how, str):
        if how != "balanced":
            raise ParameterError(
                f"Class weights must be 'balanced' or a weight for each class, got '{how}'.", "--class-weight balanced"
            )
        counts = np.bincount(labels.astype(np.int64), minlength=n_classes).astype(np.float64)
        occurring = counts > 0
        return np.asarray(np.divide(labels.size / occurring.sum(), counts, out=np.ones(n_classes), where=occurring))
    weights = np.ones(n_classes)
    known: list[Any] = list(range(n_classes)) if names is None else list(names)
    for name, weight in how.items():
        if name not in known:
            guess = nearest(str(name), map(str, known))
            meant = f" Did you mean '{guess}'?" if guess else ""
            listed = ", ".join(map(str, known[:10])) + (", ..." if len(known) > 10 else "")
            raise ParameterError(
                f"Class weights name the class '{name}', which there is not.{meant} Classes: {listed}."
            )
        if not (np.isfinite(weight) and weight >= 0):
            raise ParameterError(f"The weight of class '{name}' must be finite and 0 or more, got {weight:g}.")
        weights[known.index(name)] = weight
    if not weights.any():
        raise ParameterError("The weights of all classes are zero: nothing can be learned from them.")
    return weights


def sample_weights(
    weights: ArrayLike,
    rows: NDArray[np.int64],
    what: str = "Weights",
    use: str = TRAINS,
) -> FloatArray:
    """Weights of all rows as float64, (m,): those of `rows` checked, the others, which do not count, 0 where they are no numbers.

    what, use : the words for the weights, and for what becomes of the rows.

    Raises
    ------
    DataError : a weight that is missing, negative or not finite, with its row (1 is the first), or zeros only, or weights that are
        all too small or too large to calculate with.
    """
    checked = np.array(weights, np.float64)
    used = checked[rows]
    wrong = np.flatnonzero(~(np.isfinite(used) & (used >= 0)))
    if wrong.size:
        i = int(wrong[0])
        value = "no value" if np.isnan(used[i]) else f"{used[i]:g}"
        raise DataError(f"{what} must be finite and 0 or more, got {value} in row {rows[i] + 1}.")
    if not used.any():
        raise DataError(f"{what} are zero in every row {use}.")
    require_ordinary(float(used.max()), what)
    return np.where(np.isfinite(checked), checked, 0.0)


def require_ordinary(largest: float, what: str = "Weights") -> None:
    """Raise DataError for weights whose sums and products leave float32, going by the largest; others may be of any size below."""
    if not LEAST <= largest <= MOST:
        raise DataError(
            f"{what} must have a largest value from {LEAST:g} to {MOST:g}, got {largest:g}.",
            "divide all of them by their mean",
        )


def column_weights(column: Column, source: str, rows: NDArray[np.int64], use: str) -> FloatArray:
    """`sample_weights` of a column of the table that `source` names."""
    return sample_weights(column.as_numbers(), rows, f"Weights, the column '{column.name}' of '{source}',", use)
