"""A small task for training: points around a centre for each class, and a network for it."""

from __future__ import annotations

import numpy as np

from fastdnn.network import Network


def blobs(m=90, n=4, classes=3, seed=0):
    """Points around a centre for each class, and their classes."""
    rng = np.random.default_rng(seed)
    Y = rng.integers(0, classes, m)
    return rng.normal(size=(classes, n))[Y] * 2 + rng.normal(size=(m, n)), Y


def network_for_blobs(dtype="float64", **options):
    return Network([4, 8, 3], "tanh", dtype=dtype, **options)
