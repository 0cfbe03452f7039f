"""What a run watches: the metrics of an epoch by name, on the validation part, and which way each gets better.

A name is 'loss', the training loss; 'valid_loss', the mean loss of the validation part; or one of fastdnn.metrics, computed
on the validation part, each row by its weight; vocabulary.METRICS_OF says which losses it fits. History keeps the last under
'valid_' and its name: 'f1' is the column 'valid_f1'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn import metrics, vocabulary
from fastdnn.errors import ParameterError, unknown_name
from fastdnn.network import Network

Array = NDArray[Any]

_COLUMNS = ("loss", "valid_loss")
_CROSS_ENTROPIES = ("binary_cross_entropy", "categorical_cross_entropy")


@dataclass(frozen=True)
class Metric:
    """A function of fastdnn.metrics, which way it gets better, and whether it needs the quantiles that the outputs stand for.

    function : (y, AL, weights) -> float; of quantiles (y, AL, quantiles, weights) -> float.
    """

    function: Callable[..., float]
    higher_is_better: bool
    of_quantiles: bool = False


METRICS = {
    "accuracy": Metric(metrics.accuracy, True),
    "balanced_accuracy": Metric(metrics.balanced_accuracy, True),
    "log_loss": Metric(metrics.log_loss, False),
    "roc_auc": Metric(metrics.roc_auc, True),
    "f1": Metric(metrics.f1, True),
    "rmse": Metric(metrics.rmse, False),
    "mae": Metric(metrics.mae, False),
    "r2": Metric(metrics.r2, True),
    "pinball": Metric(metrics.pinball_loss, False, of_quantiles=True),
    "d2_pinball": Metric(metrics.d2_pinball, True, of_quantiles=True),
    "poisson_deviance": Metric(metrics.poisson_deviance, False),
}


def plain_name(metric: str) -> str:
    """The name of a metric without the 'valid_' of its column, or ParameterError if there is none such.

    >>> plain_name("f1"), plain_name("valid_f1"), plain_name("valid_loss")
    ('f1', 'f1', 'valid_loss')
    """
    name = metric if metric in _COLUMNS else str(metric).removeprefix("valid_")
    if name not in vocabulary.METRICS:
        raise ParameterError(unknown_name("metric", metric, vocabulary.METRICS))
    return name


def column_of(metric: str) -> str:
    """The column of History.epochs that holds a metric; raises as `plain_name`."""
    name = plain_name(metric)
    return name if name in _COLUMNS else f"valid_{name}"


def higher_is_better(metric: str) -> bool:
    """Whether more of a metric is better: False for losses and errors; raises as `plain_name`."""
    name = plain_name(metric)
    return name in METRICS and METRICS[name].higher_is_better


def fitting_metrics(network: Network) -> tuple[str, ...]:
    """The names in METRICS that fit a network's loss, as vocabulary.METRICS_OF has them.

    RMSE, MAE and R^2 of a quantile network are those of its medians: they fit where 0.5 is among its quantiles.

    >>> fitting_metrics(Network([2, 2], loss="quantile", loss_options={"quantiles": [0.1, 0.9]}))
    ('pinball', 'd2_pinball')
    """
    if network.loss in _CROSS_ENTROPIES:
        return vocabulary.METRICS_OF["classes"]
    own = vocabulary.METRICS_OF.get(network.loss, ())
    return own if network.loss == "quantile" and not _medians(network) else (*vocabulary.METRICS_OF["quantities"], *own)


def default_score(network: Network) -> str:
    """The metric that a run is shown by, more is better: accuracy of the cross-entropies, D^2 of quantiles, R^2 of all others."""
    if network.loss == "quantile":
        return "d2_pinball"
    return "accuracy" if network.loss in _CROSS_ENTROPIES else "r2"


def requested_metrics(network: Network, metric: str | None, callbacks: Iterable[object], *, valid: bool) -> list[str]:
    """The names in METRICS that every epoch must compute: that of `train`, and those in the `metrics` of its callbacks.

    Parameters
    ----------
    metric : what `train` was told to watch, or None for 'valid_loss'.
    callbacks : may have an attribute `metrics`, the names that they read from History.
    valid : whether the run has a validation part.

    Raises
    ------
    ParameterError : an unknown name, one that does not fit the network's loss, or one that needs a validation part where
        there is none.
    """
    wanted = [metric] if metric is not None else []
    for callback in callbacks:
        wanted += getattr(callback, "metrics", ())
    names = list(dict.fromkeys(plain_name(name) for name in wanted))
    fitting = fitting_metrics(network)
    for name in names:
        if name in METRICS and name not in fitting:
            of_medians = network.loss == "quantile" and name in vocabulary.METRICS_OF["quantities"]
            without = " without 0.5 among its quantiles" if of_medians else ""
            raise ParameterError(
                f"Metric '{name}' does not fit the loss '{network.loss}'{without}. "
                f"Allowed: {', '.join([*_COLUMNS, *fitting])}."
            )
        if name != "loss" and not valid:
            raise ParameterError(
                f"Metric '{name}' is computed on a validation part, and there is none.",
                "valid= (eval_set= of an estimator), or the metric 'loss'",
            )
    return [name for name in names if name in METRICS]


def validation_scores(
    network: Network,
    AL: Array,
    Y: Array,
    losses: NDArray[np.float64],
    names: Iterable[str] = (),
    *,
    weights: Array | None = None,
    score_weights: Array | None = None,
) -> dict[str, float | None]:
    """The columns that one epoch adds to History for its validation part.

    Parameters
    ----------
    network : says by its loss what the numbers are. names : further metrics, as `requested_metrics` gives them.
    AL : (m, n_y), read: outputs of the validation part. Y : (m,) or (m, n_y), read: its targets, in the same order.
    losses : (m,), read: the loss of each example.
    weights, score_weights : (m,), read: how much each counts in the loss and in the scores, or None: all count alike.

    Returns
    -------
    dict : 'valid_loss', the (weighted) mean loss; 'valid_score', `default_score` of the network; 'valid_' and each further name.
        None where a score is not defined (R^2 of a constant target).
    """
    row: dict[str, float | None] = {"valid_loss": float(np.average(losses, weights=weights))}
    row["valid_score"] = metric_value(default_score(network), network, Y, AL, score_weights)
    return row | {column_of(name): metric_value(name, network, Y, AL, score_weights) for name in names}


def metric_value(name: str, network: Network, Y: Array, AL: Array, weights: Array | None = None) -> float | None:
    """One metric of METRICS that fits the network; None where it is not defined.

    Of several yes-or-no outputs it is the mean over those that have it; RMSE, MAE and R^2 of quantiles are those of the medians.
    """
    metric = METRICS[name]
    if metric.of_quantiles:
        value = metric.function(Y, AL, network.loss_options["quantiles"], weights)
    elif network.loss == "binary_cross_entropy":
        truth = Y.reshape(AL.shape) > 0.5
        values = [metric.function(truth[:, k], AL[:, k : k + 1], weights) for k in range(AL.shape[1])]
        known = [value for value in values if np.isfinite(value)]
        value = float(np.mean(known)) if known else float("nan")
    elif network.loss == "quantile":
        chosen = _medians(network)
        value = metric.function(np.broadcast_to(Y.reshape(len(Y), -1), AL.shape)[:, chosen], AL[:, chosen], weights)
    else:
        value = metric.function(Y, AL, weights)
    return value if np.isfinite(value) else None


def _medians(network: Network) -> list[int]:
    """The outputs of a quantile network that stand for medians."""
    return [k for k, tau in enumerate(network.loss_options["quantiles"]) if tau == 0.5]
