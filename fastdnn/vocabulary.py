"""The closed sets of names a person may choose from. Imports nothing, so that the command line can offer them at once."""

from __future__ import annotations

HIDDEN_ACTIVATIONS = (
    "identity", "relu", "leaky_relu", "sigmoid", "tanh", "elu", "selu", "gelu", "silu", "mish", "softplus",
)  # fmt: skip
ACTIVATIONS = (*HIDDEN_ACTIVATIONS, "exponential", "softmax")
LOSSES = (
    "squared_error", "absolute_error", "huber", "quantile", "poisson", "binary_cross_entropy", "categorical_cross_entropy",
)  # fmt: skip
QUANTITY_LOSSES = LOSSES[:5]
OPTIMIZERS = ("sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw")
# Takes all rows at once and finds the length of its steps itself, so it has none of the settings of the others.
LBFGS = "lbfgs"
SCHEDULES = ("constant", "step", "exponential", "inverse_scaling", "cosine", "one_cycle", "plateau", "coslog4")
# What a run can watch, by the losses that it fits: every loss; the cross-entropies; every other loss (of quantiles the median's);
# quantile; poisson.
METRICS_OF = {
    "all": ("loss", "valid_loss"),
    "classes": ("accuracy", "balanced_accuracy", "log_loss", "roc_auc", "f1"),
    "quantities": ("rmse", "mae", "r2"),
    "quantile": ("pinball", "d2_pinball"),
    "poisson": ("poisson_deviance",),
}
METRICS = tuple(name for names in METRICS_OF.values() for name in names)
INITIALIZATIONS = ("auto", "he", "lecun", "glorot", "small_random", "zeros")
DTYPES = ("float32", "float64")

# Each output separately, from its number alone: a registered loss takes all of them.
ELEMENTWISE_OUTPUTS = ACTIVATIONS[:-1]
# The output activations that make sense with each loss; the first is the default. dZ[L] is A - Y for that of squared error, Poisson
# and the cross-entropies.
OUTPUTS = {
    "squared_error": ACTIVATIONS,
    "absolute_error": ELEMENTWISE_OUTPUTS,
    "huber": ELEMENTWISE_OUTPUTS,
    "quantile": ELEMENTWISE_OUTPUTS,
    "poisson": ("exponential",),
    "binary_cross_entropy": ("sigmoid",),
    "categorical_cross_entropy": ("softmax",),
}
