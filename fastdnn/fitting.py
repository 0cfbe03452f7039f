"""From a table to a scored model, in the order that keeps the score honest.

The labelled rows are split in three. The rows kept aside give the score and nothing else: neither the preprocessing
statistics nor early stopping sees them. Of the rest, a part chooses the epoch; the others are trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fastdnn import baselines, defaults
from fastdnn.callbacks import Callback
from fastdnn.errors import DivergenceError
from fastdnn.examples import Examples
from fastdnn.history import History, TrainingProgress
from fastdnn.model import Model, scores
from fastdnn.monitoring import requested_metrics
from fastdnn.network import Network
from fastdnn.optimizer import Optimizer
from fastdnn.preparation import Prepared, prepare
from fastdnn.provenance import provenance_of
from fastdnn.resuming import resume_into
from fastdnn.schedules import parse_schedule
from fastdnn.settings import FitOptions
from fastdnn.trainer import dropout_shares
from fastdnn.training import train
from fastdnn.workers import available_cores

if TYPE_CHECKING:
    from fastdnn.tables import Table

Array = npt.NDArray[Any]
Facts = dict[str, Any]

# A cost this many times that of a constant answer: untrained networks stay below a hundred times.
DIVERGED = 1e6


class FitListener:
    """What a fit tells while it runs; the methods here do nothing. `fastdnn fit` overrides them to print."""

    def on_data(self, facts: Facts) -> None:
        """The table is understood and split: sections `data`, `task` and `split` of the facts."""

    def on_network(self, facts: Facts) -> None:
        """The network is made: sections `network` and `settings` are there too."""

    def on_progress(self, stage: str, progress: TrainingProgress) -> None:
        """Some times a second, while the network and then the linear baseline train; `stage` names which."""

    def on_warning(self, sentence: str) -> None:
        """Something that a person should know and that does not stop the fit."""


@dataclass(frozen=True)
class FitResult:
    """A trained model and every fact about how it came to be.

    Attributes
    ----------
    model : Model, not yet saved.
    facts : dict of plain JSON types with sections data, task, split, network, settings, training, score, baselines,
        and diagnosis where it was asked for.
    interrupted : whether Ctrl-C ended training; the model then is the best epoch before it.
    """

    model: Model
    facts: Facts
    interrupted: bool


def fit_table(
    table: Table,
    target: str,
    options: FitOptions | None = None,
    *,
    listener: FitListener | None = None,
    callbacks: Sequence[Callback] = (),
    resume_from: str | None = None,
) -> FitResult:
    """Train a network on a table, score it on rows kept aside, and do the same with two baselines.

    Parameters
    ----------
    table : what `tables.read_table` gave.
    target : name, position or file of the target, as `tables.read_target` takes it.
    options : settings; those left at None are chosen from the data.
    listener : is told what happens; see FitListener. callbacks : of the network's training (fastdnn.callbacks), not of the
        linear baseline's.
    resume_from : a checkpoint that one of the callbacks wrote in an earlier call with the same table and options, which was cut
        short; the result has the same bits as if it had not been.

    Raises
    ------
    ParameterError : a setting outside its range.
    DataError : the table or the target cannot be used, or are not those of the checkpoint. ModelFileError : nor is the network,
        or there is no checkpoint.
    DivergenceError : the cost is not finite, or stays a million times above that of a constant answer.
    KeyboardInterrupt : Ctrl-C before the first epoch had ended, so that there is no model. Later ones give a result.
    """
    options = options or FitOptions()
    options.check()
    listener = listener or FitListener()
    if options.threads is not None and options.threads > available_cores():
        listener.on_warning(
            f"{options.threads} threads on {available_cores()} cores wait for each other: slower, with the same result."
        )
    prepared = prepare(table, target, options)
    network = _network(prepared, options)
    requested_metrics(network, options.metric, callbacks, valid=prepared.stop is not None)
    dropout_shares(options.dropout, network.L)
    facts: Facts = dict(prepared.facts)
    listener.on_data(facts)
    for note in prepared.notes:
        listener.on_warning(note)

    settings = _resolved(options, prepared, network)
    facts |= {"network": network_facts(network, options), "settings": settings}
    listener.on_network(facts)

    history = _train(network, prepared, settings, "network", listener, callbacks, resume_from)
    interrupted = history.stopped_by == "interrupt"
    if interrupted and history.best_epoch == 0:
        raise KeyboardInterrupt
    score = _score(network, prepared, history.threads)
    facts |= {
        "training": _training_facts(history),
        "score": score,
        "baselines": [_constant_baseline(prepared, network)],
    }
    if network.L > 1 and not interrupted:
        linear, interrupted = _linear_baseline(prepared, options, listener)
        facts["baselines"] += linear
    if options.diagnose:
        facts["diagnosis"] = _diagnosis(network, prepared, settings)
    metrics = {name: facts[name] for name in ("score", "baselines", "training")}
    model = Model(
        network, prepared.preprocessor, history, metrics, provenance_of(table, target, facts, interrupted=interrupted)
    )
    return FitResult(model, facts, interrupted)


def network_facts(network: Network, options: FitOptions) -> Facts:
    """What the network is made of, in plain JSON types."""
    return {
        "layer_dims": list(network.layer_dims),
        "activations": list(network.activations),
        "loss": network.loss,
        "loss_options": network.loss_options,
        "n_parameters": network.n_parameters,
        "dtype": np.dtype(network.dtype).name,
        "initialization": options.initialization,
    }


def _network(prepared: Prepared, options: FitOptions, layers: tuple[int, ...] | None = None) -> Network:
    """The network of the options, with the loss that the task asks for; `layers` overrides theirs."""
    pre = prepared.preprocessor
    hidden = options.layers if layers is None else layers
    if hidden is None:
        hidden = defaults.default_layers(pre.n_features, len(prepared.train))
    loss = options.loss
    if loss is None and (options.output_activation is None or pre.classes is None):
        loss = prepared.default_loss
    loss_options = options.loss_options
    network = Network(
        [pre.n_features, *hidden, len(loss_options.get("quantiles", ())) or pre.n_outputs],
        options.activation,
        options.output_activation,
        loss,
        initialization=options.initialization,
        dtype=options.dtype,
        seed=options.seed,
        loss_options=loss_options,
    )
    if network.loss == "poisson":
        network.biases[-1][:] = prepared.log_mean
    return network


def _resolved(options: FitOptions, prepared: Prepared, network: Network) -> Facts:
    """The settings of training with every default filled in; plain JSON types.

    With a time limit, or a schedule whose valley is at the end, the run goes to its end unless a patience was asked for.
    """
    n_rows, classes = len(prepared.train), prepared.preprocessor.classes
    schedule = parse_schedule(options.schedule, warm_up=options.warm_up)
    epochs = options.epochs or (None if options.time_limit else defaults.default_epochs(n_rows))
    patience = options.patience
    if patience is None and epochs is not None and not schedule.anneals and not options.time_limit:
        patience = defaults.default_patience(epochs)
    optimizer = _optimizer(
        options.optimizer, options.learning_rate, options.momentum, options.weight_decay, options.clip_norm
    )
    l2 = options.l2
    if l2 is None:
        l2 = 0.0 if optimizer.weight_decay else defaults.default_l2(n_rows, regression=classes is None)
    return {
        "optimizer": optimizer.name,
        "learning_rate": optimizer.rate,
        "schedule": options.schedule,
        "warm_up": options.warm_up,
        "momentum": optimizer.beta1 if optimizer.name in ("momentum", "nesterov") else None,
        "clip_norm": optimizer.clip_norm,
        "epochs": epochs,
        "time_limit": options.time_limit,
        "batch_size": min(options.batch_size or defaults.default_batch_size(n_rows), n_rows),
        "patience": patience,
        "metric": options.metric,
        "min_delta": options.min_delta,
        "l2": l2,
        "l1": options.l1,
        "weight_decay": optimizer.weight_decay,
        "dropout": list(options.dropout) if isinstance(options.dropout, tuple) else options.dropout,
        "seed": options.seed,
        "threads": options.threads,
    }


def _optimizer(
    name: str, learning_rate: float | None, momentum: float | None, weight_decay: float | None, clip_norm: float
) -> Optimizer:
    beta1 = Optimizer.beta1 if momentum is None else momentum
    return Optimizer(name, learning_rate, beta1, weight_decay=weight_decay, clip_norm=clip_norm)


def _arguments(settings: Facts) -> Facts:
    """The settings as `train` takes them."""
    taken = dict(settings)
    numbers = [taken.pop(name) for name in ("optimizer", "learning_rate", "momentum", "weight_decay", "clip_norm")]
    schedule = parse_schedule(taken.pop("schedule"), warm_up=taken.pop("warm_up"))
    return taken | {"optimizer": _optimizer(*numbers), "schedule": schedule}


def _train(
    network: Network,
    prepared: Prepared,
    settings: Facts,
    stage: str,
    listener: FitListener,
    callbacks: Sequence[Callback] = (),
    resume_from: str | None = None,
) -> History:
    def tell(progress: TrainingProgress) -> None:
        _require_sense(progress, prepared.constant_cost, settings)
        listener.on_progress(stage, progress)

    stop = prepared.stop
    examples = _with_targets_for(network, prepared.train)
    valid = None if stop is None else _with_targets_for(network, stop)
    if resume_from is not None:
        return resume_into(
            network, resume_from, examples, valid, threads=settings["threads"], callbacks=callbacks, progress=tell
        )
    return train(network, examples, valid, callbacks=callbacks, progress=tell, **_arguments(settings))


def _with_targets_for(network: Network, examples: Examples) -> Examples:
    """Costs other than categorical cross-entropy compare each output with a number: class k becomes row k of the unit matrix."""
    assert examples.Y is not None
    if network.loss == "categorical_cross_entropy" or examples.Y.dtype.kind == "f":
        return examples
    unit = np.eye(network.layer_dims[-1], dtype=network.dtype)
    return replace(examples, Y=unit[examples.Y])


def _require_sense(progress: TrainingProgress, constant_cost: float, settings: Facts) -> None:
    """A run can diverge and stay finite: its cost is then far above that of a constant answer, and does not come back."""
    if progress.loss is None or progress.loss <= DIVERGED * constant_cost:
        return
    batch = -(-progress.rows_done // settings["batch_size"])
    raise DivergenceError(
        f"Training diverged at epoch {progress.epoch}, batch {batch}: the cost is {progress.loss:.3g}, "
        f"that of a constant answer {constant_cost:.3g}.",
        f"a smaller --learning-rate (now {settings['learning_rate']:g})",
        epoch=progress.epoch,
        batch=batch,
        last_finite=progress.loss,
    )


def _score(network: Network, prepared: Prepared, threads: int) -> Facts:
    AL = network.predict(prepared.score, threads=threads)
    return scores(prepared.preprocessor, baselines.targets_of(prepared.score), AL, network)


def _diagnosis(network: Network, prepared: Prepared, settings: Facts) -> Facts:
    """What is wrong with the network on the rows that trained it, in the table's column names."""
    found = network.diagnose(
        _with_targets_for(network, prepared.train),
        l2=settings["l2"],
        optimizer=settings["optimizer"],
        learning_rate=settings["learning_rate"],
        columns=prepared.preprocessor.feature_columns,
    )
    return found.to_json()


def _constant_baseline(prepared: Prepared, network: Network) -> Facts:
    pre, Y = prepared.preprocessor, baselines.targets_of(prepared.train)
    quantiles = [0.5] if network.loss == "absolute_error" else network.loss_options.get("quantiles")
    AL = baselines.constant_outputs(Y, pre.n_outputs, len(prepared.score), quantiles)
    return {
        "name": "constant",
        "label": baselines.constant_label(Y, pre.classes, quantiles),
        "score": scores(pre, baselines.targets_of(prepared.score), AL, network),
    }


def _without_toolbox(options: FitOptions) -> FitOptions:
    """The options of the linear baseline: its own optimiser, and the length of the run as the person limited it."""
    return FitOptions(
        epochs=options.epochs, batch_size=options.batch_size, patience=options.patience, seed=options.seed, threads=options.threads,
        dtype=options.dtype,
    )  # fmt: skip


def _linear_baseline(prepared: Prepared, options: FitOptions, listener: FitListener) -> tuple[list[Facts], bool]:
    """The score of a network without hidden layers, and whether Ctrl-C came first: then there is none."""
    try:
        # Of quantities with the same loss, so that the scores compare; classes have one loss that belongs to their task.
        same = FitOptions(dtype=options.dtype, seed=options.seed)
        if prepared.preprocessor.classes is None:
            same = replace(same, loss=options.loss, huber_delta=options.huber_delta, quantiles=options.quantiles)
        network = _network(prepared, same, layers=())
        plain = _resolved(_without_toolbox(options), prepared, network)
        plain |= defaults.linear_settings(prepared.preprocessor.n_features, len(prepared.train))
        plain["time_limit"] = options.time_limit
        history = _train(network, prepared, plain, "baseline", listener)
        if history.stopped_by == "interrupt":
            return [], True
        label = baselines.linear_name(prepared.preprocessor.task, network.loss)
        score = _score(network, prepared, history.threads)
        return [{"name": "linear", "label": label, "score": score, **_training_facts(history)}], False
    except KeyboardInterrupt:
        return [], True
    except DivergenceError as error:
        listener.on_warning(f"The linear baseline is left out: {error}")
        return [], False


def _training_facts(history: History) -> Facts:
    return {
        "epochs": len(history.epochs),
        "best_epoch": history.best_epoch,
        "stopped_by": history.stopped_by,
        "seconds": history.seconds,
        "samples_per_s": history.samples_per_s,
        "threads": history.threads,
    }
