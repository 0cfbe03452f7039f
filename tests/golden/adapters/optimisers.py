"""Course 2, week 2: mini-batches, momentum, Adam, learning-rate decay, and the moons."""

from __future__ import annotations

from typing import Any

import numpy as np
from golden.adapters.registry import Got, gradients_in, parameters_in, points, printed, runs, take

from fastdnn.course.improving import decay, mini_batches, optimization, optimization_model
from fastdnn.course.improving.propagation import predict


@runs("optimisers", "update_parameters_with_gd")
def update_parameters_with_gd(case: dict[str, Any]) -> Got:
    return dict(optimization.update_parameters_with_gd(parameters_in(case), gradients_in(case), **case["params"]))


@runs("optimisers", "update_parameters_with_momentum")
def update_parameters_with_momentum(case: dict[str, Any]) -> Got:
    parameters, given = parameters_in(case), case["params"]
    v = optimization.initialize_velocity(parameters)
    parameters, v = optimization.update_parameters_with_momentum(
        parameters, gradients_in(case), v, given["beta"], given["learning_rate"]
    )
    return parameters | moments("v", v)


@runs("optimisers", "update_parameters_with_adam")
def update_parameters_with_adam(case: dict[str, Any]) -> Got:
    parameters = parameters_in(case)
    v, s = optimization.initialize_adam(parameters)
    parameters, v, s, _, _ = optimization.update_parameters_with_adam(
        parameters, gradients_in(case), v, s, **case["params"]
    )
    return parameters | moments("v", v) | moments("s", s)


def moments(letter: str, values: dict[str, np.ndarray]) -> Got:
    """vW1 and so on, from dW1 and so on."""
    return {letter + key.removeprefix("d"): value for key, value in values.items()}


@runs("optimisers", "random_mini_batches")
def random_mini_batches(case: dict[str, Any]) -> Got:
    given = case["params"]
    if "inputs" in case:
        X, Y = take(case, "X", "Y")
    else:
        draw = np.random.RandomState(1)
        X, Y = draw.randn(12288, 148), draw.randn(1, 148) < 0.5
    batches = mini_batches.random_mini_batches(X, Y, given["mini_batch_size"], given["permutation_seed"])
    got: Got = {
        "count": len(batches),
        "shapes_X": [x.shape for x, _ in batches],
        "shapes_Y": [y.shape for _, y in batches],
        "first_three": batches[0][0][0, :3],
    }
    for i, (x, y) in enumerate(batches):
        got[f"X{i}"], got[f"Y{i}"] = x, y
    return got


@runs("optimisers", "update_lr, schedule_lr_decay")
def learning_rate_decay(case: dict[str, Any]) -> Got:
    schedule = [
        (0.5, 100, 1, 100), (0.5, 10, 1, 100), (0.3, 1000, 0.25, 100), (0.3, 100, 0.25, 100), (0.5, 10, 0.3, 100),
        (0.5, 100, 0.3, 100),
    ]  # fmt: skip
    return {
        "update_lr": decay.update_lr(0.5, 2, 1),
        "schedule": [decay.schedule_lr_decay(*arguments) for arguments in schedule],
    }


@runs("optimisers", "3-layer model on moons, mini-batch GD")
@runs("optimisers", "3-layer model on moons, momentum")
def moons(case: dict[str, Any]) -> Got:
    X, Y = points("moons_train.csv")
    given = dict(case["params"])
    del given["data"]

    def fit(num_epochs: int) -> tuple[Any, dict[int, float]]:
        settings = {**given, "num_epochs": num_epochs}
        return printed(optimization_model.model, X, Y, [2, 5, 2, 1], return_costs=True, **settings)

    (at_5000, _), _ = fit(5000)
    (parameters, costs), lines = fit(given["num_epochs"])
    np.testing.assert_allclose(list(lines.values()), costs[::10], rtol=0, atol=5.1e-7)
    return {
        "costs_every_1000": costs[::10],
        "accuracy_10000": np.mean(predict(X, Y, parameters) == Y),
        "accuracy_5000": np.mean(predict(X, Y, at_5000) == Y),
    }
