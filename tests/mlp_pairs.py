"""The estimators of both libraries with the same parameters, and data for them."""

from __future__ import annotations

import numpy as np
from sklearn import neural_network as theirs

import fastdnn


def pair(name, **parameters):
    """Ours and theirs with the same parameters."""
    return getattr(fastdnn, name)(**parameters), getattr(theirs, name)(**parameters)


def table(m=230, n=6, seed=3):
    """Inputs, a number to predict, and three classes of it."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, n))
    value = np.sin(X[:, 0]) + X[:, 1] * X[:, 2]
    return X, value, np.digitize(value, [-0.5, 0.5])


def targets(kind):
    X, value, classes = table()
    y = {
        "binary": classes > 0,
        "multiclass": np.array(["low", "mid", "top"])[classes],
        "multilabel": np.stack([classes > 0, X[:, 0] > 0, X[:, 1] > X[:, 2]], axis=1).astype(int),
        "regression": value,
        "outputs": np.stack([value, X[:, 3] ** 2], axis=1),
    }[kind]
    return X, y, "MLPRegressor" if kind in ("regression", "outputs") else "MLPClassifier"


def assert_same_weights(ours, other, tolerance=1e-9):
    for a, b in zip(ours.coefs_ + ours.intercepts_, other.coefs_ + other.intercepts_, strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)
