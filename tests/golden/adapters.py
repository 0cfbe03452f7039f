"""From a case of course_values.json to a call of fastdnn.course: RUN[group, function](case) gives the figures by name."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastdnn import course
from fastdnn.course import deep, logistic, shallow

GOLDEN = Path(__file__).parent
CATS = GOLDEN.parents[2] / "shared" / "data" / "catvnoncat"

Got = dict[str, Any]
RUN: dict[tuple[str, str], Callable[[dict[str, Any]], Got]] = {}


def runs(group: str, function: str) -> Callable[[Callable[[dict[str, Any]], Got]], Callable[[dict[str, Any]], Got]]:
    def register(adapter: Callable[[dict[str, Any]], Got]) -> Callable[[dict[str, Any]], Got]:
        RUN[group, function] = adapter
        return adapter

    return register


def parameters_in(case: dict[str, Any]) -> dict[str, np.ndarray]:
    return {key: np.array(value) for key, value in case["inputs"].items() if re.fullmatch(r"[Wb]\d", key)}


def gradients_in(case: dict[str, Any]) -> dict[str, np.ndarray]:
    return {key: np.array(value) for key, value in case["inputs"].items() if re.fullmatch(r"d[Wb]\d", key)}


def take(case: dict[str, Any], *names: str) -> list[Any]:
    return [np.array(case["inputs"][name]) for name in names]


def printed(call: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[Any, dict[int, float]]:
    """What a fit returns with print_cost=True, and the costs that it prints, by iteration."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        result = call(*args, print_cost=True, **kwargs)
    lines = re.findall(r"Cost after iteration (\d+): (\S+)", out.getvalue())
    return result, {int(i): float(cost) for i, cost in lines}


@runs("elementary", "sigmoid")
def sigmoid(case: dict[str, Any]) -> Got:
    (x,) = take(case, "x")
    np.testing.assert_array_equal(course.sigmoid(x), logistic.sigmoid(x))
    return {"s": course.sigmoid(case["inputs"]["x"])}


@runs("elementary", "sigmoid_derivative")
def sigmoid_derivative(case: dict[str, Any]) -> Got:
    return {"ds": course.sigmoid_derivative(*take(case, "x"))}


@runs("elementary", "softmax")
def softmax(case: dict[str, Any]) -> Got:
    return {"s": course.softmax(*take(case, "x"))}


@runs("elementary", "L1, L2")
def losses(case: dict[str, Any]) -> Got:
    yhat, y = take(case, "yhat", "y")
    return {"L1": course.L1(yhat, y), "L2": course.L2(yhat, y)}


@runs("logistic_regression", "initialize_with_zeros")
def initialize_with_zeros(case: dict[str, Any]) -> Got:
    w, b = logistic.initialize_with_zeros(case["inputs"]["dim"])
    assert type(b) is float
    return {"w": w, "b": b}


@runs("logistic_regression", "propagate")
def propagate(case: dict[str, Any]) -> Got:
    grads, cost = logistic.propagate(*take(case, "w", "b", "X", "Y"))
    return {**grads, "cost": cost}


@runs("logistic_regression", "optimize")
def optimize(case: dict[str, Any]) -> Got:
    params, grads, _ = logistic.optimize(*take(case, "w", "b", "X", "Y"), **case["params"])
    return {**params, **grads}


@runs("logistic_regression", "predict")
def logistic_predict(case: dict[str, Any]) -> Got:
    return {"Y": logistic.predict(*take(case, "w", "b", "X"))}


@runs("cat_images", "model (logistic regression)")
def cat_logistic(case: dict[str, Any]) -> Got:
    X, Y, X_test, Y_test = cats()
    settings = {key: case["params"][key] for key in ("num_iterations", "learning_rate")}
    d = logistic.model(X, Y, X_test, Y_test, **settings)
    return {
        "costs_every_100": d["costs"],
        "train_accuracy_percent": 100 - np.mean(np.abs(d["Y_prediction_train"] - Y)) * 100,
        "test_accuracy_percent": 100 - np.mean(np.abs(d["Y_prediction_test"] - Y_test)) * 100,
    }


@runs("cat_images", "two_layer_model")
def cat_two_layer(case: dict[str, Any]) -> Got:
    X, Y, X_test, Y_test = cats()
    given = case["params"]
    (parameters, costs), lines = printed(
        deep.two_layer_model, X, Y, given["layers_dims"], given["learning_rate"], given["num_iterations"],
        seed=given["init_seed"],
    )  # fmt: skip
    np.testing.assert_array_equal(costs, [cost for i, cost in lines.items() if i % 100 == 0])
    np.testing.assert_allclose(list(lines.values()), case["expected"]["costs"], rtol=0, atol=1e-9)
    return {
        "iterations": list(lines),
        "costs": list(lines.values()),
        "train_accuracy": np.mean(deep.predict(X, Y, parameters) == Y),
        "test_accuracy": np.mean(deep.predict(X_test, Y_test, parameters) == Y_test),
    }


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


@runs("step_by_step", "initialize_parameters")
def deep_initialize(case: dict[str, Any]) -> Got:
    return dict(deep.initialize_parameters(**case["inputs"]))


@runs("step_by_step", "initialize_parameters_deep")
def initialize_parameters_deep(case: dict[str, Any]) -> Got:
    return dict(deep.initialize_parameters_deep(**case["inputs"]))


@runs("step_by_step", "linear_forward")
def linear_forward(case: dict[str, Any]) -> Got:
    Z, cache = deep.linear_forward(*take(case, "A", "W", "b"))
    for kept, given in zip(cache, take(case, "A", "W", "b"), strict=True):
        np.testing.assert_array_equal(kept, given)
    return {"Z": Z}


@runs("step_by_step", "linear_activation_forward")
def linear_activation_forward(case: dict[str, Any]) -> Got:
    got: Got = {}
    for activation in ("sigmoid", "relu"):
        got[activation], (_, got["Z"]) = deep.linear_activation_forward(*take(case, "A_prev", "W", "b"), activation)
    return got


@runs("step_by_step", "L_model_forward")
def L_model_forward(case: dict[str, Any]) -> Got:
    AL, caches = deep.L_model_forward(*take(case, "X"), parameters_in(case))
    return {"AL": AL, "caches": len(caches), **{f"Z{l}": Z for l, (_, Z) in enumerate(caches, 1)}}


@runs("step_by_step", "compute_cost")
def deep_cost(case: dict[str, Any]) -> Got:
    return {"cost": deep.compute_cost(*take(case, "AL", "Y"))}


@runs("step_by_step", "linear_backward")
def linear_backward(case: dict[str, Any]) -> Got:
    dZ, A, W = take(case, "dZ", "A", "W")
    return dict(zip(("dA_prev", "dW", "db"), deep.linear_backward(dZ, (A, W, np.zeros((len(W), 1)))), strict=True))


@runs("step_by_step", "linear_activation_backward")
def linear_activation_backward(case: dict[str, Any]) -> Got:
    dA, A_prev, W, Z = take(case, "dA", "A_prev", "W", "Z")
    got: Got = {}
    for activation in ("sigmoid", "relu"):
        found = deep.linear_activation_backward(dA, ((A_prev, W, np.zeros((len(W), 1))), Z), activation)
        for key, value in zip(("dA_prev", "dW", "db"), found, strict=True):
            got[f"{activation}_{key}"] = value
            if case.get("params", {}).get("activation") == activation:
                got[key] = value
    return got


@runs("step_by_step", "L_model_backward")
def L_model_backward(case: dict[str, Any]) -> Got:
    inputs = case["inputs"]
    names = (
        [("A_in", "W1", "b1", "Z1"), ("A_mid", "W2", "b2", "Z2")] if "A_in" in inputs else [("A0", "W1", "b1", "Z1")]
    )
    caches = [((A, W, b), Z) for A, W, b, Z in (take(case, *layer) for layer in names)]
    grads = deep.L_model_backward(*take(case, "AL", "Y"), caches)
    return {**grads, "dA_prev": grads["dA0"]}


@runs("step_by_step", "update_parameters")
def deep_update(case: dict[str, Any]) -> Got:
    return dict(deep.update_parameters(parameters_in(case), gradients_in(case), **case["params"]))


@runs("small_models", "L_layer_model")
def L_layer_model(case: dict[str, Any]) -> Got:
    given = case["params"]
    parameters, costs = deep.L_layer_model(
        *take(case, "X", "Y"),
        given["layers_dims"],
        given["learning_rate"],
        given["num_iterations"],
        seed=given["init_seed"],
    )
    return {**parameters, "first_cost": costs[0]}


@runs("small_models", "two_layer_model")
def two_layer_model(case: dict[str, Any]) -> Got:
    given = case["params"]
    return dict(deep.two_layer_model(*take(case, "X", "Y"), given["layers_dims"], num_iterations=2)[0])


def cats() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """X (12288, m) and Y (1, m), training and test."""
    if not CATS.is_dir():
        pytest.skip(f"the cat images are not ours to ship and {CATS} does not exist")
    h5py = pytest.importorskip("h5py", reason="the cat images are HDF5 files: pip install h5py")
    arrays = []
    for part in ("train", "test"):
        with h5py.File(CATS / f"{part}_catvnoncat.h5") as file:
            images, labels = file[f"{part}_set_x"][:], file[f"{part}_set_y"][:]
        arrays += [images.reshape(len(images), -1).T / 255.0, labels.reshape(1, -1)]
    return arrays[0], arrays[1], arrays[2], arrays[3]
