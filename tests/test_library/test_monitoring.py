"""fastdnn/monitoring.py: names, directions, and the numbers of a validation part."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from fastdnn import metrics, vocabulary
from fastdnn.errors import ParameterError
from fastdnn.monitoring import (
    METRICS,
    column_of,
    default_score,
    fitting_metrics,
    higher_is_better,
    plain_name,
    requested_metrics,
    validation_scores,
)
from fastdnn.network import Network

BINARY = Network([2, 1])
CLASSES = Network([2, 3])
VALUES = Network([2, 1], loss="squared_error")
COUNTS = Network([2, 1], loss="poisson")


def quantile_network(*levels):
    return Network([2, len(levels)], loss="quantile", loss_options={"quantiles": levels})


def test_the_names_are_those_of_the_vocabulary():
    assert ("loss", "valid_loss", *METRICS) == vocabulary.METRICS


def test_columns_and_directions():
    columns = {"loss": "loss", "valid_loss": "valid_loss", "f1": "valid_f1", "valid_f1": "valid_f1"}
    assert {name: column_of(name) for name in columns} == columns
    better = {name for name in vocabulary.METRICS if higher_is_better(name)}
    assert better == {"accuracy", "balanced_accuracy", "roc_auc", "f1", "r2", "d2_pinball"}
    assert higher_is_better("valid_f1")


@pytest.mark.parametrize("metric", METRICS)
def test_directions_agree_with_the_functions(metric):
    """A perfect answer is not worse than a wrong one."""
    if metric in vocabulary.METRICS_OF["classes"]:
        Y, wrong = np.array([0, 1, 0, 1]), np.array([[0.9], [0.2], [0.4], [0.3]])
        right = np.where(Y[:, None] == 1, 0.99, 0.01)
    else:
        Y, wrong = np.array([1.0, 2.0, 4.0, 3.0]), np.array([[2.0], [1.0], [0.5], [0.5]])
        right = Y[:, None] + 0.01
    function, levels = METRICS[metric].function, [[0.5]] if METRICS[metric].of_quantiles else []
    assert (function(Y, right, *levels) > function(Y, wrong, *levels)) == higher_is_better(metric)


def test_unknown_names():
    for call in (plain_name, column_of, higher_is_better):
        with pytest.raises(
            ParameterError, match=r"Unknown metric 'acuracy'. Did you mean 'accuracy'\? Allowed: loss, valid_"
        ):
            call("acuracy")


def test_default_scores():
    shown = [default_score(network) for network in (BINARY, CLASSES, VALUES, quantile_network(0.1), COUNTS)]
    assert shown == ["accuracy", "accuracy", "r2", "d2_pinball", "r2"]
    assert all(higher_is_better(name) for name in shown)


def test_what_fits_which_loss():
    quantities = ("rmse", "mae", "r2")
    assert fitting_metrics(BINARY) == ("accuracy", "balanced_accuracy", "log_loss", "roc_auc", "f1")
    assert fitting_metrics(VALUES) == quantities
    assert fitting_metrics(COUNTS) == (*quantities, "poisson_deviance")
    assert fitting_metrics(quantile_network(0.5)) == (*quantities, "pinball", "d2_pinball")
    assert fitting_metrics(quantile_network(0.1, 0.9)) == ("pinball", "d2_pinball")


def test_requests_of_the_run_and_of_its_callbacks_are_joined():
    stop = SimpleNamespace(metrics=("valid_f1", "loss"))
    plain = SimpleNamespace()
    assert requested_metrics(CLASSES, "roc_auc", [stop, plain, stop], valid=True) == ["roc_auc", "f1"]
    assert requested_metrics(CLASSES, None, [], valid=False) == []
    assert requested_metrics(CLASSES, "loss", [], valid=False) == []
    assert requested_metrics(VALUES, "valid_loss", [], valid=True) == []


@pytest.mark.parametrize(
    ("network", "metric", "valid", "words"),
    [
        (
            VALUES,
            "f1",
            True,
            "Metric 'f1' does not fit the loss 'squared_error'. Allowed: loss, valid_loss, rmse, mae, r2",
        ),
        (CLASSES, "r2", True, "does not fit the loss 'categorical_cross_entropy'. Allowed: loss, valid_loss, accuracy"),
        (CLASSES, "f1", False, "Metric 'f1' is computed on a validation part, and there is none"),
        (CLASSES, "valid_loss", False, "and there is none"),
        (CLASSES, "f2", True, "Unknown metric 'f2'"),
        (VALUES, "pinball", True, "Metric 'pinball' does not fit the loss 'squared_error'. Allowed: .*, r2"),
        (VALUES, "poisson_deviance", True, "Metric 'poisson_deviance' does not fit the loss 'squared_error'"),
        (
            quantile_network(0.1, 0.9),
            "mae",
            True,
            "'mae' does not fit the loss 'quantile' without 0.5 among its quantiles. Allowed: .*, pinball, d2_pinball",
        ),
    ],
)
def test_requests_that_cannot_be_met(network, metric, valid, words):
    with pytest.raises(ParameterError, match=words):
        requested_metrics(network, metric, [], valid=valid)
    with pytest.raises(ParameterError, match=words):
        requested_metrics(network, None, [SimpleNamespace(metrics=(metric,))], valid=valid)


def outputs(m, n_y, seed):
    rng = np.random.default_rng(seed)
    return rng.random((m, n_y)), rng


@pytest.mark.parametrize("column", [False, True])
def test_binary(column):
    AL, rng = outputs(40, 1, 0)
    Y = (rng.random(40) < AL[:, 0]).astype(float)
    row = validation_scores(BINARY, AL, Y[:, None] if column else Y, np.full(40, 0.25), ["f1", "roc_auc", "log_loss"])
    assert row == {
        "valid_loss": 0.25,
        "valid_score": metrics.accuracy(Y, AL),
        "valid_f1": metrics.f1(Y, AL),
        "valid_roc_auc": metrics.roc_auc(Y, AL),
        "valid_log_loss": metrics.log_loss(Y, AL),
    }


def test_classes():
    AL, rng = outputs(60, 3, 1)
    Y = rng.integers(0, 3, 60)
    row = validation_scores(CLASSES, AL, Y, np.arange(60.0), ["f1"])
    assert row == {"valid_loss": 29.5, "valid_score": np.mean(AL.argmax(axis=1) == Y), "valid_f1": metrics.f1(Y, AL)}


def test_several_yes_or_no_outputs_count_alike():
    AL, rng = outputs(50, 3, 2)
    Y = (rng.random((50, 3)) < AL).astype(np.float32)
    network = Network([2, 3], loss="binary_cross_entropy")
    row = validation_scores(network, AL, Y, np.ones(50), ["f1", "roc_auc"])
    assert row["valid_score"] == pytest.approx(np.mean((AL > 0.5) == (Y > 0.5)))
    assert row["valid_f1"] == pytest.approx(np.mean([metrics.f1(Y[:, k], AL[:, [k]]) for k in range(3)]))
    Y[:, 1] = 1  # a label that all have has no ROC curve
    row = validation_scores(network, AL, Y, np.ones(50), ["roc_auc"])
    assert row["valid_roc_auc"] == pytest.approx(np.mean([metrics.roc_auc(Y[:, k], AL[:, [k]]) for k in (0, 2)]))


def test_several_values_have_a_mean_each():
    """R^2 = 1 - (4 + 0) / (8 + 2) by hand: the means are 2 and 11."""
    AL, Y = np.array([[2.0, 10.0], [4.0, 12.0]]), np.array([[0.0, 10.0], [4.0, 12.0]])
    row = validation_scores(Network([2, 2], loss="squared_error"), AL, Y, np.ones(2), ["mae", "rmse"])
    assert row == {"valid_loss": 1.0, "valid_score": pytest.approx(0.6), "valid_mae": 0.5, "valid_rmse": 1.0}


def test_quantiles():
    AL, rng = outputs(50, 3, 3)
    Y = rng.normal(size=50)
    network = quantile_network(0.9, 0.5, 0.2)
    names = ["pinball", "d2_pinball", "rmse", "mae", "r2"]
    row = validation_scores(network, AL, Y, np.ones(50), names)
    assert row == {
        "valid_loss": 1.0,
        "valid_score": metrics.d2_pinball(Y, AL, [0.9, 0.5, 0.2]),
        "valid_pinball": metrics.pinball_loss(Y, AL, [0.9, 0.5, 0.2]),
        "valid_d2_pinball": row["valid_score"],
        "valid_rmse": metrics.rmse(Y, AL[:, [1]]),
        "valid_mae": metrics.mae(Y, AL[:, [1]]),
        "valid_r2": metrics.r2(Y, AL[:, [1]]),
    }
    assert validation_scores(network, AL, np.repeat(Y[:, None], 3, axis=1), np.ones(50), names) == row


def test_counts():
    AL, rng = outputs(50, 1, 4)
    Y = rng.poisson(AL[:, 0]).astype(float)
    row = validation_scores(COUNTS, AL, Y, np.ones(50), ["poisson_deviance"])
    assert row["valid_poisson_deviance"] == metrics.poisson_deviance(Y, AL)


@pytest.mark.parametrize(
    ("network", "names"),
    [
        (network, fitting_metrics(network))
        for network in (BINARY, CLASSES, Network([2, 3], loss="binary_cross_entropy"), VALUES, COUNTS)
    ]
    + [(quantile_network(0.2, 0.5), fitting_metrics(quantile_network(0.2, 0.5)))],
)
def test_scores_of_weighted_rows_are_those_of_copies(network, names):
    AL, rng = outputs(30, network.layer_dims[-1], 5)
    several = network.loss == "binary_cross_entropy" and AL.shape[1] > 1
    Y = rng.integers(0, 3 if network is CLASSES else 2, AL.shape if several else 30)
    copies = rng.integers(0, 4, 30)
    rows = np.repeat(np.arange(30), copies)
    row = validation_scores(network, AL, Y, np.ones(30), names, score_weights=copies.astype(float))
    of_copies = validation_scores(network, AL[rows], Y[rows], np.ones(len(rows)), names)
    assert row == pytest.approx(of_copies, rel=1e-13)
    assert None not in row.values()


def test_what_is_not_defined_is_none():
    row = validation_scores(VALUES, np.array([[1.0], [2.0]]), np.array([3.0, 3.0]), np.ones(2))
    assert row["valid_score"] is None
    row = validation_scores(BINARY, np.array([[0.1], [0.2]]), np.zeros(2), np.ones(2), ["roc_auc"])
    assert row["valid_roc_auc"] is None


def test_the_loss_is_the_weighted_mean_and_a_weight_of_two_is_two_copies():
    losses, weights = np.array([5.0, 1.0, 7.0]), np.array([1.0, 2.0, 0.0])
    row = validation_scores(VALUES, np.ones((3, 1)), np.arange(3.0), losses, weights=weights)
    assert row["valid_loss"] == pytest.approx(np.mean([5.0, 1.0, 1.0]), rel=1e-15)
