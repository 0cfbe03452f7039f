"""Matrices in and out of the engine's panels (layout: fastdnn/kernels/panels.py), once per job, so plain NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn.kernels.panels import NARROW
from fastdnn.kernels.vector import panel_width, tile_height

Floats = NDArray[Any]

_ALIGNMENT = 64
# Bytes after which addresses fall into the same place of a first-level cache.
_CACHE_WAY = 4096


def aligned_zeros(shape: tuple[int, ...], dtype: Any) -> Floats:
    """Zeros in C order whose first number lies on a 64-byte boundary: a cache line and the widest vector."""
    dtype = np.dtype(dtype)
    size = int(np.prod(shape))
    raw = np.zeros(size * dtype.itemsize + _ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % _ALIGNMENT
    zeros: Floats = raw[start : start + size * dtype.itemsize].view(dtype).reshape(shape)
    return zeros


def panel_count(columns: int, dtype: Any) -> int:
    """Panels that hold `columns` columns."""
    return -(-columns // panel_width(dtype))


def panel_rows(batch: int, dtype: Any) -> int:
    """Rows of a panel of activations for a batch of examples: so many, or a tile's height and one more.

    The same row of one panel after the other would begin in the same few places of the first-level cache where panels are a
    multiple of 4096 bytes: a tile, which reads some rows of all panels, would drive out its own B. With those rows between them
    784-2048-2048-10 is trained 1.03 times as fast.
    """
    row_bytes = panel_width(dtype) * np.dtype(dtype).itemsize
    return batch + tile_height() + 1 if batch * row_bytes % _CACHE_WAY == 0 else batch


def empty_panels(rows: int, columns: int, dtype: Any) -> Floats:
    """Panels of a matrix of zeros."""
    return aligned_zeros((panel_count(columns, dtype), rows, panel_width(dtype)), dtype)


def fill_panels(P: Floats, M: Floats) -> None:
    """P[q, r, c] = M[r, q width + c] for the rows and columns that M has; the rest of P stays as it is."""
    rows, columns = M.shape
    width = P.shape[2]
    whole = columns // width
    P[:whole, :rows] = M[:, : whole * width].reshape(rows, whole, width).transpose(1, 0, 2)
    if columns > whole * width:
        P[whole, :rows, : columns - whole * width] = M[:, whole * width :]


def read_panels(P: Floats, M: Floats) -> None:
    """M overwritten with the matrix that P holds: the inverse of `fill_panels`."""
    rows = M.shape[0]
    for q in range(P.shape[0]):
        part = M[:, q * P.shape[2] : (q + 1) * P.shape[2]]
        part[:] = P[q, :rows, : part.shape[1]]


def weight_shape(n_prev: int, n: int, dtype: Any) -> tuple[int, int, int]:
    """Of the array that holds the weights W (n, n_prev) of a layer: panels of W^T, or of W where the layer is narrow."""
    width = panel_width(dtype)
    if n <= NARROW:
        return panel_count(n_prev, dtype), n, width
    return panel_count(n, dtype), panel_count(n_prev, dtype) * width, width


def fill_weights(P: Floats, W: Floats) -> None:
    """P, of that shape, overwritten with W but for its padding."""
    fill_panels(P, _as_kept(W))


def read_weights(P: Floats, W: Floats) -> None:
    """The inverse of `fill_weights`."""
    read_panels(P, _as_kept(W))


def _as_kept(W: Floats) -> Floats:
    return W if len(W) <= NARROW else W.T
