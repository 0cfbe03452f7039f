"""The score of a validation part after every epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import get_scorer, r2_score

from fastdnn.examples import Examples
from fastdnn.monitoring import validation_scores
from fastdnn.network import Network
from fastdnn.trainer import Trainer

Array = NDArray[Any]


class Validation:
    """What is never trained on, and how well the network does on it.

    Parameters
    ----------
    estimator : its `eval_metric` says which score: None, accuracy or R^2 as in `score`; 'loss', minus the mean loss; the name
        of a scikit-learn scorer, or a function (estimator, X, y) -> float. More is better, always.
    """

    def __init__(self, estimator: Any, examples: Examples) -> None:
        self.estimator, self.examples = estimator, examples
        metric = estimator.eval_metric
        self.by_loss = metric == "loss"
        self.scorer = get_scorer(metric) if isinstance(metric, str) and not self.by_loss else metric
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
        self.AL, self.losses = trainer.evaluate(self.examples, self.data)
        if not np.isfinite(self.AL).all():
            return float("nan")
        if self.by_loss:
            factor, constant = self.estimator._loss_terms(self.examples)
            return -float(factor * np.average(self.losses, weights=self.weights) + constant)
        if callable(self.scorer):
            trainer.store()
            self.estimator._take_parameters(trainer.network)
            return float(self.scorer(self.estimator, self.X, self.y))
        return float(self.estimator._score_of(self.Y, self.AL, self.weights))

    def columns(self, network: Network, metrics: list[str]) -> dict[str, float | None]:
        """What the last `score` adds to the history: valid_loss, and the metrics that callbacks asked for."""
        columns: dict[str, float | None] = {"valid_loss": float(np.average(self.losses, weights=self.weights))}
        if metrics:
            columns |= validation_scores(network, self.AL, self.Y, self.losses, metrics)
        return columns


def accuracy(Y: Array, AL: Array, weights: Array | None) -> float:
    """Weighted share of the rows that are right in every output. Y : labels (m,), or (m, n) of 0 and 1."""
    right = AL.argmax(axis=1) == Y if Y.ndim == 1 else ((AL > 0.5) == (Y > 0.5)).all(axis=1)
    return float(np.average(right, weights=weights))


def r_squared(Y: Array, AL: Array, weights: Array | None) -> float:
    """R^2, averaged over the outputs: scikit-learn's r2_score."""
    return float(r2_score(Y, AL, sample_weight=weights))
