"""Parameters as the course's functions take them, for tests."""

from __future__ import annotations

import numpy as np


def random_parameters(dims, rng):
    """{"W1": (n_1, n_0), "b1": (n_1, 1), ...}: W so small that no layer saturates, b normal."""
    parameters = {}
    for l in range(1, len(dims)):
        parameters[f"W{l}"] = rng.normal(size=(dims[l], dims[l - 1])) / np.sqrt(dims[l - 1])
        parameters[f"b{l}"] = rng.normal(size=(dims[l], 1))
    return parameters
