"""From the name of a loss to the number that kernels know it by, and the targets that it is defined for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn import vocabulary
from fastdnn.custom_losses import REGISTERED
from fastdnn.errors import DataError, ParameterError, unknown_name
from fastdnn.kernels import losses

LOSS_CODES = {
    "squared_error": losses.SQUARED_ERROR,
    "absolute_error": losses.ABSOLUTE_ERROR,
    "huber": losses.HUBER,
    "quantile": losses.QUANTILE,
    "poisson": losses.POISSON,
    "binary_cross_entropy": losses.BINARY_CROSS_ENTROPY,
    "categorical_cross_entropy": losses.CATEGORICAL_CROSS_ENTROPY,
}


def loss_code(name: str, dtype: Any) -> int:
    """The code of `name` for arrays of dtype float32 or float64: a constant of kernels.losses, or the address of a registered one.

    An address is good for this process only, and its loop is compiled at the first call. Raises ParameterError for a name that is
    neither in vocabulary.LOSSES nor registered.
    """
    if name in LOSS_CODES:
        return LOSS_CODES[name]
    if name in REGISTERED.names():
        return REGISTERED.code(name, dtype)
    raise ParameterError(unknown_name("loss", name, (*vocabulary.LOSSES, *REGISTERED.names())))


def check_targets(loss: str, Y: NDArray[Any]) -> None:
    """Raise DataError unless every number of Y, (m, n_y) and finite, is one that the loss is defined for."""
    low, high = Y.min(), Y.max()
    if loss == "binary_cross_entropy" and (low < 0 or high > 1):
        raise DataError(f"Binary cross-entropy takes Y between 0 and 1, got {low} to {high}.")
    if loss == "poisson" and low < 0:
        row = int(np.argmax((Y < 0).any(axis=1)))
        raise DataError(
            f"The Poisson loss takes counts Y, 0 or more, got {Y[row].min():g} at row {row} of the rows in use.",
            "another loss, as 'squared_error' or 'huber'",
        )
