"""fastdnn/network.py: parameters and their views, names and pairs, cost and gradients against numbers and the oracle."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from strategies import jobs

from fastdnn import vocabulary
from fastdnn.errors import DataError, ParameterError
from fastdnn.examples import Examples
from fastdnn.lbfgs import train_lbfgs
from fastdnn.network import Network
from fastdnn.training import train

PAIRS = [(loss, output) for loss, outputs in vocabulary.OUTPUTS.items() for output in outputs]


# --- parameters ---


def test_weights_and_biases_are_views_of_one_buffer(dtype):
    network = Network([4, 3, 2], dtype=np.dtype(dtype).name)
    assert [W.shape for W in network.weights] == [(3, 4), (2, 3)]
    assert [b.shape for b in network.biases] == [(3, 1), (2, 1)]
    assert network.n_parameters == network.parameters.size == 3 * 4 + 3 + 2 * 3 + 2
    network.parameters[:] = np.arange(network.n_parameters)
    joined = [a.ravel() for pair in zip(network.weights, network.biases, strict=True) for a in pair]
    np.testing.assert_array_equal(np.concatenate(joined), network.parameters)
    network.weights[1][:] = -1
    assert np.sum(network.parameters == -1) == 6
    assert {a.dtype for a in (*network.weights, *network.biases)} == {np.dtype(dtype)}


def test_from_parameters_round_trip(dtype):
    first = Network([4, 3, 5, 2], ["tanh", "relu"], "identity", dtype=np.dtype(dtype).name, leaky_slope=0.3, seed=4)
    first.biases[1][:] = 7
    again = Network.from_parameters(
        first.weights, first.biases, first.activations, first.loss, dtype=str(first.dtype), leaky_slope=0.3
    )
    np.testing.assert_array_equal(again.parameters, first.parameters)
    assert not np.shares_memory(again.parameters, first.parameters)
    assert (again.activations, again.loss, again.dtype, again.layer_dims, again.leaky_slope, again.L) == (
        first.activations, first.loss, first.dtype, first.layer_dims, 0.3, 3,
    )  # fmt: skip
    X = np.random.default_rng(0).normal(size=(6, 4))
    np.testing.assert_array_equal(again.predict(X), first.predict(X))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])
def test_weights_of_a_copy_are_views_too(copied):
    first = Network([4, 3, 2], loss="quantile", loss_options={"quantiles": [0.1, 0.9]}, dtype="float64", seed=4)
    again = copied(first)
    assert not np.shares_memory(again.parameters, first.parameters)
    assert all(np.shares_memory(a, again.parameters) for a in (*again.weights, *again.biases))
    examples = Examples(np.random.default_rng(0).normal(size=(20, 4)), np.ones((20, 2)))
    for network in (first, again):
        train_lbfgs(network, examples, iterations=4)
        train(network, examples, epochs=2)
    assert again.loss_options == first.loss_options
    np.testing.assert_array_equal(again.parameters, first.parameters)
    assert again.cost(examples) == first.cost(examples)


def test_a_copy_can_be_trained_where_its_parameters_came_from_a_file_that_cannot_be_written():
    network = Network([4, 3, 2])
    state = network.__getstate__()
    state["parameters"].flags.writeable = False
    network.__setstate__(state)
    train(network, Examples(np.eye(4), np.arange(4) % 2), epochs=1)
    assert np.shares_memory(network.weights[0], network.parameters)


def test_from_parameters_takes_flat_biases_and_other_types():
    network = Network.from_parameters([np.ones((2, 3), int)], [[1, 2]], ["identity"], "squared_error")
    np.testing.assert_array_equal(network.biases[0], [[1], [2]])
    assert network.dtype == np.float32


@pytest.mark.parametrize(
    ("weights", "biases", "activations", "sentence"),
    [
        (
            [np.ones((2, 3)), np.ones((1, 3))],
            [np.ones(2), np.ones(1)],
            ["relu", "sigmoid"],
            r"W1 \(2, 3\), W2 \(1, 3\)",
        ),
        ([np.ones((2, 3))], [np.ones(3)], ["sigmoid"], r"shapes \(n_l, n_\(l-1\)\) of a chain"),
        ([np.ones(3)], [np.ones(3)], ["sigmoid"], r"W1 \(3,\)"),
        ([], [], [], "shapes"),
        ([np.ones((2, 3))], [np.ones(2), np.ones(2)], ["sigmoid"], "shapes"),
        ([np.ones((2, 3))], [np.ones(2)], ["relu", "sigmoid"], "1 layers need as many activations, got 2"),
    ],
)
def test_from_parameters_refuses_what_does_not_fit(weights, biases, activations, sentence):
    with pytest.raises(ParameterError, match=sentence):
        Network.from_parameters(weights, biases, activations)


# --- names ---


@pytest.mark.parametrize(
    ("n_y", "output", "loss", "expected"),
    [
        (1, None, None, ("sigmoid", "binary_cross_entropy")),
        (3, None, None, ("softmax", "categorical_cross_entropy")),
        (3, "sigmoid", None, ("sigmoid", "binary_cross_entropy")),
        (3, "identity", None, ("identity", "squared_error")),
        (1, "tanh", None, ("tanh", "squared_error")),
        (2, None, "squared_error", ("identity", "squared_error")),
        (2, None, "binary_cross_entropy", ("sigmoid", "binary_cross_entropy")),
        (2, "softmax", "squared_error", ("softmax", "squared_error")),
    ],
)
def test_output_and_loss_follow_from_each_other(n_y, output, loss, expected):
    network = Network([2, n_y], output_activation=output, loss=loss)
    assert (network.activations[-1], network.loss) == expected


@pytest.mark.parametrize("loss", vocabulary.LOSSES)
@pytest.mark.parametrize("output", vocabulary.ACTIVATIONS)
def test_pairs_outside_the_vocabulary_are_refused(loss, output):
    if output in vocabulary.OUTPUTS[loss]:
        assert Network([2, 2], output_activation=output, loss=loss).loss == loss
    else:
        with pytest.raises(ParameterError, match=rf"'{output}' does not go with loss '{loss}'. Allowed with it: "):
            Network([2, 2], output_activation=output, loss=loss)


@pytest.mark.parametrize(
    ("arguments", "options", "sentence"),
    [
        (([3],), {}, r"at least an input and an output size, each a whole number of 1 or more; got \[3\]"),
        ((3,), {}, r"at least an input and an output size, .*; got 3"),
        (([2.5, 3],), {}, r"got \[2.5, 3\]"),
        (("23",), {}, "got '23'"),
        (([3, 0, 1],), {}, r"got \[3, 0, 1\]"),
        (([3, 2, 1], "rleu"), {}, "Unknown activation 'rleu'. Did you mean 'relu'"),
        (([3, 1], "rleu"), {}, "Unknown activation 'rleu'"),
        (
            ([3, 2, 1], "softmax"),
            {},
            "Unknown activation 'softmax'. .*Allowed: identity, relu, leaky_relu, sigmoid, tanh",
        ),
        (([3, 2, 1], ["relu", "tanh"]), {}, "1 hidden layers need as many activations, got 2"),
        (([3, 2, 1], ["relu"], "sofmax"), {}, "Unknown output activation 'sofmax'. Did you mean 'softmax'"),
        (([3, 2, 1], "relu", None, "squared"), {}, "Unknown loss 'squared'. Did you mean 'squared_error'"),
        (([3, 1], "relu", "softmax"), {}, "Categorical cross-entropy needs at least 2 outputs"),
        (([3, 1],), {"dtype": "float16"}, "Unknown dtype 'float16'"),
        (([3, 1],), {"initialization": "hee"}, "Unknown initialization 'hee'. Did you mean 'he'"),
        (([3, 1],), {"leaky_slope": 0.0}, "leaky_slope must be a number above 0 and below 1, got 0.0"),
        (([3, 1],), {"leaky_slope": 1.0}, "leaky_slope must be a number above 0 and below 1, got 1.0"),
        (([3, 1],), {"leaky_slope": "a"}, "leaky_slope must be a number above 0 and below 1, got 'a'"),
    ],
)
def test_parameter_errors(arguments, options, sentence):
    with pytest.raises(ParameterError, match=sentence):
        Network(*arguments, **options)


@pytest.mark.parametrize("given", ["float64", np.float64, np.dtype(np.float64)])
def test_a_dtype_by_its_name_or_itself(given):
    assert Network([np.int64(2), 1], dtype=given).dtype == np.float64


# --- gradients ---


def gradient_error(network, examples, l2):
    """||grad - approx|| / (||grad|| + ||approx||), approx by moving each parameter a little up and down."""
    dW, db = network.gradients(examples, l2)
    grad = np.concatenate([a.ravel() for pair in zip(dW, db, strict=True) for a in pair])
    approx, step = np.empty_like(grad), 1e-5
    for i in range(grad.size):
        kept = network.parameters[i]
        costs = []
        for moved in (kept + step, kept - step):
            network.parameters[i] = moved
            costs.append(network.cost(examples, l2))
        network.parameters[i] = kept
        approx[i] = (costs[0] - costs[1]) / (2 * step)
    assert np.linalg.norm(grad) > 1e-3
    return np.linalg.norm(grad - approx) / (np.linalg.norm(grad) + np.linalg.norm(approx))


def away_from_kinks(network, X):
    """Whether no logit of a ReLU or leaky ReLU lies so near 0 that a small step could cross it."""
    Zs, _ = reference.forward_pass(network.weights, network.biases, network.activations, X.T, network.leaky_slope)
    kinked = [Z for Z, name in zip(Zs, network.activations, strict=True) if name in ("relu", "leaky_relu", "selu")]
    return all(np.abs(Z).min() > 2e-3 and (Z > 0).any() for Z in kinked)


def network_for_check(dims, hidden, output, loss, X):
    for seed in range(1000):
        network = Network(dims, hidden, output, loss, dtype="float64", seed=seed, leaky_slope=0.1)
        rng = np.random.default_rng(seed)
        for b in network.biases:
            b[:] = rng.normal(size=b.shape) * 0.3
        if away_from_kinks(network, X):
            return network
    raise AssertionError("no seed keeps the logits away from the kinks")


def targets_for(loss, rng, m, n_y):
    if loss == "categorical_cross_entropy":
        return rng.integers(0, n_y, m)
    if loss == "poisson":
        return rng.poisson(2.0, (m, n_y)).astype(float)
    return rng.uniform(0.1, 0.9, (m, n_y)) if loss == "binary_cross_entropy" else rng.normal(size=(m, n_y))


CASES = [
    *((L, hidden, loss, outputs[0]) for loss, outputs in vocabulary.OUTPUTS.items() for L in range(1, 6)
      for hidden in vocabulary.HIDDEN_ACTIVATIONS),
    *((L, "tanh", *pair) for pair in PAIRS for L in (1, 3)),
]  # fmt: skip


@pytest.mark.parametrize(("L", "hidden", "loss", "output"), CASES)
def test_gradients_are_the_numeric_ones(L, hidden, loss, output):
    if L == 1 and hidden != "identity":
        hidden = "identity"  # no hidden layer to have it: checked once more, with other data
    rng = np.random.default_rng(L)
    X = rng.normal(size=(4, 3))
    network = network_for_check([3, *[3] * (L - 1), 2], hidden, output, loss, X)
    examples = Examples(X, targets_for(loss, rng, 4, 2))
    assert gradient_error(network, examples, 0.7) <= 1e-8


def test_gradients_of_layers_wider_than_a_panel():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(3, 5))
    network = network_for_check([5, 19, 2], "tanh", "softmax", "categorical_cross_entropy", X)
    assert gradient_error(network, Examples(X, np.array([0, 1, 1])), 0.0) <= 1e-8


@settings(max_examples=40)
@given(jobs())
def test_cost_and_gradients_equal_oracle(job):
    network = Network(job.layer_dims, job.activation, job.output_activation, job.loss, dtype="float64", seed=job.seed)
    examples = Examples(job.inputs(), job.targets())
    Y = job.targets()
    Y = reference.one_hot(Y, job.layer_dims[-1]) if job.loss == "categorical_cross_entropy" else Y.T
    oracle = network.weights, network.biases, network.activations, job.loss, job.inputs().T, Y
    assert network.cost(examples, 0.5) == pytest.approx(reference.cost(*oracle, 0.5), rel=1e-11)
    dW, db = network.gradients(examples, 0.5)
    dW_oracle, db_oracle = reference.gradients(*oracle, 0.5 / job.m)
    for ours, wanted in zip([*dW, *db], [*dW_oracle, *db_oracle], strict=True):
        np.testing.assert_allclose(ours, wanted, rtol=1e-10, atol=1e-12)


@settings(max_examples=20)
@given(jobs())
def test_the_order_of_examples_leaves_the_gradient(job):
    network = Network(job.layer_dims, job.activation, job.output_activation, job.loss, dtype="float64", seed=job.seed)
    X, Y = job.inputs(), job.targets()
    order = np.random.default_rng(job.seed).permutation(job.m)
    for ours, turned in zip(
        network.gradients(Examples(X, Y)), network.gradients(Examples(X, Y, rows=order)), strict=True
    ):
        for a, b in zip(ours, turned, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@settings(max_examples=20)
@given(jobs())
def test_two_halves_average_to_the_whole(job):
    network = Network(job.layer_dims, job.activation, job.output_activation, job.loss, dtype="float64", seed=job.seed)
    X, Y = np.repeat(job.inputs(), 2, axis=0), np.repeat(job.targets(), 2, axis=0)
    X[::2] += 0.5
    rows = np.arange(len(X))
    whole, one, two = (network.gradients(Examples(X, Y, rows=r)) for r in (rows, rows[::2], rows[1::2]))
    for w, a, b in zip(whole, one, two, strict=True):
        for whole_l, a_l, b_l in zip(w, a, b, strict=True):
            np.testing.assert_allclose((a_l + b_l) / 2, whole_l, rtol=1e-10, atol=1e-12)


def test_gradients_leave_the_network_alone():
    network = Network([3, 4, 2], dtype="float64")
    before = network.parameters.copy()
    network.gradients(Examples(np.ones((3, 3)), np.array([0, 1, 1])), 0.5)
    np.testing.assert_array_equal(network.parameters, before)


# --- predictions ---


def test_predict_is_the_forward_pass(dtype, rng):
    network = Network([7, 20, 3], "sigmoid", dtype=np.dtype(dtype).name)
    X = rng.normal(size=(300, 7))
    AL = network.predict(X)
    assert AL.dtype == network.dtype
    Z = reference.forward_pass(network.weights, network.biases, network.activations, X.astype(dtype).T)[1][-1]
    np.testing.assert_allclose(AL, Z.T, rtol=1e-4 if dtype is np.float32 else 1e-12)
    np.testing.assert_allclose(AL.sum(axis=1), 1, rtol=1e-5)


def test_a_permutation_of_the_classes_permutes_the_predictions(rng):
    network = Network([4, 9, 5], "tanh", dtype="float64")
    X, labels, order = rng.normal(size=(11, 4)), rng.integers(0, 5, 11), np.array([3, 0, 4, 1, 2])
    turned = Network.from_parameters(
        [network.weights[0], network.weights[1][order]], [network.biases[0], network.biases[1][order]],
        network.activations, network.loss, dtype="float64",
    )  # fmt: skip
    np.testing.assert_allclose(turned.predict(X), network.predict(X)[:, order], rtol=1e-12)
    place = np.argsort(order)
    assert turned.cost(Examples(X, place[labels])) == pytest.approx(network.cost(Examples(X, labels)), rel=1e-12)


def test_predict_takes_what_examples_take(rng):
    network = Network([3, 4, 2], dtype="float32")
    X = rng.normal(size=(6, 3))
    expected = network.predict(X.astype(np.float32))
    np.testing.assert_array_equal(network.predict(X), expected)
    np.testing.assert_array_equal(network.predict(X.tolist()), expected)
    np.testing.assert_array_equal(network.predict(np.asfortranarray(X)), expected)
    rows = np.array([4, 0, 4])
    np.testing.assert_array_equal(network.predict(Examples(X, rows=rows)), expected[rows])
    with pytest.raises(DataError, match="X has 2 features, but the network reads 3"):
        network.predict(X[:, :2])
    with pytest.raises(ParameterError, match="number of threads"):
        network.predict(X, threads=0)


@pytest.mark.parametrize(("loss", "output"), [pair for pair in PAIRS if "cross_entropy" in pair[0]])
@pytest.mark.parametrize("size", [1e4, 1e30])
def test_cost_is_finite_for_extreme_logits(loss, output, size, dtype):
    """Wrong by the size of the logit itself; the gradient of each is at most 1."""
    weights, biases = [np.array([[size], [-size]])], [np.zeros(2)]
    network = Network.from_parameters(weights, biases, [output], loss, dtype=np.dtype(dtype).name)
    X = np.array([[1.0], [-1.0]])
    right, wrong = (
        ([0, 1], [1, 0]) if loss.startswith("categorical") else ([[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]])
    )
    assert network.cost(Examples(X, np.array(right))) == 0
    assert network.cost(Examples(X, np.array(wrong))) == pytest.approx(2 * size, rel=1e-6)
    for gradients in network.gradients(Examples(X, np.array(wrong))):
        assert np.abs(gradients[0]).max() <= 1
