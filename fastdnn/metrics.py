"""How good predictions are: pure NumPy on the true targets and the network's outputs.

Everywhere `y` is the truth and `AL` the output of the last layer, one row an example: (m, 1) probabilities of the
second class for a binary task, (m, K) probabilities for K classes, (m, 1) values for regression. `weights` says how much
each row counts, (m,), 0 or more, or None where all count alike: k is as k copies of the row, 0 as if it were not there; a
score of rows that all weigh 0 is nan. Sums are taken in float64 whatever comes in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastdnn.moments import unit_of_squares
from fastdnn.quantiles import sample_quantiles

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]


def class_indices(AL: Array) -> IndexArray:
    """The predicted class of each row: the largest of K columns, or 1 where the single column is one half or more.

    Parameters
    ----------
    AL : (m, 1) or (m, K), read. Among equal columns the first wins.

    Returns
    -------
    (m,) int64

    >>> class_indices(np.array([[0.2], [0.9]])).tolist()
    [0, 1]
    """
    if AL.shape[1] == 1:
        return np.asarray(AL[:, 0] > 0.5, dtype=np.int64)
    return np.asarray(np.argmax(AL, axis=1), dtype=np.int64)


def _mean(values: Array, weights: Array | None) -> float:
    """The (weighted) mean over rows of (m,) values, or over all of (m, n)."""
    if weights is None:
        return float(np.mean(values))
    rows = weights > 0  # nothing times an infinite value is not nothing
    if not rows.any():
        return float("nan")
    of_rows = values[rows].reshape(int(rows.sum()), -1).mean(axis=1)
    return float(np.average(of_rows, weights=weights[rows].astype(np.float64)))


def accuracy(y: Array, AL: Array, weights: Array | None = None) -> float:
    """Share of rows whose predicted class is the true one; y is (m,) or (m, 1) class indices."""
    return _mean(class_indices(AL) == y.ravel(), weights)


def balanced_accuracy(y: Array, AL: Array, weights: Array | None = None) -> float:
    """The mean over the classes in `y` of the share of their rows that are predicted as such: every class counts alike."""
    counts = confusion_matrix(y, AL, weights)
    there = counts.sum(axis=1) > 0
    return float(np.mean(np.diag(counts)[there] / counts.sum(axis=1)[there])) if there.any() else float("nan")


def log_loss(y: Array, AL: Array, weights: Array | None = None) -> float:
    """Mean of -log(probability given to the true class), natural logarithm.

    Probabilities are kept `eps` of AL's own dtype away from 0 and 1, as scikit-learn does: a float32 sigmoid rounds
    to exactly 1.
    """
    eps = float(np.finfo(AL.dtype).eps)
    truth = y.ravel().astype(np.int64)
    P = AL.astype(np.float64)
    p_true = np.where(truth == 1, P[:, 0], 1.0 - P[:, 0]) if P.shape[1] == 1 else P[np.arange(truth.size), truth]
    return -_mean(np.log(np.clip(p_true, eps, 1.0 - eps)), weights)


def _area_under_curve(positive: npt.NDArray[np.bool_], score: Array, weights: Array | None) -> float:
    """Probability that a positive row scores higher than a negative one, ties counting half; nan if a side is empty.

    The Mann-Whitney form over the distinct scores: sum of w_pos (w_neg below + w_neg / 2) / (W_pos W_neg).
    """
    _, place = np.unique(score, return_inverse=True)
    counting = np.ones(score.size) if weights is None else weights.astype(np.float64)
    for_positives, for_negatives = (np.bincount(place.ravel(), counting * side) for side in (positive, ~positive))
    pairs = for_positives.sum() * for_negatives.sum()
    if not pairs > 0.0:
        return float("nan")
    below = np.cumsum(for_negatives) - for_negatives
    return float(np.sum(for_positives * (below + for_negatives / 2.0)) / pairs)


def roc_auc(y: Array, AL: Array, weights: Array | None = None) -> float:
    """Area under the ROC curve; for K classes the mean over classes of one against the rest.

    A class that `y` lacks, or that is all of `y`, has no curve and is left out; nan if none has one.
    """
    truth = y.ravel().astype(np.int64)
    if AL.shape[1] == 1:
        return _area_under_curve(truth == 1, AL[:, 0], weights)
    areas = [_area_under_curve(truth == k, AL[:, k], weights) for k in range(AL.shape[1])]
    known = [area for area in areas if not np.isnan(area)]
    return float(np.mean(known)) if known else float("nan")


def confusion_matrix(y: Array, AL: Array, weights: Array | None = None) -> Array:
    """Rows [true class, predicted class], (K, K): their number, int64, or the sum of their weights, float64. K is 2 for a single
    output column."""
    n_classes = max(2, AL.shape[1])
    cells = y.ravel().astype(np.int64) * n_classes + class_indices(AL)
    counts = np.bincount(cells, weights, minlength=n_classes * n_classes).reshape(n_classes, n_classes)
    return counts.astype(np.int64) if weights is None else counts


def f1(y: Array, AL: Array, weights: Array | None = None) -> float:
    """2 TP / (2 TP + FP + FN): of the second class when binary, else the mean over classes in `y` or predicted."""
    counts = confusion_matrix(y, AL, weights)
    hits = np.diag(counts).astype(np.float64)
    involved = (counts.sum(axis=0) + counts.sum(axis=1)).astype(np.float64)
    if not involved.any():
        return float("nan")
    of_each = np.divide(2.0 * hits, involved, out=np.zeros_like(hits), where=involved > 0)
    return float(of_each[1]) if AL.shape[1] == 1 else float(of_each[involved > 0].mean())


def _residuals(y: Array, AL: Array) -> FloatArray:
    """(m, n_y) differences, in float64."""
    return (y.ravel().astype(np.float64) - AL.ravel().astype(np.float64)).reshape(len(AL), -1)


def rmse(y: Array, AL: Array, weights: Array | None = None) -> float:
    """Root of the mean squared difference, in the units of the target."""
    residuals = _residuals(y, AL)
    unit = unit_of_squares(float(np.abs(residuals).max(initial=0.0)))
    return unit * float(np.sqrt(_mean((residuals / unit) ** 2, weights)))


def mae(y: Array, AL: Array, weights: Array | None = None) -> float:
    """Mean absolute difference, in the units of the target."""
    return _mean(np.abs(_residuals(y, AL)), weights)


def pinball_loss(y: Array, AL: Array, quantiles: Sequence[float], weights: Array | None = None) -> float:
    """Mean of max(tau (y - q), (tau - 1) (y - q)) over rows and quantiles, in the units of the target.

    AL : (m, K), column k is the quantile quantiles[k]; y : (m,) or (m, 1) the target of all, or (m, K) one of each.
    Least where q is the tau-quantile of y; for tau = 1/2 half the MAE.
    """
    tau = np.asarray(quantiles, np.float64)
    error = y.reshape(len(y), -1).astype(np.float64) - AL.reshape(len(AL), -1).astype(np.float64)
    return _mean(np.maximum(tau * error, (tau - 1.0) * error), weights)


def d2_pinball(y: Array, AL: Array, quantiles: Sequence[float], weights: Array | None = None) -> float:
    """1 - pinball loss / that of the best constants, the quantiles of `y`: R^2 with another loss; nan where `y` is constant.

    Arguments as `pinball_loss`; both losses are means over all quantiles. 1 is perfect, 0 as good as the constants.

    Notes
    -----
    Source: Koenker and Machado, Goodness of Fit and Related Inference Processes for Quantile Regression, JASA 94 (1999).
    """
    if weights is not None and not weights.any():
        return float("nan")
    levels, truth = list(quantiles), np.broadcast_to(y.reshape(len(y), -1), (len(y), len(quantiles)))
    best = [sample_quantiles(truth[:, k], [tau], weights)[0] for k, tau in enumerate(levels)]
    least = pinball_loss(truth, np.tile(best, (len(y), 1)), levels, weights)
    return 1.0 - pinball_loss(y, AL, levels, weights) / least if least > 0.0 else float("nan")


def poisson_deviance(y: Array, AL: Array, weights: Array | None = None) -> float:
    """Mean of 2 (y log(y / rate) - y + rate), y log y being 0 at 0: how far rates are from counts, 0 where they are equal."""
    truth, rate = y.ravel().astype(np.float64), AL.ravel().astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(truth > 0, truth * np.log(truth / rate), 0.0)
    return 2.0 * _mean((ratio - truth + rate).reshape(len(AL), -1), weights)


def r2(y: Array, AL: Array, weights: Array | None = None) -> float:
    """1 - sum of squared residuals / sum of squared deviations of `y` from its mean; nan where `y` is constant.

    Of several outputs each has its own mean, and both sums run over all of them (scikit-learn's 'variance_weighted').
    """
    truth = y.reshape(len(AL), -1).astype(np.float64)
    counted = truth if weights is None else truth[weights > 0]
    if (counted == counted[:1]).all():  # asked of the values: their mean is rounded, and then differs from all of them
        return float("nan")
    deviations = truth - np.average(truth, axis=0, weights=weights)
    unit = unit_of_squares(float(np.abs(deviations).max()))
    spread = _mean((deviations / unit) ** 2, weights)
    return 1.0 - _mean((_residuals(y, AL) / unit) ** 2, weights) / spread if spread > 0.0 else float("nan")


def classification_scores(y: Array, AL: Array, weights: Array | None = None) -> dict[str, float | None]:
    """Accuracy, log loss, ROC AUC and F1 under these names; None where one is not defined, as JSON has no nan."""
    functions = {"accuracy": accuracy, "log_loss": log_loss, "roc_auc": roc_auc, "f1": f1}
    return _without_nan({name: function(y, AL, weights) for name, function in functions.items()})


def regression_scores(y: Array, AL: Array, weights: Array | None = None) -> dict[str, float | None]:
    """RMSE, MAE and R2 under these names, in the units of `y`; None where a score is not defined."""
    return _without_nan({"rmse": rmse(y, AL, weights), "mae": mae(y, AL, weights), "r2": r2(y, AL, weights)})


def quantity_scores(
    y: Array, AL: Array, loss: str, quantiles: Sequence[float] | None = None, weights: Array | None = None
) -> dict[str, float | None]:
    """`regression_scores`, after the score of the loss where they lack it; of quantiles they are the median's, if it is there."""
    if loss == "poisson":
        return {
            **_without_nan({"poisson_deviance": poisson_deviance(y, AL, weights)}),
            **regression_scores(y, AL, weights),
        }
    if loss != "quantile" or quantiles is None:
        return regression_scores(y, AL, weights)
    AL = AL.reshape(len(AL), -1)
    median = regression_scores(y, AL[:, quantiles.index(0.5)], weights) if 0.5 in quantiles else {}
    return {**_without_nan({"pinball": pinball_loss(y, AL, quantiles, weights)}), **median}


def _without_nan(scores: dict[str, float]) -> dict[str, float | None]:
    return {name: value if np.isfinite(value) else None for name, value in scores.items()}
