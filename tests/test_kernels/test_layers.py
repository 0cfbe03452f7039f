"""kernels/layers.py: equations 4 and 8 to 10 of the course against the oracle."""

from __future__ import annotations

import numpy as np
import pytest
import reference
import reference_panels
from callers import from_python

from fastdnn.kernels import layers
from fastdnn.kernels.panels import NARROW
from fastdnn.kernels.tile import STORE
from fastdnn.kernels.vector import panel_width, tile_height


def sizes(width):
    """(n_prev, n, m)"""
    high = tile_height()
    return [
        (1, 1, 1),
        (7, 1, 17),
        (2 * width + 3, 2, 40),
        (17, 7, 1),
        (width - 1, width, high + 1),
        (width + 1, width - 1, high - 1),
        (300, width + 1, 5),
        (3, 5, 200),
    ]


def padded(n, width):
    return -(-n // width) * width


def test_forward_equals_oracle(dtype, rng):
    linear_forward, width = from_python(layers.linear_forward), panel_width(dtype)
    for n_prev, n, m in sizes(width):
        A_prev, W = rng.normal(size=(n_prev, m)).astype(dtype), rng.normal(size=(n, n_prev)).astype(dtype)
        b = np.zeros(padded(n, width), dtype)
        b[:n] = rng.normal(size=n)
        Z = np.full((-(-n // width), m, width), np.nan, dtype)
        panels = (
            reference_panels.to_panels(A_prev.T, width, dtype),
            reference_panels.to_weights(W, width, dtype, fill=0.0 if n <= NARROW else np.nan),
        )
        kept = [a.copy() for a in (*panels, b)]
        linear_forward(*panels, b, Z, n_prev, n, 0, m, 0, len(Z), STORE, dtype(0))
        expected = reference.matmul(W, A_prev) + b[:n, None].astype(np.float64)
        bound = reference.matmul_error(W, A_prev, dtype) + np.finfo(dtype).eps * abs(expected)
        assert np.all(np.abs(reference_panels.from_panels(Z, n).T - expected) <= bound), (n_prev, n, m)
        for array, before in zip((*panels, b), kept, strict=True):
            np.testing.assert_array_equal(array, before)


def test_backward_equals_oracle(dtype, rng):
    from_python(layers.linear_forward)  # loads what the kernel below jumps to
    width = panel_width(dtype)
    for n_prev, n, m in sizes(width):
        dZ, A_prev = rng.normal(size=(n, m)).astype(dtype), rng.normal(size=(n_prev, m)).astype(dtype)
        W = rng.normal(size=(n, n_prev)).astype(dtype)
        read = (
            reference_panels.to_panels(dZ.T, width, dtype),
            reference_panels.to_panels(A_prev.T, width, dtype),
            reference_panels.to_panels(W, width, dtype, rows=padded(n, width)),
        )
        kept = [a.copy() for a in read]
        S = np.full((width, width), np.nan, dtype)
        dW = np.full_like(reference_panels.to_weights(W, width, dtype), np.nan)
        db = np.full(padded(n, width), np.nan, dtype)
        dA_prev = np.full((-(-n_prev // width), m, width), np.nan, dtype)
        layers.linear_backward(*read, S, dW, db, dA_prev, n_prev, n, m)
        eps = np.finfo(dtype).eps
        expected = reference.matmul(dZ, A_prev.T) / m
        bound = reference.matmul_error(dZ, A_prev.T, dtype) / m + 4 * eps * abs(expected)
        assert np.all(np.abs(reference_panels.from_weights(dW, n, n_prev) - expected) <= bound), (n_prev, n, m)
        np.testing.assert_allclose(db[:n], dZ.sum(axis=1, dtype=float) / m, rtol=m * eps, atol=m * eps)
        assert np.all(db[n:] == 0)
        expected = reference.matmul(W.T, dZ)
        assert np.all(
            np.abs(reference_panels.from_panels(dA_prev, n_prev).T - expected) <= reference.matmul_error(W.T, dZ, dtype)
        )
        for array, before in zip(read, kept, strict=True):
            np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("m", [1, 2, 17])
def test_bias_gradient_sums_the_examples_that_count(m, dtype, rng):
    width = panel_width(dtype)
    dZ = rng.normal(size=(2, 20, width)).astype(dtype)
    dZ[:, m:] = np.nan
    db = np.full(width, np.nan, dtype)
    from_python(layers.bias_gradient)(dZ, 1, m, db)
    np.testing.assert_allclose(db, dZ[1, :m].sum(axis=0, dtype=float), rtol=1e-4, atol=m * np.finfo(dtype).eps)


def test_backward_is_the_numeric_gradient(rng):
    """J = mean over examples of sum(Z * G) has dZ = G: dW, db and dA_prev follow by moving each number a little."""
    from_python(layers.linear_forward)
    width, (n_prev, n, m) = panel_width("float64"), (5, 3, 4)
    A_prev, W, b, G = (rng.normal(size=s) for s in ((n_prev, m), (n, n_prev), (n, 1), (n, m)))
    dW, db = np.empty_like(reference_panels.to_weights(W, width, float)), np.empty(padded(n, width))
    dA = np.empty((-(-n_prev // width), m, width))
    layers.linear_backward(
        reference_panels.to_panels(G.T, width, float), reference_panels.to_panels(A_prev.T, width, float),
        reference_panels.to_panels(W, width, float, rows=padded(n, width)), np.empty((width, width)), dW, db, dA, n_prev, n, m,
    )  # fmt: skip

    def J(W, b, A_prev):
        return ((reference.matmul(W, A_prev) + b) * G).sum() / m

    def numeric(index):
        given = [W, b, A_prev]
        out = np.empty(given[index].shape)
        for at in np.ndindex(out.shape):
            step = np.zeros(out.shape)
            step[at] = 1e-3
            high, low = (J(*[x + sign * step if i == index else x for i, x in enumerate(given)]) for sign in (1, -1))
            out[at] = (high - low) / 2e-3
        return out

    np.testing.assert_allclose(reference_panels.from_weights(dW, n, n_prev), numeric(0), atol=1e-12)
    np.testing.assert_allclose(db[:n, None], numeric(1), atol=1e-12)
    np.testing.assert_allclose(reference_panels.from_panels(dA, n_prev).T, m * numeric(2), atol=1e-11)
