"""Gradient checking: the gradient that training uses, against differences of the cost, for any network."""

from __future__ import annotations

import copy
import math
import numbers
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn.cost_slopes import Cost, Line, lines_of, numeric_slopes
from fastdnn.errors import ParameterError, check_seed
from fastdnn.examples import Examples
from fastdnn.gradient_report import GradientCheck, ParameterCheck, WorstParameter
from fastdnn.network import Network, layer_views

Array = NDArray[Any]
Floats = NDArray[np.float64]

TOLERANCE = 1e-8
# The step of the differences: halfway between the error of rounding, 1e-16 / h, and that of curvature, h^3 in the doubt.
EPSILON = 2.0**-11
# More parameters than this are checked along random directions.
_EVERY_PARAMETER = 2000
_DIRECTIONS = 5


def gradient_check(
    network: Network,
    X: Any,
    Y: Any,
    *,
    l2: float = 0.0,
    l1: float = 0.0,
    sample_weight: Any = None,
    epsilon: float = EPSILON,
    directions: int | None = None,
    seed: int = 0,
    tolerance: float = TOLERANCE,
) -> GradientCheck:
    """Compare `network.gradients` with differences of its cost J, in float64.

        J = mean loss + l2/(2m) sum W^2 + l1/m sum |W|         m: the number of examples, or the sum of their weights

    The slope of J along a parameter comes from six points around it (finite_differences.py). Where one of the examples' losses
    does not look smooth between them, a ReLU, |x| or Huber's bend is near: the step is made shorter, and a parameter that sits
    on the kink itself is counted apart, neither passed nor failed.

    Parameters
    ----------
    network : read. One of float32 is checked on a copy in float64: rounding would hide all but the coarsest errors.
    X : (m, n_x), Y : targets as Examples takes them; some ten examples are enough. sample_weight : (m,), or None.
    l2, l1 : strengths of the penalties of J.
    epsilon : the largest step, for inputs of about 1; shorter where the numbers that a weight multiplies are larger.
    directions : None: every parameter alone up to 2000 of them, else 5 random directions for each W and each b. A number: so many.
    seed : of the directions. tolerance : the relative difference that passes.

    Raises
    ------
    ParameterError : an argument outside its range. DataError : X or Y do not fit the network, or the cost is not finite.

    Notes
    -----
    Source: Ng, course 2 week 1, Gradient Checking, whose bar is 1e-7 with the plain central difference.

    Examples
    --------
    >>> network = Network([2, 3, 1], activation="tanh", seed=1)
    >>> check = gradient_check(network, [[0.5, -1.0], [1.5, 0.3]], [0, 1], l2=0.1)
    >>> check.passed, check.n_checked
    (True, 13)
    """
    _require("epsilon", epsilon, 1e-6, 0.1)
    _require("l2", l2, 0.0, math.inf)
    _require("l1", l1, 0.0, math.inf)
    _require("tolerance", tolerance, 0.0, 1.0)
    if directions is not None and not (_is_number(directions) and directions >= 1 and directions == int(directions)):
        raise ParameterError(f"directions must be a whole number, 1 or more, or None, got {directions!r}.")
    network = _in_float64(network)
    if directions is None:
        directions = 0 if network.n_parameters <= _EVERY_PARAMETER else _DIRECTIONS
    weighting: dict[str, Any] = {} if sample_weight is None else {"weights": np.asarray(sample_weight, np.float64)}
    lasso: dict[str, Any] = {"l1": l1} if l1 else {}
    dW, db = network.gradients(Examples(X, Y, **weighting), l2, **lasso)
    cost = Cost(network, Examples(X, Y), l2, l1, sample_weight)
    lines = lines_of(cost, directions, epsilon, np.random.default_rng(check_seed(seed)))
    numeric, doubt, known = numeric_slopes(cost, lines, 0.1 * tolerance)
    gradient = {("W", l): g for l, g in enumerate(dW, 1)} | {("b", l): g for l, g in enumerate(db, 1)}
    analytic = np.array([line.along(gradient[line.name, line.layer]) for line in lines])
    return _result(network, lines, analytic, numeric, doubt, known, tolerance, directions, epsilon)


def random_examples(network: Network, m: int, seed: int) -> tuple[Floats, Array]:
    """X (m, n_x) from the normal distribution, and random targets Y that the network's loss allows."""
    rng, n_y = np.random.default_rng(seed), network.layer_dims[-1]
    X = rng.standard_normal((m, network.layer_dims[0]))
    if network.loss == "categorical_cross_entropy":
        return X, rng.integers(0, n_y, m)
    if network.loss == "binary_cross_entropy":
        return X, rng.integers(0, 2, (m, n_y)).astype(np.float64)
    if network.loss == "poisson":
        return X, rng.poisson(2.0, (m, n_y)).astype(np.float64)
    return X, rng.standard_normal((m, n_y))


def random_weights(m: int, seed: int) -> Floats:
    """(m,) weights of examples from 0 to 2; the first of several is 0, as if that example were not there."""
    weights = np.random.default_rng(seed).uniform(0.0, 2.0, m)
    weights[: m > 1] = 0.0
    return weights


def _result(
    network: Network, lines: list[Line], analytic: Floats, numeric: Floats, doubt: Floats, known: NDArray[np.bool_],
    tolerance: float, directions: int, epsilon: float,
) -> GradientCheck:  # fmt: skip
    parts = []
    for l, W in enumerate(network.weights, 1):
        for name, shape in (("W", W.shape), ("b", (W.shape[0], 1))):
            mine = np.array([line.layer == l and line.name == name for line in lines])
            at = mine & known
            difference = relative_difference(analytic[at], numeric[at])
            parts.append(
                ParameterCheck(l, name, (shape[0], shape[1]), int(at.sum()), int((mine & ~known).sum()), difference)
            )
    difference = relative_difference(analytic[known], numeric[known])
    size = float(np.linalg.norm(analytic[known]) + np.linalg.norm(numeric[known]))
    resolution = float(np.linalg.norm(doubt[known])) / size if size else 0.0
    verdict = "passed" if difference <= tolerance else "undecided" if difference <= resolution else "failed"
    worst = None
    if known.any():
        i = int(np.argmax(np.where(known, np.abs(analytic - numeric), -1.0)))
        worst = WorstParameter(lines[i].layer, lines[i].name, lines[i].index, float(analytic[i]), float(numeric[i]))
    else:
        verdict = "undecided"
    return GradientCheck(
        difference, tolerance, verdict, worst, tuple(parts), int(known.sum()), int((~known).sum()), network.n_parameters,
        directions, epsilon, resolution,
    )  # fmt: skip


def relative_difference(g: Floats, n: Floats) -> float:
    """||g - n|| / (||g|| + ||n||), 0 where both are zero. Source: Ng, course 2 week 1, Gradient Checking, eq. 3."""
    size = float(np.linalg.norm(g) + np.linalg.norm(n))
    return float(np.linalg.norm(g - n)) / size if size else 0.0


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and math.isfinite(value)


def _require(name: str, value: float, low: float, high: float) -> None:
    if not (_is_number(value) and low <= value <= high):
        allowed = f"{low:g} or more" if math.isinf(high) else f"from {low:g} to {high:g}"
        raise ParameterError(f"{name} must be {allowed}, got {value!r}.")


def _in_float64(network: Network) -> Network:
    """The network itself, or a copy of it with the same parameters in float64."""
    if network.dtype == np.float64:
        return network
    twin = copy.copy(network)
    twin.dtype = np.dtype(np.float64)
    twin.parameters = network.parameters.astype(np.float64)
    twin.weights, twin.biases = layer_views(twin.parameters, twin.layer_dims)
    return twin
