"""What a network has to beat, on the same rows: a constant answer, and the same kernels with no hidden layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastdnn.examples import Examples
from fastdnn.quantiles import sample_quantiles

Array = npt.NDArray[Any]

LINEAR_NAMES = {"binary": "logistic regression", "multiclass": "logistic regression", "regression": "linear regression"}


def linear_name(task: str, loss: str) -> str:
    """What a network without hidden layers is called."""
    return {"poisson": "Poisson regression", "quantile": "quantile regression"}.get(loss, LINEAR_NAMES[task])


def constant_outputs(
    Y_train: Array, n_outputs: int, n_rows: int, quantiles: list[float] | None = None, weights: Array | None = None
) -> Array:
    """The best answer that does not look at the row: the training shares of the classes, the training mean, or quantiles.

    Parameters
    ----------
    Y_train : (m,) class indices for n_outputs > 1; (m, 1) of 0 and 1, or of standardised values, for one output.
    n_rows : how often the answer is repeated. quantiles : those of `Y_train` to answer with, instead of its mean.
    weights : (m,) how much each training row counts, 0 or more, not all 0; None: all count alike.

    Returns
    -------
    (n_rows, n_outputs) float64, as the outputs of a network

    >>> constant_outputs(np.array([0, 0, 2, 1]), 3, 1).tolist()
    [[0.5, 0.25, 0.25]]
    """
    if quantiles is not None:
        answer = sample_quantiles(Y_train.ravel(), quantiles, weights)
    elif n_outputs == 1:
        answer = np.array([np.average(Y_train.ravel().astype(np.float64), weights=weights)])
    else:
        shares = np.bincount(Y_train.ravel(), weights, minlength=n_outputs)
        answer = shares / shares.sum()
    return np.tile(answer, (n_rows, 1))


def constant_label(
    Y_train: Array, classes: list[str] | None, quantiles: list[float] | None = None, weights: Array | None = None
) -> str:
    """What the constant answer is called: "always 'Adelie'", or "always the mean"; arguments as `constant_outputs`."""
    if quantiles is not None:
        return "always the median" if quantiles == [0.5] else "always its quantiles"
    if classes is None:
        return "always the mean"
    most = np.argmax(np.bincount(Y_train.ravel().astype(np.int64), weights, minlength=len(classes)))
    return f"always '{classes[most]}'"


def targets_of(examples: Examples) -> Array:
    """The targets of the rows that count, in order."""
    if examples.Y is None:
        raise TypeError("these examples have no targets")
    return np.asarray(examples.Y[examples.indices])
