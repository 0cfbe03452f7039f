"""fastdnn/objective.py: the cost and gradient of Network, again and again in the same buffers."""

from __future__ import annotations

import numpy as np
import pytest

from fastdnn.examples import Examples
from fastdnn.network import Network
from fastdnn.objective import Objective


def problem(dtype, weighted, rows=None):
    rng = np.random.default_rng(4)
    X, Y = rng.normal(size=(37, 5)), rng.integers(0, 3, 37)
    weights = rng.uniform(0, 2, 37) if weighted else None
    return Network([5, 9, 4, 3], "tanh", dtype=np.dtype(dtype).name, seed=3), Examples(X, Y, rows, weights=weights)


@pytest.mark.parametrize("l1", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("threads", [1, 2])
def test_it_is_the_cost_and_gradient_of_the_network(dtype, weighted, threads, l1):
    network, examples = problem(dtype, weighted, np.arange(3, 30))
    objective = Objective(network, examples, l2=0.7, l1=l1, threads=threads)
    rng = np.random.default_rng(1)
    tolerance = 1e-12 if dtype == np.float64 else 1e-5
    for _ in range(3):
        theta = rng.normal(size=network.n_parameters)
        value, gradient = objective.value_and_gradient(theta)
        np.testing.assert_array_equal(network.parameters, theta.astype(dtype))
        assert value == pytest.approx(network.cost(examples, l2=0.7, l1=l1), rel=tolerance)
        dW, db = network.gradients(examples, l2=0.7, l1=l1)
        expected = np.concatenate([part.ravel() for pair in zip(dW, db, strict=True) for part in pair])
        np.testing.assert_allclose(gradient, expected, atol=tolerance)
        assert gradient.dtype == np.float64
        assert gradient.base is None  # not a buffer that the next evaluation overwrites


def test_it_is_a_derivative():
    network, examples = problem(np.float64, True)
    objective = Objective(network, examples, l2=0.3, l1=0.1)
    theta = network.parameters.copy()
    direction = np.random.default_rng(0).normal(size=theta.size)
    h = 1e-6
    slope = (
        objective.value_and_gradient(theta + h * direction)[0] - objective.value_and_gradient(theta - h * direction)[0]
    ) / (2 * h)
    assert slope == pytest.approx(objective.value_and_gradient(theta)[1] @ direction, rel=1e-8)


@pytest.mark.filterwarnings("ignore:(overflow|invalid value):RuntimeWarning")
def test_a_cost_that_is_not_finite_is_infinite():
    network, examples = problem(np.float64, False)
    value, _ = Objective(network, examples).value_and_gradient(np.full(network.n_parameters, np.nan))
    assert value == float("inf")


def test_gradients_are_written_in_the_course_s_shapes(dtype):
    network = Network([3, 20, 2], dtype=np.dtype(dtype).name)
    dW, db = Objective(network, Examples(np.ones((400, 3)), np.zeros(400, int))).gradients()
    assert [g.shape for g in dW] == [W.shape for W in network.weights]
    assert [g.shape for g in db] == [b.shape for b in network.biases]
    assert all(np.isfinite(g).all() for g in (*dW, *db))
