"""fastdnn/estimators: scikit-learn's numbers: same start weights, same batches, same weights afterwards."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from mlp_pairs import assert_same_weights, pair, table, targets

BOTH = pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SOLVERS = {
    "sgd": {"solver": "sgd", "momentum": 0.0},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False},
    "nesterov": {"solver": "sgd"},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.1},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.05, "n_iter_no_change": 1},
    "adam": {"solver": "adam"},
}


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "regression", "outputs"])
def test_weights_are_scikit_learns_after_20_epochs(kind, solver):
    X, y, name = targets(kind)
    ours, other = pair(
        name, max_iter=20, random_state=5, batch_size=48, alpha=0.3, hidden_layer_sizes=(13, 7), **SOLVERS[solver]
    )
    assert X.shape[0] % 48 != 0  # the last batch is smaller
    ours.fit(X, y)
    other.fit(X, y)
    assert_same_weights(ours, other)
    assert ours.n_iter_ == other.n_iter_
    assert ours.t_ == other.t_
    # The penalty's share of the loss is taken between the epochs, not at every batch.
    np.testing.assert_allclose(ours.loss_curve_, other.loss_curve_, rtol=5e-3)


# 'adaptive' looks at the loss, which scikit-learn averages over batches by their rows, and we over rows by their weights.
@pytest.mark.parametrize("solver", [solver for solver in SOLVERS if solver != "adaptive"])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_weights_are_scikit_learns_with_sample_weights(kind, solver):
    X, y, name = targets(kind)
    weights = np.random.default_rng(0).uniform(0, 3, len(X))
    ours, other = pair(name, max_iter=20, random_state=5, tol=0.0, alpha=0.1, batch_size=64, **SOLVERS[solver])
    ours.fit(X, y, weights)
    other.fit(X, y, weights)
    assert_same_weights(ours, other)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("shuffle", [True, False])
def test_weights_are_scikit_learns_for_every_activation(activation, shuffle):
    X, y, name = targets("multiclass")
    ours, other = pair(name, max_iter=20, random_state=1, activation=activation, shuffle=shuffle)
    assert_same_weights(ours.fit(X, y), other.fit(X, y))


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "regression", "outputs"])
@pytest.mark.parametrize("weighted", [False, True])
def test_early_stopping_holds_out_and_scores_as_scikit_learn(kind, weighted):
    X, y, name = targets(kind)
    weights = np.random.default_rng(0).uniform(0.5, 3, len(X)) if weighted else None
    ours, other = pair(
        name, max_iter=30, random_state=9, early_stopping=True, n_iter_no_change=5, learning_rate_init=0.01
    )
    ours.fit(X, y, weights)
    other.fit(X, y, weights)
    assert_same_weights(ours, other)
    np.testing.assert_allclose(ours.validation_scores_, other.validation_scores_, rtol=1e-9)
    assert ours.best_validation_score_ == pytest.approx(other.best_validation_score_)
    assert ours.best_loss_ is None


def test_partial_fit_goes_on_where_it_stopped():
    """Parts of different sizes, and a pickle in between: moments and Adam's t travel."""
    X, y, name = targets("multiclass")
    for solver in ("sgd", "adam"):
        ours, other = pair(name, random_state=2, batch_size=20, solver=solver, learning_rate_init=0.01)
        for first, last in [(0, 30), (30, 130), (130, 155), (155, 230)]:
            ours = pickle.loads(pickle.dumps(ours))
            ours.partial_fit(X[first:last], y[first:last], classes=np.unique(y))
            other.partial_fit(X[first:last], y[first:last], classes=np.unique(y))
        assert_same_weights(ours, other)
        assert len(ours.loss_curve_) == 4


def test_warm_start_goes_on_from_the_weights():
    X, y, name = targets("regression")
    ours, other = pair(name, random_state=2, max_iter=5, warm_start=True)
    for _ in range(3):
        assert_same_weights(ours.fit(X, y), other.fit(X, y))
    assert len(ours.loss_curve_) == 15


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "regression"])
def test_lbfgs_goes_scikit_learns_way(kind):
    X, y, name = targets(kind)
    ours, other = pair(name, solver="lbfgs", max_iter=15, random_state=0, alpha=0.1, hidden_layer_sizes=(8,))
    ours.fit(X, y)
    other.fit(X, y)
    assert ours.n_iter_ == other.n_iter_
    assert ours.loss_ == pytest.approx(other.loss_, rel=1e-7)
    assert_same_weights(ours, other, 1e-5)  # every step multiplies the rounding of the one before


def test_float32_stays_float32():
    X, y, name = targets("multiclass")
    for solver in ("adam", "sgd", "lbfgs"):
        ours, other = pair(name, random_state=0, max_iter=10, solver=solver)
        ours.fit(X.astype(np.float32), y)
        other.fit(X, y)
        assert {a.dtype for a in ours.coefs_ + ours.intercepts_} == {np.dtype(np.float32)}
        assert ours.predict_proba(X.astype(np.float32)).dtype == np.float32
        np.testing.assert_allclose(ours.predict_proba(X), other.predict_proba(X), atol=1e-3)


@BOTH
def test_verbose_prints_scikit_learns_lines(name, capsys):
    X, _, classes = table()
    printed = []
    for estimator in pair(
        name, verbose=True, early_stopping=True, n_iter_no_change=2, tol=0.5, random_state=0, max_iter=9
    ):
        estimator.fit(X, classes)
        printed.append(capsys.readouterr().out)
    # A digit of the loss may differ, see above.
    assert [line.split("=")[0] for line in printed[0].splitlines()] == [
        line.split("=")[0] for line in printed[1].splitlines()
    ]
    assert "Iteration 1, loss = " in printed[0]
    assert "Validation score: " in printed[0]
