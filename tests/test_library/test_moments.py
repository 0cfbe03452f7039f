"""Mean, standard deviation and the search for infinite values."""

from __future__ import annotations

import numpy as np
import pytest

from fastdnn.errors import DataError
from fastdnn.moments import column_moments, mean_and_std, require_finite


@pytest.mark.parametrize("scale", [1.0, 1e-200, 1e200, 1e300])
@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_no_overflow_and_no_loss(scale: float, shift: float) -> None:
    base = np.random.default_rng(0).normal(size=1001) + shift
    mean, std = mean_and_std(base * scale)
    assert mean == pytest.approx(base.mean() * scale, rel=1e-12)
    assert std == pytest.approx(base.std() * scale, rel=1e-9)


def test_std_is_zero_only_if_all_are_equal() -> None:
    assert mean_and_std(np.full(7, 0.1)) == (0.1, 0.0)
    assert mean_and_std(np.array([1.0, np.nextafter(1.0, 2.0)]))[1] > 0.0


def test_infinite_values_are_named() -> None:
    require_finite(np.array([1.0, np.nan]), "c")
    with pytest.raises(DataError, match=r"Column 'fare' has the value -inf in row 3") as raised:
        require_finite(np.array([1.0, np.nan, -np.inf]), "fare")
    assert "--drop fare" in str(raised.value.hint)


def test_column_moments_over_rows_and_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastdnn.moments._BLOCK_VALUES", 50)
    X = np.random.default_rng(1).normal(size=(103, 4)).astype(np.float32) * [1, 1e-3, 1e6, 1] + [0, 5, 1e6, 0]
    X[:, 3] = 2.0
    X[5:9, 1] = np.nan
    X[0, 0] = 1e9  # not among the rows below
    rows = np.arange(1, 100)
    found = column_moments(X, rows, [0, 1, 2, 3], list("abcd"))
    np.testing.assert_array_equal(found.missing, [0, 4, 0, 0])
    np.testing.assert_allclose(found.mean, np.nanmean(X[rows], axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.std[:3], np.nanstd(X[rows, :3], axis=0), rtol=1e-12)
    assert found.std[3] == 1.0


def test_columns_of_huge_and_tiny_values() -> None:
    X = np.random.default_rng(1).normal(size=(50, 3)) * [1e300, 1e-300, 1.0]
    found = column_moments(X, np.arange(50), [0, 1, 2], list("abc"))
    for k in range(3):
        mean, std = mean_and_std(X[:, k])
        np.testing.assert_allclose([found.mean[k], found.std[k]], [mean, std], rtol=1e-12)
