"""Sparse inputs: the engine reads dense rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

Array = NDArray[Any]

# What a prediction makes dense at a time.
_BYTES_AT_A_TIME = 1 << 25


def as_dense(X: Any) -> Array:
    """The whole matrix, (m, n) numbers of its type: what training on sparse data costs in memory."""
    return np.ascontiguousarray(X.toarray() if issparse(X) else X)


def row_parts(X: Any) -> Iterator[Array]:
    """X in one part if it is dense, else in parts of consecutive rows, each dense and of some 32 MiB at most."""
    if not issparse(X):
        yield X
        return
    X = X.tocsr()
    rows = max(1, _BYTES_AT_A_TIME // (X.shape[1] * X.dtype.itemsize))
    for first in range(0, X.shape[0], rows):
        yield X[first : first + rows].toarray()
