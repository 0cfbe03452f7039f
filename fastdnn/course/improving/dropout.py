"""Inverted dropout in the hidden layers.

Masks are drawn from NumPy's RandomState as the course draws them; training has a generator of its own (kernels/random.py).
A cache is (Z1, D1, A1, W1, b1, ..., ZL, AL, WL, bL): a mask D (n_l, m) of 0 and 1 for each hidden layer, none for the output.
Source: Ng, Deep Learning Specialization, course 2 week 1, "Regularization", section 3; Srivastava et al. (2014).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastdnn.course import _adapters, _checks
from fastdnn.course._checks import Array, Parameters
from fastdnn.course.improving.propagation import chain, split_cache
from fastdnn.errors import DataError


def forward_propagation_with_dropout(
    X: Any,
    parameters: Any,
    keep_prob: float = 0.5,
    *,
    seed: int | np.random.RandomState = 1,
    masks: Sequence[Any] | None = None,
) -> tuple[Array, tuple[Array, ...]]:
    """Forward propagation in which a hidden unit of an example counts with probability keep_prob only.

        D[l] = rand(n_l, m) < keep_prob
        A[l] = ReLU(W[l] A[l-1] + b[l]) * D[l] / keep_prob

    Parameters
    ----------
    seed : the course draws from RandomState(1) anew at every call, so its masks never change; a RandomState goes on drawing.
    masks : [D1, D2, ...] to take instead of drawing.

    Returns
    -------
    (AL, (Z1, D1, A1, W1, b1, ..., ZL, AL, WL, bL))

    Examples
    --------
    >>> parameters = {"W1": [[1.0], [1.0]], "b1": [[0.0], [0.0]], "W2": [[1.0, 1.0]], "b2": [[-4.0]]}
    >>> A2, cache = forward_propagation_with_dropout([[1.0, 2.0]], parameters, masks=[[[1, 0], [1, 1]]])
    >>> cache[2].tolist(), A2.tolist()
    ([[2.0, 0.0], [2.0, 4.0]], [[0.5, 0.5]])
    """
    layers = _checks.layers(parameters)
    A = _checks.matrix("X", X, layers[0][0].shape[1], "m")
    keep_prob = _checks.keep_probability(keep_prob)
    Ds = draw_masks([W.shape[0] for W, _ in layers[:-1]], A.shape[1], keep_prob, seed) if masks is None else list(masks)
    if len(Ds) != len(layers) - 1:
        raise DataError(f"{len(layers) - 1} hidden layers need as many masks, got {len(Ds)}.")
    cache: list[Array] = []
    for l, (W, b) in enumerate(layers, 1):
        Z = _adapters.linear_forward(A, W, b)
        if l < len(layers):
            D = _checks.labels(f"D{l}", Ds[l - 1], *Z.shape).astype(np.int64)
            A = _adapters.mask(_adapters.activate("relu", Z), D, keep_prob)
            cache += [Z, D, A, W, b]  # type: ignore[list-item]
        else:
            A = _adapters.activate("sigmoid", Z)
            cache += [Z, A, W, b]
    return A, tuple(cache)


def backward_propagation_with_dropout(X: Any, Y: Any, cache: Sequence[Any], keep_prob: float) -> Parameters:
    """All gradients, as `propagation.backward_propagation`, with dA[l] = W[l+1]^T dZ[l+1] * D[l] / keep_prob.

    cache : of `forward_propagation_with_dropout`; Z and b in it are not read. keep_prob : the one of the forward pass.

    Returns
    -------
    {"dZL", "dWL", "dbL", "dA(L-1)", "dZ(L-1)", ..., "dZ1", "dW1", "db1"}, dA being those after the mask.
    """
    keep_prob = _checks.keep_probability(keep_prob)
    hidden = split_cache(cache, 5, len(cache) - 4) if len(cache) > 4 else []
    output = split_cache(cache[5 * len(hidden) :], 4, len(cache) - 5 * len(hidden))

    def masked(l: int, dA: Array) -> Array:
        return _adapters.mask(dA, _checks.labels(f"D{l}", hidden[l - 1][1], *dA.shape), keep_prob)

    return chain(X, Y, [*hidden, *output], on_activations=masked)


def draw_masks(units: Sequence[int], m: int, keep_prob: float, seed: int | np.random.RandomState) -> list[Any]:
    """(n_l, m) booleans for each hidden layer, in their order: rand(n_l, m) < keep_prob."""
    draw = seed if isinstance(seed, np.random.RandomState) else np.random.RandomState(seed)
    return [draw.rand(n, m) < keep_prob for n in units]
