"""Course 2, week 1: L2, dropout, the football field, and gradient checking."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from golden.adapters.registry import SHARED_DATA, Got, parameters_in, printed, runs, take

from fastdnn.course.improving import dropout, gradient_checking, regularization
from fastdnn.course.improving.propagation import predict

FOOTBALL = SHARED_DATA / "football" / "data.mat"


@runs("regularisation", "compute_cost_with_regularization")
def compute_cost_with_regularization(case: dict[str, Any]) -> Got:
    A3, Y = take(case, "A3", "Y")
    return {
        "cost": regularization.compute_cost_with_regularization(A3, Y, parameters_in(case), case["params"]["lambd"])
    }


@runs("regularisation", "backward_propagation_with_regularization")
def backward_propagation_with_regularization(case: dict[str, Any]) -> Got:
    X, Y, A1, A2, A3, W1, W2, W3 = take(case, "X", "Y", "A1", "A2", "A3", "W1", "W2", "W3")
    cache = (None, A1, W1, None, None, A2, W2, None, None, A3, W3, None)
    return dict(regularization.backward_propagation_with_regularization(X, Y, cache, case["params"]["lambd"]))


@runs("regularisation", "forward_propagation_with_dropout")
def forward_propagation_with_dropout(case: dict[str, Any]) -> Got:
    keep_prob = case["params"]["keep_prob"]
    A3, cache = dropout.forward_propagation_with_dropout(*take(case, "X"), parameters_in(case), keep_prob)
    (_, D1, A1, _, _, _, D2, A2, _, _, _, last, _, _) = cache
    assert last is A3
    return {"A3": A3, "D1": D1, "A1": A1, "D2": D2, "A2": A2}


@runs("regularisation", "3-layer model on the football field data")
def football(case: dict[str, Any]) -> Got:
    given = case["params"]
    X, Y, X_test, Y_test = football_field()
    assert given["layers_dims"] == [2, 20, 3, 1]
    names = {"seed": "init_seed", "learning_rate": "learning_rate", "num_iterations": "num_iterations"}
    settings = {name: given[key] for name, key in names.items()} | {"lambd": given.get("lambd", 0)}
    (parameters, costs), lines = printed(regularization.model, X, Y, return_costs=True, **settings)
    assert lines == {i: costs[i // 1000] for i in (0, 10000, 20000)}
    return {
        "costs_at_0_10000_20000": list(lines.values()),
        "train_accuracy": np.mean(predict(X, Y, parameters) == Y),
        "test_accuracy": np.mean(predict(X_test, Y_test, parameters) == Y_test),
    }


def football_field() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """X (2, m) and Y (1, m), training and test."""
    if not FOOTBALL.is_file():
        pytest.skip(f"the football field has no licence to be shipped under, and {FOOTBALL} does not exist")
    io = pytest.importorskip("scipy.io", reason="the football field is a MATLAB file: pip install scipy")
    arrays = io.loadmat(FOOTBALL)
    X, Y, X_test, Y_test = (np.ascontiguousarray(arrays[key].T, np.float64) for key in ("X", "y", "Xval", "yval"))
    return X, Y, X_test, Y_test


@runs("gradient_checking", "forward, backward, gradient_check (1-D)")
def gradient_check(case: dict[str, Any]) -> Got:
    theta, (two, three), epsilon = case["inputs"]["theta"], case["inputs"]["x"], case["params"]["epsilon"]
    return {
        "J": gradient_checking.forward_propagation(two, theta),
        "dtheta_x2": gradient_checking.backward_propagation(two, theta),
        "dtheta_x3": gradient_checking.backward_propagation(three, theta),
        "difference_x2_theta4": gradient_checking.gradient_check(two, theta, epsilon),
        "difference_x3_theta4": gradient_checking.gradient_check(three, theta, epsilon),
    }


@runs("gradient_checking", "gradient_check_n")
def gradient_check_n(case: dict[str, Any]) -> Got:
    (X, Y), parameters = take(case, "X", "Y"), parameters_in(case)
    _, cache = gradient_checking.forward_propagation_n(X, Y, parameters)
    gradients = gradient_checking.backward_propagation_n(X, Y, cache)
    if "planted_errors" in case["params"]:
        assert case["params"]["planted_errors"] == "dW2 doubled, db1 multiplied by 4"
        gradients["dW2"] = gradients["dW2"] * 2
        gradients["db1"] = gradients["db1"] * 4
    epsilon = case["params"]["epsilon"]
    return {"difference": gradient_checking.gradient_check_n(parameters, gradients, X, Y, epsilon)}
