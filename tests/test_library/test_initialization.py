"""fastdnn/initialization.py: standard deviations, zero biases, the warning of symmetry."""

from __future__ import annotations

import numpy as np
import pytest

from fastdnn.initialization import initial_weights
from fastdnn.network import Network

N, N_PREV = 150, 400


@pytest.mark.parametrize(
    ("scheme", "activation", "deviation"),
    [
        ("he", "tanh", np.sqrt(2 / N_PREV)),
        ("glorot", "relu", np.sqrt(2 / (N_PREV + N))),
        ("small_random", "relu", 0.01),
        ("auto", "relu", np.sqrt(2 / N_PREV)),
        ("auto", "leaky_relu", np.sqrt(2 / N_PREV)),
        ("lecun", "relu", np.sqrt(1 / N_PREV)),
        *(("auto", name, np.sqrt(2 / N_PREV)) for name in ("elu", "gelu", "silu", "mish")),
        ("auto", "selu", np.sqrt(1 / N_PREV)),
        ("auto", "softplus", np.sqrt(2 / (N_PREV + N))),
        ("auto", "tanh", np.sqrt(2 / (N_PREV + N))),
        ("auto", "sigmoid", np.sqrt(2 / (N_PREV + N))),
        ("auto", "softmax", np.sqrt(2 / (N_PREV + N))),
        ("auto", "identity", np.sqrt(2 / (N_PREV + N))),
    ],
)
def test_mean_and_standard_deviation(scheme, activation, deviation):
    """Of 60 000 normal numbers the deviation is known to 0.3 %, the mean to deviation / 245; five of each are allowed."""
    W = initial_weights(scheme, N, N_PREV, activation, np.random.default_rng(0))
    assert W.shape == (N, N_PREV)
    assert abs(W.std() / deviation - 1) < 0.015
    assert abs(W.mean()) < 5 * deviation / np.sqrt(W.size)
    assert abs((deviation < W).mean() - 0.1587) < 0.01  # normal, not uniform


def test_each_layer_by_its_own_activation_and_biases_zero():
    network = Network([N_PREV, N, N_PREV, 3], ["relu", "tanh"], dtype="float64")
    wanted = [np.sqrt(2 / N_PREV), np.sqrt(2 / (N + N_PREV))]
    for W, deviation in zip(network.weights, wanted, strict=False):
        assert abs(W.std() / deviation - 1) < 0.015
    assert not any(b.any() for b in network.biases)


def test_seed_decides():
    one, same, other = (Network([5, 4, 1], seed=s).parameters for s in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert np.any(one != other)


def test_float32_has_the_rounded_numbers_of_float64():
    one, two = (Network([5, 4, 1], dtype=d, seed=3).parameters for d in ("float32", "float64"))
    np.testing.assert_array_equal(one, two.astype(np.float32))


def test_zeros_warn_of_symmetry_where_there_is_a_hidden_layer():
    with pytest.warns(UserWarning, match="all units of a hidden layer compute and learn the same"):
        network = Network([3, 4, 1], initialization="zeros")
    assert not network.parameters.any()


def test_zeros_are_fine_for_logistic_regression():
    assert not Network([3, 1], initialization="zeros").parameters.any()  # a warning would be an error
