"""fastdnn/custom_activations.py: registered activations train, are refused where they are wrong, and are asked for by name."""

from __future__ import annotations

import numpy as np
import pytest

import fastdnn
from fastdnn import custom_activations
from fastdnn.activation_codes import activation_code
from fastdnn.errors import ModelFileError, ParameterError
from fastdnn.examples import Examples
from fastdnn.kernels.custom import FIRST_ADDRESS
from fastdnn.network import Network


@pytest.fixture(autouse=True)
def _nothing_stays_registered(monkeypatch):
    monkeypatch.setattr(custom_activations.REGISTERED, "_pairs", {})
    monkeypatch.setattr(custom_activations.REGISTERED, "_codes", {})


def square(z):
    return z * z


def double(z):
    return z + z


def test_a_registered_activation_computes(dtype):
    fastdnn.register_activation("square", square, double)
    network = Network([3, 4, 2], "square", loss="squared_error", dtype=np.dtype(dtype).name, seed=1)
    X = np.random.default_rng(0).standard_normal((5, 3)).astype(dtype)
    hidden = (X @ network.weights[0].T) ** 2
    AL = network.predict(X)
    assert AL.dtype == dtype
    np.testing.assert_allclose(
        AL, hidden @ network.weights[1].T, rtol=1e-4 if dtype is np.float32 else 1e-12, atol=1e-6
    )


def test_codes_are_addresses_made_once_and_anew_after_another_registration():
    fastdnn.register_activation("mine", square, double)
    first = activation_code("mine", np.float32)
    assert first >= FIRST_ADDRESS
    assert activation_code("mine", "float32") == first
    assert activation_code("mine", np.float64) != first
    fastdnn.register_activation("mine", lambda z: z, lambda z: z / z)
    assert activation_code("mine", np.float32) != first


@pytest.mark.parametrize(
    ("f_prime", "message"),
    [
        (
            lambda z: 1.999 * z,
            r"wrong derivative: at -?[\d.]+ f' is -?[\d.]+, but central differences of f give -?[\d.]+",
        ),
        (lambda z: 2 * z if z < 19 else 0.0, r"wrong derivative: at 19\.\d+ f' is 0, but"),
        (lambda z: z / (z - z), "must be finite"),
    ],
)
def test_a_wrong_derivative_is_refused(f_prime, message):
    with pytest.raises(ParameterError, match=message):
        fastdnn.register_activation("mine", square, f_prime)
    assert "mine" not in custom_activations.hidden_activations()


def test_values_that_are_not_finite_are_refused():
    with pytest.raises(ParameterError, match=r"activation 'mine' gives (nan|inf) for f\(-\d"):
        fastdnn.register_activation("mine", lambda z: np.sqrt(z), lambda z: 0.5 / np.sqrt(z))


@pytest.mark.parametrize("name", ["gelu", "softmax", "exponential"])
def test_names_of_our_own_are_refused(name):
    with pytest.raises(ParameterError, match=f"'{name}' is an activation of fastdnn's own"):
        fastdnn.register_activation(name, square, double)


@pytest.mark.parametrize("name", ["", "Mine", "my activation", "2nd", 3, None])
def test_names_that_cannot_be_typed_are_refused(name):
    with pytest.raises(ParameterError, match="must be small letters"):
        fastdnn.register_activation(name, square, double)


def test_a_name_that_is_not_registered_is_unknown():
    fastdnn.register_activation("square", square, double)
    with pytest.raises(
        ParameterError, match=r"Unknown activation 'squar'. Did you mean 'square'\? Allowed: .*, square\."
    ):
        Network([2, 3, 1], "squar")


def test_a_model_that_needs_a_registration_says_which():
    with pytest.raises(ModelFileError, match="uses the activation 'square', which is not fastdnn's own") as caught:
        custom_activations.REGISTERED.require_known("square")
    assert caught.value.hint.startswith("fastdnn.register_activation('square', f, f_prime)")
    fastdnn.register_activation("square", square, double)
    for name in ("relu", "square", "softmax"):
        custom_activations.REGISTERED.require_known(name)


def test_it_can_be_one_of_several_layers():
    fastdnn.register_activation("square", square, double)
    network = Network([2, 3, 3, 1], ["square", "gelu"])
    examples = Examples(np.ones((4, 2), np.float32), np.zeros(4))
    assert np.isfinite(network.cost(examples))
