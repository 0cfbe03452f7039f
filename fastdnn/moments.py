"""Mean and standard deviation in float64 that neither overflow nor vanish; and the search for infinite values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fastdnn.errors import DataError

Array = npt.NDArray[Any]
Rows = npt.NDArray[np.int64]

_BLOCK_VALUES = 1 << 20


def mean_and_std(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Mean and population standard deviation of finite values; std is exactly 0 if and only if all values are equal.

    Two passes, on values divided by a power of two where their squares would leave the range of float64.
    """
    low, high = float(values.min()), float(values.max())
    if low == high:
        return low, 0.0
    unit = unit_of_squares(max(abs(low), abs(high)))
    scaled = values / unit if unit != 1.0 else values
    mean = float(scaled.mean())
    std = float(np.sqrt(np.mean((scaled - mean) ** 2)))
    # The spread of values that differ in their last bits only can round to 0.
    return mean * unit, (std or float(np.spacing(abs(mean)))) * unit


def unit_of_squares(largest: float) -> float:
    """What to divide by before squaring values up to `largest`: a power of two, so that dividing is exact; 1 where none is needed.

    >>> unit_of_squares(3.0), unit_of_squares(0.0), unit_of_squares(2.0**1000) == 2.0**1000
    (1.0, 1.0, True)
    """
    if largest == 0.0 or 1e-100 < largest < 1e100 or not np.isfinite(largest):
        return 1.0
    return float(2.0 ** np.floor(np.log2(largest)))


def require_finite(values: npt.NDArray[np.float64], name: str, option: str | None = "--drop") -> None:
    """Raises DataError with column and row (1 is the first) if a value is infinite; NaN means missing and passes."""
    if np.isinf(values).any():
        row = int(np.argmax(np.isinf(values)))
        raise DataError(*infinite_value(float(values[row]), name, row, option))


def infinite_value(value: float, name: str, row: int, option: str | None = "--drop") -> tuple[str, str]:
    """The sentence and the hint for an infinite value in row `row`, counted from 0."""
    instead = f", or leave the column out: {option} {name}" if option else ""
    return (
        f"Column '{name}' has the value {value} in row {row + 1}; numbers must be finite.",
        f"leave the cell empty where the value is not known{instead}",
    )


@dataclass
class ColumnMoments:
    """Of each column, over the rows that have a value there.

    Attributes
    ----------
    known, missing : how many rows have a value, and have none.
    low, high, mean, std : std is 1 where all values are equal.
    """

    known: Array
    missing: Array
    low: Array
    high: Array
    mean: Array
    std: Array


def column_moments(X: Array, rows: Rows, columns: Sequence[int], names: Sequence[str]) -> ColumnMoments:
    """Moments of some columns of a matrix over some rows; NaN means missing.

    Two passes over blocks of rows in float64: the mean, then the squared distances from it.

    Parameters
    ----------
    X : (m, n); rows : (k,) row numbers; columns : positions; names : of all n columns, for messages.

    Raises
    ------
    DataError : an infinite value, with column and row.
    """
    n = len(columns)
    used = [names[j] for j in columns]
    known, total = np.zeros(n, dtype=np.int64), np.zeros(n)
    low, high = np.full(n, np.inf), np.full(n, -np.inf)
    first = 0
    for block in blocks(X, rows):
        values = block[:, columns].astype(np.float64)
        require_finite_block(values, rows[first : first + len(values)], used)
        first += len(values)
        there = ~np.isnan(values)
        known += there.sum(axis=0)
        with np.errstate(over="ignore"):
            total += np.where(there, values, 0.0).sum(axis=0)
        low = np.fmin(low, np.fmin.reduce(values, axis=0))
        high = np.fmax(high, np.fmax.reduce(values, axis=0))
    mean = total / np.maximum(known, 1)
    squares = np.zeros(n)
    for block in blocks(X, rows):
        distance = block[:, columns].astype(np.float64) - mean
        with np.errstate(over="ignore"):  # such columns are done again below
            squares += np.nansum(distance**2, axis=0)
    std = np.sqrt(squares / np.maximum(known, 1))
    for k in np.flatnonzero((high > low) & ~((std > 0) & np.isfinite(std))).tolist():
        values = X[rows, columns[k]].astype(np.float64)
        mean[k], std[k] = mean_and_std(values[~np.isnan(values)])
    std[~(high > low)] = 1.0
    return ColumnMoments(known, rows.size - known, low, high, mean, std)


def blocks(X: Array, rows: Rows | None) -> Iterator[Array]:
    """The rows of X, or those named, about a million values at a time."""
    step = max(1, _BLOCK_VALUES // max(1, X.shape[1]))
    count = len(X) if rows is None else rows.size
    for start in range(0, count, step):
        yield X[start : start + step] if rows is None else X[rows[start : start + step]]


def require_finite_block(values: Array, first_row: int | Rows, names: Sequence[str]) -> None:
    """As `require_finite` for a block of rows: those from `first_row`, or with the numbers given, from 0."""
    infinite = np.isinf(values)
    if infinite.any():
        row, column = (int(k[0]) for k in np.nonzero(infinite))
        number = first_row + row if isinstance(first_row, int) else int(first_row[row])
        raise DataError(*infinite_value(float(values[row, column]), names[column], number))
