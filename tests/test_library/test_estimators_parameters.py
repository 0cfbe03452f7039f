"""fastdnn/estimators: the parameters they have that scikit-learn's lack."""

from __future__ import annotations

import numpy as np
import pytest
from mlp_pairs import assert_same_weights, pair, table, targets
from sklearn.datasets import load_digits

import fastdnn
from fastdnn import callbacks, vocabulary
from fastdnn.schedules import make_schedule

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_class_weights_are_sample_weights():
    X, y, _ = targets("binary")
    weights = np.where(y, 3.0, 0.5)
    by_class = fastdnn.MLPClassifier(random_state=0, max_iter=5, class_weight={False: 0.5, True: 3.0}).fit(X, y)
    assert_same_weights(by_class, fastdnn.MLPClassifier(random_state=0, max_iter=5).fit(X, y, weights), 1e-15)
    balanced = fastdnn.MLPClassifier(random_state=0, max_iter=5, class_weight="balanced").fit(X, y)
    weights = len(y) / (2 * np.where(y, y.sum(), (~y).sum()))
    assert_same_weights(balanced, fastdnn.MLPClassifier(random_state=0, max_iter=5).fit(X, y, weights), 1e-15)
    with pytest.raises(ValueError, match="'balanced' is not supported for partial_fit"):
        fastdnn.MLPClassifier(class_weight="balanced").partial_fit(X, y, classes=[False, True])


def test_an_evaluation_set_is_scored_every_epoch():
    X, y, _ = targets("multiclass")
    model = fastdnn.MLPClassifier(random_state=0, max_iter=7, eval_set=(X[150:], y[150:])).fit(X[:150], y[:150])
    alone = fastdnn.MLPClassifier(random_state=0, max_iter=7).fit(X[:150], y[:150])
    assert_same_weights(model, alone, 1e-14)  # looking changes nothing but the order in which a sole batch is summed
    assert model.validation_scores_[-1] == model.score(X[150:], y[150:])
    assert [row["valid_score"] for row in model.history_.epochs] == model.validation_scores_
    assert model.history_.epochs[-1]["valid_loss"] == pytest.approx(
        -np.log(model.predict_proba(X[150:])[np.arange(80), np.searchsorted(model.classes_, y[150:])]).mean()
    )


@pytest.mark.parametrize("metric", ["loss", "neg_log_loss", lambda e, X, y: -e.predict_proba(X).max()])
def test_early_stopping_on_any_metric_keeps_the_best(metric):
    X, y, _ = targets("multiclass")
    model = fastdnn.MLPClassifier(
        random_state=0,
        max_iter=60,
        learning_rate_init=0.05,
        early_stopping=True,
        eval_metric=metric,
        n_iter_no_change=4,
    ).fit(X[:150], y[:150], eval_set=(X[150:], y[150:]))
    best = max(model.validation_scores_)
    assert model.best_validation_score_ == best
    assert model.history_.best_epoch == int(np.argmax(model.validation_scores_)) + 1
    if not callable(metric):
        P = model.predict_proba(X[150:])
        assert -best == pytest.approx(-np.log(P[np.arange(80), np.searchsorted(model.classes_, y[150:])]).mean())


@pytest.mark.parametrize("solver", ["momentum", "nesterov", "rmsprop", "adamw"])
def test_the_other_solvers_learn(solver):
    X, y = load_digits(return_X_y=True)
    rate = 0.05 if solver in ("momentum", "nesterov") else 0.002
    model = fastdnn.MLPClassifier(
        random_state=0, max_iter=15, solver=solver, learning_rate_init=rate, weight_decay=1e-4
    )
    assert model.fit(X[:1200] / 16, y[:1200]).score(X[1200:] / 16, y[1200:]) > 0.85
    assert model.loss_curve_[-1] < model.loss_curve_[0] / 3


def test_named_momenta_are_sgd_with_momentum():
    X, y, _ = targets("binary")
    for solver, nesterov in (("momentum", False), ("nesterov", True)):
        named = fastdnn.MLPClassifier(solver=solver, random_state=0, max_iter=5).fit(X, y)
        plain = fastdnn.MLPClassifier(solver="sgd", nesterovs_momentum=nesterov, random_state=0, max_iter=5).fit(X, y)
        assert_same_weights(named, plain, 0.0)


def test_dropout_is_drawn_from_random_state():
    X, y, _ = targets("multiclass")
    fits = [fastdnn.MLPClassifier(random_state=s, max_iter=5, dropout=0.3).fit(X, y) for s in (1, 1, 2)]
    assert_same_weights(fits[0], fits[1], 0.0)
    assert np.abs(fits[0].coefs_[0] - fits[2].coefs_[0]).max() > 1e-3


def test_threads_give_the_same_bits():
    X, y, _ = targets("multiclass")
    fits = [fastdnn.MLPClassifier(random_state=1, max_iter=5, n_threads=n).fit(X, y) for n in (1, 2)]
    assert_same_weights(*fits, 0.0)


def test_a_time_limit_ends_the_fit():
    X, y, _ = targets("multiclass")
    model = fastdnn.MLPClassifier(random_state=1, max_iter=10**6, tol=0.0, n_iter_no_change=10**6, time_limit=0.2)
    model.fit(X, y)
    assert model.history_.stopped_by == "time limit"
    assert 1 <= model.n_iter_ < 10**6


def test_ctrl_c_keeps_the_epochs_so_far():
    X, y, _ = targets("multiclass")
    calls = []

    def pressed(estimator, X, y):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return 0.0

    model = fastdnn.MLPClassifier(random_state=1, max_iter=10, eval_set=(X, y), eval_metric=pressed)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model.fit(X, y)
    assert model.n_iter_ == 3
    assert model.history_.stopped_by == "interrupt"
    assert_same_weights(model, fastdnn.MLPClassifier(random_state=1, max_iter=3).fit(X, y), 1e-12)


needs_losses = pytest.mark.skipif("poisson" not in vocabulary.LOSSES, reason="the engine has no such losses yet")


@needs_losses
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_poisson_is_scikit_learns(solver):
    X, value, _ = table()
    y = np.random.default_rng(0).poisson(np.exp(value / 2))
    ours, other = pair(
        "MLPRegressor", loss="poisson", solver=solver, random_state=1, max_iter=20, learning_rate_init=0.002
    )
    ours.fit(X, y)
    other.fit(X, y)
    assert_same_weights(ours, other, 1e-5 if solver == "lbfgs" else 1e-9)
    assert ours.loss_ == pytest.approx(other.loss_, rel=1e-4)
    assert ours.out_activation_ == other.out_activation_
    with pytest.raises(ValueError, match="0 or more"):
        ours.fit(X, value)


@needs_losses
def test_robust_losses_and_quantiles():
    rng = np.random.default_rng(2)
    X = rng.uniform(-2, 2, (600, 1))
    y = X[:, 0] + rng.exponential(1.0, 600)
    parameters = {"hidden_layer_sizes": (16,), "learning_rate_init": 0.02, "max_iter": 150, "random_state": 0}
    several = fastdnn.MLPRegressor(loss="quantile", quantile=[0.1, 0.5, 0.9], **parameters).fit(X, y)
    shares = (y[:, None] < several.predict(X)).mean(axis=0)
    np.testing.assert_allclose(shares, [0.1, 0.5, 0.9], atol=0.06)
    for loss, more in (("absolute_error", {}), ("huber", {"delta": 0.01})):
        median = fastdnn.MLPRegressor(loss=loss, **parameters, **more).fit(X, y).predict(X)
        assert (y < median).mean() == pytest.approx(0.5, abs=0.06)
    with pytest.raises(ValueError, match=r"each quantile must be a number above 0 and below 1, got 1\.5"):
        fastdnn.MLPRegressor(loss="quantile", quantile=[0.5, 1.5]).fit(X, y)


@needs_losses
def test_label_smoothing_keeps_probabilities_from_the_ends():
    X, y, _ = targets("multiclass")
    parameters = {"random_state": 0, "max_iter": 300, "learning_rate_init": 0.02}
    plain = fastdnn.MLPClassifier(**parameters).fit(X, y).predict_proba(X).max()
    assert fastdnn.MLPClassifier(label_smoothing=0.2, **parameters).fit(X, y).predict_proba(X).max() < plain


def test_a_schedule_rules_the_rate_of_every_step():
    X, y, _ = targets("regression")
    schedule = make_schedule("cosine")
    by_name = fastdnn.MLPRegressor(random_state=1, max_iter=8, batch_size=50, schedule="cosine").fit(X, y)
    given = fastdnn.MLPRegressor(random_state=1, max_iter=8, batch_size=50, schedule=schedule).fit(X, y)
    assert_same_weights(by_name, given, 0.0)
    rates = [row["learning_rate"] for row in by_name.history_.epochs]
    starts = np.arange(8) / 8
    np.testing.assert_allclose(rates, 0.001 * schedule.factors(starts, 8 * starts))
    assert_same_weights(
        fastdnn.MLPRegressor(random_state=1, max_iter=8, batch_size=50, schedule="constant").fit(X, y),
        fastdnn.MLPRegressor(random_state=1, max_iter=8, batch_size=50).fit(X, y),
        0.0,
    )


def test_callbacks_see_the_run_and_stop_it():
    X, y, _ = targets("multiclass")
    seen = []

    class Watcher(callbacks.Callback):
        def on_epoch_end(self, run):
            seen.append((run.epoch, run.epochs, run.history.epochs[-1]["loss"], run.network.weights[0].copy()))
            run.learning_rate /= 2
            if run.epoch == 3:
                run.stop("enough")

    model = fastdnn.MLPClassifier(random_state=1, max_iter=9, callbacks=[Watcher()]).fit(X, y)
    assert [row[:2] for row in seen] == [(1, 9), (2, 9), (3, 9)]
    assert [row[2] for row in seen] == model.loss_curve_
    assert model.history_.stopped_by == "enough"
    assert [row["learning_rate"] for row in model.history_.epochs] == [0.001, 0.0005, 0.00025]
    np.testing.assert_array_equal(seen[-1][3].T, model.coefs_[0])


def test_a_callback_that_restores_the_best_epoch_is_heard():
    X, y, _ = targets("multiclass")
    model = fastdnn.MLPClassifier(
        random_state=1, max_iter=80, learning_rate_init=0.05, eval_set=(X[150:], y[150:]),
        callbacks=[callbacks.EarlyStopping("valid_loss", patience=3)],
    ).fit(X[:150], y[:150])  # fmt: skip
    best = min(row["valid_loss"] for row in model.history_.epochs)
    P = model.predict_proba(X[150:])
    assert best == pytest.approx(-np.log(P[np.arange(80), np.searchsorted(model.classes_, y[150:])]).mean())
    assert len(model.history_.epochs) < 80


def test_per_layer_activations():
    X, y, _ = targets("regression")
    model = fastdnn.MLPRegressor(hidden_layer_sizes=(8, 5), activation=["tanh", "relu"], random_state=0, max_iter=5)
    model.fit(X, y)
    A = np.tanh(X @ model.coefs_[0] + model.intercepts_[0])
    A = np.maximum(A @ model.coefs_[1] + model.intercepts_[1], 0)
    np.testing.assert_allclose(model.predict(X), (A @ model.coefs_[2] + model.intercepts_[2])[:, 0], rtol=1e-10)
