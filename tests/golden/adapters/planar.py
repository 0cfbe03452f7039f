"""Course 1, week 3: one hidden layer, and the flower."""

from __future__ import annotations

from typing import Any

import numpy as np
from golden.adapters.registry import GOLDEN, Got, gradients_in, parameters_in, runs, take

from fastdnn.course import shallow


@runs("planar", "initialize_parameters")
def shallow_initialize(case: dict[str, Any]) -> Got:
    return dict(shallow.initialize_parameters(**case["inputs"]))


@runs("planar", "forward_propagation")
def forward_propagation(case: dict[str, Any]) -> Got:
    A2, cache = shallow.forward_propagation(case["inputs"]["X"], parameters_in(case))
    assert A2 is cache["A2"]
    return {**cache, "means_Z1_A1_Z2_A2": [cache[key].mean() for key in ("Z1", "A1", "Z2", "A2")]}


@runs("planar", "compute_cost")
def shallow_cost(case: dict[str, Any]) -> Got:
    return {"cost": shallow.compute_cost(*take(case, "A2", "Y"))}


@runs("planar", "backward_propagation")
def backward_propagation(case: dict[str, Any]) -> Got:
    X, Y, A1, A2 = take(case, "X", "Y", "A1", "A2")
    return dict(shallow.backward_propagation(parameters_in(case), {"A1": A1, "A2": A2}, X, Y))


@runs("planar", "update_parameters")
def shallow_update(case: dict[str, Any]) -> Got:
    return dict(shallow.update_parameters(parameters_in(case), gradients_in(case), **case["params"]))


@runs("planar", "predict")
def shallow_predict(case: dict[str, Any]) -> Got:
    Y = shallow.predict(parameters_in(case), case["inputs"]["X"])
    return {"Y": Y, "mean": Y.mean()}


@runs("planar", "nn_model")
def nn_model(case: dict[str, Any]) -> Got:
    given = case["params"]
    parameters, costs = shallow.nn_model(
        *take(case, "X", "Y"), given["n_h"], given["num_iterations"], learning_rate=given["learning_rate"],
        seed=given["init_seed"], return_costs=True,
    )  # fmt: skip
    return {**parameters, "costs_every_1000": costs}


@runs("planar", "load_planar_dataset")
def flower(case: dict[str, Any]) -> Got:
    X, Y = shallow.load_planar_dataset()
    stored = np.loadtxt(GOLDEN / "data" / "planar_flower.csv", delimiter=",", skiprows=1)
    np.testing.assert_allclose(np.vstack([X, Y]).T, stored, rtol=1e-14)
    return {
        "shape_X": X.shape,
        "shape_Y": Y.shape,
        "m": Y.size,
        "first_point": X[:, 0],
        "last_point": X[:, -1],
        "sum_X": X.sum(),
    }


@runs("planar", "nn_model on the flower")
def flower_model(case: dict[str, Any]) -> Got:
    given = case["params"]
    X, Y = shallow.load_planar_dataset()
    settings = {"num_iterations": given["num_iterations"], "learning_rate": given["learning_rate"]}
    if "hidden_sizes" in case["expected"]:
        hidden = case["expected"]["hidden_sizes"]
        fits = [shallow.nn_model(X, Y, n_h, seed=given["init_seed"], **settings) for n_h in hidden]
        accuracies = [100 * np.mean(shallow.predict(parameters, X) == Y) for parameters in fits]
        return {"hidden_sizes": hidden, "accuracy_percent": accuracies}
    parameters, costs = shallow.nn_model(X, Y, given["n_h"], seed=given["init_seed"], return_costs=True, **settings)
    accuracy = np.mean(shallow.predict(parameters, X) == Y)
    return {
        "costs_0_to_7000": costs[:8],
        "costs_8000_9000": costs[8:],
        "accuracy": accuracy,
        "accuracy_percent_printed": int(100 * accuracy),
    }
