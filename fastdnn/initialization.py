"""Initial weights; biases always start at zero."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LIKE_RELU = ("relu", "leaky_relu", "elu", "gelu", "silu", "mish")


def initial_weights(
    scheme: str, n: int, n_prev: int, activation: str, generator: np.random.Generator
) -> NDArray[np.float64]:
    """W of one layer, (n, n_prev) float64, with independent normal entries of mean 0 and standard deviation

        he            sqrt(2 / n_prev)             He et al. (2015); keeps the variance through ReLU layers
        lecun         sqrt(1 / n_prev)             LeCun et al. (1998); keeps the variance where E[g(z)^2] = 1
        glorot        sqrt(2 / (n_prev + n))       Glorot and Bengio (2010)
        small_random  0.01                         Ng, course 1 week 3
        zeros         0                            every unit of a layer then learns the same: warned about
        auto          he under ReLU and what resembles it, lecun under SELU, else glorot

    Why: for z normal with variance 1, E[g(z)^2] is 0.50 under ReLU, 0.36 to 0.64 under SiLU, GELU, Mish, ELU: He's factor 2 makes
    up for it. SELU's constants make it exactly 1 (Klambauer et al., 2017, who ask for these weights); softplus's 0.92 is near it.

    scheme : one of fastdnn.vocabulary.INITIALIZATIONS. activation : the layer's own, read by `auto`.
    """
    if scheme == "auto":
        scheme = "he" if activation in _LIKE_RELU else "lecun" if activation == "selu" else "glorot"
    deviation = {
        "he": np.sqrt(2.0 / n_prev),
        "lecun": np.sqrt(1.0 / n_prev),
        "glorot": np.sqrt(2.0 / (n_prev + n)),
        "small_random": 0.01,
        "zeros": 0.0,
    }[scheme]
    if deviation == 0.0:
        return np.zeros((n, n_prev))
    return np.asarray(generator.standard_normal((n, n_prev)) * deviation)


def warn_of_symmetry(layer_dims: Any) -> None:
    """Say that zeros cannot break the symmetry of a hidden layer; without one (logistic regression) they are fine."""
    if len(layer_dims) > 2:
        warnings.warn(
            "Weights start at zero: all units of a hidden layer compute and learn the same, so the network is no better "
            "than one unit a layer. Use 'he', 'glorot' or 'small_random'.",
            stacklevel=3,
        )
