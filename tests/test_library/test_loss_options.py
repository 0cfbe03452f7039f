"""fastdnn/loss_options.py and loss_codes.py: the numbers of each loss, their ranges, and the targets each takes."""

from __future__ import annotations

import numpy as np
import pytest

import fastdnn
from fastdnn.errors import DataError, ParameterError
from fastdnn.examples import Examples
from fastdnn.loss_codes import loss_code
from fastdnn.loss_options import OPTIONS, checked_loss_options
from fastdnn.network import Network


@pytest.mark.parametrize(
    ("loss", "n_y", "given", "options", "parameters"),
    [
        ("squared_error", 1, None, {}, []),
        ("poisson", 1, {}, {}, []),
        ("huber", 1, None, {"delta": 1.0}, [1.0]),
        ("huber", 3, {"delta": 2}, {"delta": 2.0}, [2.0]),
        ("quantile", 1, None, {"quantiles": [0.5]}, [0.5]),
        ("quantile", 2, None, {"quantiles": [0.5, 0.5]}, [0.5, 0.5]),
        ("quantile", 1, {"quantiles": 0.25}, {"quantiles": [0.25]}, [0.25]),
        ("quantile", 2, {"quantiles": (0.25, 0.75)}, {"quantiles": [0.25, 0.75]}, [0.25, 0.75]),
        ("binary_cross_entropy", 1, None, {"label_smoothing": 0.0}, []),
        ("categorical_cross_entropy", 3, {"label_smoothing": 0.25}, {"label_smoothing": 0.25}, [0.25]),
    ],
)
def test_defaults_are_filled_in(loss, n_y, given, options, parameters):
    network = Network([2, n_y], loss=loss, loss_options=given)
    assert network.loss_options == options
    assert network.loss_parameters().dtype == network.dtype
    assert network.loss_parameters().tolist() == parameters


@pytest.mark.parametrize(
    ("loss", "n_y", "given", "sentence"),
    [
        ("squared_error", 1, {"delta": 1.0}, "Loss 'squared_error' has no options, got 'delta'"),
        ("huber", 1, {"dleta": 1.0}, "Unknown option of loss 'huber' 'dleta'. Did you mean 'delta'"),
        ("huber", 1, {"delta": 0.0}, "delta must be a number above 0 and finite, got 0.0"),
        ("huber", 1, {"delta": float("nan")}, "got nan"),
        ("huber", 1, {"delta": float("inf")}, "got inf"),
        ("huber", 1, {"delta": "1"}, "got '1'"),
        ("quantile", 2, {"quantiles": [0.5]}, r"one for each of the network's 2 outputs, got \[0.5\]"),
        ("quantile", 1, {"quantiles": "0.5"}, "got '0.5'"),
        ("quantile", 1, {"quantiles": [0.0]}, "Each quantile must be a number above 0 and below 1, got 0.0"),
        ("quantile", 1, {"quantiles": [1.0]}, "got 1.0"),
        ("binary_cross_entropy", 1, {"label_smoothing": 1.0}, "label_smoothing must be a number 0 or more and below 1"),
        ("categorical_cross_entropy", 2, {"label_smoothing": -0.1}, "got -0.1"),
    ],
)
def test_options_out_of_range(loss, n_y, given, sentence):
    with pytest.raises(ParameterError, match=sentence):
        Network([2, n_y], loss=loss, loss_options=given)


def test_options_are_copied():
    given = {"quantiles": [0.1, 0.9]}
    checked = checked_loss_options("quantile", given, 2)
    given["quantiles"].append(0.5)
    assert checked == {"quantiles": [0.1, 0.9]}
    assert set(OPTIONS) == {"huber", "quantile", "binary_cross_entropy", "categorical_cross_entropy"}


def test_an_unknown_loss_has_no_code():
    with pytest.raises(ParameterError, match="Did you mean 'poisson'"):
        loss_code("poison", np.float32)


# --- targets ---


def test_counts_are_not_negative():
    Y = np.array([1.0, 2.0, -3.0, 0.0])
    network = Network([1, 1], loss="poisson")
    with pytest.raises(DataError, match="counts Y, 0 or more, got -3 at row 2"):
        network.cost(Examples(np.ones((4, 1)), Y))
    assert np.isfinite(network.cost(Examples(np.ones((4, 1)), Y, rows=[0, 1, 3])))


def test_one_column_of_targets_serves_every_quantile(rng):
    X, y = rng.normal(size=(20, 3)), rng.normal(size=20)
    network = Network([3, 2], loss="quantile", loss_options={"quantiles": [0.2, 0.9]}, dtype="float64")
    one = network.cost(Examples(X, y))
    assert one == network.cost(Examples(X, y[:, None])) == network.cost(Examples(X, np.stack([y, y], axis=1)))
    with pytest.raises(DataError, match="2 outputs, but Y has the shape"):
        network.cost(Examples(X, np.zeros((20, 3))))


# --- from the Network to trained outputs ---


def test_several_labels_at_once(rng):
    """Independent sigmoids: each output learns its own yes or no, of which an example may have several or none."""
    X = rng.normal(size=(400, 3))
    Y = (X @ rng.normal(size=(3, 20)) > 0).astype(float)
    network = Network([3, 20], output_activation="sigmoid")
    assert network.loss == "binary_cross_entropy"
    fastdnn.train(network, Examples(X, Y), epochs=80, batch_size=40, learning_rate=0.05, threads=1)
    assert ((network.predict(X) > 0.5) == Y).mean() > 0.97


@pytest.mark.parametrize("hidden", [[], [16]])
def test_outputs_reach_the_quantiles_of_what_they_see(hidden, rng):
    """Of standard normal targets that X says nothing about: the normal distribution's quantiles, within three standard errors."""
    X, y = rng.normal(size=(4000, 2)), rng.normal(size=4000)
    network = Network([2, *hidden, 3], loss="quantile", loss_options={"quantiles": [0.1, 0.5, 0.9]})
    fastdnn.train(network, Examples(X, y), epochs=30, batch_size=200, learning_rate=0.01, threads=1)
    # sqrt(tau (1 - tau) / m) / density is 0.027 at 0.1 and 0.9; the last steps of Adam and 16 hidden units add to it.
    np.testing.assert_allclose(network.predict(X).mean(axis=0), [-1.2816, 0, 1.2816], atol=0.1)


def test_poisson_regression_finds_the_rates(rng):
    X = rng.uniform(-1, 1, (4000, 1))
    network = Network([1, 1], loss="poisson")
    fastdnn.train(
        network, Examples(X, rng.poisson(np.exp(0.5 + X))), epochs=40, batch_size=100, learning_rate=0.02, threads=1
    )
    np.testing.assert_allclose([network.biases[0][0, 0], network.weights[0][0, 0]], [0.5, 1.0], atol=0.08)


@pytest.mark.parametrize("loss", ["absolute_error", "huber"])
def test_robust_losses_pass_over_what_is_far_off(loss, rng):
    X = rng.normal(size=(1000, 1))
    y = 2 * X[:, 0]
    y[::10] += 1000.0
    network = Network([1, 1], loss=loss)
    fastdnn.train(network, Examples(X, y), epochs=60, batch_size=50, learning_rate=0.02, threads=1)
    assert network.weights[0][0, 0] == pytest.approx(2, abs=0.1)
    assert abs(network.biases[0][0, 0]) < 0.5
