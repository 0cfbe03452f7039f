"""The settings of one training run with every default filled in, as plain JSON types, and the run that they describe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fastdnn import defaults
from fastdnn.callbacks import Callback
from fastdnn.examples import Examples
from fastdnn.history import History, TrainingProgress
from fastdnn.network import Network
from fastdnn.optimizer import Optimizer
from fastdnn.schedules import parse_schedule
from fastdnn.settings import FitOptions
from fastdnn.training import train
from fastdnn.vocabulary import LBFGS

Facts = dict[str, Any]

# The settings that L-BFGS takes, under the names of `train_lbfgs`.
_OF_LBFGS = ("time_limit", "patience", "metric", "min_delta", "l2", "threads")


def resolved_settings(options: FitOptions, n_rows: int, *, regression: bool) -> Facts:
    """What the options and the number of training rows make of each setting.

    With a time limit, or a schedule whose valley is at the end, the run goes to its end unless a patience was asked for.
    L-BFGS takes all rows in a batch, an epoch is an iteration, and its learning rate is None.
    """
    optimizer = (
        None
        if options.optimizer == LBFGS
        else _optimizer(
            options.optimizer, options.learning_rate, options.momentum, options.weight_decay, options.clip_norm
        )
    )
    epochs = options.epochs
    if epochs is None and options.time_limit is None:
        epochs = defaults.LBFGS_ITERATIONS if optimizer is None else defaults.default_epochs(n_rows)
    schedule = parse_schedule(options.schedule, warm_up=options.warm_up)
    patience = options.patience
    if patience is None and epochs is not None and not schedule.anneals and not options.time_limit:
        patience = defaults.default_patience(epochs)
    weight_decay = optimizer.weight_decay if optimizer else 0.0
    l2 = options.l2
    if l2 is None:
        l2 = 0.0 if weight_decay else defaults.default_l2(n_rows, regression=regression)
    batch_size = options.batch_size or (defaults.default_batch_size(n_rows) if optimizer else n_rows)
    return {
        "optimizer": options.optimizer,
        "learning_rate": optimizer.rate if optimizer else None,
        "schedule": options.schedule,
        "warm_up": options.warm_up,
        "momentum": optimizer.beta1 if optimizer and optimizer.name in ("momentum", "nesterov") else None,
        "clip_norm": options.clip_norm,
        "epochs": epochs,
        "time_limit": options.time_limit,
        "batch_size": min(batch_size, n_rows),
        "patience": patience,
        "metric": options.metric,
        "min_delta": options.min_delta,
        "l2": l2,
        "l1": options.l1,
        "weight_decay": weight_decay,
        "dropout": list(options.dropout) if isinstance(options.dropout, tuple) else options.dropout,
        "seed": options.seed,
        "threads": options.threads,
    }


def train_as(
    settings: Facts,
    network: Network,
    examples: Examples,
    valid: Examples | None,
    *,
    callbacks: Sequence[Callback] = (),
    progress: Callable[[TrainingProgress], None] | None = None,
) -> History:
    """Train a network in place as `resolved_settings` says; the rest is as `train` takes it, and so is what it raises."""
    if settings["optimizer"] == LBFGS:
        from fastdnn.lbfgs import train_lbfgs

        taken = {name: settings[name] for name in _OF_LBFGS} | {"iterations": settings["epochs"]}
        return train_lbfgs(network, examples, valid, callbacks=callbacks, progress=progress, **taken)
    taken = dict(settings)
    numbers = [taken.pop(name) for name in ("optimizer", "learning_rate", "momentum", "weight_decay", "clip_norm")]
    taken["schedule"] = parse_schedule(taken.pop("schedule"), warm_up=taken.pop("warm_up"))
    taken["optimizer"] = _optimizer(*numbers)
    return train(network, examples, valid, callbacks=callbacks, progress=progress, **taken)


def _optimizer(
    name: str, learning_rate: float | None, momentum: float | None, weight_decay: float | None, clip_norm: float
) -> Optimizer:
    beta1 = Optimizer.beta1 if momentum is None else momentum
    return Optimizer(name, learning_rate, beta1, weight_decay=weight_decay, clip_norm=clip_norm)
