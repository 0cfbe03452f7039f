"""kernels/regularization.py: the L2 term and its derivative."""

from __future__ import annotations

import numpy as np
import pytest
from callers import from_python

from fastdnn.kernels import regularization

l2_cost = from_python(regularization.l2_cost)
l2_backward = from_python(regularization.l2_backward)


@pytest.mark.parametrize(("size", "m", "l2"), [(1, 1, 0.5), (7, 3, 0.1), (17, 64, 0.0), (1000, 7, 2.0)])
def test_cost_and_derivative_equal_the_formula(size, m, l2, dtype, rng):
    W, dW = rng.normal(size=(2, size)).astype(dtype)
    tolerance = size * np.finfo(dtype).eps
    np.testing.assert_allclose(l2_cost(W, l2, m), l2 / (2 * m) * np.sum(W.astype(np.float64) ** 2), rtol=tolerance)
    expected, kept = dW + l2 / m * W.astype(np.float64), W.copy()
    l2_backward(W, dtype(l2), m, dW)
    np.testing.assert_allclose(dW, expected, rtol=8 * np.finfo(dtype).eps, atol=8 * np.finfo(dtype).eps)
    np.testing.assert_array_equal(W, kept)


def test_derivative_is_that_of_the_cost(rng):
    W, dW = rng.normal(size=5), np.zeros(5)
    l2_backward(W, 0.3, 4, dW)
    for i in range(5):
        step = np.eye(5)[i] * 1e-5
        numeric = (l2_cost(W + step, 0.3, 4) - l2_cost(W - step, 0.3, 4)) / 2e-5
        assert abs(numeric - dW[i]) < 1e-9
