"""From a table to a scored model, in the order that keeps the score honest.

The labelled rows are split in three. The rows kept aside give the score and nothing else: neither the preprocessing
statistics nor early stopping sees them. Of the rest, a part chooses the epoch; the others are trained on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fastdnn import baselines, defaults
from fastdnn.errors import DivergenceError
from fastdnn.examples import Examples
from fastdnn.history import History, TrainingProgress
from fastdnn.model import Model, scores
from fastdnn.network import Network
from fastdnn.preparation import Prepared, prepare
from fastdnn.provenance import provenance_of
from fastdnn.settings import FitOptions
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
    facts : dict of plain JSON types with sections data, task, split, network, settings, training, score, baselines.
    interrupted : whether Ctrl-C ended training; the model then is the best epoch before it.
    """

    model: Model
    facts: Facts
    interrupted: bool


def fit_table(
    table: Table, target: str, options: FitOptions | None = None, *, listener: FitListener | None = None
) -> FitResult:
    """Train a network on a table, score it on rows kept aside, and do the same with two baselines.

    Parameters
    ----------
    table : what `tables.read_table` gave.
    target : name, position or file of the target, as `tables.read_target` takes it.
    options : settings; those left at None are chosen from the data.
    listener : is told what happens; see FitListener.

    Raises
    ------
    ParameterError : a setting outside its range.
    DataError : the table or the target cannot be used.
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
    facts: Facts = dict(prepared.facts)
    listener.on_data(facts)
    for note in prepared.notes:
        listener.on_warning(note)

    network = _network(prepared, options)
    settings = _resolved(options, prepared, network)
    facts |= {"network": network_facts(network, options), "settings": settings}
    listener.on_network(facts)

    history = _train(network, prepared, settings, "network", listener)
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
        linear, interrupted = _linear_baseline(prepared, options, settings, listener)
        facts["baselines"] += linear
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
    """The settings of training with every default filled in."""
    n_rows, classes = len(prepared.train), prepared.preprocessor.classes
    epochs = options.epochs or defaults.default_epochs(n_rows)
    rate = options.learning_rate
    return {
        "optimizer": options.optimizer,
        "learning_rate": defaults.LEARNING_RATES[options.optimizer] if rate is None else rate,
        "epochs": epochs,
        "batch_size": min(options.batch_size or defaults.default_batch_size(n_rows), n_rows),
        "patience": options.patience or defaults.default_patience(epochs),
        "l2": defaults.default_l2(n_rows, regression=classes is None) if options.l2 is None else options.l2,
        "seed": options.seed,
        "threads": options.threads,
    }


def _train(network: Network, prepared: Prepared, settings: Facts, stage: str, listener: FitListener) -> History:
    def tell(progress: TrainingProgress) -> None:
        _require_sense(progress, prepared.constant_cost, settings)
        listener.on_progress(stage, progress)

    stop = prepared.stop
    return train(
        network,
        _with_targets_for(network, prepared.train),
        None if stop is None else _with_targets_for(network, stop),
        progress=tell,
        **settings,
    )


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


def _constant_baseline(prepared: Prepared, network: Network) -> Facts:
    pre, Y = prepared.preprocessor, baselines.targets_of(prepared.train)
    quantiles = [0.5] if network.loss == "absolute_error" else network.loss_options.get("quantiles")
    AL = baselines.constant_outputs(Y, pre.n_outputs, len(prepared.score), quantiles)
    return {
        "name": "constant",
        "label": baselines.constant_label(Y, pre.classes, quantiles),
        "score": scores(pre, baselines.targets_of(prepared.score), AL, network),
    }


def _linear_baseline(
    prepared: Prepared, options: FitOptions, settings: Facts, listener: FitListener
) -> tuple[list[Facts], bool]:
    """The score of a network without hidden layers, and whether Ctrl-C came first: then there is none."""
    try:
        # Of quantities with the same loss, so that the scores compare; classes have one loss that belongs to their task.
        same = FitOptions(dtype=options.dtype, seed=options.seed)
        if prepared.preprocessor.classes is None:
            same = replace(same, loss=options.loss, huber_delta=options.huber_delta, quantiles=options.quantiles)
        network = _network(prepared, same, layers=())
        plain = settings | defaults.linear_settings(prepared.preprocessor.n_features, len(prepared.train))
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
