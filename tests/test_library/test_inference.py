"""fastdnn/inference.py: many examples, in parts, by one thread or two."""

from __future__ import annotations

import numpy as np
import pytest
from callers import JIT, assert_same_bits

from fastdnn.examples import Examples
from fastdnn.inference import evaluate
from fastdnn.network import Network
from fastdnn.workers import available_cores

needs_two_cores = pytest.mark.skipif(available_cores() < 2, reason="this process may use one core only")


@pytest.mark.parametrize("m", [1, 119, 120, 121, 500])
def test_parts_are_put_together_in_order(m, dtype, rng):
    network = Network([5, 8, 3], dtype=np.dtype(dtype).name)
    X, Y = rng.normal(size=(m, 5)).astype(dtype), rng.integers(0, 3, m)
    AL, losses = evaluate(network, Examples(X, Y), 1, with_losses=True)
    assert AL.shape == (m, 3)
    np.testing.assert_allclose(losses, -np.log(AL[np.arange(m), Y]), rtol=1e-4, atol=1e-6)
    for i in {0, m // 2, m - 1}:
        one, loss = evaluate(network, Examples(X[i : i + 1], Y[i : i + 1]), 1, with_losses=True)
        assert_same_bits(one[0], AL[i])
        assert_same_bits(loss, losses[i : i + 1])


@pytest.mark.skipif(not JIT, reason="without the JIT NumPy orders its sums by shape")
@needs_two_cores
@pytest.mark.parametrize("m", [2, 999, 2100, 3001])
def test_threads_give_the_same_bits(m, dtype, rng):
    network = Network([5, 40, 3], "tanh", dtype=np.dtype(dtype).name)
    X = rng.normal(size=(m, 5)).astype(dtype)
    one = network.predict(X, threads=1)
    for _ in range(20):
        np.testing.assert_array_equal(network.predict(X, threads=2), one)


def test_without_targets_there_are_predictions_only():
    AL, losses = evaluate(Network([2, 3, 2]), Examples(np.ones((4, 2))), 1, with_losses=False)
    assert AL.shape == (4, 2)
    assert losses.size == 0
