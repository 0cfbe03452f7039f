"""kernels/rows.py: reductions of the numbers that count, and of no other."""

from __future__ import annotations

import numpy as np
import pytest
from callers import from_python

from fastdnn.kernels import rows
from fastdnn.kernels.vector import panel_width


@pytest.fixture
def panels(dtype, rng):
    return rng.normal(size=(2, 3, panel_width(dtype))).astype(dtype)


def test_largest_and_total_of_every_length(panels, dtype):
    largest, total = from_python(rows.row_largest), from_python(rows.row_total)
    width = panels.shape[2]
    for n in range(1, width + 1):
        row = panels[1, 2, :n].copy()
        panels[1, 2, n:] = np.nan  # what lies beyond does not count
        assert largest(panels, 1, 2, n) == row.max()
        np.testing.assert_allclose(
            total(panels, 1, 2, n), row.sum(dtype=float), rtol=1e-5, atol=width * np.finfo(dtype).eps * 4
        )
        panels[1, 2] = np.arange(width) % 7 - 3.5 if n % 2 else -np.arange(1, width + 1)


def test_nan_is_passed_over_by_the_largest_and_shows_in_the_total(panels):
    largest, total = from_python(rows.row_largest), from_python(rows.row_total)
    panels[0, 0, :3] = 1, np.nan, 2
    assert largest(panels, 0, 0, 3) == 2
    assert np.isnan(total(panels, 0, 0, 3))


@pytest.mark.parametrize("m", [0, 1, 3, 4, 5, 8, 31])
def test_column_totals_of_any_number_of_rows(m, dtype, rng):
    P = rng.normal(size=(2, 40, panel_width(dtype))).astype(dtype)
    P[1, m:] = np.nan
    totals = np.full(P.shape[2], np.nan, dtype)
    from_python(rows.column_totals)(P, 1, m, totals)
    np.testing.assert_allclose(totals, P[1, :m].sum(axis=0, dtype=float), rtol=1e-5, atol=40 * np.finfo(dtype).eps)


def test_width(panels, dtype):
    assert from_python(rows.width_of)(panels) == panel_width(dtype)


def test_copy_row_moves_a_width_of_numbers_and_no_more(dtype, rng):
    width = panel_width(dtype)
    source, target = rng.normal(size=(3, width)).astype(dtype), np.full((2, 2, width), np.nan, dtype)
    from_python(rows.copy_row)(source, width + 1, target, 2 * width - 1)
    flat = target.reshape(-1)
    np.testing.assert_array_equal(flat[2 * width - 1 : 3 * width - 1], source.reshape(-1)[width + 1 : 2 * width + 1])
    assert np.isnan(flat).sum() == 3 * width


def test_copy_part_moves_so_many_numbers_and_no_more(dtype, rng):
    width = panel_width(dtype)
    for n in range(width):
        source, target = rng.normal(size=width + n).astype(dtype), np.full((2, 2, width), np.nan, dtype)
        from_python(rows.copy_part)(source, width, n, target, width + 1)
        flat = target.reshape(-1)
        np.testing.assert_array_equal(flat[width + 1 : width + 1 + n], source[width:])
        assert np.isnan(flat).sum() == flat.size - n
