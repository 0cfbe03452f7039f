"""The numbers some losses take, the label smoothing of the cross-entropies among them: their ranges, and how kernels get them."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn.errors import ParameterError, check_name

OPTIONS = {
    "huber": ("delta",),
    "quantile": ("quantiles",),
    "binary_cross_entropy": ("label_smoothing",),
    "categorical_cross_entropy": ("label_smoothing",),
}


def checked_loss_options(loss: str, options: Mapping[str, Any] | None, n_y: int) -> dict[str, Any]:
    """The options of a loss with every default filled in: a new dict of plain floats, empty for a loss without options.

    huber : delta, above 0 (1). quantile : quantiles, one above 0 and below 1 for each of the n_y outputs (0.5 for each).
    binary_cross_entropy, categorical_cross_entropy : label_smoothing, from 0 to below 1 (0).

    Raises
    ------
    ParameterError : an option that the loss does not have, or outside its range.
    """
    given, allowed = dict(options or {}), OPTIONS.get(loss, ())
    for name in given:
        if not allowed:
            raise ParameterError(f"Loss '{loss}' has no options, got '{name}'.")
        check_name(f"option of loss '{loss}'", name, allowed)
    if loss == "huber":
        return {"delta": _checked("delta", given.get("delta", 1.0), 0.0, math.inf)}
    if loss == "quantile":
        return {"quantiles": _checked_quantiles(given.get("quantiles"), n_y)}
    if allowed:
        return {"label_smoothing": _checked("label_smoothing", given.get("label_smoothing", 0.0), 0.0, 1.0, zero=True)}
    return {}


def kernel_parameters(options: Mapping[str, Any], dtype: Any) -> NDArray[Any]:
    """The options as losses.output_backward takes them, (p,): a number, or one for each output; (0,) for none or no smoothing."""
    given = [x for value in options.values() for x in (value if isinstance(value, list) else [value])]
    return np.array([] if options.get("label_smoothing") == 0.0 else given, dtype)


def _checked(name: str, value: Any, low: float, high: float, *, zero: bool = False) -> float:
    if isinstance(value, numbers.Real) and (low < float(value) < high or (zero and float(value) == low)):
        return float(value)
    least = f"{low:g} or more" if zero else f"above {low:g}"
    most = "finite" if math.isinf(high) else f"below {high:g}"
    raise ParameterError(f"{name} must be a number {least} and {most}, got {value!r}.")


def _checked_quantiles(given: Any, n_y: int) -> list[float]:
    if given is None:
        return [0.5] * n_y
    values = [given] if isinstance(given, numbers.Real) else given
    if not isinstance(values, Sequence | np.ndarray) or isinstance(values, str) or len(values) != n_y:
        raise ParameterError(
            f"The quantile loss needs quantiles, one for each of the network's {n_y} outputs, got {given!r}.",
            f"loss_options={{'quantiles': {np.round(np.arange(1, n_y + 1) / (n_y + 1), 3).tolist()}}}",
        )
    return [_checked("Each quantile", value, 0.0, 1.0) for value in values]
