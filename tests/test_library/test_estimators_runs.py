"""fastdnn/estimators: from one call to the next, how a fit ends, and what its callbacks and evaluation set have to do with it."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
from mlp_pairs import assert_same_weights, targets
from sklearn.exceptions import ConvergenceWarning

import fastdnn
from fastdnn import callbacks
from fastdnn.errors import ParameterError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

FEW = {"random_state": 0, "max_iter": 5}


# ---- callbacks


@pytest.mark.parametrize("parameters", [{}, {"early_stopping": True}, {"shuffle": False, "solver": "sgd"}])
def test_a_callback_that_never_looks_at_the_network_changes_nothing(parameters):
    X, y, _ = targets("multiclass")
    watched, alone = (
        fastdnn.MLPClassifier(callbacks=given, **FEW, **parameters).fit(X, y)
        for given in ([callbacks.TerminateOnNaN()], None)
    )
    assert_same_weights(watched, alone, 0.0)
    if not watched.early_stopping:
        assert_same_weights(watched.partial_fit(X, y), alone.partial_fit(X, y), 0.0)


def test_what_one_callback_makes_of_the_weights_the_next_one_sees():
    X, y, _ = targets("multiclass")
    seen = []

    class Sets(callbacks.Callback):
        def on_train_end(self, run):
            run.network.parameters[:] = 7.0

    class Sees(callbacks.Callback):
        def on_train_end(self, run):
            seen.append(run.network.parameters.copy())

    model = fastdnn.MLPClassifier(callbacks=[Sets(), Sees()], **FEW).fit(X, y)
    assert (seen[0] == 7.0).all()
    assert (model.coefs_[0] == 7.0).all()


@pytest.mark.parametrize("event", ["on_train_begin", "on_epoch_end"])
def test_callbacks_hear_of_the_end_also_where_one_raises(event):
    X, y, _ = targets("multiclass")
    ended = []

    class Ends(callbacks.Callback):
        def on_train_end(self, run):
            ended.append(run.epoch)

    def fail(run):
        raise RuntimeError("full disk")

    failing = callbacks.TerminateOnNaN()
    setattr(failing, event, fail)
    model = fastdnn.MLPClassifier(**FEW).fit(X, y)
    before = pickle.dumps(model)
    with pytest.raises(RuntimeError, match="full disk"):
        model.set_params(callbacks=[Ends(), failing]).fit(X, y)
    assert ended == [0 if event == "on_train_begin" else 1]
    assert pickle.dumps(model.set_params(callbacks=None)) == before


def test_callbacks_that_are_none():
    X, y, _ = targets("multiclass")
    for given in ([callbacks.TerminateOnNaN], [3]):
        with pytest.raises(ParameterError, match="callbacks holds"):
            fastdnn.MLPClassifier(callbacks=given, **FEW).fit(X, y)

    class Sets(callbacks.Callback):
        def on_epoch_end(self, run):
            run.learning_rate = -1.0

    with pytest.raises(ParameterError, match=r"run\.learning_rate must be a number 0 or more, got -1"):
        fastdnn.MLPClassifier(callbacks=[Sets()], **FEW).fit(X, y)


# ---- ends


@pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
def test_a_loss_that_is_not_finite_is_reported_where_the_weights_are_finite():
    """Adam's first step is as long for a huge gradient as for a small one: nothing but the loss shows it."""
    X, y, _ = targets("regression")
    model = fastdnn.MLPRegressor(**FEW)
    words = (
        r"the loss is not finite in iteration 1, and training has ended there\. .* learning_rate_init \(now 0\.001\)"
    )
    with pytest.warns(ConvergenceWarning, match=words):
        model.fit(X, y * 1e300)
    assert (model.history_.stopped_by, model.n_iter_) == ("divergence", 1)
    with pytest.warns(ConvergenceWarning, match="not finite"):
        model.partial_fit(X, y * 1e300)


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", "coslog4"])
def test_a_schedule_with_a_valley_at_its_end_gets_there(schedule):
    X, y, _ = targets("multiclass")
    parameters = {"random_state": 0, "max_iter": 12, "tol": 1.0, "n_iter_no_change": 2, "schedule": schedule}
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        model = fastdnn.MLPClassifier(**parameters).fit(X, y)
    assert not heard
    assert model.n_iter_ == 12
    stopped = fastdnn.MLPClassifier(**parameters, early_stopping=True).fit(X, y)
    assert stopped.n_iter_ < 12
    assert stopped.history_.stopped_by == "patience"
    assert fastdnn.MLPClassifier(**parameters | {"schedule": "exponential"}).fit(X, y).n_iter_ < 12


def test_a_schedule_as_text_has_its_options():
    X, y, _ = targets("multiclass")
    text, made = (
        fastdnn.MLPClassifier(schedule=given, **FEW).fit(X, y)
        for given in ("step:every=2,factor=0.1", fastdnn.make_schedule("step", every=2, factor=0.1))
    )
    assert text.history_["learning_rate"] == pytest.approx([1e-3, 1e-3, 1e-4, 1e-4, 1e-5])
    assert_same_weights(text, made, 0.0)


# ---- calls one after another


@pytest.mark.parametrize(("first", "second"), [("adam", "sgd"), ("sgd", "adam"), ("rmsprop", "momentum")])
def test_another_solver_begins_without_the_moments_of_the_one_before(first, second):
    X, y, _ = targets("multiclass")
    model = fastdnn.MLPClassifier(**FEW, solver=first).fit(X, y)
    fresh = fastdnn.MLPClassifier(**FEW, solver=second, warm_start=True).fit(X, y)
    fresh.coefs_ = [W.copy() for W in model.coefs_]
    fresh.intercepts_ = [b.copy() for b in model.intercepts_]
    fresh.set_params(max_iter=1).fit(X, y)
    assert_same_weights(model.set_params(solver=second).partial_fit(X, y), fresh, 0.0)


def test_partial_fit_and_warm_start_go_together_with_some_of_the_classes():
    X, y, _ = targets("multiclass")
    some = y != "mid"
    warm, plain = (
        fastdnn.MLPClassifier(**FEW, warm_start=given).fit(X, y).partial_fit(X[some], y[some])
        for given in (True, False)
    )
    assert_same_weights(warm, plain, 0.0)
    with pytest.raises(ValueError, match="warm_start can only be used where `y` has the same classes"):
        warm.fit(X[some], y[some])


# ---- eval_set and eval_metric


def test_an_evaluation_set_may_lack_a_class_also_with_warm_start():
    X, y, _ = targets("multiclass")
    some = y != "mid"
    model = fastdnn.MLPClassifier(**FEW, warm_start=True, eval_set=(X[some], y[some])).fit(X, y).fit(X, y)
    assert len(model.validation_scores_) == 10
    assert model.validation_scores_[-1] == pytest.approx(model.score(X[some], y[some]))


def test_an_evaluation_set_of_other_outputs_is_refused():
    X, y, _ = targets("regression")
    two = np.stack([y, y], axis=1)
    for given, other in ((y, two), (two, y)):
        with pytest.raises(ParameterError, match="y of eval_set must have as many columns as y, "):
            fastdnn.MLPRegressor(**FEW, eval_set=(X, other)).fit(X, given)


def test_an_evaluation_set_given_to_fit_is_refused_with_lbfgs_too():
    X, y, _ = targets("regression")
    with pytest.raises(ParameterError, match=r"^eval_set does not go with solver='lbfgs'"):
        fastdnn.MLPRegressor(**FEW, solver="lbfgs").fit(X, y, eval_set=(X, y))


def test_a_metric_without_rows_is_refused():
    X, y, _ = targets("multiclass")
    model = fastdnn.MLPClassifier(**FEW, eval_metric="accuracy")
    for begin in (model.fit, lambda X, y: model.partial_fit(X, y, None, np.unique(y))):
        with pytest.raises(ParameterError, match="eval_metric='accuracy' has no rows that it can be computed on"):
            begin(X, y)
    assert len(model.fit(X, y, eval_set=(X, y)).validation_scores_) == 5


# ---- defaults of the solvers, and the network


def test_adamw_decays_unless_told_otherwise():
    X, y, _ = targets("regression")
    given, default, none = (
        fastdnn.MLPRegressor(**FEW, solver="adamw", weight_decay=decay).fit(X, y) for decay in (0.01, None, 0.0)
    )
    assert_same_weights(given, default, 0.0)
    assert np.abs(none.coefs_[0] - default.coefs_[0]).max() > 1e-7
    adam, never = (fastdnn.MLPRegressor(**FEW, solver="adam", weight_decay=decay).fit(X, y) for decay in (None, 0.0))
    assert_same_weights(adam, never, 0.0)
    fastdnn.MLPRegressor(**FEW, solver="lbfgs", weight_decay=0.0).fit(X, y)


@pytest.mark.parametrize(
    "parameters",
    [
        {"loss": "quantile", "quantile": [0.9, 0.1]},
        {"loss": "huber", "delta": 0.3},
        {"activation": ("gelu", "logistic"), "hidden_layer_sizes": (4, 3)},
        {"activation": "sigmoid"},
    ],
)
def test_the_network_of_an_estimator_has_its_activations_and_loss(parameters):
    X, y, _ = targets("regression")
    model = fastdnn.MLPRegressor(**FEW, alpha=0.0, solver="lbfgs", **parameters).fit(X, y)
    for network in (model.to_network(), fastdnn.from_sklearn(model)):
        np.testing.assert_array_equal(network.predict(X), model.predict_outputs(X))
        Y = np.repeat(y[:, np.newaxis], model.n_outputs_, axis=1)
        assert network.cost(fastdnn.Examples(X, Y)) == pytest.approx(model.loss_)
    model.to_network().parameters[:] = 0.0
    assert model.coefs_[0].any()


def test_the_network_of_an_estimator_that_is_not_fitted():
    with pytest.raises(ValueError, match="not fitted"):
        fastdnn.MLPRegressor().to_network()
    with pytest.raises(ParameterError, match="not fitted"):
        fastdnn.from_sklearn(fastdnn.MLPRegressor())
