"""fastdnn.course.deep: against the course's equations in NumPy, and what it refuses. Published figures: test_golden.py."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from course_parameters import random_parameters

from fastdnn.course import deep
from fastdnn.errors import DataError, DivergenceError, ParameterError


@pytest.fixture(params=[(1, 1, 1), (3, 1), (5, 4, 1), (17, 33, 2, 1), (4, 16, 15, 3)], ids=str)
def network(request, rng):
    dims = request.param
    parameters = random_parameters(dims, rng)
    return parameters, rng.normal(size=(dims[0], 19)), rng.integers(0, 2, (dims[-1], 19))


def test_forward_and_its_caches(network):
    parameters, X, _ = network
    AL, caches = deep.L_model_forward(X, parameters)
    A = X
    for l, ((A_prev, W, b), Z) in enumerate(caches, 1):
        np.testing.assert_allclose(A_prev, A, rtol=1e-10)
        assert W is parameters[f"W{l}"]
        assert b is parameters[f"b{l}"]
        np.testing.assert_allclose(Z, W @ A + b, rtol=1e-10, atol=1e-13)
        A = np.maximum(Z, 0)
    np.testing.assert_allclose(AL, 1 / (1 + np.exp(-Z)), rtol=1e-13)


def test_backward_is_the_slope_of_the_cost(network):
    parameters, X, Y = network
    AL, caches = deep.L_model_forward(X, parameters)
    grads = deep.L_model_backward(AL, Y, caches)
    assert set(grads) == {f"{d}{l}" for l in range(1, len(caches) + 1) for d in ("dW", "db")} | {
        f"dA{l}" for l in range(len(caches))
    }
    for key, theta in parameters.items():
        at = np.unravel_index(theta.size // 2, theta.shape)
        costs = []
        for sign in (1, -1):
            moved = theta.copy()
            moved[at] += sign * 1e-6
            costs.append(deep.compute_cost(deep.L_model_forward(X, parameters | {key: moved})[0], Y))
        assert grads[f"d{key}"][at] == pytest.approx((costs[0] - costs[1]) / 2e-6, rel=1e-5, abs=1e-8)


def test_step_by_step_equals_the_long_run(network):
    """`L_layer_model` keeps its panels for the run and fuses the output layer; the course's functions do neither."""
    parameters, X, Y = network
    dims = [X.shape[0], *(parameters[f"W{l}"].shape[0] for l in range(1, len(parameters) // 2 + 1))]
    learnt, costs = deep.L_layer_model(X, Y, dims, 0.05, 102)
    p, expected = deep.initialize_parameters_deep(dims, 1, "fan_in"), []
    for i in range(102):
        AL, caches = deep.L_model_forward(X, p)
        if i % 100 == 0:
            expected.append(deep.compute_cost(AL, Y))
        p = deep.update_parameters(p, deep.L_model_backward(AL, Y, caches), 0.05)
    np.testing.assert_allclose(costs, expected, rtol=1e-11)
    for key in p:
        np.testing.assert_allclose(learnt[key], p[key], rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("activation", ["identity", "relu", "leaky_relu", "sigmoid", "tanh", "softmax"])
def test_one_layer_with_each_activation(activation, rng):
    A_prev, W, b = rng.normal(size=(5, 7)), rng.normal(size=(3, 5)), rng.normal(size=(3, 1))
    dA = rng.normal(size=(3, 7))
    A, cache = deep.linear_activation_forward(A_prev, W, b, activation)
    Z = W @ A_prev + b
    np.testing.assert_allclose(A, reference.FORWARD[activation](Z, 0.01), rtol=1e-12)
    dA_prev, dW, db = deep.linear_activation_backward(dA, cache, activation)
    dZ = reference.BACKWARD[activation](dA, Z, 0.01)
    np.testing.assert_allclose(dW, dZ @ A_prev.T / 7, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(db, dZ.mean(axis=1, keepdims=True), rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(dA_prev, W.T @ dZ, rtol=1e-10, atol=1e-14)


def test_activations_return_their_cache():
    Z = np.array([[-1.0, 2.0]])
    assert deep.relu(Z)[0].tolist() == [[0.0, 2.0]]
    assert deep.relu(Z)[1] is deep.sigmoid(Z)[1] is Z
    assert deep.sigmoid(0.0)[0] == 0.5
    assert deep.relu_backward([[1.0, 1.0]], Z).tolist() == [[0.0, 1.0]]
    assert deep.sigmoid_backward(1.0, 0.0) == 0.25


def test_cost_is_an_array_without_axes():
    cost = deep.compute_cost([[1.0, 0.0]], [[1, 0]])
    assert isinstance(cost, np.ndarray)
    assert (cost.shape, float(cost)) == ((), 0.0)
    with np.errstate(divide="ignore"):
        assert deep.compute_cost([[1.0]], [[0]]) == np.inf


def test_labels_take_the_shape_of_AL_in_the_backward_pass_only(rng):
    AL, caches = deep.L_model_forward(rng.normal(size=(2, 3)), deep.initialize_parameters(2, 4, 1))
    by_column = deep.L_model_backward(AL, np.array([0, 1, 1]), caches)
    np.testing.assert_array_equal(by_column["dW1"], deep.L_model_backward(AL, [[0, 1, 1]], caches)["dW1"])
    with pytest.raises(DataError, match=r"Y must have the shape \(1, 3\), got \(3,\)"):
        deep.compute_cost(AL, [0, 1, 1])


def test_models_print_when_asked(rng, capsys):
    X, Y = rng.normal(size=(3, 12)), rng.integers(0, 2, (1, 12))
    for model, dims in ((deep.two_layer_model, (3, 4, 1)), (deep.L_layer_model, [3, 4, 2, 1])):
        _, costs = model(X, Y, dims, num_iterations=151, print_cost=True)
        lines = capsys.readouterr().out.splitlines()
        assert lines[:2] == [f"Cost after iteration {i}: {cost}" for i, cost in zip((0, 100), costs, strict=True)]
        assert lines[2].startswith("Cost after iteration 150: ")
        assert len(lines) == 3
        assert all(isinstance(cost, np.ndarray) and cost.shape == () for cost in costs)
        model(X, Y, dims, num_iterations=2)
        assert capsys.readouterr() == ("", "")


def test_two_initialisers():
    small, fan_in = (
        deep.initialize_parameters_deep([4, 3, 2], 1),
        deep.initialize_parameters_deep([4, 3, 2], 1, "fan_in"),
    )
    np.testing.assert_allclose(fan_in["W1"], small["W1"] * 100 / 2, rtol=1e-14)
    np.testing.assert_allclose(fan_in["W2"], small["W2"] * 100 / np.sqrt(3), rtol=1e-14)
    np.testing.assert_array_equal(deep.initialize_parameters(4, 3, 2)["W2"], small["W2"])
    with pytest.raises(
        ParameterError, match=r"Unknown scaling 'fan-in'. Did you mean 'fan_in'\? Allowed: small, fan_in"
    ):
        deep.initialize_parameters_deep([4, 3], scaling="fan-in")


def test_predict(rng, capsys):
    X, Y = rng.normal(size=(3, 12)), rng.integers(0, 2, (1, 12))
    parameters = deep.initialize_parameters(3, 4, 1)
    p = deep.predict(X, None, parameters)
    np.testing.assert_array_equal(p, deep.L_model_forward(X, parameters)[0] > 0.5)
    assert p.dtype == np.float64
    assert capsys.readouterr().out == ""
    deep.predict(X, Y, parameters, print_accuracy=True)
    assert capsys.readouterr().out == f"Accuracy: {np.mean(p == Y)}\n"


def test_update_makes_new_arrays():
    params = {"W1": np.ones((1, 2)), "b1": np.ones((1, 1))}
    grads = {"dW1": np.array([[1.0, 2.0]]), "db1": np.array([[4.0]])}
    updated = deep.update_parameters(params, grads, 0.5)
    assert {key: value.tolist() for key, value in updated.items()} == {"W1": [[0.5, 0.0]], "b1": [[-1.0]]}
    assert params["W1"].tolist() == [[1.0, 1.0]]


PARAMETERS = {"W1": np.ones((4, 2)), "b1": np.ones((4, 1))}
CACHE = ((np.ones((4, 3)), np.ones((2, 4)), np.ones((2, 1))), np.ones((2, 3)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: deep.linear_forward(np.ones((2, 5)), np.ones((4, 3)), np.ones((4, 1))),
            r"W must have the shape \(n, 2\), got \(4, 3\)",
        ),
        (
            lambda: deep.linear_forward(np.ones((2, 5)), np.ones((4, 2)), np.ones((1, 1))),
            r"b must have the shape \(4, 1\), got \(1, 1\)",
        ),
        (
            lambda: deep.linear_forward(np.ones((2, 5)), np.ones((4, 2)), np.ones(4)),
            r"b must have the shape \(4, 1\), got \(4,\)",
        ),
        (lambda: deep.L_model_forward(np.ones((3, 5)), PARAMETERS), r"X must have the shape \(2, m\), got \(3, 5\)"),
        (lambda: deep.L_model_forward(np.ones((3, 5)), {}), r"must hold W1 and b1 at least, got \[\]"),
        (
            lambda: deep.linear_backward(np.ones((2, 5)), CACHE[0]),
            r"A_prev must have the shape \(n_prev, 5\), got \(4, 3\)",
        ),
        (lambda: deep.linear_backward(np.ones((3, 3)), CACHE[0]), r"W must have the shape \(3, 4\), got \(2, 4\)"),
        (
            lambda: deep.linear_activation_backward(np.ones((1, 3)), CACHE, "relu"),
            r"dA must have the shape \(2, 3\), got \(1, 3\)",
        ),
        (
            lambda: deep.L_model_backward(np.ones((2, 3)), np.ones((1, 3)), [CACHE]),
            r"shape of AL, \(2, 3\), got \(1, 3\)",
        ),
        (
            lambda: deep.L_model_backward(np.ones((2, 3)), np.full((2, 3), 0.5), [CACHE]),
            r"labels 0 and 1 only, got 0\.5",
        ),
        (
            lambda: deep.update_parameters(PARAMETERS, {"dW1": np.ones((4, 2)), "db1": 1.0}, 0.1),
            r"db1 must have the shape \(4, 1\), got \(\)",
        ),
        (
            lambda: deep.two_layer_model(np.ones((3, 2)), [[0, 1]], (2, 4, 1)),
            r"X must have the shape \(2, m\), got \(3, 2\)",
        ),
        (lambda: deep.two_layer_model(np.ones((2, 2)), [[0.5, 1]], (2, 4, 1)), r"labels 0 and 1 only, got 0\.5"),
        (
            lambda: deep.L_layer_model(np.ones((2, 2)), [[0, 1]], [2, 3]),
            r"Y must have the shape \(3, 2\), got \(1, 2\)",
        ),
    ],
)
def test_refused(call, message):
    with pytest.raises(DataError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: deep.linear_activation_forward([[1.0]], [[1.0]], [[1.0]], "rleu"),
            r"Unknown activation 'rleu'\. Did you mean 'relu'\? Allowed: identity, relu, leaky_relu, sigmoid, tanh, softmax",
        ),
        (lambda: deep.two_layer_model([[1.0]], [[1]], (1, 2)), r"layers_dims must be 3 whole numbers.*got \[1, 2\]"),
        (lambda: deep.L_layer_model([[1.0]], [[1]], [1]), "layers_dims must be two or more whole numbers"),
        (lambda: deep.two_layer_model([[1.0]], [[1]], (1, 2, 1), num_iterations=-1), "0 or more, got -1"),
        (lambda: deep.two_layer_model([[1.0]], [[1]], (1, 2, 1), learning_rate=np.nan), "positive number, got nan"),
    ],
)
def test_refused_settings(call, message):
    with pytest.raises(ParameterError, match=message):
        call()


def test_divergence_is_told(rng):
    X, Y = rng.normal(size=(2, 8)) * 1e150, rng.integers(0, 2, (1, 8))
    # Without the JIT, NumPy would warn of the overflow.
    expected = pytest.raises(DivergenceError, match=r"cost is not finite at iteration \d+")
    with np.errstate(all="ignore"), expected as caught:
        deep.L_layer_model(X, Y, [2, 3, 1], 1e200, 50)
    assert caught.value.epoch >= 2


def test_divergence_after_some_iterations_is_told(rng):
    """The costs before it are fewer than those of a whole part between two reports."""
    X, Y = rng.normal(size=(3, 20)), rng.integers(0, 2, (1, 20))
    expected = pytest.raises(DivergenceError, match=r"not finite at iteration \d+ \(last finite: ")
    with np.errstate(all="ignore"), expected as caught:
        deep.L_layer_model(X, Y, [3, 4, 1], 1e10, 500)
    assert caught.value.epoch > 3


def test_inputs_stay_as_they_are(network):
    parameters, X, Y = network
    for array in (*parameters.values(), X, Y):
        array.flags.writeable = False
    AL, caches = deep.L_model_forward(X, parameters)
    grads = deep.L_model_backward(AL, Y, caches)
    for array in grads.values():
        array.flags.writeable = False
    deep.update_parameters(parameters, grads, 0.1)
    deep.L_layer_model(X, Y, [X.shape[0], 3, Y.shape[0]], num_iterations=3)
