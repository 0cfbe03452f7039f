"""Rows that train and rows that are kept aside."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastdnn.errors import DataError, ParameterError
from fastdnn.splitting import holdout_rows


@given(
    classes=st.lists(st.integers(0, 5), min_size=2, max_size=200),
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**32),
)
def test_every_row_is_on_one_side_and_every_class_trains(classes: list[int], fraction: float, seed: int) -> None:
    y = np.array(classes)
    if len(set(classes)) == len(classes):
        with pytest.raises(DataError):
            holdout_rows(np.arange(y.size), y, fraction, seed)
        return
    train, kept = holdout_rows(np.arange(y.size), y, fraction, seed)
    np.testing.assert_array_equal(np.sort(np.concatenate([train, kept])), np.arange(y.size))
    assert set(y[train]) == set(classes)
    assert 1 <= kept.size <= max(1, round(fraction * y.size))


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5])
def test_classes_have_their_share(fraction: float) -> None:
    y = np.repeat([0, 1, 2], [1000, 200, 40])
    _, kept = holdout_rows(np.arange(y.size), y, fraction, 3)
    np.testing.assert_array_equal(np.bincount(y[kept]), (np.array([1000, 200, 40]) * fraction).astype(int))


def test_the_total_is_right_where_shares_are_not_whole() -> None:
    y = np.repeat(np.arange(10), 7)
    _, kept = holdout_rows(np.arange(70), y, 0.2, 0)
    assert kept.size == 14
    counts = np.bincount(y[kept], minlength=10)
    assert counts.min() >= 1
    assert counts.max() <= 2


def test_y_is_that_of_the_whole_table() -> None:
    y = np.full((100, 1), np.nan)
    rows = np.arange(50, 100)
    y[rows, 0] = np.tile([0.0, 1.0], 25)
    train, kept = holdout_rows(rows, y, 0.2, 0)
    assert set(train) | set(kept) == set(rows)
    assert np.sort(y[kept, 0]).tolist() == [0.0] * 5 + [1.0] * 5


def test_the_seed_decides() -> None:
    rows = np.arange(1000)
    first, again, other = (holdout_rows(rows, None, 0.2, seed)[1] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.dtype == np.int64
    # Not the first or last rows of the file: files are often sorted.
    assert 300 < first.mean() < 700


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, float("nan")])
def test_fractions_outside(fraction: float) -> None:
    with pytest.raises(ParameterError, match="between 0 and 1"):
        holdout_rows(np.arange(10), None, fraction, 0)


def test_too_few_rows() -> None:
    with pytest.raises(DataError, match="1 labelled row cannot be split"):
        holdout_rows(np.array([4]), None, 0.5, 0)
    train, kept = holdout_rows(np.array([4, 7]), None, 0.01, 0)
    assert (train.size, kept.size) == (1, 1)
