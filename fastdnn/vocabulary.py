"""The closed sets of names a person may choose from. Imports nothing, so that the command line can offer them at once."""

from __future__ import annotations

ACTIVATIONS = ("identity", "relu", "leaky_relu", "sigmoid", "tanh", "softmax")
HIDDEN_ACTIVATIONS = ACTIVATIONS[:-1]
LOSSES = ("squared_error", "binary_cross_entropy", "categorical_cross_entropy")
OPTIMIZERS = ("sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw")
SCHEDULES = ("constant", "step", "exponential", "inverse_scaling", "cosine", "one_cycle", "plateau", "coslog4")
METRICS = ("loss", "valid_loss", "accuracy", "log_loss", "roc_auc", "f1", "rmse", "mae", "r2")
INITIALIZATIONS = ("auto", "he", "glorot", "small_random", "zeros")
DTYPES = ("float32", "float64")

# The output activations that make sense with each loss; the first is the default, and its dZ[L] is A - Y.
OUTPUTS = {
    "squared_error": ("identity", "relu", "leaky_relu", "sigmoid", "tanh", "softmax"),
    "binary_cross_entropy": ("sigmoid",),
    "categorical_cross_entropy": ("softmax",),
}
