"""The parameters that both estimators share: what each may be, and what they mean to the engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from fastdnn import vocabulary
from fastdnn.custom_activations import REGISTERED
from fastdnn.errors import ParameterError
from fastdnn.optimizer import Optimizer
from fastdnn.registry import Registry
from fastdnn.schedules import Schedule

STOCHASTIC_SOLVERS = ("sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw")
# The solvers whose learning rate `learning_rate` rules; scikit-learn's Adam keeps its own.
_SGD_SOLVERS = ("sgd", "momentum", "nesterov")
_NAMES = {"logistic": "sigmoid"}


class RegisteredOptions(StrOptions):
    """scikit-learn's constraint of names, which also takes those that are registered when it is asked.

    own : fastdnn's own names. registry : the user's.
    """

    def __init__(self, own: Iterable[str], registry: Registry) -> None:
        super().__init__(set(own))
        self._own, self._registry = tuple(own), registry

    def is_satisfied_by(self, val: Any) -> bool:
        """Whether it is one of the names of now."""
        return isinstance(val, str) and (val in self._own or val in self._registry.names())

    def __str__(self) -> str:
        names = ", ".join(repr(name) for name in (*self._own, *self._registry.names()))
        return f"a str among {{{names}}} (or registered in this process by fastdnn.register_{self._registry.kind})"


# scikit-learn 1.9's sets and intervals, and so its wording of every refusal; what follows max_fun is ours.
CONSTRAINTS: dict[str, list[Any]] = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "activation": [
        RegisteredOptions(("logistic", *vocabulary.HIDDEN_ACTIVATIONS), REGISTERED),
        list,
        tuple,
    ],
    "solver": [StrOptions({"lbfgs", *STOCHASTIC_SOLVERS})],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "power_t": [Interval(Real, 0, None, closed="left")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [Interval(Real, 0, None, closed="left")],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    # scikit-learn allows 1, a velocity that never decays.
    "momentum": [Interval(Real, 0, 1, closed="left")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="left")],
    "beta_1": [Interval(Real, 0, 1, closed="left")],
    "beta_2": [Interval(Real, 0, 1, closed="left")],
    "epsilon": [Interval(Real, 0, None, closed="neither")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
    "max_fun": [Interval(Integral, 1, None, closed="left")],
    "eval_set": [tuple, list, None],
    "eval_metric": [str, callable, None],
    "dropout": [Interval(Real, 0, 1, closed="left"), tuple, list],
    "weight_decay": [Interval(Real, 0, None, closed="left"), None],
    "l1": [Interval(Real, 0, None, closed="left")],
    "clip_norm": [Interval(Real, 0, None, closed="left")],
    "schedule": [str, Schedule, None],
    "n_threads": [Interval(Integral, 1, None, closed="left"), None],
    "time_limit": [Interval(Real, 0, None, closed="neither"), None],
    "callbacks": [tuple, list, None],
}
# What the stochastic solvers alone do: with L-BFGS it is refused instead of being overlooked.
_STOCHASTIC_ONLY = {
    "dropout": 0.0, "weight_decay": None, "l1": 0.0, "clip_norm": 0.0,
    "schedule": None, "time_limit": None, "callbacks": None, "eval_set": None, "eval_metric": None,
}  # fmt: skip


def set_parameters(estimator: Any, values: Mapping[str, Any]) -> None:
    """Store the arguments of __init__ (its locals()) under their own names, unchanged, as scikit-learn's clone wants it."""
    for name, value in values.items():
        if name != "self":
            setattr(estimator, name, value)


def check_combinations(estimator: Any, eval_set: Any, *, incremental: bool) -> None:
    """Raise ParameterError where two parameters, each allowed, do not go together.

    eval_set : that of this call of fit, or the parameter. incremental : the call is one of partial_fit.
    """
    if estimator.solver == "lbfgs":
        for name, unused in _STOCHASTIC_ONLY.items():
            given = eval_set if name == "eval_set" else getattr(estimator, name)
            if given is not unused and given != unused and not (isinstance(given, Real) and given == 0):
                shown = name if name == "eval_set" else f"{name}={given!r}"  # and not a whole table
                raise ParameterError(
                    f"{shown} does not go with solver='lbfgs'.", f"one of {', '.join(STOCHASTIC_SOLVERS)}"
                )
    if estimator.eval_metric is not None and eval_set is None and (incremental or not estimator.early_stopping):
        raise ParameterError(
            f"eval_metric={estimator.eval_metric!r} has no rows that it can be computed on.",
            "eval_set=(X, y)" if incremental else "eval_set=(X, y), or early_stopping=True",
        )
    if estimator.schedule is not None and estimator.learning_rate != "constant":
        raise ParameterError(
            f"schedule={estimator.schedule!r} and learning_rate='{estimator.learning_rate}' both rule the learning rate.",
            "learning_rate='constant' with a schedule",
        )
    if estimator.weight_decay and estimator.solver == "adam":
        raise ParameterError(
            f"weight_decay={estimator.weight_decay!r} does not go with solver='adam'.", "solver='adamw', or alpha"
        )


def hidden_sizes(estimator: Any) -> list[int]:
    """hidden_layer_sizes as a list; ValueError where one is no whole number or, in scikit-learn's words, not positive."""
    sizes = estimator.hidden_layer_sizes
    sizes = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
    if not all(isinstance(n, Integral) for n in sizes):
        raise ParameterError(f"hidden_layer_sizes must be whole numbers, got {sizes}.")
    if any(n <= 0 for n in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    return [int(n) for n in sizes]


def hidden_activations(estimator: Any, layers: int) -> list[str]:
    """The engine's name of each hidden layer's activation."""
    given = estimator.activation
    names = [given] * layers if isinstance(given, str) else list(given)
    if len(names) != layers:
        raise ParameterError(
            f"{layers} hidden layer{'s need' if layers > 1 else ' needs'} as many activations, got {len(names)}."
        )
    return [_NAMES.get(name, name) for name in names]


def optimizer_of(estimator: Any) -> Optimizer:
    """The engine's rule for `solver`, in scikit-learn's convention of gain and epsilon."""
    name = estimator.solver
    if name == "sgd" and estimator.momentum > 0:
        name = "nesterov" if estimator.nesterovs_momentum else "momentum"
    return Optimizer(
        name=name,
        learning_rate=float(estimator.learning_rate_init),
        beta1=float(estimator.momentum if name in _SGD_SOLVERS else estimator.beta_1),
        beta2=float(estimator.beta_2),
        epsilon=float(estimator.epsilon),
        weight_decay=estimator.weight_decay,
        clip_norm=float(estimator.clip_norm),
        convention="scikit-learn" if name in ("momentum", "nesterov", "adam") else "course",
    )


def has_ruled_rate(estimator: Any) -> bool:
    """Whether `learning_rate` ('invscaling', 'adaptive') has a say: with gradient descent and its momenta, not with Adam."""
    return estimator.solver in _SGD_SOLVERS
