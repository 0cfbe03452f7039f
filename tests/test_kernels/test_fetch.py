"""kernels/fetch.py: rows side by side, whatever their length, and nothing else."""

from __future__ import annotations

import numpy as np
import reference_panels
from callers import from_python

from fastdnn.kernels.fetch import AT_ONCE, fetch_rows
from fastdnn.kernels.vector import panel_width


def test_rows_of_every_length(dtype, rng):
    width, m = panel_width(dtype), 11
    order = rng.permutation(m)
    for n in (1, 2, width - 1, width, width + 1, 2 * width, 3 * width + 5):
        X = rng.normal(size=(m, n)).astype(dtype)
        A = np.full((-(-n // width), AT_ONCE + 3, width), np.nan, dtype)
        from_python(fetch_rows)(X, order, 5, m - AT_ONCE, A, 2)
        np.testing.assert_array_equal(reference_panels.from_panels(A, n)[2 : 2 + AT_ONCE], X[order[5 : 5 + AT_ONCE]])
        assert np.isfinite(A).sum() == AT_ONCE * n  # neither padding nor another row


def test_rows_may_be_the_same(dtype):
    X, order = np.arange(6, dtype=dtype).reshape(3, 2), np.array([2, 2, 0, 2])
    A = np.zeros((1, AT_ONCE, panel_width(dtype)), dtype)
    from_python(fetch_rows)(X, order, 0, 0, A, 0)
    np.testing.assert_array_equal(A[0, :, :2], X[order])
