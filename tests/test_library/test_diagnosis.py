"""fastdnn/diagnosis.py and findings.py: networks made ill on purpose, and what the doctor says about each."""

from __future__ import annotations

import json

import numpy as np
import pytest

import fastdnn
from fastdnn.diagnosis import diagnose
from fastdnn.errors import DataError, ParameterError
from fastdnn.examples import Examples
from fastdnn.network import Network
from fastdnn.training import train

# Without the JIT NumPy warns of what these tests provoke.
overflows = pytest.mark.filterwarnings("ignore:(overflow|invalid value):RuntimeWarning")


@pytest.fixture
def data(rng):
    """X (700, 4), of which no column gives y away, and y; more rows than pass through the network at once."""
    X = rng.normal(size=(700, 4))
    return X, (X @ np.array([1.0, -1.0, 0.5, 0.5]) > 0).astype(np.int64)


def kinds(diagnosis):
    return [(finding.kind, finding.layer) for finding in diagnosis.findings]


def test_a_healthy_network(data):
    network = Network([4, 8, 6, 1], "relu")
    train(network, Examples(*data), epochs=3)
    before = network.parameters.copy()
    found = network.diagnose(*data)
    assert isinstance(found, fastdnn.Diagnosis)
    assert found.healthy, str(found)
    assert found.rows == 700
    assert found.loss == pytest.approx(network.cost(Examples(*data)), rel=1e-5)
    assert [(layer.layer, layer.units, layer.activation) for layer in found.layers] == [
        (1, 8, "relu"), (2, 6, "relu"), (3, 1, "sigmoid"),
    ]  # fmt: skip
    assert "Nothing is wrong." in str(found)
    np.testing.assert_array_equal(network.parameters, before)


def test_dead_units(data):
    """A bias of -1000 switches a ReLU off whatever comes."""
    network = Network([4, 8, 6, 1], "relu")
    network.biases[0][:3] = -1000
    found = network.diagnose(*data)
    assert kinds(found) == [("dead", 1)]
    assert found.layers[0].dead == 3 / 8
    assert "Layer 1: 3 of 8 units (38%) are off for every row" in str(found)
    assert "leaky_relu" in found.findings[0].advice


def test_a_layer_all_dead_stops_the_gradient_below(data):
    network = Network([4, 8, 6, 1], "relu")
    network.biases[1][:] = -1000
    found = network.diagnose(*data)
    assert kinds(found) == [("dead", 2)]
    assert [layer.gradient_norm for layer in found.layers] == [0, 0, 0]


@overflows
@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_saturated_units(data, activation):
    network = Network([4, 8, 6, 1], activation)
    network.weights[0] *= 1000
    found = network.diagnose(*data)
    assert ("saturated", 1) in kinds(found)
    assert found.layers[0].saturated > 0.9
    assert f"of the {activation} outputs are at the end of their range" in str(found)
    assert ("saturated", 2) not in kinds(found)


@overflows
def test_a_sure_output_is_not_saturated_sickness(data):
    """A sigmoid near 0 or 1 at the output is an answer; its gradient with cross-entropy is A - Y, without its slope."""
    X, y = data
    network = Network.from_parameters([1000.0 * np.array([[1.0, -1.0, 0.5, 0.5]])], [[0.0]], ["sigmoid"])
    assert network_kinds(network, (X, y), learning_rate=1.0) == []


def test_a_start_at_zero(data):
    with pytest.warns(UserWarning, match="start at zero"):
        network = Network([4, 8, 1], "tanh", initialization="zeros")
    found = network.diagnose(*data)
    assert ("symmetry", 1) in kinds(found)
    assert found.layers[0].copies == 7
    assert found.layers[0].alike
    assert "7 of 8 units have the same weights as another and, as all learn the same, always will" in str(found)
    assert found.layers[0].gradient_ratio is None
    train(network, Examples(*data), epochs=2, threads=1)
    assert network.diagnose(*data).layers[0].copies == 7


def test_identical_rows_that_feed_different_weights(data):
    network = Network([4, 8, 1], "tanh")
    network.weights[0][3] = network.weights[0][5]
    found = network.diagnose(*data)
    assert kinds(found) == [("symmetry", 1)]
    assert not found.layers[0].alike
    assert "so far" in found.findings[0].sentence


def test_logistic_regression_may_start_at_zero(data):
    assert network_kinds(Network([4, 1], initialization="zeros"), data) == []


def network_kinds(network, data, **options):
    return kinds(network.diagnose(*data, **options))


def test_gradients_that_vanish(data):
    """Ten layers of sigmoids: each takes away three quarters or more of the gradient."""
    network = Network([4, *[8] * 10, 1], "sigmoid", initialization="glorot")
    found = network.diagnose(*data)
    assert ("vanishing", 1) in kinds(found)
    assert "it hardly learns" in str(found)
    assert network_kinds(Network([4, 8, 8, 1], "relu"), data) == []


def test_steps_too_long_and_too_short(data):
    network = Network([4, 8, 1], "relu")
    assert set(network_kinds(network, data, optimizer="sgd", learning_rate=100.0)) >= {("long step", 1)}
    assert set(network_kinds(network, data, optimizer="adam", learning_rate=1.0)) >= {
        ("long step", 1),
        ("long step", 2),
    }
    assert network_kinds(network, data, optimizer="adam", learning_rate=1e-8) == [("short step", None)]
    assert network_kinds(network, data, optimizer="sgd") == []


@overflows
def test_huge_weights_name_layer_and_row(data):
    X, y = data
    network = Network([4, 8, 6, 1], "relu")
    network.weights[0] *= 1e20
    network.weights[1] *= 1e20
    found = network.diagnose(X, y)
    assert kinds(found)[0] == ("not finite", 2)
    assert (found.non_finite.layer, found.non_finite.row) == (2, 0)
    assert "The weights reach" in found.findings[0].advice
    assert found.layers == ()
    json.dumps(found.to_json(), allow_nan=False)


@overflows
def test_one_absurd_row_beyond_the_first_batch(data):
    X, y = data
    X[600, 2] = 1e38
    network = Network([4, 8, 6, 1], "relu")
    network.weights[0][:] = 10.0
    found = network.diagnose(X, y, columns=["a", "b", "c", "d"])
    assert (found.non_finite.layer, found.non_finite.row) == (1, 600)
    assert "That row holds 1e+38 in 'c': standardise the inputs." in found.findings[0].advice


@overflows
def test_a_nan_among_the_parameters(data):
    network = Network([4, 8, 1])
    network.weights[1][0, 3] = np.nan
    found = network.diagnose(*data)
    assert (found.non_finite.layer, found.non_finite.what, found.non_finite.row) == (2, "W", None)
    assert found.to_json()["loss"] is None


def test_a_column_that_gives_the_target_away(data):
    X, y = data
    X = np.column_stack([X[:, :3], 5.0 * y + 2.0])
    found = Network([4, 8, 1]).diagnose(X, y, columns=["a", "b", "c", "outcome"])
    assert kinds(found)[0] == ("leak", None)
    assert "Column 'outcome' alone predicts the target: AUC 1.0000" in str(found)
    assert "--drop 'outcome'" in found.findings[0].advice
    assert Network([4, 8, 1]).diagnose(X, y).leaks[0].found.column == "column 3"
    assert Network([4, 8, 2]).diagnose(X, y).leaks[0].found.measure == "AUC"
    quantity = Network([4, 8, 1], loss="squared_error").diagnose(X, X[:, 3] * 2.0)
    assert (quantity.leaks[0].found.column, quantity.leaks[0].found.measure) == ("column 3", "R2")


def test_pixels(rng):
    X = rng.integers(0, 256, (50, 20), dtype=np.uint8)
    assert Network([20, 8, 3]).diagnose(X, rng.integers(0, 3, 50)).healthy


def test_json_is_plain(data):
    facts = json.loads(json.dumps(Network([4, 8, 1]).diagnose(*data).to_json(), allow_nan=False))
    assert facts["healthy"] is True
    assert set(facts["layers"][0]) >= {"layer", "dead", "saturated", "gradient_ratio", "update_ratio"}


def test_bad_arguments(data):
    network = Network([4, 1])
    with pytest.raises(ParameterError, match=r"Unknown optimizer 'adm'\. Did you mean 'adam'"):
        network.diagnose(*data, optimizer="adm")
    with pytest.raises(ParameterError, match="learning_rate must be a number above 0, got 0"):
        network.diagnose(*data, learning_rate=0)
    with pytest.raises(ParameterError, match=r"'lbfgs' takes no learning_rate, got 0\.5"):
        network.diagnose(*data, optimizer="lbfgs", learning_rate=0.5)
    with pytest.raises(DataError, match="X has 4 columns, but 2 names were given"):
        network.diagnose(*data, columns=["a", "b"])
    with pytest.raises(DataError, match="no targets Y"):
        network.diagnose(data[0])
    with pytest.raises(DataError, match="X has 3 features"):
        diagnose(network, Examples(data[0][:, :3], data[1]))
