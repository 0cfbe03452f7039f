"""kernels/gradient_tile.py: every height and number of vectors, with and without the step of gradient descent."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from callers import assert_same_bits, from_python

from fastdnn.kernels import tile
from fastdnn.kernels.gradient_tile import gradient_tile
from fastdnn.kernels.vector import panel_width, tile_height

HEIGHTS = {vectors: range(1, tile_height(vectors) + 1) for vectors in (1, 2)}


@pytest.fixture
def gradient(dtype, rng):
    """Panels of A and dZ, scratch S, W, and the call on copies of S and W."""
    width, m = panel_width(dtype), 40

    def draw(*shape):
        return rng.normal(size=shape).astype(dtype)

    A, dZ, S, W = draw(2, m, width), draw(2, m, width), draw(width, width), draw(2, 2 * width, width)

    def call(i, height, j, r0, r1, vectors, start, step, higher=1, tiles=1, soon=(0, 0, 0)):
        got = S.copy(), W.copy()
        arguments = i, height, higher, tiles, j, r0, r1, vectors, start, step, dtype(0.5), dtype(0.125), *soon
        from_python(gradient_tile)(A, dZ, *got, *arguments)
        return got

    return A, dZ, S, W, call


def check_gradient(gradient, i, height, j, r0, r1, vectors, start, step):
    A, dZ, S, W, call = gradient
    width = S.shape[1]
    inside = i % width
    got_S, got_W = call(i, height, j, r0, r1, vectors, start, step)
    a, z = A[i // width, r0:r1, inside : inside + height].T, dZ[j, r0:r1, : vectors * width // 2]
    in_S = (slice(inside, inside + height), slice(0, vectors * width // 2))
    in_W = (j, slice(i, i + height), slice(0, vectors * width // 2))
    dW = reference.matmul(a, z) + (S[in_S] if start == tile.ADD else 0.0)
    bound = reference.matmul_error(a, z, S.dtype) + 4 * np.finfo(S.dtype).eps * (1 + abs(S[in_S]) + abs(W[in_W]))
    if step:
        assert np.all(np.abs(got_W[in_W] - (0.5 * W[in_W].astype(np.float64) - 0.125 * dW)) <= bound)
        got_W[in_W] = W[in_W]
    else:
        assert np.all(np.abs(got_S[in_S] - dW) <= bound)
        assert not np.any(got_S[in_S[0], vectors * width // 2 :])
        got_S[in_S[0]] = S[in_S[0]]
    np.testing.assert_array_equal(got_S, S)
    np.testing.assert_array_equal(got_W, W)


@pytest.mark.parametrize("vectors", [1, 2])
@pytest.mark.parametrize("step", [0, 1])
def test_gradient_of_every_height(gradient, vectors, step):
    width = gradient[2].shape[1]
    for height in HEIGHTS[vectors]:
        if height <= width:
            check_gradient(gradient, width, height, 1, 3, 20, vectors, tile.ZERO, step)
            check_gradient(gradient, 2 * width - height, height, 0, 0, 40, vectors, tile.ADD, step)


def test_gradient_of_every_number_of_examples(gradient):
    for m in (1, 2, 3, 4, 5, 8, 39, 40):
        check_gradient(gradient, 1, 2, 0, 0, m, 2, tile.ZERO, 0)


@pytest.mark.parametrize("step", [0, 1])
def test_tiles_of_two_heights_are_as_one_after_the_other(gradient, step):
    """A tile of 2 rows and two of 1 have the bits of each alone, the next rows of A asked for or not."""
    *_, call = gradient
    S, W = call(0, 2, 1, 0, 20, 2, tile.ADD, step, higher=1, tiles=3, soon=(1, 5, 7))
    for first, height in ((0, 2), (2, 1), (3, 1)):
        alone_S, alone_W = call(first, height, 1, 0, 20, 2, tile.ADD, step)
        rows = slice(first, first + height)
        assert_same_bits(S[rows], alone_S[rows])
        assert_same_bits(W[1, rows], alone_W[1, rows])
