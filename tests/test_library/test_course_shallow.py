"""fastdnn.course.shallow: against the course's loop in NumPy, and what it refuses. Published figures: test_golden.py."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from fastdnn.course import shallow
from fastdnn.errors import DataError, ParameterError

long_run = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="thousands of steps, too many in plain Python")


def one_step(p, X, Y, learning_rate):
    """The course's step: new parameters, gradients, cost before it."""
    m = X.shape[1]
    A1 = np.tanh(p["W1"] @ X + p["b1"])
    A2 = 1 / (1 + np.exp(-(p["W2"] @ A1 + p["b2"])))
    cost = -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / m
    dZ2 = A2 - Y
    dZ1 = p["W2"].T @ dZ2 * (1 - A1**2)
    grads = {
        "dW1": dZ1 @ X.T / m, "db1": dZ1.sum(axis=1, keepdims=True) / m,
        "dW2": dZ2 @ A1.T / m, "db2": dZ2.sum(axis=1, keepdims=True) / m,
    }  # fmt: skip
    return {key: p[key] - learning_rate * grads[f"d{key}"] for key in p}, grads, cost


@pytest.fixture(params=[(1, 1, 1, 1), (2, 4, 1, 3), (17, 33, 1, 29), (5, 3, 2, 16)], ids=str)
def problem(request, rng):
    n_x, n_h, n_y, m = request.param
    parameters = {
        "W1": rng.normal(size=(n_h, n_x)), "b1": rng.normal(size=(n_h, 1)),
        "W2": rng.normal(size=(n_y, n_h)), "b2": rng.normal(size=(n_y, 1)),
    }  # fmt: skip
    return parameters, rng.normal(size=(n_x, m)), rng.integers(0, 2, (n_y, m))


def test_every_function_is_the_course_step(problem):
    parameters, X, Y = problem
    A2, cache = shallow.forward_propagation(X, parameters)
    grads = shallow.backward_propagation(parameters, cache, X, Y)
    after, expected, cost = one_step(parameters, X, Y, 1.2)
    np.testing.assert_allclose(shallow.compute_cost(A2, Y), cost, rtol=1e-12)
    assert type(shallow.compute_cost(A2, Y)) is float
    assert list(cache) == ["Z1", "A1", "Z2", "A2"]
    for key, value in shallow.update_parameters(parameters, grads).items():
        np.testing.assert_allclose(grads[f"d{key}"], expected[f"d{key}"], rtol=1e-11, atol=1e-15)
        np.testing.assert_allclose(value, after[key], rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(shallow.predict(parameters, X), A2 > 0.5)


@long_run
def test_nn_model_is_the_course_loop(rng):
    X, Y = rng.normal(size=(3, 37)), rng.integers(0, 2, (1, 37))
    parameters, costs = shallow.nn_model(X, Y, 5, num_iterations=2101, return_costs=True)
    p, expected = shallow.initialize_parameters(3, 5, 1, seed=3), []
    for i in range(2101):
        p, _, cost = one_step(p, X, Y, 1.2)
        if i % 1000 == 0:
            expected.append(cost)
    np.testing.assert_allclose(costs, expected, rtol=1e-9)
    for key in p:
        np.testing.assert_allclose(parameters[key], p[key], rtol=1e-7)


@long_run
def test_nn_model_returns_parameters_and_prints_when_asked(capsys):
    X, Y = shallow.load_planar_dataset()
    parameters = shallow.nn_model(X, Y, 4, 1001, print_cost=True, seed=2)
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["Cost after iteration 0: 0.693048", "Cost after iteration 1000: 0.288083"]
    assert [value.shape for value in parameters.values()] == [(4, 2), (4, 1), (1, 4), (1, 1)]
    shallow.nn_model(X, Y, 4, 2)
    assert capsys.readouterr() == ("", "")


def test_no_iterations_give_the_initial_parameters():
    parameters, costs = shallow.nn_model([[1.0, 2.0]], [[0, 1]], 2, 0, seed=5, return_costs=True)
    assert costs == []
    np.testing.assert_array_equal(parameters["W1"], np.random.RandomState(5).randn(2, 1) * 0.01)


def test_the_generator_is_not_touched():
    np.random.seed(7)
    expected = np.random.randn()
    np.random.seed(7)
    shallow.initialize_parameters(2, 3, 1)
    shallow.load_planar_dataset()
    assert np.random.randn() == expected


def test_layer_sizes():
    assert shallow.layer_sizes(np.ones((5, 3)), np.ones((2, 3))) == (5, 4, 2)
    with pytest.raises(DataError, match=r"Y must have the shape \(n_y, 3\), got \(2, 4\)"):
        shallow.layer_sizes(np.ones((5, 3)), np.ones((2, 4)))


def test_backward_reads_only_what_it_needs():
    """The published tests hand it a Z1 of a shape that cannot be, and an A2 that is no probability."""
    cache = {"A1": np.ones((4, 3)), "A2": np.full((1, 3), -7.5), "Z1": "anything"}
    grads = shallow.backward_propagation({"W2": np.ones((1, 4))}, cache, np.ones((2, 3)), [[True, False, True]])
    assert grads["db2"].tolist() == [[pytest.approx(-7.5 - 2 / 3)]]


PARAMETERS = {"W1": np.ones((4, 2)), "b1": np.ones((4, 1)), "W2": np.ones((1, 4)), "b2": np.ones((1, 1))}
GRADS = {f"d{key}": value for key, value in PARAMETERS.items()}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: shallow.forward_propagation(np.ones((3, 5)), PARAMETERS),
            r"X must have the shape \(2, m\), got \(3, 5\)",
        ),
        (
            lambda: shallow.forward_propagation(np.ones((2, 5)), PARAMETERS | {"b1": np.ones((1, 1))}),
            r"b1 must have the shape \(4, 1\), got \(1, 1\)",
        ),
        (
            lambda: shallow.forward_propagation(np.ones((2, 5)), PARAMETERS | {"W2": np.ones((1, 3))}),
            r"W2 must have the shape \(n_2, 4\), got \(1, 3\)",
        ),
        (
            lambda: shallow.forward_propagation([[1.0]], {"W1": [[1.0]], "b1": [[1.0]]}),
            "must hold W1, b1, W2 and b2, got W1, b1",
        ),
        (lambda: shallow.forward_propagation([[1.0]], {"w1": 1, "b1": 1}), "'W1' is missing; given are b1, w1"),
        (lambda: shallow.compute_cost([[0.5, 0.5]], [[0.0]]), r"Y must have the shape \(1, 2\), got \(1, 1\)"),
        (lambda: shallow.compute_cost([[0.5, 1.5]], [[0, 1]]), r"A2 must hold probabilities.*0\.5 to 1\.5"),
        (lambda: shallow.compute_cost([[0.5, np.nan]], [[0, 1]]), "A2 must hold probabilities"),
        (lambda: shallow.compute_cost([[0.5, 0.5]], [[0.2, 1]]), r"labels 0 and 1 only, got 0\.2"),
        (
            lambda: shallow.update_parameters(PARAMETERS, GRADS | {"db1": 0.5}),
            r"db1 must have the shape \(4, 1\), got \(\)",
        ),
        (
            lambda: shallow.update_parameters(PARAMETERS, GRADS | {"dW1": np.ones((1, 2))}),
            r"dW1 must have the shape \(4, 2\), got \(1, 2\)",
        ),
        (lambda: shallow.update_parameters(PARAMETERS, {}), "'dW1' is missing; given are none"),
        (lambda: shallow.nn_model(np.ones((2, 3)), [[0, 1]], 4), r"Y must have the shape \(n_y, 3\), got \(1, 2\)"),
        (lambda: shallow.nn_model([[1.0, np.nan]], [[0, 1]], 4), "X holds nan in row 0, column 1"),
    ],
)
def test_refused(call, message):
    with pytest.raises(DataError, match=message):
        call()


@pytest.mark.parametrize("n_h", [0, -1, 2.5])
def test_sizes_are_whole_numbers(n_h):
    with pytest.raises(ParameterError, match=r"n_x, n_h, n_y must be 3 whole numbers, each 1 or more, got \[2, "):
        shallow.nn_model(np.ones((2, 2)), [[0, 1]], n_h)
