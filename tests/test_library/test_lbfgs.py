"""fastdnn/lbfgs.py: it ends at the minimum, says how, and refuses what it cannot do."""

from __future__ import annotations

import numpy as np
import pytest

from fastdnn.errors import ParameterError
from fastdnn.examples import Examples
from fastdnn.lbfgs import train_lbfgs
from fastdnn.network import Network

pytest.importorskip("scipy")


def test_linear_regression_ends_at_the_solution_of_the_normal_equations(rng):
    X, noise = rng.normal(size=(200, 4)), rng.normal(size=200)
    Y, m, l2 = X @ np.arange(4.0) + 2 + 0.1 * noise, 200, 3.0
    network = Network([4, 1], loss="squared_error", dtype="float64")
    history = train_lbfgs(network, Examples(X, Y), l2=l2, tolerance=1e-10)
    A = np.column_stack([X, np.ones(m)])
    solution = np.linalg.solve(A.T @ A + l2 * np.diag([1, 1, 1, 1, 0]), A.T @ Y)
    # SciPy ends where the cost falls by less than 2e-9 of itself, which leaves parameters the root of that from the minimum.
    np.testing.assert_allclose(np.append(network.weights[0], network.biases[0]), solution, atol=5e-5)
    assert history.stopped_by == "converged"
    assert history["loss"][-1] == pytest.approx(0.5 * np.mean((A @ solution - Y) ** 2), rel=1e-5)


def test_a_hidden_layer_learns_and_rows_count(rng):
    X = rng.normal(size=(300, 2))
    Y = (X[:, 0] * X[:, 1] > 0).astype(float)
    network = Network([2, 16, 1], "tanh", dtype="float64", seed=2)
    before = network.cost(Examples(X, Y))
    history = train_lbfgs(network, Examples(X, Y), iterations=60)
    assert len(history.epochs) <= 60
    assert network.cost(Examples(X, Y)) == pytest.approx(history["loss"][-1], rel=1e-9)
    assert history["loss"][-1] < 0.2 * before


@pytest.mark.parametrize("wrong", [{"iterations": 0}, {"tolerance": -1.0}, {"l2": np.nan}])
def test_numbers_outside_their_range(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        train_lbfgs(Network([2, 1]), Examples(np.ones((3, 2)), np.ones(3)), **wrong)
