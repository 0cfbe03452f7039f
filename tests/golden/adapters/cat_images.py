"""Course 1, weeks 2 and 4: the cat images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from golden.adapters.registry import SHARED_DATA, Got, printed, runs

from fastdnn.course import deep, logistic

CATS = SHARED_DATA / "catvnoncat"


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
