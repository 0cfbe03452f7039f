"""Every hidden activation, and one of the user's own, through the engine: gradients by central differences, and training."""

from __future__ import annotations

import numpy as np
import pytest

import fastdnn
from fastdnn import custom_activations
from fastdnn.examples import Examples
from fastdnn.network import Network
from fastdnn.vocabulary import HIDDEN_ACTIVATIONS

NAMES = [*HIDDEN_ACTIVATIONS, "square"]


@pytest.fixture(autouse=True)
def _square(monkeypatch):
    monkeypatch.setattr(custom_activations.REGISTERED, "_pairs", {})
    monkeypatch.setattr(custom_activations.REGISTERED, "_codes", {})
    fastdnn.register_activation("square", lambda z: z * z, lambda z: z + z)


@pytest.fixture
def examples(rng):
    X = rng.standard_normal((60, 5))
    return Examples(X, (X[:, 0] * X[:, 1] + X[:, 2] > 0).astype(float))


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_the_cost(name, examples):
    network = Network([5, 7, 6, 1], name, dtype="float64", seed=3)
    gradients = np.concatenate([np.r_[W.ravel(), b.ravel()] for W, b in zip(*network.gradients(examples), strict=True)])
    numeric, h = np.empty_like(gradients), 1e-5
    for i, theta in enumerate(network.parameters.copy()):
        network.parameters[i] = theta + h
        above = network.cost(examples)
        network.parameters[i] = theta - h
        numeric[i] = (above - network.cost(examples)) / (2 * h)
        network.parameters[i] = theta
    difference = np.linalg.norm(gradients - numeric) / (np.linalg.norm(gradients) + np.linalg.norm(numeric))
    assert difference <= 1e-8


@pytest.mark.parametrize("name", NAMES)
def test_a_network_learns(name, dtype, examples):
    network = Network([5, 24, 17, 1], name, dtype=np.dtype(dtype).name, seed=2)
    data = Examples(examples.X.astype(dtype), examples.Y.astype(dtype))
    before = network.cost(data)
    fastdnn.train(network, data, epochs=40, batch_size=20, learning_rate=0.02, threads=1)
    assert network.parameters.dtype == dtype
    assert network.cost(data) < (0.9 if name in ("identity", "sigmoid") else 0.4) * before
