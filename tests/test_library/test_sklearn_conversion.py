"""fastdnn/sklearn_conversion.py: equal predictions there and back, and what is refused."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import fastdnn
from fastdnn import Network
from fastdnn.errors import MissingExtraError, ParameterError

CLOSE = {"float32": {"rtol": 2e-5, "atol": 1e-6}, "float64": {"rtol": 1e-9, "atol": 1e-12}}
SKLEARN_ACTIVATIONS = {"identity": "identity", "relu": "relu", "sigmoid": "logistic", "tanh": "tanh"}


@pytest.fixture
def sklearn():
    return pytest.importorskip("sklearn.neural_network")


@pytest.fixture
def X(rng, dtype):
    return rng.normal(size=(60, 5)).astype(dtype)


def targets(kind, X):
    """y for a classifier of two or four classes or of labels, or a regressor of one or three numbers."""
    score = X @ np.linspace(-1, 1, X.shape[1])
    return {
        "two": np.where(score > 0, "yes", "no"),
        "four": np.digitize(score, [-1, 0, 1]) * 10,
        "labels": np.stack([score > 0, X[:, 0] > 0, X[:, 1] > 0], axis=1).astype(int),
        "number": score,
        "numbers": np.stack([score, X[:, 0], X[:, 1] ** 2], axis=1),
    }[kind]


def fitted(sklearn, kind, X, activation="relu", hidden=(7, 4), **settings):
    cls = sklearn.MLPRegressor if kind.startswith("number") else sklearn.MLPClassifier
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # twenty epochs are too few, and scikit-learn says so
        model = cls(hidden_layer_sizes=hidden, activation=activation, max_iter=20, random_state=0, **settings)
        return model.fit(X, targets(kind, X))


def scores(mlp, X):
    """What both of scikit-learn's estimators and a network put out, (m, n_y)."""
    if not hasattr(mlp, "predict_proba"):
        return mlp.predict(X).reshape(len(X), -1)
    probabilities = mlp.predict_proba(X)
    return probabilities[:, 1:] if mlp.n_outputs_ == 1 else probabilities


@pytest.mark.parametrize("activation", SKLEARN_ACTIVATIONS.values())
@pytest.mark.parametrize("kind", ["two", "four", "labels", "number", "numbers"])
def test_from_sklearn_predicts_equally_and_goes_back(sklearn, kind, activation, X, dtype):
    mlp = fitted(sklearn, kind, X, activation)
    network = fastdnn.from_sklearn(mlp)
    close = CLOSE[np.dtype(dtype).name]
    assert network.dtype == dtype
    np.testing.assert_allclose(network.predict(X), scores(mlp, X), **close)
    classes = mlp.classes_ if kind in ("two", "four") else None
    back = network.to_sklearn(classes)
    assert type(back) is type(mlp)
    np.testing.assert_allclose(scores(back, X), scores(mlp, X), **close)
    np.testing.assert_array_equal(back.predict(X).shape, mlp.predict(X).shape)
    if hasattr(mlp, "classes_"):
        np.testing.assert_array_equal(back.predict(X), mlp.predict(X))
        np.testing.assert_array_equal(back.classes_, mlp.classes_)
    assert back.score(X, targets(kind, X)) == pytest.approx(mlp.score(X, targets(kind, X)), abs=1e-4)


def test_losses_follow_the_output(sklearn, X):
    losses = {kind: fastdnn.from_sklearn(fitted(sklearn, kind, X)).loss for kind in ("two", "four", "labels", "number")}
    assert losses == {
        "two": "binary_cross_entropy", "four": "categorical_cross_entropy", "labels": "binary_cross_entropy",
        "number": "squared_error",
    }  # fmt: skip


def test_poisson(sklearn, X):
    y = np.random.default_rng(0).poisson(2, len(X))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlp = sklearn.MLPRegressor(hidden_layer_sizes=(4,), loss="poisson", max_iter=20, random_state=0).fit(X, y)
    network = fastdnn.from_sklearn(mlp)
    np.testing.assert_allclose(network.predict(X)[:, 0], mlp.predict(X), rtol=2e-5)
    back = network.to_sklearn()
    assert back.loss == "poisson"
    np.testing.assert_allclose(back.predict(X), mlp.predict(X), rtol=2e-5)


def test_no_hidden_layer(sklearn, X, dtype):
    mlp = fitted(sklearn, "four", X, hidden=())
    network = fastdnn.from_sklearn(mlp)
    assert network.L == 1
    np.testing.assert_allclose(
        scores(network.to_sklearn(mlp.classes_), X), scores(mlp, X), **CLOSE[np.dtype(dtype).name]
    )


@pytest.mark.parametrize("activation", SKLEARN_ACTIVATIONS)
@pytest.mark.parametrize(
    ("n_y", "output", "loss"),
    [
        (1, "sigmoid", "binary_cross_entropy"),
        (2, "sigmoid", "binary_cross_entropy"),
        (2, "softmax", "categorical_cross_entropy"),
        (5, "softmax", "categorical_cross_entropy"),
        (1, "identity", "squared_error"),
        (3, "identity", "squared_error"),
    ],
)
def test_to_sklearn_predicts_equally(sklearn, activation, n_y, output, loss, X, dtype):
    network = Network([5, 9, 3, n_y], activation, output, loss, dtype=np.dtype(dtype).name, seed=3)
    network.parameters += np.random.default_rng(1).normal(0, 0.2, network.parameters.size).astype(dtype)
    estimator = network.to_sklearn()
    expected = network.predict(X)
    expected = expected[:, 1:] if (n_y, output) == (2, "softmax") else expected
    np.testing.assert_allclose(scores(estimator, X), expected, **CLOSE[np.dtype(dtype).name])
    assert estimator.activation == SKLEARN_ACTIVATIONS[activation]
    assert {W.dtype for W in estimator.coefs_} == {network.dtype}
    assert estimator.n_features_in_ == 5
    if output == "softmax":
        np.testing.assert_array_equal(estimator.predict(X), network.predict(X).argmax(axis=1))


def test_to_sklearn_copies_and_can_be_fitted_on(sklearn, X):
    network = Network([5, 4, 3], dtype="float64")
    before = network.parameters.copy()
    estimator = network.to_sklearn(["a", "b", "c"])
    shapes = [W.shape for W in estimator.coefs_]
    estimator.partial_fit(X, np.array(["a", "b", "c"] * 20))
    assert [W.shape for W in estimator.coefs_] == shapes
    assert estimator.t_ == len(X)
    np.testing.assert_array_equal(network.parameters, before)


def test_to_sklearn_leaves_the_global_generator(sklearn):
    np.random.seed(4)
    expected = np.random.random()
    np.random.seed(4)
    Network([3, 2, 1]).to_sklearn()
    assert np.random.random() == expected


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (lambda: Network([3, 4, 4, 1], ["relu", "tanh"]), "one activation for all hidden layers.*relu, tanh"),
        (
            lambda: Network([3, 4, 1], "leaky_relu"),
            "hidden layers cannot be 'leaky_relu'. Allowed: identity, sigmoid, tanh, relu",
        ),
        (lambda: Network([3, 4, 1], output_activation="relu"), "regressor has no output activation 'relu'"),
    ],
)
def test_what_scikit_learn_cannot_express(sklearn, network, message):
    with pytest.raises(ParameterError, match=message):
        network().to_sklearn()


@pytest.mark.parametrize(
    ("n_y", "loss", "classes", "message"),
    [
        (3, "categorical_cross_entropy", ["b", "a", "c"], r"3 different labels in sorted order, got \['b', 'a', 'c'\]"),
        (3, "categorical_cross_entropy", ["a", "b"], "3 different labels"),
        (1, "binary_cross_entropy", [0, 0], "2 different labels"),
        (3, "binary_cross_entropy", [0, 1, 2], "leave classes out"),
        (1, "squared_error", [0, 1], "classes belong to a classifier"),
    ],
)
def test_classes_that_do_not_fit(sklearn, n_y, loss, classes, message):
    with pytest.raises(ParameterError, match=message):
        Network([3, 4, n_y], loss=loss).to_sklearn(classes)


def test_from_sklearn_refuses_what_is_not_fitted(sklearn):
    with pytest.raises(ParameterError, match="this MLPClassifier is not fitted"):
        fastdnn.from_sklearn(sklearn.MLPClassifier())
    with pytest.raises(ParameterError, match="this dict is no MLPClassifier or MLPRegressor"):
        fastdnn.from_sklearn({})


def test_to_sklearn_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sklearn", None)
    with pytest.raises(MissingExtraError, match="needs scikit-learn"):
        Network([3, 4, 1]).to_sklearn()
