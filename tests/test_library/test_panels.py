"""fastdnn/panels.py against the oracle's panels."""

from __future__ import annotations

import numpy as np
import pytest
import reference_panels
from hypothesis import given
from hypothesis import strategies as st

from fastdnn import panels
from fastdnn.kernels.vector import panel_width


@given(st.integers(0, 50), st.integers(1, 90), st.sampled_from(["float32", "float64"]))
def test_fill_and_read(m, n, name):
    dtype = np.dtype(name)
    width = panel_width(dtype)
    M = np.random.default_rng(m * 100 + n).normal(size=(m, n)).astype(dtype)
    P = panels.empty_panels(m + 2, n, dtype)
    panels.fill_panels(P, M)
    np.testing.assert_array_equal(P, reference_panels.to_panels(M, width, dtype, rows=m + 2))
    back = np.full((m, n), np.nan, dtype)
    panels.read_panels(P, back)
    np.testing.assert_array_equal(back, M)


def test_fill_and_read_the_course_s_transposed_view(dtype, rng):
    W = rng.normal(size=(5, 70)).astype(dtype)
    P = panels.empty_panels(70, 5, dtype)
    panels.fill_panels(P, W.T)
    back = np.zeros_like(W)
    panels.read_panels(P, back.T)
    np.testing.assert_array_equal(back, W)


def test_fill_leaves_the_rest_alone(dtype):
    P = panels.empty_panels(4, 3, dtype)
    P[:] = 7
    panels.fill_panels(P, np.zeros((2, 3), dtype))
    assert np.all(P[0, :2, :3] == 0)
    assert np.all(P[0, 2:] == 7)
    assert np.all(P[0, :, 3:] == 7)


@pytest.mark.parametrize("shape", [(0,), (1,), (3, 5), (2, 7, 9)])
def test_aligned_zeros(shape, dtype):
    zeros = panels.aligned_zeros(shape, dtype)
    assert zeros.shape == shape
    assert zeros.dtype == dtype
    assert zeros.ctypes.data % 64 == 0 or zeros.size == 0
    assert zeros.flags.c_contiguous
    assert zeros.flags.writeable
    assert not zeros.any()


def test_panel_count(dtype):
    width = panel_width(dtype)
    assert [panels.panel_count(n, dtype) for n in (1, width - 1, width, width + 1, 3 * width)] == [1, 1, 1, 2, 3]


@pytest.mark.parametrize(("n", "n_prev"), [(1, 1), (1, 40), (2, 33), (3, 40), (35, 5), (32, 32)])
def test_weights_are_kept_as_the_oracle_says(n, n_prev, dtype, rng):
    W = rng.normal(size=(n, n_prev)).astype(dtype)
    P = panels.aligned_zeros(panels.weight_shape(n_prev, n, dtype), dtype)
    panels.fill_weights(P, W)
    np.testing.assert_array_equal(P, reference_panels.to_weights(W, panel_width(dtype), dtype))
    back = np.zeros_like(W)
    panels.read_weights(P, back)
    np.testing.assert_array_equal(back, W)
