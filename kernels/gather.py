"""The rows of a mini-batch, taken from the data into the engine's buffers, and rows of panels back out of them."""

from __future__ import annotations

from typing import Any

from numba import types

from fastdnn.kernels._jit import device, separate
from fastdnn.kernels.fetch import AT_ONCE, fetch_rows
from fastdnn.kernels.rows import copy_numbers, copy_part, copy_row, width_of
from fastdnn.kernels.views import flat_view, prefetch_number_to_read, prefetch_to_read

# Bytes of examples that may be on their way from memory: of many more the CPU would drop some.
_BYTES_AHEAD = 1 << 12


@device
def gather_numbers(X: Any, example: int, A: Any, r: int) -> None:
    """Row r of A[0] = row `example` of X, (m, n) of A's type. Padding is not written."""
    n, width = X.shape[1], width_of(A)
    whole = n // width
    for q in range(whole):
        copy_row(X, example * n + q * width, A, (q * A.shape[1] + r) * width)
    if whole * width < n:
        copy_part(X, example * n + whole * width, n - whole * width, A, (whole * A.shape[1] + r) * width)


@device
def gather_pixels(X: Any, scale: Any, shift: Any, example: int, A: Any, r: int) -> None:
    """Row r of A[0] = row `example` of uint8 X, times scale, plus shift, column by column; both (n,) of A's type."""
    n, width = X.shape[1], width_of(A)
    kind = A.dtype.type
    for q in range((n + width - 1) // width):
        here = min(width, n - q * width)
        x = flat_view(X, example * n + q * width, here)
        s, t = flat_view(scale, q * width, here), flat_view(shift, q * width, here)
        a = flat_view(A, (q * A.shape[1] + r) * width, here)
        for c in range(here):
            a[c] = kind(x[c]) * s[c] + t[c]


@device
def ask_for_targets(labels: Any, targets: Any, weights: Any, example: int) -> None:
    """Ask for the label or the targets of an example, and for its weight."""
    if labels.size > 0:
        prefetch_number_to_read(labels, example)
    else:
        prefetch_to_read(targets, example * targets.shape[1], targets.shape[1])
    if weights.size > 0:
        prefetch_number_to_read(weights, example)


def _gather_batch_types(f: Any) -> tuple[Any, ...]:
    def read_only(dtype: Any, ndim: int) -> Any:
        return types.Array(dtype, ndim, "C", readonly=True)

    integers = types.Array(types.int64, 1, "C")
    return (
        read_only(f, 2), read_only(types.uint8, 2), read_only(f, 1), read_only(f, 1), read_only(types.int64, 1), read_only(f, 2),
        read_only(f, 1), integers, types.int64, types.Array(f, 3, "C"), integers, types.Array(f, 2, "C"), types.Array(f, 1, "C"),
        types.int64, types.int64,
    )  # fmt: skip


@separate(_gather_batch_types)
def gather_batch(
    X: Any,
    pixels: Any,
    scale: Any,
    shift: Any,
    labels: Any,
    targets: Any,
    weights: Any,
    order: Any,
    first: int,
    A: Any,
    batch_labels: Any,
    batch_targets: Any,
    batch_weights: Any,
    r0: int,
    r1: int,
) -> None:
    """A[0] and the targets of examples r0..r1 of a batch: row r of the batch is example order[first + r].

    X, pixels, scale, shift, labels, targets, weights : the fields of layout.Data, read; of X and pixels, and of labels and
    targets, one may be without rows. A : panels of (batch, n), rows r0..r1 overwritten but for padding. batch_labels (batch,),
    batch_targets (batch, n_y) : those rows overwritten, each where the data have it. batch_weights : (batch,), or (0,) where
    weights do not count; those rows overwritten, with 1 where the data have none.
    """
    n, last = X.shape[1], order.size - 1
    row_bytes = n * (1 if pixels.shape[0] > 0 else A.itemsize)
    ahead = max(AT_ONCE, _BYTES_AHEAD // row_bytes // AT_ONCE * AT_ONCE)
    for r in range(r0, r1, AT_ONCE):
        # Examples lie anywhere in memory: those of the next rows, and at the end of the next batch, are asked for in time.
        soon = first + r + ahead + (batch_labels.size - (r1 - r0) if r + ahead >= r1 else 0)
        here = min(AT_ONCE, r1 - r)
        for s in range(here):
            ask_for_targets(labels, targets, weights, order[min(last, soon + s)])
        if pixels.shape[0] == 0 and here == AT_ONCE:
            fetch_rows(X, order, first + r, min(soon, last + 1 - AT_ONCE), A, r)
            continue
        for s in range(here):
            coming, example = order[min(last, soon + s)], order[first + r + s]
            if pixels.shape[0] > 0:
                prefetch_to_read(pixels, coming * n, n)
                gather_pixels(pixels, scale, shift, example, A, r + s)
            else:
                prefetch_to_read(X, coming * n, n)
                gather_numbers(X, example, A, r + s)
    if labels.size > 0:
        for r in range(r0, r1):
            batch_labels[r] = labels[order[first + r]]
    n_y = targets.shape[1]
    if n_y > 0:
        for r in range(r0, r1):
            copy_numbers(targets, order[first + r] * n_y, n_y, batch_targets, r * n_y)
    if batch_weights.size > 0:
        for r in range(r0, r1):
            batch_weights[r] = weights[order[first + r]] if weights.size > 0 else 1.0


@device
def compact(P: Any, r0: int, r1: int, n: int, M: Any) -> None:
    """M = rows r0..r1 of the matrix (rows, n) that panels P hold, row after row in a vector."""
    width = width_of(P)
    whole = n // width
    for q in range(whole):
        for r in range(r0, r1):
            copy_row(P, (q * P.shape[1] + r) * width, M, (r - r0) * n + q * width)
    rest = n - whole * width
    if rest > 0:
        for r in range(r0, r1):
            copy_part(P, (whole * P.shape[1] + r) * width, rest, M, (r - r0) * n + whole * width)
