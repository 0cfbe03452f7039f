"""fastdnn/estimators: metrics of an evaluation set, its weights, and the scores of quantiles."""

from __future__ import annotations

import numpy as np
import pytest
from mlp_pairs import targets
from sklearn.metrics import mean_poisson_deviance

import fastdnn
from fastdnn import callbacks, metrics

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_weights_of_an_evaluation_set_count_in_every_score():
    X, y, _ = targets("multiclass")
    copies = np.random.default_rng(0).integers(0, 4, 80)
    rows = 150 + np.repeat(np.arange(80), copies)

    def fitted(metric, *eval_set):
        model = fastdnn.MLPClassifier(
            random_state=0, max_iter=4, eval_metric=metric, eval_set=eval_set, callbacks=[callbacks.EarlyStopping("f1")]
        )
        return model.fit(X[:150], y[:150])

    for metric in (None, "loss", "accuracy", "log_loss", "f1_macro"):
        weighted = fitted(metric, X[150:], y[150:], copies)
        copied, plain = fitted(metric, X[rows], y[rows]), fitted(metric, X[150:], y[150:])
        assert weighted.validation_scores_ == pytest.approx(copied.validation_scores_, rel=1e-12)
        assert weighted.validation_scores_ != pytest.approx(plain.validation_scores_, rel=1e-6)
        for column in ("valid_loss", "valid_f1"):
            assert weighted.history_[column] == pytest.approx(copied.history_[column], rel=1e-12)
    with pytest.raises(ValueError, match="Negative values in data"):
        fitted(None, X[150:], y[150:], -copies)


def test_a_function_gets_the_weights_if_it_takes_them():
    X, y, _ = targets("regression")
    weights, seen = np.random.default_rng(0).random(50), []

    def takes(estimator, X, y, sample_weight=None):
        seen.append(sample_weight)
        return 0.0

    settings = {"random_state": 0, "max_iter": 1}
    fastdnn.MLPRegressor(eval_metric=takes, eval_set=(X[:50], y[:50], weights), **settings).fit(X, y)
    np.testing.assert_array_equal(seen, [weights])
    fastdnn.MLPRegressor(eval_metric=takes, eval_set=(X[:50], y[:50]), **settings).fit(X, y)
    assert seen[1] is None
    # The largest error of all is that whatever the rows weigh.
    plain, weighted = (
        fastdnn.MLPRegressor(eval_metric="neg_max_error", eval_set=given, **settings).fit(X, y)
        for given in ((X[:50], y[:50]), (X[:50], y[:50], weights))
    )
    assert plain.validation_scores_ == weighted.validation_scores_


def test_the_metrics_of_the_losses():
    X, value, _ = targets("regression")
    levels = [0.9, 0.5, 0.1]
    parameters = {"random_state": 0, "max_iter": 3, "eval_set": (X, value)}
    for metric, sign in (("pinball", -1), ("d2_pinball", 1), ("mae", -1)):
        model = fastdnn.MLPRegressor("quantile", quantile=levels, eval_metric=metric, **parameters).fit(X, value)
        answers = model.predict(X)
        expected = {
            "pinball": metrics.pinball_loss(value, answers, levels),
            "d2_pinball": metrics.d2_pinball(value, answers, levels),
            "mae": metrics.mae(value, answers[:, [1]]),
        }
        assert model.validation_scores_[-1] == pytest.approx(sign * expected[metric], rel=1e-12)
    assert model.score(X, value) == pytest.approx(expected["d2_pinball"], rel=1e-12)
    counts = np.random.default_rng(0).poisson(2.0, len(X))
    parameters["eval_set"] = (X, counts)
    model = fastdnn.MLPRegressor("poisson", eval_metric="poisson_deviance", **parameters).fit(X, counts)
    deviance = mean_poisson_deviance(counts, model.predict(X))
    assert model.validation_scores_[-1] == pytest.approx(-deviance, rel=1e-12)


def test_the_score_of_several_quantiles_is_shown_and_takes_weights():
    X, y, _ = targets("regression")
    model = fastdnn.MLPRegressor(
        "quantile", quantile=[0.2, 0.7], random_state=0, max_iter=4, early_stopping=True, eval_set=(X[:99], y[:99])
    ).fit(X[99:], y[99:])
    assert model.score(X[:99], y[:99]) == pytest.approx(max(model.validation_scores_), rel=1e-12)
    copies = np.arange(99) % 3
    rows = np.repeat(np.arange(99), copies)
    assert model.score(X[:99], y[:99], copies) == pytest.approx(model.score(X[rows], y[rows]), rel=1e-12)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.score(X, y[:5])


def test_quantiles_that_cross_are_sorted_in_each_row():
    X, y, _ = targets("regression")
    levels = [0.9, 0.1, 0.5]
    model = fastdnn.MLPRegressor(
        hidden_layer_sizes=(4,), loss="quantile", quantile=levels, random_state=0, max_iter=1
    ).fit(X, y)
    model.coefs_[1][:] = 0.0
    model.intercepts_[1][:] = [-1.0, 1.0, 0.0]
    np.testing.assert_array_equal(model.predict_outputs(X[:2]), [[-1.0, 1.0, 0.0]] * 2)
    np.testing.assert_array_equal(model.predict(X[:2]), [[1.0, -1.0, 0.0]] * 2)
    several = fastdnn.MLPRegressor(hidden_layer_sizes=(4,), loss="quantile", quantile=0.3, random_state=0, max_iter=1)
    several.fit(X, np.stack([y, -y], axis=1))  # the same quantile of two targets, which nothing orders
    several.coefs_[1][:] = 0.0
    several.intercepts_[1][:] = [2.0, -2.0]
    np.testing.assert_array_equal(several.predict(X[:1]), [[2.0, -2.0]])
