"""Examples: the data as training sees it, without a copy for a split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn.errors import DataError
from fastdnn.weighting import require_ordinary

Array = NDArray[Any]


@dataclass(frozen=True)
class Examples:
    """Inputs and targets, and which rows of them count.

    Parameters
    ----------
    X : (m, n) float32, float64 or uint8; examples are rows (its transpose is the course's X). Kept as it is where it is
        C-contiguous, else copied once.
    Y : None; or (m,) int classes 0, 1, ...; or (m,) or (m, n_y) floats.
    rows : None for all; or int indices of the examples that count, in order; or a mask, m booleans. X and Y are not copied.
    weights : (m,) how much each example counts in cost and gradient, 0 or more; k equals k copies. None: all count alike.
    score_weights : (m,) how much each counts in scores, where that is not `weights`: these may hold weights of classes, by which
        training is steered and a score is not.
    scale, shift : for uint8 X: the network reads X * scale + shift; numbers or (n,). Default 1/255 and 0.

    Raises
    ------
    DataError : X is not a matrix, is empty, holds NaN or infinity; lengths differ; a row index lies outside; weights are
        negative or not finite, zero for all rows that count, or too small or large to add up (weighting.require_ordinary).
    """

    X: Array
    Y: Array | None = None
    rows: NDArray[np.int64] | None = None
    scale: Any = None
    shift: Any = None
    weights: Array | None = None
    score_weights: Array | None = None

    def __post_init__(self) -> None:
        X = np.asarray(self.X)
        if X.ndim != 2 or 0 in X.shape:
            raise DataError(f"X must be a matrix (examples, features) with at least one of each, got shape {X.shape}.")
        if X.dtype.kind not in "fiub":
            raise DataError(f"X must hold numbers, got {X.dtype}.")
        if X.dtype != np.uint8 and X.dtype not in (np.float32, np.float64):
            X = X.astype(np.float64)
        object.__setattr__(self, "X", np.ascontiguousarray(X))
        if X.dtype != np.uint8:
            _require_finite(X, "X")
        if self.Y is not None:
            Y = np.asarray(self.Y)
            if Y.shape[:1] != X.shape[:1]:
                raise DataError(f"X has {X.shape[0]} examples, but Y has {Y.shape[0] if Y.ndim else 'none'}.")
            if Y.dtype.kind not in "fiub":
                raise DataError(f"Y must hold numbers, got {Y.dtype}.")
            if Y.dtype.kind == "f":
                _require_finite(Y, "Y")
            object.__setattr__(self, "Y", Y)
        rows = np.arange(X.shape[0]) if self.rows is None else np.asarray(self.rows)
        if rows.dtype == bool and rows.shape == X.shape[:1]:
            rows = np.flatnonzero(rows)
        if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iu"):
            raise DataError(
                f"rows must be a vector of whole numbers or {X.shape[0]} booleans, got {rows.dtype} of shape {rows.shape}."
            )
        if rows.size == 0:
            raise DataError("No examples: the list of rows is empty.")
        if rows.min() < 0 or rows.max() >= X.shape[0]:
            raise DataError(f"Row indices must lie in 0 to {X.shape[0] - 1}, got {rows.min()} to {rows.max()}.")
        object.__setattr__(self, "rows", np.ascontiguousarray(rows, np.int64))
        for name in ("weights", "score_weights"):
            weights = getattr(self, name)
            if weights is not None:
                object.__setattr__(self, name, _checked_weights(weights, X.shape[0], self.indices))

    @property
    def indices(self) -> NDArray[np.int64]:
        """(m,) the rows that count, never None."""
        assert self.rows is not None
        return self.rows

    @property
    def total_weight(self) -> float:
        """The sum of the weights of the examples that count; their number where all count alike."""
        return float(len(self)) if self.weights is None else float(self.weights[self.indices].sum())

    @property
    def scoring_weights(self) -> Array | None:
        """(rows that count,) how much each counts in scores, in order; None where all count alike."""
        weights = self.weights if self.score_weights is None else self.score_weights
        return None if weights is None else weights[self.indices]

    def __len__(self) -> int:
        """Number of examples that count."""
        return int(self.indices.size)


def check_examples(examples: object, valid: object = None) -> None:
    """Raise DataError unless `examples` are Examples, and `valid` too where there is one."""
    for name, given in (("examples", examples), ("valid", examples if valid is None else valid)):
        if not isinstance(given, Examples):
            raise DataError(f"{name} must be Examples, got {type(given).__name__}.", "fastdnn.Examples(X, y)")


def as_examples(X: Any) -> Examples:
    """Examples as they are, or a matrix as Examples without targets."""
    return X if isinstance(X, Examples) else Examples(X)


def _require_finite(values: Array, name: str) -> None:
    # min and max keep NaN and infinity and need no copy, where isfinite would build a mask of the whole array.
    if values.size and not (np.isfinite(values.min()) and np.isfinite(values.max())):
        where = np.argwhere(~np.isfinite(values))[0]
        place = ", ".join(f"{axis} {i}" for axis, i in zip(("row", "column"), where, strict=False))
        raise DataError(f"{name} holds {values[tuple(where)]} at {place}; every number must be finite.")


def _checked_weights(weights: Any, m: int, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    try:
        checked = np.ascontiguousarray(weights, np.float64)
    except (TypeError, ValueError):
        raise DataError(f"Weights must be numbers, got {np.asarray(weights).dtype}.") from None
    if checked.shape != (m,):
        raise DataError(f"X has {m} examples, but weights have the shape {checked.shape}.")
    wrong = np.flatnonzero(~(np.isfinite(checked) & (checked >= 0)))
    if wrong.size:
        raise DataError(f"Weights must be finite and 0 or more, got {checked[wrong[0]]:g} for row {wrong[0]}.")
    if not checked[rows].any():
        raise DataError("The weights of all examples are zero: nothing can be learned from them.")
    require_ordinary(float(checked[rows].max()))
    return checked
