"""Adapters by subject; importing them fills RUN."""

from golden.adapters import cat_images, elementary, initialisation, optimisers, planar, regularisation, step_by_step
from golden.adapters.registry import GOLDEN, RUN, SHARED_DATA

__all__ = [
    "GOLDEN",
    "RUN",
    "SHARED_DATA",
    "cat_images",
    "elementary",
    "initialisation",
    "optimisers",
    "planar",
    "regularisation",
    "step_by_step",
]
