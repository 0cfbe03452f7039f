"""Course 1, week 2: activations, the first losses, and logistic regression."""

from __future__ import annotations

from typing import Any

import numpy as np
from golden.adapters.registry import Got, runs, take

from fastdnn import course
from fastdnn.course import logistic


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
