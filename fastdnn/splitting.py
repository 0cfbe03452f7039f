"""Which rows train and which are kept aside: chosen by chance, the same for the same seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastdnn.errors import DataError, ParameterError

Rows = npt.NDArray[np.int64]


def holdout_rows(rows: npt.NDArray[Any], y: npt.NDArray[Any] | None, fraction: float, seed: int) -> tuple[Rows, Rows]:
    """Split row numbers into those that train and those kept aside.

    With classes, each has its share on both sides as far as whole rows allow, and every class keeps at least one row
    for training. The number kept aside is `fraction * len(rows)`, rounded, and at least 1.

    Parameters
    ----------
    rows : (k,) row numbers of a table, each once.
    y : (m,) or (m, 1) class of every row of the table, so that `y[rows]` are those that count; None for regression.
    fraction : share kept aside, between 0 and 1.
    seed : whole number >= 0; the same seed gives the same split on every machine.

    Returns
    -------
    (train_rows, kept_rows) : int64, each in rising order; which row is where is left to chance.

    Raises
    ------
    ParameterError : fraction outside (0, 1).
    DataError : fewer than two rows, or a single row of every class.

    Examples
    --------
    >>> import numpy as np
    >>> train, kept = holdout_rows(np.arange(10), np.repeat([0, 1], 5), 0.2, seed=0)
    >>> len(train), len(kept)
    (8, 2)
    """
    rows = np.asarray(rows, dtype=np.int64)
    if not 0.0 < fraction < 1.0:
        raise ParameterError(f"The share of rows kept aside must lie between 0 and 1, got {fraction}.", "--valid 0.2")
    if rows.size < 2:
        raise DataError(
            f"{rows.size} labelled row cannot be split into a training and a hold-out part.", "give more rows"
        )
    generator = np.random.default_rng(seed)
    # One class for regression: the same split, nothing to balance.
    classes = np.zeros(rows.size, dtype=np.int64) if y is None else np.ravel(y)[rows]
    _, codes, counts = np.unique(classes, return_inverse=True, return_counts=True)
    wanted = min(max(1, round(fraction * rows.size)), rows.size - 1)
    take = _shares(counts, fraction, wanted, generator)
    # Rows of a class in random order, classes one after the other: the first `take` of each are kept aside.
    order = np.lexsort((generator.random(rows.size), codes.ravel()))
    place = np.arange(rows.size) - np.repeat(np.cumsum(counts) - counts, counts)
    kept = place < np.repeat(take, counts)
    if not kept.any():
        raise DataError(
            "No row can be kept aside: each class has a single row.", "give at least two rows of each class"
        )
    return np.sort(rows[order[~kept]]), np.sort(rows[order[kept]])


def _shares(
    counts: npt.NDArray[Any], fraction: float, wanted: int, generator: np.random.Generator
) -> npt.NDArray[np.int64]:
    """How many rows of each class are kept aside: its share rounded down, the rest to `wanted` by largest remainder."""
    exact = counts * fraction
    limit = counts - 1
    take = np.minimum(np.floor(exact), limit).astype(np.int64)
    # Equal remainders are common (balanced classes): chance decides among them.
    order = np.lexsort((generator.random(counts.size), take - exact))
    for position in order:
        if take.sum() >= wanted:
            break
        take[position] += take[position] < limit[position]
    return np.asarray(take, dtype=np.int64)
