"""From a table to a scored model, in the order that keeps the score honest.

The labelled rows are split in three. The rows kept aside give the score and nothing else: neither the preprocessing
statistics nor early stopping sees them. Of the rest, a part chooses the epoch; the others are trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastdnn import defaults
from fastdnn.baseline_scores import constant_baseline, linear_baseline
from fastdnn.callbacks import Callback
from fastdnn.errors import ParameterError
from fastdnn.history import TrainingProgress
from fastdnn.model import Model
from fastdnn.monitoring import requested_metrics
from fastdnn.network import Network
from fastdnn.preparation import Prepared, prepare
from fastdnn.provenance import provenance_of
from fastdnn.settings import FitOptions
from fastdnn.sources import counted
from fastdnn.task_network import network_for, score_on, settings_for, train_on, training_facts, with_targets_for
from fastdnn.trainer import dropout_shares
from fastdnn.workers import available_cores

if TYPE_CHECKING:
    from fastdnn.tables import Table

Facts = dict[str, Any]


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
    MissingExtraError : L-BFGS without SciPy.
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
    network = network_for(prepared, options)
    _require_stop_rows(prepared, options.metric)
    requested_metrics(network, options.metric, callbacks, valid=prepared.stop is not None)
    dropout_shares(options.dropout, network.L)
    facts: Facts = dict(prepared.facts)
    listener.on_data(facts)
    for note in prepared.notes:
        listener.on_warning(note)

    settings = settings_for(prepared, options)
    facts |= {"network": network_facts(network, options), "settings": settings}
    listener.on_network(facts)

    history = train_on(
        prepared, network, settings, lambda progress: listener.on_progress("network", progress), callbacks, resume_from
    )
    interrupted = history.stopped_by == "interrupt"
    if interrupted and history.best_epoch == 0:
        raise KeyboardInterrupt
    score = score_on(prepared, network, history.threads)
    facts |= {
        "training": training_facts(history),
        "score": score,
        "baselines": [constant_baseline(prepared, network)],
    }
    if network.L > 1 and not interrupted:
        linear, interrupted = linear_baseline(
            prepared, options, lambda progress: listener.on_progress("baseline", progress), listener.on_warning
        )
        facts["baselines"] += linear
    if options.diagnose:
        facts["diagnosis"] = _diagnosis(network, prepared, settings)
    metrics = {name: facts[name] for name in ("score", "baselines", "training")}
    model = Model(
        network, prepared.preprocessor, history, metrics, provenance_of(table, target, facts, interrupted=interrupted)
    )
    return FitResult(model, facts, interrupted)


def _require_stop_rows(prepared: Prepared, metric: str | None) -> None:
    """ParameterError for a metric of the rows that choose the epoch, where there are none."""
    if prepared.stop is None and metric not in (None, "loss"):
        raise ParameterError(
            f"--metric {metric} is computed on the rows that choose the epoch, and the {counted(len(prepared.train), 'row')} to "
            f"train are too few to set some aside (fewer than {defaults.MIN_ROWS_TO_STOP}), or those set aside weigh nothing.",
            "--metric loss, or more rows",
        )


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


def _diagnosis(network: Network, prepared: Prepared, settings: Facts) -> Facts:
    """What is wrong with the network on the rows that trained it, in the table's column names."""
    found = network.diagnose(
        with_targets_for(network, prepared.train),
        l2=settings["l2"],
        optimizer=settings["optimizer"],
        learning_rate=settings["learning_rate"],
        columns=prepared.preprocessor.feature_columns,
    )
    return found.to_json()
