"""Course 1, week 4: a deep network step by step, and small fits of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from golden.adapters.registry import Got, gradients_in, parameters_in, runs, take

from fastdnn.course import deep


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
