"""kernels/panels.py: one block of W is transposed into W^T, and nothing else is written."""

from __future__ import annotations

import numpy as np
import reference_panels
from callers import from_python

from fastdnn.kernels import panels
from fastdnn.kernels.vector import panel_width

transpose_block = from_python(panels.transpose_block)


def test_blocks_make_the_transpose(dtype, rng):
    width = panel_width(dtype)
    k, n = 2 * width + 3, width + 1
    M = rng.normal(size=(k, n)).astype(dtype)
    W = reference_panels.to_panels(M, width, dtype, rows=3 * width)
    WT = np.full((3, 2 * width, width), np.nan, dtype)
    kept = W.copy()
    for i in range(3):
        for j in range(2):
            transpose_block(W, WT, i, j)
    np.testing.assert_array_equal(reference_panels.from_panels(WT, k)[:n], M.T)
    assert np.all(reference_panels.padding(WT, k) == 0)
    assert np.all(WT[:, n:] == 0)
    np.testing.assert_array_equal(W, kept)


def test_other_blocks_are_left_alone(dtype):
    width = panel_width(dtype)
    W = np.ones((2, 2 * width, width), dtype)
    WT = np.full((2, 2 * width, width), np.nan, dtype)
    transpose_block(W, WT, 1, 0)
    assert np.all(WT[1, :width] == 1)
    assert np.isnan(WT[0]).all()
    assert np.isnan(WT[1, width:]).all()


def test_blocks_of_weights_lie_side_by_side(dtype):
    """Together they are all rows that exist, each once, in the order of the array."""
    width = panel_width(dtype)
    block_of = from_python(panels.block_of)
    for k, n in [(1, 1), (2 * width, 2), (2 * width + 3, 1), (5, 3), (width, width + 1), (2 * width + 3, 2 * width)]:
        W = reference_panels.to_weights(np.ones((n, k)), width, dtype)
        for j in range(-(-n // width)):
            for i in range(-(-k // width)):
                at, size = block_of(W, i, j, k, n)
                assert W.ravel()[at : at + size].sum() == min(width, k - i * width) * min(width, n - j * width)
                W.ravel()[at : at + size] = 0
        assert not W.any()
