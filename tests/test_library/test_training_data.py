"""fastdnn/training.py: what it takes as data: memory layouts, pixels, rows, the fewest examples."""

from __future__ import annotations

import numpy as np
import pytest
from blobs import blobs, network_for_blobs

from fastdnn.examples import Examples
from fastdnn.network import Network
from fastdnn.training import train


def trained(X, Y, dtype="float32", **options):
    network = Network([np.shape(X)[1], 6, 3], dtype=dtype)
    train(network, Examples(X, Y, **options), epochs=2, batch_size=16, threads=1)
    return network.parameters


def test_how_x_lies_in_memory_does_not_matter():
    X, Y = blobs()
    wanted = trained(X.astype(np.float32), Y)
    read_only = X.astype(np.float32)
    read_only.flags.writeable = False
    wide = np.zeros((90, 8), np.float32)
    wide[:, ::2] = X
    for other in (X, read_only, np.asfortranarray(X), wide[:, ::2]):
        before = other.copy()
        np.testing.assert_array_equal(trained(other, Y), wanted)
        np.testing.assert_array_equal(other, before)


def test_pixels_equal_the_matrix_they_stand_for(dtype):
    """Scale and shift are powers of two, so that the matrix is exact in both float types."""
    pixels = np.random.default_rng(0).integers(0, 256, (90, 20)).astype(np.uint8)
    Y, name = np.arange(90) % 3, np.dtype(dtype).name
    matrix = (pixels / 256 - 0.5).astype(dtype)
    np.testing.assert_array_equal(trained(pixels, Y, name, scale=1 / 256, shift=-0.5), trained(matrix, Y, name))
    columns = 2.0 ** -np.arange(1, 21)
    matrix = (pixels * columns - columns).astype(dtype)
    np.testing.assert_array_equal(trained(pixels, Y, name, scale=columns, shift=-columns), trained(matrix, Y, name))


def test_rows_are_the_copied_subset(dtype):
    X, Y = blobs()
    rows, name = np.random.default_rng(3).permutation(90)[:50], np.dtype(dtype).name
    np.testing.assert_array_equal(trained(X, Y, name, rows=rows), trained(X[rows], Y[rows], name))


def test_valid_rows_are_the_copied_subset():
    X, Y = blobs()
    split = Examples(X, Y, rows=np.arange(60)), Examples(X, Y, rows=np.arange(60, 90))
    copied = Examples(X[:60], Y[:60]), Examples(X[60:], Y[60:])
    one, two = (train(network_for_blobs(), *pair, epochs=3, threads=1).epochs for pair in (split, copied))
    for a, b in zip(one, two, strict=True):
        assert (a["loss"], a["valid_loss"], a["valid_score"]) == (b["loss"], b["valid_loss"], b["valid_score"])


@pytest.mark.parametrize("m", [1, 2])
def test_the_fewest_examples(m, dtype):
    network = network_for_blobs(np.dtype(dtype).name)
    history = train(network, Examples(np.ones((m, 4)), np.zeros(m, int)), epochs=3, batch_size=64)
    assert history.batch_size == m
    assert history.epochs[-1]["loss"] < history.epochs[0]["loss"]
