"""The oracle of memory layout, number by number: panels P[q, r, c] = M[r, q width + c], and weights as a layer keeps them."""

from __future__ import annotations

import numpy as np


def to_panels(M, width, dtype, rows=None, fill=0.0):
    """Panels of M, whose padding columns and rows beyond M's are `fill`."""
    m, n = M.shape
    P = np.full((-(-n // width), rows or m, width), fill, dtype)
    for c in range(n):
        P[c // width, :m, c % width] = M[:, c]
    return P


def from_panels(P, n):
    """The matrix of n columns that P holds."""
    M = np.empty((P.shape[1], n), P.dtype)
    for c in range(n):
        M[:, c] = P[c // P.shape[2], :, c % P.shape[2]]
    return M


def padding(P, n):
    """The columns of P beyond n, (rows, padding columns)."""
    return np.concatenate(list(P), axis=1)[:, n:]


def to_weights(W, width, dtype, fill=0.0):
    """W (n, n_prev) as a layer keeps it: panels of W^T of whole panels of rows, or of W where n is 1 or 2. Padding is `fill`."""
    if len(W) <= 2:
        P = to_panels(W, width, dtype, fill=fill)
    else:
        P = to_panels(W.T, width, dtype, rows=-(-W.shape[1] // width) * width, fill=fill)
        P[:, W.shape[1] :] = fill
    return P


def from_weights(P, n, n_prev):
    """The matrix (n, n_prev) that P holds as weights."""
    return from_panels(P, n_prev) if n <= 2 else from_panels(P, n)[:n_prev].T


def weight_padding(P, n, n_prev):
    """All numbers of P that are no weight."""
    if n <= 2:
        return padding(P, n_prev).ravel()
    return np.concatenate([padding(P, n).ravel(), P[:, n_prev:].ravel()])
