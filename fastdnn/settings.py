"""FitOptions: everything a person can set about a fit, and the ranges that hold, checked before any data is read."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastdnn import vocabulary
from fastdnn.custom_activations import hidden_activations
from fastdnn.custom_losses import registered_losses
from fastdnn.defaults import ACTIVATION, OPTIMIZER
from fastdnn.errors import ParameterError, unknown_name
from fastdnn.loss_options import checked_loss_options
from fastdnn.workers import check_threads

DEFAULT_QUANTILES = (0.1, 0.5, 0.9)
SMOOTHED = ("binary_cross_entropy", "categorical_cross_entropy")
_WITH_MOMENTUM = ("momentum", "nesterov")
# What L-BFGS has no use for: refused beside it instead of being overlooked.
_NOT_OF_LBFGS = (
    "learning_rate", "schedule", "warm_up", "momentum", "clip_norm", "batch_size", "l1", "weight_decay", "dropout",
)  # fmt: skip


@dataclass(frozen=True)
class FitOptions:
    """Settings of one fit; None means that the data decides (fastdnn.defaults).

    Attributes
    ----------
    layers : widths of the hidden layers; () is logistic or linear regression.
    activation : of every hidden layer, or a tuple with one for each. output_activation, loss, initialization : as `Network` takes
        them.
    huber_delta : of loss 'huber', in standard deviations of the target (1). quantiles : of loss 'quantile' (0.1, 0.5, 0.9).
    label_smoothing : of the cross-entropies (0).
    class_weight : 'balanced', or a weight for the name of each class, 1 for those left out. weight_column : the column that says
        how much each row counts in training and in every score. Weights of classes count in losses only: they steer training,
        and the best epoch by `valid_loss`, but a score stays that of the rows as they are.
    optimizer : one of vocabulary.OPTIMIZERS; learning_rate > 0; momentum : beta of momentum and nesterov, from 0 and below 1;
        clip_norm >= 0, 0 for no limit. Or 'lbfgs', whose epochs are iterations over all rows at once: none of these belongs to
        it, nor do schedule, warm_up, batch_size, l1, weight_decay and dropout.
    schedule : as `schedules.parse_schedule` reads it; warm_up : epochs in which the learning rate rises from 0.
    epochs, batch_size, patience >= 1; time_limit : seconds; min_delta >= 0; metric : one of vocabulary.METRICS_OF
        that fits the loss.
    l2, l1, weight_decay >= 0; dropout : a share of every hidden layer, or one of the input and of each hidden layer.
    valid : the rows kept aside for the score: a fraction of the data, or the name of a file (`valid_target`: where
        its target is).
    seed : of the split, the first weights and the order of the rows; threads : None: as many as are fastest, found while training.
    dtype : 'float32' or 'float64'; task : 'binary', 'multiclass' or 'regression'.
    drop, categorical : columns to leave out, and numeric columns to treat as categories; header : of `valid` where
        that is a file.
    clean_labels : take blanks and a trailing full stop off the labels, in the data and in `valid`.
    diagnose : look at the trained network layer by layer (fastdnn.diagnosis).
    """

    layers: tuple[int, ...] | None = None
    activation: str | tuple[str, ...] = ACTIVATION
    output_activation: str | None = None
    loss: str | None = None
    huber_delta: float | None = None
    quantiles: tuple[float, ...] | None = None
    label_smoothing: float | None = None
    class_weight: str | Mapping[str, float] | None = None
    weight_column: str | None = None
    initialization: str = "auto"
    optimizer: str = OPTIMIZER
    learning_rate: float | None = None
    epochs: int | None = None
    batch_size: int | None = None
    patience: int | None = None
    l2: float | None = None
    l1: float = 0.0
    weight_decay: float | None = None
    dropout: float | tuple[float, ...] = 0.0
    momentum: float | None = None
    clip_norm: float = 0.0
    schedule: str = "constant"
    warm_up: float = 0.0
    time_limit: float | None = None
    metric: str | None = None
    min_delta: float = 0.0
    valid: float | str | None = None
    valid_target: str | None = None
    seed: int = 0
    threads: int | None = None
    dtype: str = "float32"
    task: str | None = None
    drop: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    header: bool | None = None
    clean_labels: bool = False
    diagnose: bool = False

    @property
    def loss_options(self) -> dict[str, Any]:
        """The options as `Network` takes them; those of the other losses are left out."""
        if self.loss == "quantile":
            return {"quantiles": list(self.quantiles or DEFAULT_QUANTILES)}
        given = {"delta": self.huber_delta, "label_smoothing": self.label_smoothing}
        return {name: value for name, value in given.items() if value is not None}

    def check(self) -> None:
        """Raise ParameterError for the first setting outside its range or its closed set."""
        from fastdnn.targets import TASKS

        for name in self.activation if isinstance(self.activation, tuple) else (self.activation,):
            _check_name("activation", name, hidden_activations())
        _check_name("output activation", self.output_activation, vocabulary.ACTIVATIONS)
        _check_name("loss", self.loss, (*vocabulary.LOSSES, *registered_losses()))
        _check_name("initialization", self.initialization, vocabulary.INITIALIZATIONS)
        _check_name("optimizer", self.optimizer, (*vocabulary.OPTIMIZERS, vocabulary.LBFGS))
        _check_name("dtype", self.dtype, vocabulary.DTYPES)
        _check_name("task", self.task, TASKS)
        _check_owner("--huber-delta", self.huber_delta, self.loss, ("huber",))
        _check_owner("--quantiles", self.quantiles, self.loss, ("quantile",))
        if self.loss is not None:
            _check_owner("--label-smoothing", self.label_smoothing, self.loss, SMOOTHED)
        checked_loss_options(self.loss or SMOOTHED[0], self.loss_options, len(self.quantiles or DEFAULT_QUANTILES))
        twice = [tau for tau, n in Counter(self.quantiles or ()).items() if n > 1]
        if twice:
            once = ",".join(f"{tau:g}" for tau in Counter(self.quantiles or ()))
            raise ParameterError(
                f"--quantiles names {twice[0]:g} twice; each is an output and a column of its own.",
                f"--quantiles {once}",
            )
        if isinstance(self.class_weight, str):
            _check_name("class weight", self.class_weight, ("balanced",))
        if self.optimizer == vocabulary.LBFGS:
            self._check_lbfgs()
        _check_range("learning rate", self.learning_rate, 0.0, math.inf, above=True, hint="--learning-rate 0.001")
        _check_range("number of epochs", self.epochs, 1, 1_000_000, hint="--epochs 50")
        _check_range("batch size", self.batch_size, 1, 1_000_000, hint="--batch-size 64")
        _check_range("patience", self.patience, 1, 1_000_000, hint="--patience 10")
        _check_range("L2 strength", self.l2, 0.0, math.inf, hint="--l2 0.001")
        self._check_training()
        _check_range("seed", self.seed, 0, 2**63 - 1, hint="--seed 0")
        if self.threads is not None:
            check_threads(self.threads)
        if not isinstance(self.valid, str):
            if self.valid_target is not None:
                raise ParameterError(
                    f"--valid-target '{self.valid_target}' says where the target of --valid FILE is, and there is no such file.",
                    "--valid FILE, or leave out --valid-target",
                )
            _check_range("fraction kept aside", self.valid, 0.0, 0.9, above=True, hint="--valid 0.2, or --valid FILE")
        for width in self.layers or ():
            _check_range("width of a hidden layer", width, 1, 65_536, hint="--layers 128,64")

    def _check_lbfgs(self) -> None:
        """ParameterError for a setting that L-BFGS does not have, MissingExtraError where there is no SciPy."""
        from fastdnn.scipy_lbfgs import scipy_minimizer

        for name in _NOT_OF_LBFGS:
            if getattr(self, name) != getattr(FitOptions, name):
                option = f"--{name.replace('_', '-')}"
                raise ParameterError(
                    f"{option} does not go with --optimizer {vocabulary.LBFGS}, which takes all rows at once and finds the "
                    "length of each step itself. Allowed beside it: --l2, --epochs (iterations), --time-limit, --patience, "
                    "--min-delta, --metric.",
                    f"without {option}, or --optimizer {', '.join(vocabulary.OPTIMIZERS[:-1])} or {vocabulary.OPTIMIZERS[-1]}",
                )
        scipy_minimizer()

    def _check_training(self) -> None:
        """The toolbox: regularisation, schedule, and when to stop."""
        _check_name("metric", self.metric, vocabulary.METRICS)
        _check_range("L1 strength", self.l1, 0.0, math.inf, hint="--l1 0.001")
        _check_range("weight decay", self.weight_decay, 0.0, math.inf, hint="--weight-decay 0.01")
        _check_range("norm to clip at", self.clip_norm, 0.0, math.inf, hint="--clip-norm 1")
        _check_range("least gain", self.min_delta, 0.0, math.inf, hint="--min-delta 0.001")
        _check_range("time limit in seconds", self.time_limit, 0.0, math.inf, above=True, hint="--time-limit 30s")
        for share in self.dropout if isinstance(self.dropout, tuple) else (self.dropout,):
            _check_share("share to drop", share, "--dropout 0.2")
        if self.momentum is not None:
            _check_share("momentum", self.momentum, "--momentum 0.9")
            if self.optimizer not in _WITH_MOMENTUM:
                raise ParameterError(
                    f"Optimizer '{self.optimizer}' takes no momentum; {' and '.join(_WITH_MOMENTUM)} do.",
                    f"--optimizer momentum --momentum {self.momentum:g}",
                )
        if self.schedule != "constant" or self.warm_up:
            from fastdnn.schedules import parse_schedule

            parse_schedule(self.schedule, warm_up=self.warm_up)


def _check_share(what: str, value: float, hint: str) -> None:
    if not 0.0 <= value < 1.0:
        raise ParameterError(f"The {what} must be from 0 and below 1, not {value:g}.", hint)


def _check_owner(option: str, value: object, loss: str | None, owners: tuple[str, ...]) -> None:
    if value is not None and loss not in owners:
        other = "no --loss is given" if loss is None else f"--loss is {loss}"
        raise ParameterError(f"{option} belongs to --loss {' and '.join(owners)}, but {other}.", f"--loss {owners[0]}")


def _check_name(what: str, name: str | None, allowed: tuple[str, ...]) -> None:
    if name is not None and name not in allowed:
        raise ParameterError(unknown_name(what, name, allowed))


def _check_range(
    what: str, value: float | None, low: float, high: float, *, above: bool = False, hint: str | None = None
) -> None:
    """`above`: the lower end is excluded. Infinities and nan are never inside."""
    if value is None:
        return
    if math.isfinite(value) and value <= high and (value > low if above else value >= low):
        return
    start = f"above {low:g}" if above else f"{low:g} or more" if math.isinf(high) else f"from {low:g}"
    end = " and finite" if math.isinf(high) else f" and at most {high:,g}" if above else f" to {high:,}"
    raise ParameterError(f"The {what} must be {start}{end}, not {value:g}.", hint)
