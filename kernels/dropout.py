"""Inverted dropout: a mask that is a function of where it is used, so that any number of threads draws the same."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from fastdnn.kernels._jit import device, separate
from fastdnn.kernels.random import random_uint32, random_uint64
from fastdnn.kernels.rows import width_of


@device
def keeps(key: Any, unit: Any, limit: Any) -> bool:
    """Whether a unit is kept: with probability limit / 2^32. key : 32 random bits of the example, layer and step."""
    return random_uint32(key, unit) < limit


def _drop_types(f: Any) -> tuple[Any, ...]:
    panels, integer = types.Array(f, 3, "C"), types.int64
    return (panels, panels, *([integer] * 6), types.boolean, types.float64)


@separate(_drop_types)
def drop(
    A: Any, D: Any, n: int, r0: int, r1: int, seed: int, step: int, layer: int, hidden: bool, share: float
) -> None:
    """Drop units of examples r0..r1 of a batch with probability `share`, and divide the others by 1 - share:

        A = A * mask / (1 - share),   D = D * mask / (1 - share)

    A : panels of (rows, n), updated in these rows. D : g'(Z), alike, where the layer is `hidden`; else not touched.
    seed, step, layer : with the row and the unit they decide the mask.
    Source: Srivastava et al. (2014); in this inverted form course 2 week 1.
    """
    width = width_of(A)
    kind = A.dtype.type
    limit = np.uint32(min((1.0 - share) * 4294967296.0, 4294967295.0))
    scale, zero = kind(1.0 / (1.0 - share)), kind(0.0)
    for r in range(r0, r1):
        bits = random_uint64(seed, step, (r << 20) + layer)
        key, other = np.uint32(bits & np.uint64(0xFFFFFFFF)), np.uint32(bits >> np.uint64(32))
        for q in range((n + width - 1) // width):
            base = np.uint32(other + np.uint32(q * width))
            for c in range(width):
                factor = scale if keeps(key, np.uint32(base + np.uint32(c)), limit) else zero
                A[q, r, c] *= factor
                if hidden:
                    D[q, r, c] *= factor
