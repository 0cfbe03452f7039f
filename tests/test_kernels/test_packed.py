"""kernels/packed.py: rows without their padding, side by side, and back."""

from __future__ import annotations

import numpy as np
import pytest
from callers import from_python

from fastdnn.kernels.packed import pack_rows, unpack_rows
from fastdnn.kernels.vector import panel_width

ROWS = 5


def some(width):
    """Few, half a panel, one more, and all numbers of a row."""
    return sorted({1, 2, width // 2, width // 2 + 1, width - 1, width})


@pytest.fixture
def panels(dtype, rng):
    return rng.normal(size=(2, ROWS + 2, panel_width(dtype))).astype(dtype)


@pytest.mark.parametrize(("r0", "r1"), [(0, 0), (1, 2), (1, 1 + ROWS)])
def test_numbers_lie_side_by_side(panels, dtype, r0, r1):
    width = panel_width(dtype)
    for n in some(width):
        v = np.full((r1 - r0 + 1) * width, np.nan, dtype)
        from_python(pack_rows)(panels, 1, r0, r1, n, v[:-width])
        np.testing.assert_array_equal(v[: (r1 - r0) * n], panels[1, r0:r1, :n].reshape(-1))
        assert np.isnan(v[-width:]).all()


def test_rows_may_be_packed_where_they_lie(panels, dtype):
    for n in some(panel_width(dtype)):
        P = panels.copy()
        from_python(pack_rows)(P, 1, 1, 1 + ROWS, n, P[1, 1 : 1 + ROWS].reshape(-1))
        np.testing.assert_array_equal(
            P[1, 1 : 1 + ROWS].reshape(-1)[: ROWS * n], panels[1, 1 : 1 + ROWS, :n].reshape(-1)
        )
        np.testing.assert_array_equal(P[0], panels[0])
        np.testing.assert_array_equal(P[1, [0, -1]], panels[1, [0, -1]])


@pytest.mark.parametrize("multiply", [False, True])
def test_rows_get_their_numbers_and_zeros(panels, dtype, rng, multiply):
    """Padding becomes zero whatever was there, and whatever lies behind the numbers."""
    width = panel_width(dtype)
    for n in some(width):
        v = rng.normal(size=ROWS * width).astype(dtype)
        v[ROWS * n :] = np.nan
        P = panels.copy()
        P[1, :, n:] = np.inf
        expected = P.copy()
        numbers = v[: ROWS * n].reshape(ROWS, n)
        expected[1, 1 : 1 + ROWS, :n] = numbers * panels[1, 1 : 1 + ROWS, :n] if multiply else numbers
        expected[1, 1 : 1 + ROWS, n:] = 0
        from_python(unpack_rows)(v, n, P, 1, 1, 1 + ROWS, multiply)
        np.testing.assert_array_equal(P, expected)
