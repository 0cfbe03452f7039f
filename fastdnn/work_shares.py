"""How the work of a training step is shared out among the workers, and in which order an update visits its blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastdnn.kernels.vector import panel_width, tile_height
from fastdnn.panels import panel_count

# Bytes of dZ that may stay in the second-level cache while the panels of A pass by in an update.
_DELTA_BLOCK_BYTES = 1 << 17
# What else takes the time of so many multiply-adds: a number that another core may have written; two meetings of the workers.
_READ, _MEETINGS = 8, 200_000


class WorkShares(NamedTuple):
    """The shares of each of `workers`.

    groups : (L + 1, 2) int64, columns of the grid of workers in which Z[l], and dZ[l], are shared out; see unit_groups.
    blocks : (blocks, 4) int64, all blocks of the parameters: layer, panel of the layer below, panel, and a number of its own, the
    same for every number of workers. begins : (workers + 1,) int64, where each worker's blocks begin.
    """

    groups: NDArray[np.int64]
    blocks: NDArray[np.int64]
    begins: NDArray[np.int64]


def share_out(dims: Sequence[int], batch: int, dtype: np.dtype[Any], workers: int) -> WorkShares:
    """The shares of a step through batches of `batch` examples."""
    groups = np.ones((len(dims), 2), np.int64)
    for l in range(1, len(dims)):
        groups[l, 0] = unit_groups(batch, dims[l - 1], dims[l], dtype, workers)
        if l + 1 < len(dims):
            groups[l, 1] = unit_groups(batch, dims[l + 1], dims[l], dtype, workers)
    blocks = _update_order(dims, batch, dtype)
    owner = _owners(blocks, groups[:, 0], dims, dtype, workers)
    order = np.argsort(owner, kind="stable")
    begins = np.searchsorted(owner[order], np.arange(workers + 1)).astype(np.int64)
    return WorkShares(groups, np.ascontiguousarray(blocks[order]), begins)


def share_rows(dims: Sequence[int], batch: int, dtype: np.dtype[Any], workers: int) -> WorkShares:
    """The shares where nothing is updated."""
    return WorkShares(np.ones((len(dims), 2), np.int64), np.zeros((0, 4), np.int64), np.zeros(workers + 1, np.int64))


def unit_groups(m: int, k: int, n: int, dtype: np.dtype[Any], workers: int) -> int:
    """In how many groups the n units of a product (m, k) (k, n) are shared out; `workers` is a multiple of it.

    In one, each worker computes its rows of all units and reads all of the (k, n) weights, most of which others wrote in the last
    update; and a few rows fill no register tile. In g groups, workers / g of them share out the rows of each group: less is read of
    the weights, more of the (m, k) below, and the workers must meet before and after. The cheapest is taken.
    """
    width, height = panel_width(dtype), tile_height(2)
    panels = panel_count(n, dtype)

    def cost(groups: int) -> int:
        rows, columns = -(-m * groups // workers), min(n, -(-panels // groups) * width)
        in_tiles = -(-rows // height) * height
        return in_tiles * columns * k + _READ * k * (columns + rows) + (_MEETINGS if groups > 1 else 0)

    return min((g for g in range(1, min(workers, panels) + 1) if workers % g == 0), key=cost)


def _update_order(dims: Sequence[int], batch: int, dtype: np.dtype[Any]) -> NDArray[np.int64]:
    """All blocks in the order an update by one worker visits them: groups of dZ's panels that fit the cache, and within a group one
    panel of A after the other."""
    panels = [panel_count(n, dtype) for n in dims]
    group = max(1, _DELTA_BLOCK_BYTES // (batch * panel_width(dtype) * dtype.itemsize))
    parts = []
    for l in range(1, len(panels)):
        for j0 in range(0, panels[l], group):
            i, j = np.meshgrid(np.arange(panels[l - 1]), np.arange(j0, min(j0 + group, panels[l])), indexing="ij")
            parts.append(np.stack([np.full(i.size, l), i.ravel(), j.ravel()], axis=1))
    blocks = np.concatenate(parts)
    return np.column_stack([blocks, np.arange(len(blocks))]).astype(np.int64)


def _owners(
    blocks: NDArray[np.int64], groups: NDArray[np.int64], dims: Sequence[int], dtype: np.dtype[Any], workers: int
) -> NDArray[np.int64]:
    """Who updates each block: of a layer whose units are shared out, whose part of the grid it lies in, so that its weights stay in
    that core's cache; the others fill up what is left, in their order, as evenly as whole blocks allow."""
    units, panels = np.asarray(dims), np.array([panel_count(n, dtype) for n in dims])
    width = panel_width(dtype)
    layer, below, panel = blocks[:, 0], blocks[:, 1], blocks[:, 2]
    rows = np.minimum(units[layer - 1] - below * width, width)
    # A block at the edge costs what it holds, in vectors.
    cost = rows * np.where(units[layer] - panel * width <= width // 2, width // 2, width)
    columns, lines = groups[layer], workers // groups[layer]
    # As passes.part_of_product has it.
    column, line = ((panel + 1) * columns - 1) // panels[layer], ((below + 1) * lines - 1) // panels[layer - 1]
    owner: NDArray[np.int64] = line * columns + column
    fixed = columns > 1
    left = np.maximum(cost.sum() / workers - np.bincount(owner[fixed], cost[fixed], workers), 0.0)
    free = np.flatnonzero(~fixed)
    done, ends = np.concatenate([[0], np.cumsum(cost[free])]), np.concatenate([[0.0], np.cumsum(left)])
    begins = np.searchsorted(done, done[-1] * ends / max(ends[-1], 1.0))
    owner[free] = np.searchsorted(begins[1:], np.arange(len(free)), side="right").clip(max=workers - 1)
    return owner
