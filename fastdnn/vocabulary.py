"""The closed sets of names a person may choose from. Imports nothing, so that the command line can offer them at once."""

from __future__ import annotations

HIDDEN_ACTIVATIONS = (
    "identity", "relu", "leaky_relu", "sigmoid", "tanh", "elu", "selu", "gelu", "silu", "mish", "softplus",
)  # fmt: skip
ACTIVATIONS = (*HIDDEN_ACTIVATIONS, "exponential", "softmax")
LOSSES = ("squared_error", "binary_cross_entropy", "categorical_cross_entropy")
OPTIMIZERS = ("sgd", "adam")
INITIALIZATIONS = ("auto", "he", "lecun", "glorot", "small_random", "zeros")
DTYPES = ("float32", "float64")

# The output activations that make sense with each loss; the first is the default, and its dZ[L] is A - Y.
OUTPUTS = {
    "squared_error": ("identity", "relu", "leaky_relu", "sigmoid", "tanh", "softmax"),
    "binary_cross_entropy": ("sigmoid",),
    "categorical_cross_entropy": ("softmax",),
}
