"""Quantiles of a sample, and predicted quantiles put in their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float64]


def rearranged(AL: Array, quantiles: Sequence[float]) -> Array:
    """The predicted quantiles of each row, sorted: the least under the smallest level, and so on upwards.

    The outputs of a network know nothing of each other and may cross, the 0.9-quantile below the 0.5-quantile. Sorting ends that,
    and the pinball loss of a row, summed over its quantiles, is never larger after it.

    Parameters
    ----------
    AL : (m, K), read: column k is that of quantiles[k]. quantiles : K levels, in any order, which the columns keep.

    Returns
    -------
    (m, K) of AL's dtype, new

    Notes
    -----
    Source: Chernozhukov, Fernandez-Val and Galichon, Quantile and Probability Curves Without Crossing, Econometrica 78 (2010).

    >>> rearranged(np.array([[3.0, 1.0, 2.0]]), [0.9, 0.1, 0.5]).tolist(), rearranged(np.array([[5.0, 4.0]]), [0.2, 0.8]).tolist()
    ([[3.0, 1.0, 2.0]], [[4.0, 5.0]])
    """
    sorted_ones = np.empty_like(AL)
    sorted_ones[:, np.argsort(quantiles, kind="stable")] = np.sort(AL, axis=1)
    return sorted_ones


def sample_quantiles(y: Array, quantiles: Sequence[float], weights: Array | None = None) -> FloatArray:
    """The constant answers with the least pinball loss on y: for each level the smallest value with that share of y at or below it.

    Parameters
    ----------
    y : (m,), read. weights : (m,), read, 0 or more and not all 0; k is as k copies. None: all count alike.

    Returns
    -------
    (K,) float64, values of y

    >>> sample_quantiles(np.array([1.0, 2.0, 30.0, 4.0]), [0.5, 0.9]).tolist()
    [2.0, 30.0]
    """
    # Ones instead of None: without weights NumPy goes another way, and k copies might round to another value than k.
    counting = np.ones(y.size) if weights is None else weights.astype(np.float64)
    levels = np.asarray(quantiles, np.float64)
    return np.asarray(np.quantile(y.astype(np.float64), levels, weights=counting, method="inverted_cdf"))
