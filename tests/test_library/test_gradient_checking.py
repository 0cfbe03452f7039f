"""fastdnn/gradient_checking.py: right gradients pass, for every name of the vocabulary; planted errors and kinks are found."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from callers import JIT

from fastdnn import vocabulary
from fastdnn.errors import DataError, FastDNNError, ParameterError
from fastdnn.examples import Examples
from fastdnn.gradient_checking import gradient_check, random_examples, random_weights, relative_difference
from fastdnn.network import Network

PAIRS = [(loss, output) for loss, outputs in vocabulary.OUTPUTS.items() for output in outputs]
HAS_L1 = "l1" in inspect.signature(Network.gradients).parameters
HAS_WEIGHTS = "weights" in inspect.signature(Examples).parameters
PENALTIES = [{}, {"l2": 0.7}, *([{"l1": 0.3}, {"l1": 0.2, "l2": 0.5}] if HAS_L1 else [])]
# Without the JIT a pass takes a hundred times as long: one direction a W, and what does not depend on the kernels is left out.
DIRECTIONS = None if JIT else 1
with_jit = pytest.mark.skipif(not JIT, reason="minutes without the JIT, on which it does not depend")
OPTIONS = {"quantile": {"loss_options": {"quantiles": [0.2, 0.7]}}}
# Without the JIT NumPy warns of what these tests provoke.
overflows = pytest.mark.filterwarnings("ignore:(overflow|invalid value):RuntimeWarning")


def network_of(dims, hidden, output, loss, seed=0, kind=Network):
    """A float64 network with biases that are not 0, so that units behind dead ones are not exactly at a kink."""
    network = kind(dims, hidden, output, loss, dtype="float64", seed=seed, leaky_slope=0.1, **OPTIONS.get(loss, {}))
    rng = np.random.default_rng(seed)
    for b in network.biases:
        b[:] = rng.normal(size=b.shape) * 0.3
    return network


def assert_right(network, m, seed, **penalty):
    X, Y = random_examples(network, m, seed)
    check = gradient_check(network, X, Y, directions=DIRECTIONS, **penalty)
    assert check.passed, str(check)
    assert check.relative_difference <= 1e-8
    assert check.n_at_kink <= 0.05 * check.n_checked, str(check)


@pytest.mark.parametrize(("loss", "output"), PAIRS)
@pytest.mark.parametrize("hidden", vocabulary.HIDDEN_ACTIVATIONS)
def test_every_activation_with_every_loss_and_penalty(hidden, loss, output):
    for seed, penalty in enumerate(PENALTIES if JIT else PENALTIES[-1:]):
        assert_right(network_of([3, *[3] * (1 + seed % 2), 2], hidden, output, loss, seed), 5, seed, **penalty)


@with_jit
@pytest.mark.parametrize("hidden", vocabulary.HIDDEN_ACTIVATIONS)
@pytest.mark.parametrize("L", [1, 2, 3, 4, 5])
def test_every_activation_at_every_depth(hidden, L):
    """With one loss after the other; a single layer has no hidden activation, and is checked with other weights instead."""
    first = vocabulary.HIDDEN_ACTIVATIONS.index(hidden)
    for k, (loss, outputs) in enumerate(vocabulary.OUTPUTS.items()):
        penalty = PENALTIES[(first + k + L) % len(PENALTIES)]
        assert_right(network_of([3, *[3] * (L - 1), 2], hidden, outputs[0], loss, seed=first + L), 4, k, **penalty)


def test_layers_of_different_activations_wider_than_a_panel():
    names = vocabulary.HIDDEN_ACTIVATIONS
    assert_right(network_of([3, *[9] * len(names), 2], list(names), "identity", "squared_error"), 6, 1, l2=0.3)
    assert_right(network_of([5, 19, 2], "tanh", "softmax", "categorical_cross_entropy"), 3, 1)


# --- errors that were planted ---


class WrongSign(Network):
    def gradients(self, *args, **kwargs):
        dW, db = super().gradients(*args, **kwargs)
        db[1] *= -1
        return dW, db


class Twice(Network):
    def gradients(self, *args, **kwargs):
        dW, db = super().gradients(*args, **kwargs)
        return [2 * g for g in dW], [2 * g for g in db]


class WithoutPenalty(Network):
    def gradients(self, examples, l2=0.0, **kwargs):
        return super().gradients(examples, 0.0, **kwargs)


class PenalisedBias(Network):
    def gradients(self, examples, l2=0.0, **kwargs):
        dW, db = super().gradients(examples, l2, **kwargs)
        return dW, [g + l2 / len(examples) * b for g, b in zip(db, self.biases, strict=True)]


class OneWrongNumber(Network):
    def gradients(self, *args, **kwargs):
        dW, db = super().gradients(*args, **kwargs)
        dW[0][2, 1] += 1e-6
        return dW, db


class Transposed(Network):
    def gradients(self, *args, **kwargs):
        dW, db = super().gradients(*args, **kwargs)
        dW[1] = dW[1].T.copy()
        return dW, db


def layers_off(check):
    """The parts whose own relative difference does not pass."""
    return [f"{part.name}{part.layer}" for part in check.parts if part.relative_difference > 1e-8]


@with_jit
@pytest.mark.parametrize("directions", [None, 3])
@pytest.mark.parametrize(
    ("kind", "off"),
    [
        (WrongSign, ["b2"]),
        (Twice, ["W1", "b1", "W2", "b2", "W3", "b3"]),
        (WithoutPenalty, ["W1", "W2", "W3"]),
        (PenalisedBias, ["b1", "b2", "b3"]),
        (OneWrongNumber, ["W1"]),
        (Transposed, ["W2"]),
    ],
)
def test_planted_errors_are_found_where_they_are(kind, off, directions):
    network = network_of([3, 4, 4, 2], "tanh", "softmax", "categorical_cross_entropy", kind=kind)
    X, Y = random_examples(network, 8, 3)
    check = gradient_check(network, X, Y, l2=0.4, directions=directions)
    assert not check.passed
    assert check.verdict == "failed"
    assert layers_off(check) == off
    assert f"{check.worst.name}{check.worst.layer}" in off
    assert "WRONG" in str(check)


@with_jit
def test_the_worst_number_is_named():
    network = network_of([3, 4, 4, 2], "tanh", "softmax", "categorical_cross_entropy", kind=OneWrongNumber)
    worst = gradient_check(network, *random_examples(network, 8, 3)).worst
    assert (worst.layer, worst.name, worst.index) == (1, "W", (2, 1))
    assert worst.analytic - worst.numeric == pytest.approx(1e-6, rel=1e-3)


@with_jit
def test_an_error_in_a_network_too_large_for_every_parameter():
    network = network_of([40, 60, 3], "tanh", "softmax", "categorical_cross_entropy", kind=OneWrongNumber)
    X, Y = random_examples(network, 10, 0)
    assert network.n_parameters > 2000
    check = gradient_check(network, X, Y)
    assert (check.directions, check.n_checked) == (5, 20)
    assert check.parts[0].relative_difference > 1e-8 >= check.parts[1].relative_difference
    assert check.worst.index is None
    assert "along a direction" in str(check)
    right = network_of([40, 60, 3], "relu", "softmax", "categorical_cross_entropy")
    assert gradient_check(right, X, Y).passed


# --- kinks ---


def test_a_unit_exactly_at_the_kink_of_relu_is_counted_apart():
    """W = 0 and b = 0 put one unit at Z = 0 for every example: its 4 weights have no slope, the others do."""
    network = network_of([3, 4, 2], "relu", "softmax", "categorical_cross_entropy")
    network.weights[0][1], network.biases[0][1] = 0.0, 0.0
    check = gradient_check(network, *random_examples(network, 10, 0))
    assert check.passed
    assert [part.n_at_kink for part in check.parts] == [3, 1, 0, 0]
    assert check.n_checked == network.n_parameters - 4
    assert "Not compared: 4 of 26 parameters" in str(check)


def test_a_wrong_gradient_beside_a_kink_is_still_wrong():
    network = network_of([3, 4, 2], "relu", "softmax", "categorical_cross_entropy", kind=Twice)
    network.weights[0][1], network.biases[0][1] = 0.0, 0.0
    assert gradient_check(network, *random_examples(network, 10, 0)).verdict == "failed"


@pytest.mark.parametrize("distance", [1e-3, 1e-4, 3e-5])
def test_near_a_kink_a_shorter_step_decides(distance):
    """The logit of the one example is that far from 0: within the first steps of the differences, not of the last."""
    network = Network.from_parameters([[[1.0]], [[2.0]]], [[distance], [0.3]], ["relu", "identity"], dtype="float64")
    check = gradient_check(network, [[0.0]], [1.0])
    assert check.passed
    assert check.n_at_kink == 0


def test_nothing_but_kinks_decides_nothing():
    network = Network.from_parameters([[[1.0]]], [[0.0]], ["relu"], "squared_error", dtype="float64")
    check = gradient_check(network, [[0.0]], [1.0])
    assert check.verdict == "passed"  # W does not move Z = W 0: its slope is 0, and right
    assert [part.n_at_kink for part in check.parts] == [0, 1]
    check = gradient_check(
        Network.from_parameters([[[0.0]]], [[0.0]], ["relu"], "squared_error", dtype="float64"), [[1.0]], [1.0]
    )
    assert (check.verdict, check.n_checked, check.n_at_kink, check.worst) == ("undecided", 0, 2, None)
    assert not check.passed
    assert "Undecided" in str(check)


class Lasso(Network):
    """The L1 term by hand."""

    def gradients(self, examples, l2=0.0, *, l1=0.0):
        dW, db = super().gradients(examples, l2)
        return [g + l1 / len(examples) * np.sign(W) for g, W in zip(dW, self.weights, strict=True)], db


@with_jit
def test_a_weight_of_zero_is_at_the_kink_of_l1():
    network = network_of([3, 4, 2], "tanh", "softmax", "categorical_cross_entropy", kind=Lasso)
    network.weights[0][1, 2] = 0.0
    X, Y = random_examples(network, 10, 0)
    check = gradient_check(network, X, Y, l1=0.5)
    assert check.passed
    assert [part.n_at_kink for part in check.parts] == [1, 0, 0, 0]
    assert gradient_check(network, X, Y, l2=0.5).n_at_kink == 0


# --- where rounding rules ---


def test_a_gradient_of_nothing_but_rounding_is_undecided():
    """Linear regression at its minimum: the gradient is some 1e-17 beside a cost of some tenths."""
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(20, 3)), rng.normal(size=20)
    theta = np.linalg.lstsq(np.column_stack([X, np.ones(20)]), Y, rcond=None)[0]
    network = Network.from_parameters([theta[None, :3]], [theta[3:]], ["identity"], "squared_error", dtype="float64")
    check = gradient_check(network, X, Y)
    assert check.relative_difference > 1e-8
    assert check.verdict == "undecided"
    assert "so small beside the cost" in str(check)


@with_jit
def test_a_float32_network_is_checked_in_float64_and_left_alone():
    network = Network([3, 4, 2], "tanh", seed=2)
    before = network.parameters.copy()
    X, Y = random_examples(network, 6, 0)
    check = gradient_check(network, X, Y, l2=0.1)
    assert check.relative_difference < 1e-9
    np.testing.assert_array_equal(network.parameters, before)
    assert network.dtype == np.float32
    assert np.shares_memory(network.weights[0], network.parameters)


@with_jit
def test_inputs_far_from_1_take_shorter_steps():
    network = network_of([3, 4, 2], "tanh", "identity", "squared_error")
    X, Y = random_examples(network, 6, 0)
    assert gradient_check(network, 1e4 * X, Y).passed
    assert gradient_check(network, 1e-4 * X, Y).passed


# --- arguments and results ---


@pytest.mark.skipif(not HAS_WEIGHTS, reason="the engine has no weights of examples")
def test_weights_of_examples():
    network = network_of([3, 4, 2], "tanh", "softmax", "categorical_cross_entropy")
    X, Y = random_examples(network, 6, 0)
    weights = np.array([0.0, 1.0, 2.5, 0.1, 3.0, 1.0])
    assert gradient_check(network, X, Y, sample_weight=weights, l2=0.7).passed
    assert gradient_check(network, X, Y, sample_weight=weights, directions=2).passed


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"epsilon": 0.5}, "epsilon must be from 1e-06 to 0.1, got 0.5"),
        ({"epsilon": "small"}, "epsilon must be from"),
        ({"l2": -1.0}, "l2 must be 0 or more, got -1.0"),
        ({"l1": float("nan")}, "l1 must be 0 or more, got nan"),
        ({"directions": 0}, "directions must be a whole number, 1 or more"),
        ({"directions": 2.5}, "directions must be a whole number"),
        ({"tolerance": 2.0}, "tolerance must be from 0 to 1"),
        ({"seed": -1}, "The seed must be"),
    ],
)
def test_arguments_outside_their_range(options, sentence):
    with pytest.raises(ParameterError, match=sentence):
        gradient_check(Network([2, 1]), [[1.0, 2.0]], [1], **options)


@overflows
def test_a_cost_that_is_not_finite_is_refused():
    network = Network.from_parameters([[[1e200]]], [[0.0]], ["identity"], "squared_error", dtype="float64")
    with pytest.raises(DataError, match="cost is not finite"):
        gradient_check(network, [[1.0]], [0.0])


def test_examples_that_do_not_fit_are_refused():
    with pytest.raises(FastDNNError, match="X has 2 features, but the network reads 3"):
        gradient_check(Network([3, 2]), [[1.0, 2.0]], [1])


def test_json_is_plain():
    import json

    network = network_of([2, 3, 1], "tanh", "sigmoid", "binary_cross_entropy")
    facts = json.loads(json.dumps(gradient_check(network, *random_examples(network, 4, 0)).to_json()))
    assert facts["passed"] is True
    assert [part["shape"] for part in facts["parts"]] == [[3, 2], [3, 1], [1, 3], [1, 1]]
    assert facts["n_checked"] == network.n_parameters == 13


def test_the_relative_difference_of_the_course():
    assert relative_difference(np.array([3.0, 4.0]), np.array([3.0, 4.0])) == 0.0
    assert relative_difference(np.array([1.0]), np.array([-1.0])) == 1.0
    assert relative_difference(np.zeros(3), np.zeros(3)) == 0.0
    assert relative_difference(np.array([2.0]), np.array([1.0])) == pytest.approx(1 / 3)


@pytest.mark.parametrize("loss", vocabulary.LOSSES)
def test_random_examples_suit_the_loss(loss):
    network = network_of([3, 2], "tanh", vocabulary.OUTPUTS[loss][0], loss)
    X, Y = random_examples(network, 7, 0)
    assert X.shape == (7, 3)
    assert np.isfinite(network.cost(Examples(X, Y)))
    np.testing.assert_array_equal(random_examples(network, 7, 0)[1], Y)


def test_random_weights_are_examples_weights_that_count_and_one_that_does_not():
    weights = random_weights(20, seed=1)
    assert weights.shape == (20,)
    assert weights[0] == 0
    assert np.all(weights[1:] > 0)
    assert len(set(weights)) == 20
    assert random_weights(1, seed=1)[0] > 0
