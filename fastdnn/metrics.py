"""How good predictions are: pure NumPy on the true targets and the network's outputs.

Everywhere `y` is the truth and `AL` the output of the last layer, one row an example: (m, 1) probabilities of the
second class for a binary task, (m, K) probabilities for K classes, (m, 1) values for regression. Sums are taken in
float64 whatever comes in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

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


def accuracy(y: Array, AL: Array) -> float:
    """Share of rows whose predicted class is the true one; y is (m,) or (m, 1) class indices."""
    return float(np.mean(class_indices(AL) == y.ravel()))


def log_loss(y: Array, AL: Array) -> float:
    """Mean of -log(probability given to the true class), natural logarithm.

    Probabilities are kept `eps` of AL's own dtype away from 0 and 1, as scikit-learn does: a float32 sigmoid rounds
    to exactly 1.
    """
    eps = float(np.finfo(AL.dtype).eps)
    truth = y.ravel().astype(np.int64)
    P = AL.astype(np.float64)
    p_true = np.where(truth == 1, P[:, 0], 1.0 - P[:, 0]) if P.shape[1] == 1 else P[np.arange(truth.size), truth]
    return float(-np.mean(np.log(np.clip(p_true, eps, 1.0 - eps))))


def _area_under_curve(positive: npt.NDArray[np.bool_], score: Array) -> float:
    """Probability that a positive row scores higher than a negative one, ties counting half; nan if a side is empty.

    The Mann-Whitney form: (sum of the positives' mid-ranks - n_pos (n_pos + 1) / 2) / (n_pos n_neg).
    """
    n_positive = int(positive.sum())
    n_negative = positive.size - n_positive
    if n_positive == 0 or n_negative == 0:
        return float("nan")
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    last_rank = np.cumsum(count).astype(np.float64)
    mid_rank = last_rank - (count - 1) / 2.0
    rank_sum = float(mid_rank[place.ravel()][positive].sum())
    return (rank_sum - n_positive * (n_positive + 1) / 2.0) / (n_positive * n_negative)


def roc_auc(y: Array, AL: Array) -> float:
    """Area under the ROC curve; for K classes the mean over classes of one against the rest.

    A class that `y` lacks, or that is all of `y`, has no curve and is left out; nan if none has one.
    """
    truth = y.ravel().astype(np.int64)
    if AL.shape[1] == 1:
        return _area_under_curve(truth == 1, AL[:, 0])
    areas = [_area_under_curve(truth == k, AL[:, k]) for k in range(AL.shape[1])]
    known = [area for area in areas if not np.isnan(area)]
    return float(np.mean(known)) if known else float("nan")


def confusion_matrix(y: Array, AL: Array) -> IndexArray:
    """Counts [true class, predicted class], (K, K) int64; K is 2 for a single output column."""
    n_classes = max(2, AL.shape[1])
    cells = y.ravel().astype(np.int64) * n_classes + class_indices(AL)
    return np.bincount(cells, minlength=n_classes * n_classes).reshape(n_classes, n_classes).astype(np.int64)


def f1(y: Array, AL: Array) -> float:
    """2 TP / (2 TP + FP + FN): of the second class when binary, else the mean over classes in `y` or predicted."""
    counts = confusion_matrix(y, AL)
    hits = np.diag(counts).astype(np.float64)
    involved = (counts.sum(axis=0) + counts.sum(axis=1)).astype(np.float64)
    of_each = np.divide(2.0 * hits, involved, out=np.zeros_like(hits), where=involved > 0)
    return float(of_each[1]) if AL.shape[1] == 1 else float(of_each[involved > 0].mean())


def _residuals(y: Array, AL: Array) -> FloatArray:
    return y.ravel().astype(np.float64) - AL.ravel().astype(np.float64)


def rmse(y: Array, AL: Array) -> float:
    """Root of the mean squared difference, in the units of the target."""
    return float(np.sqrt(np.mean(_residuals(y, AL) ** 2)))


def mae(y: Array, AL: Array) -> float:
    """Mean absolute difference, in the units of the target."""
    return float(np.mean(np.abs(_residuals(y, AL))))


def pinball_loss(y: Array, AL: Array, quantiles: Sequence[float]) -> float:
    """Mean of max(tau (y - q), (tau - 1) (y - q)) over rows and quantiles, in the units of the target; AL is (m, K), a column each.

    Least where q is the tau-quantile of y; for tau = 1/2 half the MAE.
    """
    tau = np.asarray(quantiles, np.float64)
    error = y.reshape(-1, 1).astype(np.float64) - AL.reshape(len(AL), -1).astype(np.float64)
    return float(np.mean(np.maximum(tau * error, (tau - 1.0) * error)))


def poisson_deviance(y: Array, AL: Array) -> float:
    """Mean of 2 (y log(y / rate) - y + rate), y log y being 0 at 0: how far rates are from counts, 0 where they are equal."""
    truth, rate = y.ravel().astype(np.float64), AL.ravel().astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(truth > 0, truth * np.log(truth / rate), 0.0)
    return float(2.0 * np.mean(ratio - truth + rate))


def r2(y: Array, AL: Array) -> float:
    """1 - sum of squared residuals / sum of squared deviations of `y` from its mean; nan where `y` is constant.

    Of several outputs each has its own mean, and both sums run over all of them (scikit-learn's 'variance_weighted').
    """
    truth = y.reshape(AL.shape).astype(np.float64)
    spread = float(np.sum((truth - truth.mean(axis=0)) ** 2))
    return 1.0 - float(np.sum(_residuals(y, AL) ** 2)) / spread if spread > 0.0 else float("nan")


def classification_scores(y: Array, AL: Array) -> dict[str, float | None]:
    """Accuracy, log loss, ROC AUC and F1 under these names; None where one is not defined, as JSON has no nan."""
    scores = {"accuracy": accuracy(y, AL), "log_loss": log_loss(y, AL), "roc_auc": roc_auc(y, AL), "f1": f1(y, AL)}
    return _without_nan(scores)


def regression_scores(y: Array, AL: Array) -> dict[str, float | None]:
    """RMSE, MAE and R2 under these names, in the units of `y`; None where a score is not defined."""
    return _without_nan({"rmse": rmse(y, AL), "mae": mae(y, AL), "r2": r2(y, AL)})


def quantity_scores(
    y: Array, AL: Array, loss: str, quantiles: Sequence[float] | None = None
) -> dict[str, float | None]:
    """`regression_scores`, after the score of the loss where they lack it; of quantiles they are the median's, if it is there."""
    if loss == "poisson":
        return {**_without_nan({"poisson_deviance": poisson_deviance(y, AL)}), **regression_scores(y, AL)}
    if loss != "quantile" or quantiles is None:
        return regression_scores(y, AL)
    AL = AL.reshape(len(AL), -1)
    median = regression_scores(y, AL[:, quantiles.index(0.5)]) if 0.5 in quantiles else {}
    return {**_without_nan({"pinball": pinball_loss(y, AL, quantiles)}), **median}


def _without_nan(scores: dict[str, float]) -> dict[str, float | None]:
    return {name: value if np.isfinite(value) else None for name, value in scores.items()}
