"""fastdnn/estimators with activations and losses of the user's own: by name, as long as the name is registered."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from mlp_pairs import assert_same_weights, targets
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import fastdnn
from fastdnn import custom_activations, custom_losses
from fastdnn.errors import ModelFileError
from fastdnn.estimators.parameters import CONSTRAINTS

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(autouse=True)
def _nothing_stays_registered(monkeypatch):
    for module in (custom_activations, custom_losses):
        monkeypatch.setattr(module.REGISTERED, "_pairs", {})
        monkeypatch.setattr(module.REGISTERED, "_codes", {})


def register_bend():
    fastdnn.register_activation("bend", lambda z: z * abs(z), lambda z: 2 * abs(z))


def register_half_square():
    fastdnn.register_loss("half_square", lambda a, y: (a - y) * (a - y) / 2, lambda a, y: a - y)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_registered_activation_computes(kind, solver):
    register_bend()
    X, y, _ = targets(kind)
    estimator = fastdnn.MLPRegressor if kind == "regression" else fastdnn.MLPClassifier
    model = estimator(hidden_layer_sizes=(5,), activation="bend", solver=solver, random_state=0, max_iter=4).fit(X, y)
    Z = X @ model.coefs_[0] + model.intercepts_[0]
    Z = (Z * np.abs(Z)) @ model.coefs_[1] + model.intercepts_[1]
    link = {"binary": lambda z: 1 / (1 + np.exp(-z)), "regression": lambda z: z}
    expected = link[kind](Z) if kind in link else np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict_outputs(X), expected, rtol=1e-9)


def test_it_can_be_one_of_several_layers():
    register_bend()
    X, y, _ = targets("regression")
    model = fastdnn.MLPRegressor(
        hidden_layer_sizes=(4, 3), activation=["bend", "logistic"], random_state=0, max_iter=2
    ).fit(X, y)
    Z = X @ model.coefs_[0] + model.intercepts_[0]
    A = 1 / (1 + np.exp(-(Z * np.abs(Z)) @ model.coefs_[1] - model.intercepts_[1]))
    np.testing.assert_allclose(model.predict(X), (A @ model.coefs_[2] + model.intercepts_[2])[:, 0], rtol=1e-9)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_half_squared_error_again(solver):
    """scikit-learn's squared error of one output is half the square: the same function of the user's trains the same network."""
    register_half_square()
    X, y, _ = targets("regression")
    weights = np.random.default_rng(0).random(len(y))
    parameters = {"random_state": 0, "max_iter": 10, "solver": solver}
    mine = fastdnn.MLPRegressor("half_square", **parameters).fit(X, y, weights)
    ours = fastdnn.MLPRegressor("squared_error", **parameters).fit(X, y, weights)
    assert_same_weights(mine, ours, 1e-6 if solver == "lbfgs" else 1e-9)
    assert mine.loss_ == pytest.approx(ours.loss_, rel=1e-6)
    assert mine.score(X, y) == pytest.approx(ours.score(X, y), rel=1e-5)
    assert mine.out_activation_ == "identity"


def test_cloning_searching_and_pickling():
    register_bend()
    register_half_square()
    X, y, _ = targets("regression")
    model = fastdnn.MLPRegressor("half_square", activation="bend", random_state=0, max_iter=3).fit(X, y)
    again = clone(model).fit(X, y)
    assert_same_weights(model, again, 0.0)
    search = GridSearchCV(clone(model), {"activation": ["bend", "relu"], "loss": ["half_square", "huber"]}, cv=2)
    assert search.fit(X, y).best_params_["loss"] in ("half_square", "huber")
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


def test_a_name_that_is_not_registered_here_is_named(monkeypatch):
    register_bend()
    register_half_square()
    X, y, _ = targets("regression")
    bent, squared = (
        pickle.dumps(fastdnn.MLPRegressor(random_state=0, max_iter=2, **given).fit(X, y))
        for given in ({"activation": ["bend"]}, {"loss": "half_square"})
    )
    monkeypatch.setattr(custom_activations.REGISTERED, "_pairs", {})
    monkeypatch.setattr(custom_losses.REGISTERED, "_pairs", {})
    for pickled, words, call in (
        (
            bent,
            "uses the activation 'bend', which is not fastdnn's own and not registered in this program",
            "activation",
        ),
        (squared, "the loss 'half_square', which is not fastdnn's own and not registered in this program", "loss"),
    ):
        with pytest.raises(ModelFileError, match=words) as caught:
            pickle.loads(pickled).predict(X)
        assert f"register_{call}(" in caught.value.hint
    register_bend()
    pickle.loads(bent).predict(X)


@pytest.mark.parametrize("estimator", [fastdnn.MLPClassifier, fastdnn.MLPRegressor])
def test_unknown_names_are_refused_in_scikit_learns_words(estimator):
    X, y, _ = targets("binary")
    refused = (
        rf"^The 'activation' parameter of {estimator.__name__} must be a str among {{'logistic', 'identity', 'relu', .*"
        r"'softplus'}} \(or registered in this process by fastdnn.register_activation\), an instance of 'list' or an instance of"
        r" 'tuple'. Got 'bend' instead.$"
    ).replace("}}", "}")
    with pytest.raises(ValueError, match=refused):
        estimator(activation="bend").fit(X, y)
    register_bend()
    with pytest.raises(ValueError, match=r"'softplus', 'bend'} \(or registered .* Got 'bent' instead"):
        estimator(activation="bent").fit(X, y)
    with pytest.raises(ValueError, match=r"Unknown activation 'bent'. Did you mean 'bend'\?"):
        estimator(activation=["bent"]).fit(X, y)
    with pytest.raises(ValueError, match="Got 3 instead"):
        estimator(activation=3).fit(X, y)


def test_unknown_losses_are_refused_in_scikit_learns_words():
    X, y, _ = targets("regression")
    register_half_square()
    words = (
        r"^The 'loss' parameter of MLPRegressor must be a str among {'squared_error', 'absolute_error', 'huber', 'quantile', "
        r"'poisson', 'half_square'} \(or registered in this process by fastdnn.register_loss\). Got 'half_squares' instead.$"
    )
    with pytest.raises(ValueError, match=words):
        fastdnn.MLPRegressor("half_squares").fit(X, y)
    with pytest.raises(ValueError, match="Got 'binary_cross_entropy' instead"):
        fastdnn.MLPRegressor("binary_cross_entropy").fit(X, y)


def test_the_constraint_knows_what_scikit_learns_tools_ask_of_it():
    constraint = CONSTRAINTS["activation"][0]
    assert {"logistic", "relu", "gelu"} <= constraint.options
    assert not constraint.is_satisfied_by(None)
