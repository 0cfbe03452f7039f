"""kernels/gather.py: the rows of a batch, as floats or as scaled pixels, with their targets."""

from __future__ import annotations

import numpy as np
import pytest
import reference_panels
from callers import from_python

from fastdnn.kernels import gather
from fastdnn.kernels.vector import panel_width

M = 11


def read_only(array):
    view = array.view()
    view.flags.writeable = False
    return view


@pytest.fixture(params=["numbers", "pixels"])
def examples(request, dtype, rng):
    """For n features: X, pixels, scale, shift as the kernel takes them, and the matrix it must read."""

    def make(n):
        if request.param == "numbers":
            X = rng.normal(size=(M, n)).astype(dtype)
            return X, np.zeros((0, n), np.uint8), np.zeros(0, dtype), np.zeros(0, dtype), X
        pixels = rng.integers(0, 256, (M, n)).astype(np.uint8)
        scale, shift = rng.normal(size=(2, n)).astype(dtype)
        return np.zeros((0, n), dtype), pixels, scale, shift, pixels * scale.astype(float) + shift.astype(float)

    return make


def gathered(examples, dtype, n, labels, targets, rows, fill=np.nan, weights=(), weighted=0):
    """A[0] panels, batch_labels, batch_targets of a batch of 6 that begins at the second of `order`; and the weights last."""
    width = panel_width(dtype)
    order = np.array([0, 10, 3, 3, 7, 0, 9, 1])
    A = np.full((-(-n // width), 6, width), fill, dtype)
    batch_labels, batch_targets = np.full(6, -1), np.full((6, targets.shape[1]), np.nan, dtype)
    batch_weights = np.full(weighted, np.nan, dtype)
    read = [read_only(a) for a in (*examples[:4], labels, targets, np.array(weights, dtype))]
    from_python(gather.gather_batch)(*read, order, 1, A, batch_labels, batch_targets, batch_weights, *rows)
    return A, batch_labels, batch_targets, order[1:7], batch_weights


def test_rows_and_targets(examples, dtype, rng):
    width = panel_width(dtype)
    for n in (1, 7, 17, width - 1, width, width + 1, 3 * width + 2):
        data = examples(n)
        targets = rng.normal(size=(M, n + 2)).astype(dtype)
        A, labels, Y, chosen, _ = gathered(data, dtype, n, np.arange(M) * 2, targets, (0, 6), fill=5)
        tolerance = 2 * np.finfo(dtype).eps
        expected = data[4][chosen]
        np.testing.assert_allclose(
            reference_panels.from_panels(A, n), expected, rtol=tolerance, atol=tolerance * 300 if data[1].size else 0
        )
        np.testing.assert_array_equal(labels, chosen * 2)
        np.testing.assert_array_equal(Y, targets[chosen])
        assert np.all(reference_panels.padding(A, n) == 5)  # zeros from the start, and never written


def test_only_its_rows_are_written(examples, dtype):
    A, labels, Y, chosen, _ = gathered(examples(5), dtype, 5, np.arange(M), np.ones((M, 1), dtype), (2, 4))
    np.testing.assert_array_equal(labels, [-1, -1, *chosen[2:4], -1, -1])
    np.testing.assert_array_equal(np.isfinite(Y[:, 0]), [False, False, True, True, False, False])
    np.testing.assert_array_equal(np.isfinite(A[0, :, 0]), [False, False, True, True, False, False])


def test_targets_that_are_not_given_are_not_written(examples, dtype):
    _, labels, Y, *_ = gathered(examples(5), dtype, 5, np.zeros(0, np.int64), np.zeros((0, 0), dtype), (0, 6))
    assert np.all(labels == -1)
    assert Y.size == 0


def test_weights_are_those_of_the_examples_or_one(examples, dtype):
    common = examples(5), dtype, 5, np.zeros(0, np.int64), np.zeros((0, 0), dtype)
    *_, chosen, weights = gathered(*common, (1, 6), weights=np.arange(M) / 4, weighted=6)
    np.testing.assert_array_equal(weights, [np.nan, *chosen[1:] / 4])
    assert gathered(*common, (0, 6), weighted=6)[-1].tolist() == [1] * 6
    assert gathered(*common, (0, 6), weights=np.arange(M))[-1].size == 0


def test_every_pixel_value(dtype):
    """All 256 of them, times 1/255: 0 and 1 exactly at the ends."""
    pixels = np.tile(np.arange(256, dtype=np.uint8), (M, 1))
    scale, shift = np.full(256, 1 / 255, dtype), np.zeros(256, dtype)
    data = np.zeros((0, 256), dtype), pixels, scale, shift
    A, *_ = gathered(data, dtype, 256, np.zeros(0, np.int64), np.zeros((0, 0), dtype), (0, 6))
    row = reference_panels.from_panels(A, 256)[0]
    np.testing.assert_allclose(row, np.arange(256) / 255, rtol=2 * np.finfo(dtype).eps)
    assert row[0] == 0
    assert abs(row[-1] - 1) <= np.finfo(dtype).eps
