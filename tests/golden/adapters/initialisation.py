"""Course 2, week 1: how the weights begin, and what becomes of it on the circles."""

from __future__ import annotations

from typing import Any

import numpy as np
from golden.adapters.registry import Got, points, printed, runs

from fastdnn.course.improving import initialization
from fastdnn.course.improving.propagation import predict


@runs("initialisation", "initialize_parameters_zeros")
def initialize_parameters_zeros(case: dict[str, Any]) -> Got:
    return dict(initialization.initialize_parameters_zeros(case["inputs"]["layer_dims"]))


@runs("initialisation", "initialize_parameters_random")
def initialize_parameters_random(case: dict[str, Any]) -> Got:
    given = case["inputs"]
    return dict(initialization.initialize_parameters_random(given["layer_dims"], given["seed"]))


@runs("initialisation", "initialize_parameters_he")
def initialize_parameters_he(case: dict[str, Any]) -> Got:
    given = case["inputs"]
    return dict(initialization.initialize_parameters_he(given["layer_dims"], given["seed"]))


@runs("initialisation", "3-layer model on circles")
def circles(case: dict[str, Any]) -> Got:
    given, name = case["params"], case["id"].split(".")[-1].split("_")[0]
    X, Y = points("circles_train.csv")
    assert given["layers_dims"] == [2, 10, 5, 1]
    settings = {key: given[key] for key in ("learning_rate", "num_iterations")} | {"seed": given.get("init_seed", 3)}
    (parameters, costs), lines = printed(initialization.model, X, Y, initialization=name, return_costs=True, **settings)
    assert lines == {1000 * i: cost for i, cost in enumerate(costs)}
    assert np.isfinite(costs).all()
    X_test, Y_test = points("circles_test.csv")
    return {
        "costs_every_1000": costs,
        "cost_at_14000": costs[14],
        "train_accuracy": np.mean(predict(X, Y, parameters) == Y),
        "test_accuracy": np.mean(predict(X_test, Y_test, parameters) == Y_test),
    }
