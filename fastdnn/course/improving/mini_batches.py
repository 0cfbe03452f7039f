"""Mini-batches drawn as the course draws them.

Source: Ng, Deep Learning Specialization, course 2 week 2, "Optimization Methods", section 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastdnn.course import _checks
from fastdnn.errors import DataError


def random_mini_batches(X: Any, Y: Any, mini_batch_size: int = 64, seed: int = 0) -> list[tuple[Any, Any]]:
    """The columns of X (n_x, m) and Y (n_y, m), permuted alike and cut into mini-batches; the last has what is left.

    seed : the order is RandomState(seed).permutation(m).

    Returns
    -------
    [(X of mini-batch 1, Y of mini-batch 1), ...], arrays of their own of the types that X and Y have.

    Examples
    --------
    >>> batches = random_mini_batches([[1, 2, 3, 4, 5]], [[0, 0, 1, 1, 1]], mini_batch_size=2)
    >>> [(x.tolist(), y.tolist()) for x, y in batches]
    [([[3, 1]], [[1, 0]]), ([[2, 4]], [[0, 1]]), ([[5]], [[1]])]
    """
    mini_batch_size = _checks.whole("mini_batch_size", mini_batch_size, 1)
    X, Y = np.asarray(X), np.asarray(Y)
    if X.ndim != 2 or not X.size:
        raise DataError(f"X must have the shape (n_x, m), got {X.shape}.")
    if Y.ndim != 2 or Y.shape[1] != X.shape[1]:
        raise DataError(f"Y must have the shape (n_y, {X.shape[1]}), got {Y.shape}.")
    order = np.random.RandomState(seed).permutation(X.shape[1])
    parts = [order[first : first + mini_batch_size] for first in range(0, order.size, mini_batch_size)]
    return [(X[:, part], Y[:, part]) for part in parts]
