"""From the name of an activation to the number that kernels know it by."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastdnn import vocabulary
from fastdnn.custom_activations import REGISTERED
from fastdnn.errors import ParameterError, unknown_name
from fastdnn.kernels import activations, smooth

ACTIVATION_CODES = {
    "identity": activations.IDENTITY,
    "relu": activations.RELU,
    "leaky_relu": activations.LEAKY_RELU,
    "sigmoid": activations.SIGMOID,
    "tanh": activations.TANH,
    "exponential": activations.EXPONENTIAL,
    "softmax": activations.SOFTMAX,
}


def activation_code(name: str, dtype: Any) -> int:
    """The code of `name` for arrays of dtype float32 or float64: a constant of kernels.activations, or the address of a loop.

    An address is good for this process only, and its loop is compiled, or loaded, at the first call. Raises ParameterError
    for a name that is neither in vocabulary.ACTIVATIONS nor registered.
    """
    if name in ACTIVATION_CODES:
        return ACTIVATION_CODES[name]
    if name in smooth.SMOOTH:
        return smooth.smooth_address(name, np.dtype(dtype).name)
    if name in REGISTERED.names():
        return REGISTERED.code(name, dtype)
    raise ParameterError(unknown_name("activation", name, (*vocabulary.ACTIVATIONS, *REGISTERED.names())))
