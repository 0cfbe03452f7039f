"""fastdnn.course.logistic: against the course's loop in NumPy, and what it refuses. Published figures: test_golden.py."""

from __future__ import annotations

import numpy as np
import pytest

from fastdnn.course import logistic
from fastdnn.errors import DataError, DivergenceError, ParameterError


def one_step(w, b, X, Y, learning_rate):
    """The course's step: new w and b, gradients, cost."""
    m = X.shape[1]
    A = 1 / (1 + np.exp(-(w.T @ X + b)))
    cost = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m
    dw, db = X @ (A - Y).T / m, np.sum(A - Y) / m
    return w - learning_rate * dw, b - learning_rate * db, dw, db, cost


@pytest.fixture
def problem(rng):
    X = rng.normal(size=(19, 23))
    return rng.normal(size=(19, 1)), 0.3, X, (X[:1] + 0.5 * rng.normal(size=(1, 23)) > 0).astype(int)


@pytest.mark.parametrize("steps", [1, 2, 100, 101, 102, 250])
def test_optimize_is_the_course_loop(problem, steps):
    w, b, X, Y = problem
    params, grads, costs = logistic.optimize(w, b, X, Y, steps, 0.1)
    expected_costs = []
    for i in range(steps):
        w, b, dw, db, cost = one_step(w, b, X, Y, 0.1)
        if i % 100 == 0:
            expected_costs.append(cost)
    np.testing.assert_allclose(params["w"], w, rtol=1e-10)
    np.testing.assert_allclose([params["b"], grads["db"]], [b, db], rtol=1e-10)
    np.testing.assert_allclose(grads["dw"], dw, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(costs, expected_costs, rtol=1e-12)
    assert params["w"].shape == grads["dw"].shape == (19, 1)
    assert isinstance(params["b"], np.float64)


def test_gradient_is_the_slope_of_the_cost(problem):
    w, b, X, Y = problem
    grads, cost = logistic.propagate(w, b, X, Y)
    assert (grads["dw"].shape, np.shape(cost)) == ((19, 1), ())
    for j in range(19):
        step = np.zeros((19, 1))
        step[j] = 1e-5
        slope = (logistic.propagate(w + step, b, X, Y)[1] - logistic.propagate(w - step, b, X, Y)[1]) / 2e-5
        assert grads["dw"][j, 0] == pytest.approx(slope, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("z", "y"), [(5.0, 1), (-5.0, 0), (30.0, 1), (-30.0, 0), (500.0, 1), (30.0, 0), (-500.0, 1)])
def test_cost_has_all_its_digits_for_any_logit(z, y):
    _, cost = logistic.propagate([[1.0]], 0.0, [[z]], [[y]])
    distance = -z if y else z
    exact = np.log1p(np.exp(-abs(distance))) + max(distance, 0.0)
    assert float(cost) == pytest.approx(exact, rel=1e-13, abs=0)


def test_model_learns_and_says_so(rng, capsys):
    X = rng.normal(size=(4, 300))
    Y = (X[:1] - X[1:2] > 0).astype(int)
    d = logistic.model(X[:, :200], Y[:, :200], X[:, 200:], Y[:, 200:], 201, 0.5, print_cost=True)
    assert set(d) == {
        "costs", "Y_prediction_test", "Y_prediction_train", "w", "b", "learning_rate", "num_iterations",
    }  # fmt: skip
    assert d["Y_prediction_test"].shape == (1, 100)
    accuracy = 100 - np.mean(np.abs(d["Y_prediction_test"] - Y[:, 200:])) * 100
    assert accuracy > 90
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        f"Cost after iteration {i}: {cost:f}" for i, cost in zip((0, 100, 200), d["costs"], strict=True)
    ]
    assert lines[0] == "Cost after iteration 0: 0.693147"
    assert lines[3].startswith("train accuracy: ")
    assert lines[4] == f"test accuracy: {accuracy} %"


def test_nothing_is_printed_unasked(problem, capsys):
    logistic.optimize(*problem)
    assert capsys.readouterr() == ("", "")


def test_one_half_is_not_a_cat():
    assert logistic.predict([[0.0]], 0.0, [[3.0, -2.0]]).tolist() == [[0.0, 0.0]]


def test_inputs_stay_as_they_are(problem):
    w, b, X, Y = problem
    kept = [a.copy() for a in (w, X, Y)]
    for a in (w, X, Y):
        a.flags.writeable = False
    logistic.optimize(w, b, X, Y)
    for a, before in zip((w, X, Y), kept, strict=True):
        np.testing.assert_array_equal(a, before)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"w": np.ones((4, 1))}, DataError, r"w must have the shape \(3, 1\), got \(4, 1\)"),
        ({"w": np.ones(3)}, DataError, r"w must have the shape \(3, 1\), got \(3,\)"),
        ({"b": [1.0, 2.0]}, ParameterError, r"b must be one number, got the shape \(2,\)"),
        ({"X": np.ones((3, 0))}, DataError, r"X must have the shape \(n_x, m\), got \(3, 0\)"),
        ({"Y": np.ones((1, 4))}, DataError, r"Y must have the shape \(1, 5\), got \(1, 4\)"),
        ({"Y": np.ones(5)}, DataError, r"Y must have the shape \(1, 5\), got \(5,\)"),
        ({"Y": [[0, 1, 2, 1, 0]]}, DataError, r"labels 0 and 1 only, got 2\.0 in row 0, column 2"),
        ({"Y": [[0, 1, np.nan, 1, 0]]}, DataError, "labels 0 and 1 only, got nan"),
        ({"num_iterations": 0}, ParameterError, "whole number of 1 or more, got 0"),
        ({"num_iterations": 2.5}, ParameterError, r"whole number of 1 or more, got 2\.5"),
        ({"learning_rate": -1.0}, ParameterError, r"positive number, got -1\.0"),
    ],
)
def test_refused(change, error, message):
    given = {"w": np.ones((3, 1)), "b": 0.0, "X": np.ones((3, 5)), "Y": np.zeros((1, 5))} | change
    with pytest.raises(error, match=message):
        logistic.optimize(**given)


def test_infinite_inputs_are_refused():
    X = np.array([[1.0, np.inf]])
    with pytest.raises(DataError, match=r"X holds inf in row 0, column 1"):
        logistic.optimize([[1.0]], 0.0, X, [[0, 1]], 10)


def test_divergence_is_told():
    # Without the JIT, NumPy would warn of the overflow.
    expected = pytest.raises(DivergenceError, match=r"cost is not finite at iteration \d+ \(last finite: ")
    with np.errstate(all="ignore"), expected as caught:
        logistic.optimize([[1.0]], 0.0, [[1e200, -1e200]], [[0, 1]], 10, learning_rate=1e200)
    assert caught.value.hint == "a smaller learning_rate, or inputs of smaller size"


def test_initialize_with_zeros():
    w, b = logistic.initialize_with_zeros(3)
    assert (w.tolist(), b) == ([[0.0], [0.0], [0.0]], 0.0)
    with pytest.raises(ParameterError, match="dim must be a whole number of 1 or more, got 0"):
        logistic.initialize_with_zeros(0)
