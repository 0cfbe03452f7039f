"""fastdnn/custom_losses.py: a pair of scalar functions becomes a loss that trains, checked when it is registered."""

from __future__ import annotations

import math

import numpy as np
import pytest

import fastdnn
from fastdnn import custom_losses
from fastdnn.custom_losses import register_loss
from fastdnn.errors import ModelFileError, ParameterError
from fastdnn.examples import Examples
from fastdnn.network import Network


@pytest.fixture(autouse=True)
def nothing_stays_registered(monkeypatch):
    monkeypatch.setattr(custom_losses.REGISTERED, "_pairs", {})
    monkeypatch.setattr(custom_losses.REGISTERED, "_codes", {})


def squared(a, y):
    return (a - y) * (a - y) / 2


def squared_prime(a, y):
    return a - y


def log_cosh(a, y):
    return math.log(math.cosh(a - y))


def log_cosh_prime(a, y):
    return math.tanh(a - y)


@pytest.mark.parametrize("output", ["identity", "tanh"])
def test_squared_error_again(output, dtype, rng):
    """What our own loss gives, the same function of the user's gives too."""
    register_loss("mine", squared, squared_prime)
    name = np.dtype(dtype).name
    mine, ours = (
        Network([3, 5, 2], output_activation=output, loss=loss, dtype=name) for loss in ("mine", "squared_error")
    )
    examples = Examples(rng.normal(size=(40, 3)), rng.normal(size=(40, 2)))
    tolerance = 20 * float(np.finfo(dtype).eps)
    assert mine.cost(examples) == pytest.approx(ours.cost(examples), rel=tolerance)
    for one, other in zip(mine.gradients(examples), ours.gradients(examples), strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_allclose(a, b, rtol=10 * tolerance, atol=tolerance)


def test_training_with_it_and_weights(rng):
    register_loss("log_cosh", log_cosh, log_cosh_prime)
    X = rng.normal(size=(200, 2))
    y = X @ [1.0, -2.0]
    y[:20] += 50.0  # left out by their weights
    network = Network([2, 1], loss="log_cosh")
    weights = np.ones(200)
    weights[:20] = 0
    fastdnn.train(network, Examples(X, y, weights=weights), epochs=60, batch_size=20, learning_rate=0.05, threads=1)
    np.testing.assert_allclose(network.weights[0], [[1.0, -2.0]], atol=0.05)


def test_replacing_a_loss(rng):
    register_loss("mine", squared, squared_prime)
    examples = Examples(rng.normal(size=(9, 2)), rng.normal(size=9))
    network = Network([2, 1], loss="mine", dtype="float64")
    first = network.cost(examples)
    register_loss("mine", lambda a, y: (a - y) ** 2, lambda a, y: 2 * (a - y))
    assert network.cost(examples) == pytest.approx(2 * first)


@pytest.mark.parametrize(
    ("name", "f", "f_prime", "sentence"),
    [
        ("Mine", squared, squared_prime, "small letters"),
        (3, squared, squared_prime, "small letters"),
        ("huber", squared, squared_prime, "'huber' is a loss of fastdnn's own"),
        ("mine", squared, squared, "wrong derivative"),
        ("mine", squared, 3, "needs a function as f_prime"),
        ("mine", lambda a, y: a / (y - y), squared_prime, "must be finite"),
    ],
)
def test_what_cannot_be_registered(name, f, f_prime, sentence):
    with np.errstate(all="ignore"), pytest.raises(ParameterError, match=sentence):
        register_loss(name, f, f_prime)


def test_softmax_outputs_are_refused():
    register_loss("mine", squared, squared_prime)
    with pytest.raises(ParameterError, match="'softmax' does not go with loss 'mine'"):
        Network([2, 3], output_activation="softmax", loss="mine")
    with pytest.raises(ParameterError, match="Loss 'mine' has no options"):
        Network([2, 3], loss="mine", loss_options={"delta": 1.0})


def test_a_model_with_an_unregistered_loss_says_what_to_do():
    custom_losses.REGISTERED.require_known("squared_error")
    with pytest.raises(ModelFileError, match="the loss 'mine', which is not") as error:
        custom_losses.REGISTERED.require_known("mine")
    assert "register_loss('mine'" in (error.value.hint or "")
