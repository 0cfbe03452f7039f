"""The score of a validation part after every epoch."""

from __future__ import annotations

from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import get_scorer, get_scorer_names, r2_score

from fastdnn.errors import ParameterError, unknown_name
from fastdnn.examples import Examples
from fastdnn.monitoring import METRICS, fitting_metrics, higher_is_better, metric_value, validation_scores
from fastdnn.network import Network
from fastdnn.trainer import Trainer

Array = NDArray[Any]


class Validation:
    """What is never trained on, and how well the network does on it.

    Parameters
    ----------
    estimator : its `eval_metric` says which score: None, accuracy or R^2 as in `score`; 'loss', minus the mean loss; the name
        of a scikit-learn scorer, or a function (estimator, X, y) -> float; else one of fastdnn.monitoring, minus it where less
        is better. More is better, always.
    network : the estimator's.

    Raises
    ------
    ParameterError : a name that neither scikit-learn nor fastdnn has for the estimator's loss.
    """

    def __init__(self, estimator: Any, network: Network, examples: Examples) -> None:
        self.estimator, self.examples = estimator, examples
        metric = estimator.eval_metric
        self.by_loss = metric == "loss"
        self.scorer = _scorer(metric, network) if isinstance(metric, str) and not self.by_loss else metric
        self.takes_weights = callable(self.scorer) and _takes_weights(self.scorer)
        rows = examples.indices
        assert examples.Y is not None
        self.Y = examples.Y[rows]
        self.weights = None if examples.weights is None else examples.weights[rows]
        if callable(self.scorer):
            self.X, self.y = examples.X[rows], estimator._decoded(self.Y)
        self.data: Any = None
        self.AL, self.losses = np.zeros((0, 0)), np.zeros(0)

    def score(self, trainer: Trainer) -> float:
        """The score at the trainer's parameters; nan where an output is not finite."""
        if self.data is None:
            self.data = trainer.workspace.data(self.examples, with_targets=True)
        AL, self.losses = trainer.evaluate(self.examples, self.data)
        self.AL = self.estimator._arranged(AL)
        if not np.isfinite(self.AL).all():
            return float("nan")
        if self.by_loss:
            factor, constant = self.estimator._loss_terms(self.examples)
            return -float(factor * np.average(self.losses, weights=self.weights) + constant)
        if callable(self.scorer):
            trainer.store()
            self.estimator._take_parameters(trainer.network)
            weighting = {"sample_weight": self.weights} if self.takes_weights and self.weights is not None else {}
            return float(self.scorer(self.estimator, self.X, self.y, **weighting))
        if self.scorer is not None:
            value = metric_value(self.scorer, trainer.network, self.Y, self.AL, self.weights)
            sign = 1.0 if higher_is_better(self.scorer) else -1.0
            return float("nan") if value is None else sign * value
        return float(self.estimator._score_of(self.Y, self.AL, self.weights))

    def columns(self, network: Network, metrics: list[str]) -> dict[str, float | None]:
        """What the last `score` adds to the history: valid_loss, and the metrics that callbacks asked for."""
        columns: dict[str, float | None] = {"valid_loss": float(np.average(self.losses, weights=self.weights))}
        if metrics:
            columns |= validation_scores(
                network, self.AL, self.Y, self.losses, metrics, weights=self.weights, score_weights=self.weights
            )
        return columns


def _scorer(name: str, network: Network) -> Any:
    """scikit-learn's scorer of that name, or the name itself where it is one of ours."""
    theirs = get_scorer_names()
    if name in theirs:
        return get_scorer(name)
    fitting = fitting_metrics(network)
    if name in fitting:
        return name
    if name in METRICS:
        raise ParameterError(
            f"eval_metric='{name}' does not fit the loss '{network.loss}'. Allowed: loss, {', '.join(fitting)}, "
            "or a scorer of scikit-learn's."
        )
    raise ParameterError(unknown_name("eval_metric", name, dict.fromkeys(("loss", *fitting, *theirs))))


def _takes_weights(scorer: Any) -> bool:
    """Whether a function, or the metric of a scorer made by scikit-learn's make_scorer, has an argument sample_weight."""
    return "sample_weight" in signature(getattr(scorer, "_score_func", scorer)).parameters


def accuracy(Y: Array, AL: Array, weights: Array | None) -> float:
    """Weighted share of the rows that are right in every output. Y : labels (m,), or (m, n) of 0 and 1."""
    right = AL.argmax(axis=1) == Y if Y.ndim == 1 else ((AL > 0.5) == (Y > 0.5)).all(axis=1)
    return float(np.average(right, weights=weights))


def r_squared(Y: Array, AL: Array, weights: Array | None) -> float:
    """R^2, averaged over the outputs: scikit-learn's r2_score."""
    return float(r2_score(Y, AL, sample_weight=weights))
