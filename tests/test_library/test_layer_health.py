"""fastdnn/layer_health.py: shares counted by hand, copies of units, lengths of steps."""

from __future__ import annotations

import numpy as np
import pytest

from fastdnn.layer_health import OutputCounts, copies_in_layer, layer_diagnoses, update_of
from fastdnn.network import Network


def test_a_unit_is_dead_only_if_no_row_wakes_it():
    counts = OutputCounts("relu", 4, None)
    counts.add(np.array([[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]))
    counts.add(np.array([[0.0, 0.0, 1e-30, 0.0]]))
    assert counts.dead == 0.5
    assert counts.saturated is None


@pytest.mark.parametrize(
    ("activation", "A", "share"),
    [
        ("tanh", [[0.995, -0.995], [0.5, 0.99]], 0.5),
        ("sigmoid", [[0.995, 0.005], [0.5, 0.02]], 0.5),
        ("tanh", [[0.0, 0.1]], 0.0),
    ],
)
def test_outputs_at_the_end_of_their_range(activation, A, share):
    counts = OutputCounts(activation, 2, None)
    counts.add(np.array(A))
    assert counts.saturated == share
    assert counts.dead is None


def test_what_cannot_be_dead_or_saturated():
    """A hidden identity or leaky ReLU; an output of 0; a sure answer under cross-entropy, but not under squared error."""
    cases = (
        ("identity", None), ("leaky_relu", None), ("relu", "squared_error"), ("sigmoid", "binary_cross_entropy"),
    )  # fmt: skip
    for activation, loss in cases:
        counts = OutputCounts(activation, 1, loss)
        counts.add(np.zeros((3, 1)))
        assert (counts.dead, counts.saturated) == (None, None)
    counts = OutputCounts("sigmoid", 1, "squared_error")
    counts.add(np.zeros((3, 1)))
    assert counts.saturated == 1.0


def test_copies_of_units():
    network = Network([2, 4, 1], "tanh", seed=1)
    assert copies_in_layer(network, 1) == (0, False)
    network.weights[0][[2, 3]] = network.weights[0][0]
    assert copies_in_layer(network, 1) == (2, False)
    network.weights[1][:] = 0.5
    assert copies_in_layer(network, 1) == (2, True)
    network.biases[0][3] = 1.0
    assert copies_in_layer(network, 1) == (1, True)


def test_first_steps():
    g = np.array([[4.0, -0.5], [0.0, 1e-3]])
    np.testing.assert_allclose(update_of(g, "sgd", 0.1), -0.1 * g)
    np.testing.assert_allclose(update_of(g, "adam", 0.1), [[-0.1, 0.1], [0.0, -0.1]], rtol=1e-4)


def test_norms_and_ratios():
    network = Network.from_parameters([[[3.0, 4.0]], [[0.0]]], [[0.0], [0.0]], ["tanh", "identity"])
    counts = [OutputCounts("tanh", 1, None), OutputCounts("identity", 1, "squared_error")]
    layers = layer_diagnoses(network, counts, [np.array([[0.0, 2.0]]), np.array([[1.0]])], "sgd", 0.5)
    assert [layer.layer for layer in layers] == [1, 2]
    first, second = layers
    assert (first.weight_norm, first.gradient_norm, first.update_norm) == (5.0, 2.0, 1.0)
    assert (first.gradient_ratio, first.update_ratio) == (pytest.approx(0.4), pytest.approx(0.2))
    assert (second.gradient_ratio, second.update_ratio) == (None, None)


def test_norms_of_numbers_whose_squares_are_beyond_float64():
    network = Network([3, 2, 1], "identity", "identity", dtype="float64", seed=1)
    gradients = [np.full(W.shape, 3e200) for W in network.weights]
    first, _ = layer_diagnoses(network, [OutputCounts("identity", n, None) for n in (2, 1)], gradients, "sgd", 0.1)
    assert first.gradient_norm == pytest.approx(3e200 * np.sqrt(6))
    assert first.update_norm == pytest.approx(3e199 * np.sqrt(6))
    assert first.weight_norm == pytest.approx(np.linalg.norm(network.weights[0]))
