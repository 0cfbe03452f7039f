"""kernels/row_tile.py: one row has the value of the oracle and the bits of the product of many rows."""

from __future__ import annotations

import numpy as np
import pytest
import reference
import reference_panels
from callers import assert_same_bits, from_python

from fastdnn.kernels import gemm, row_tile, tile
from fastdnn.kernels.vector import panel_width

row_matmul_bias = from_python(row_tile.row_matmul_bias)
matmul_bias = from_python(gemm.matmul_bias)


def sizes(width):
    """(k, n): around the unrolled steps, and 1 to 9 panels, whole and not."""
    ks = [1, 2, 3, 4, 5, width - 1, width, width + 1, 2 * width + 6]
    return [
        (k, n) for k in ks for n in (1, width // 2, width // 2 + 1, 2 * width, 3 * width + 1, 4 * width, 8 * width + 3)
    ]


@pytest.mark.parametrize("finish", [tile.STORE, tile.ACTIVATE])
def test_row_equals_oracle_and_the_product_of_many_rows(finish, dtype, rng):
    width = panel_width(dtype)
    for k, n in sizes(width):
        A, B = rng.normal(size=(1, k)).astype(dtype), rng.normal(size=(k, n)).astype(dtype)
        b = np.zeros(-(-n // width) * width, dtype)
        b[:n] = rng.normal(size=n)
        # What the contraction must not read would show as NaN.
        PA = reference_panels.to_panels(A, width, dtype, fill=np.nan)
        PB = reference_panels.to_panels(B, width, dtype, rows=-(-k // width) * width)
        PB[:, k:] = np.nan
        C = np.full((len(PB), 1, width), np.nan, dtype)
        kept = PA.copy(), PB.copy(), b.copy()
        row_matmul_bias(PA, PB, b, C, k, n, finish, dtype(0.25))
        Z = reference.matmul(A, B) + b[:n].astype(np.float64)
        expected = np.where((Z > 0) | (finish == tile.STORE), Z, 0.25 * Z)
        bound = reference.matmul_error(A, B, dtype) + np.finfo(dtype).eps * np.abs(Z)
        assert np.all(np.abs(reference_panels.from_panels(C, n) - expected) <= bound), (k, n)
        assert np.all(reference_panels.padding(C, n) == 0), (k, n)
        many = np.full_like(C, np.nan)
        matmul_bias(PA, PB, b, many, many, 0, 1, 0, len(many), k, n, True, finish, dtype(0.25))
        assert_same_bits(C, many)
        for array, before in zip((PA, PB, b), kept, strict=True):
            np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("finish", [tile.STORE, tile.ACTIVATE])
def test_nan_and_infinity_show(finish, dtype):
    width = panel_width(dtype)
    PA, PB, b = np.zeros((1, 1, width), dtype), np.ones((1, width, width), dtype), np.zeros(width, dtype)
    for value, shown in ((np.nan, np.isnan), (np.inf, np.isinf)):
        PA[0, 0, 0] = value
        C = np.zeros((1, 1, width), dtype)
        row_matmul_bias(PA, PB, b, C, 2, width, finish, dtype(0.25))
        assert np.all(shown(C))
