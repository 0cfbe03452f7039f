"""The network of the later course, and what its notebooks share: [linear -> ReLU] * (L - 1) -> linear -> sigmoid.

Shapes: X = A0 (n_0, m), Y (n_L, m) of 0 and 1; for layer l: W (n_l, n_{l-1}), b (n_l, 1), Z and A (n_l, m).
A cache is (Z1, A1, W1, b1, Z2, A2, W2, b2, ..., ZL, AL, WL, bL); the course has L = 3, here any number from 1.
Source: Ng, Deep Learning Specialization, course 2, the helper files of weeks 1 and 2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn.course import _adapters, _checks, deep
from fastdnn.course._checks import Array, Parameters
from fastdnn.course.deep import predict as predict
from fastdnn.course.deep import update_parameters as update_parameters
from fastdnn.errors import DataError

# From a layer's number and its W and dW, or its number and dA of the layer below, to what is used in their place.
OnWeights = Callable[[int, Array, Array], Array]
OnActivations = Callable[[int, Array], Array]


def forward_propagation(X: Any, parameters: Any) -> tuple[Array, tuple[Array, ...]]:
    """Z[l] = W[l] A[l-1] + b[l], A[l] = ReLU(Z[l]), AL = sigmoid(ZL).

    Returns
    -------
    (AL, (Z1, A1, W1, b1, ..., ZL, AL, WL, bL))

    Examples
    --------
    >>> parameters = {"W1": [[1.0, 1.0]], "b1": [[0.0]], "W2": [[2.0]], "b2": [[-4.0]]}
    >>> A2, cache = forward_propagation([[1.0, -3.0], [1.0, 1.0]], parameters)
    >>> A2[:, 0].tolist(), cache[1].tolist()
    ([0.5], [[2.0, 0.0]])
    """
    AL, caches = deep.L_model_forward(X, parameters)
    outputs = [*(linear_cache[0] for linear_cache, _ in caches[1:]), AL]
    cache: list[Array] = []
    for ((_, W, b), Z), A in zip(caches, outputs, strict=True):
        cache += [Z, A, W, b]
    return AL, tuple(cache)


def compute_cost(AL: Any, Y: Any) -> float:
    """J = -1/m sum(Y log AL + (1 - Y) log(1 - AL)); AL and Y (n_L, m). A term whose factor is 0 counts as 0."""
    AL = _checks.probabilities("AL", AL)
    return _adapters.binary_cross_entropy(AL, _checks.labels("Y", Y, *AL.shape))[0]


def compute_loss(a3: Any, Y: Any) -> float:
    """`compute_cost`, as the notebook on initialisation calls it."""
    return compute_cost(a3, Y)


def backward_propagation(X: Any, Y: Any, cache: Sequence[Any]) -> Parameters:
    """All gradients, from A and W of the cache; Z and b in it are not read.

        dZ[L] = A[L] - Y
        dW[l] = 1/m dZ[l] A[l-1]^T,   db[l] = 1/m sum dZ[l]
        dA[l] = W[l+1]^T dZ[l+1],     dZ[l] = dA[l] where A[l] > 0, else 0

    Returns
    -------
    {"dZL", "dWL", "dbL", "dA(L-1)", "dZ(L-1)", ..., "dZ1", "dW1", "db1"}, in this order.
    """
    return chain(X, Y, split_cache(cache, 4, len(cache)))


def predict_dec(parameters: Any, X: Any) -> NDArray[np.bool_]:
    """(n_L, m) booleans: where AL is greater than 0.5."""
    predictions: NDArray[np.bool_] = deep.L_model_forward(X, parameters)[0] > 0.5
    return predictions


def split_cache(cache: Sequence[Any], group: int, size: int) -> list[Sequence[Any]]:
    """The first `size` entries of a cache, layer by layer: `group` entries each."""
    if size < group or size % group:
        raise DataError(
            f"The cache must have {group} entries for each layer, as forward propagation returns it, got {len(cache)}."
        )
    return [cache[at : at + group] for at in range(0, size, group)]


def chain(
    X: Any,
    Y: Any,
    cache: Sequence[Sequence[Any]],
    on_weights: OnWeights | None = None,
    on_activations: OnActivations | None = None,
) -> Parameters:
    """The chain of `backward_propagation`; cache: for each layer a sequence that ends in A, W, b.

    on_weights(l, W, dW), on_activations(l, dA) : what takes the place of dW[l] and of dA[l].
    """
    X = _checks.matrix("X", X, "n_0", "m")
    m = X.shape[1]
    As, Ws = [X], []
    for l, entries in enumerate(cache, 1):
        A = _checks.matrix(f"A{l}", entries[-3], f"n_{l}", m)
        Ws.append(_checks.matrix(f"W{l}", entries[-2], A.shape[0], As[-1].shape[0]))
        As.append(A)
    L = len(Ws)
    dZ = _adapters.difference(As[L], _checks.labels("Y", Y, *As[L].shape))
    grads: Parameters = {}
    for l in range(L, 0, -1):
        dA, dW, db = _adapters.linear_backward(dZ, As[l - 1], Ws[l - 1])
        grads[f"dZ{l}"], grads[f"dW{l}"], grads[f"db{l}"] = dZ, on_weights(l, Ws[l - 1], dW) if on_weights else dW, db
        if l > 1:
            dA = on_activations(l - 1, dA) if on_activations else dA
            dZ = _adapters.activate_backward("relu", dA, As[l - 1])
            grads[f"dA{l - 1}"] = dA
    return grads
