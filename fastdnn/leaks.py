"""Leak alarm: does one column alone give the target away?

Such a column is often made from the answer (a refund beside "returned", an outcome beside "survived"), is not there when
the model is used, and makes every score a mirage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn.metrics import roc_auc

Array = NDArray[Any]
Floats = NDArray[np.float64]

ALARMING = 0.99
# What the other columns may reach at most: where many columns are good, the task is easy and nothing leaks.
_FAR_BELOW = 0.95
_MOST_LEAKS = 3
# An accuracy counts only where it avoids this share of the errors of always answering the largest class.
_ERRORS_AVOIDED = 0.9


@dataclass(frozen=True)
class ColumnScore:
    """How well one column alone predicts the target: measure is 'AUC', 'accuracy' or 'R2', each at most 1."""

    column: str
    measure: str
    score: float


@dataclass(frozen=True)
class Leak:
    """A column that predicts the target alone, and the best of the columns that do not."""

    found: ColumnScore
    next_best: ColumnScore

    @property
    def sentence(self) -> str:
        """What was found."""
        return (
            f"Column '{self.found.column}' alone predicts the target: {self.found.measure} {self.found.score:.4f}, "
            f"the next best ('{self.next_best.column}') {self.next_best.score:.4f}."
        )


def find_leaks(X: Array, Y: Array, columns: Sequence[str], n_classes: int) -> list[Leak]:
    """Columns that score at least ALARMING while all others are far below.

    X : (m, n). Y : (m,) or (m, n_y). columns : n names; columns of X with one name are one column (its categories).
    n_classes : 0 for quantities, else Y are classes 0 .. n_classes - 1.
    """
    scores = column_scores(X, Y, columns, n_classes)
    found = [score for score in scores if score.score >= ALARMING]
    others = [score for score in scores if score.score < ALARMING]
    if not found or len(found) > _MOST_LEAKS or not others:
        return []
    best = max(others, key=lambda score: score.score)
    return [Leak(score, best) for score in found] if best.score <= _FAR_BELOW else []


def column_scores(X: Array, Y: Array, columns: Sequence[str], n_classes: int) -> list[ColumnScore]:
    """The score of each column, in their order; arguments as `find_leaks`. Some thousand rows are enough."""
    Y = Y.reshape(len(X), -1)
    scores = []
    for name in dict.fromkeys(columns):
        places = [j for j, other in enumerate(columns) if other == name]
        score, measure = _score(_as_values(X[:, places]), Y, n_classes)
        scores.append(ColumnScore(name, measure, max(0.0, score) if np.isfinite(score) else 0.0))
    return scores


def _as_values(part: Array) -> Floats:
    """One number for each row: the column itself, numbers without their sign for "missing", or the number of the category."""
    values: Floats = part[:, 0].astype(np.float64)
    if part.shape[1] == 1 or (part.shape[1] == 2 and not np.isin(values, (0.0, 1.0)).all()):
        return values
    return np.unique(part, axis=0, return_inverse=True)[1].ravel().astype(np.float64)


def _score(x: Floats, Y: Array, n_classes: int) -> tuple[float, str]:
    """The best of a few simple rules; those that learn from rows do so on every second one and are scored on the others."""
    learn, check = slice(0, None, 2), slice(1, None, 2)
    if len(x) < 4 or x.min() == x.max():
        return 0.0, "AUC" if n_classes == 2 else "accuracy" if n_classes else "R2"
    if n_classes == 2:
        y = Y[:, 0].astype(np.int64)
        by_value = _lookup(x[learn], Y[learn].astype(np.float64), x[check])
        rising = roc_auc(y, x[:, None])
        return float(np.nanmax([rising, 1.0 - rising, roc_auc(y[check], by_value)])), "AUC"
    if n_classes:
        y = Y[:, 0].astype(np.int64)
        guess = _lookup(x[learn], np.eye(n_classes)[y[learn]], x[check]).argmax(axis=1)
        accuracy, constant = float(np.mean(guess == y[check])), float(np.bincount(y).max()) / y.size
        worth = accuracy - constant >= _ERRORS_AVOIDED * (1.0 - constant)
        return accuracy if worth else min(accuracy, _FAR_BELOW), "accuracy"
    Y = Y.astype(np.float64)
    missed = np.sum((Y[check] - _lookup(x[learn], Y[learn], x[check])) ** 2)
    spread = np.sum((Y[check] - Y[check].mean(axis=0)) ** 2)
    looked_up = 1.0 - float(missed / spread) if spread > 0 else 0.0
    linear = float(np.mean([_correlation(x, y) ** 2 for y in Y.T]))
    monotone = float(np.mean([_correlation(_ranks(x), _ranks(y)) ** 2 for y in Y.T]))
    return max(looked_up, linear, monotone), "R2"


def _lookup(x: Floats, Y: Floats, wanted: Floats) -> Floats:
    """The mean of Y over the rows whose x is nearest to each `wanted`."""
    values, place, counts = np.unique(x, return_inverse=True, return_counts=True)
    means = np.stack([np.bincount(place.ravel(), y) / counts for y in Y.T], axis=1)
    right = np.clip(np.searchsorted(values, wanted), 0, values.size - 1)
    left = np.maximum(right - 1, 0)
    nearest: Floats = means[np.where(wanted - values[left] < values[right] - wanted, left, right)]
    return nearest


def _correlation(x: Floats, y: Floats) -> float:
    x, y = x - x.mean(), y - y.mean()
    size = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(x @ y) / size if size > 0 else 0.0


def _ranks(x: Floats) -> Floats:
    """Mid-ranks: equal numbers share the mean of their places."""
    place, counts = np.unique(x, return_inverse=True, return_counts=True)[1:]
    ranks: Floats = (np.cumsum(counts) - (counts - 1) / 2)[place.ravel()]
    return ranks
