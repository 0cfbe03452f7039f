"""The network of a task: made for the prepared rows, trained on some of them, and scored on those kept aside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from fastdnn import baselines, defaults
from fastdnn.callbacks import Callback
from fastdnn.errors import DivergenceError
from fastdnn.examples import Examples
from fastdnn.history import History, TrainingProgress
from fastdnn.model import scores
from fastdnn.network import Network
from fastdnn.preparation import Prepared
from fastdnn.resuming import resume_into
from fastdnn.settings import FitOptions
from fastdnn.training_settings import resolved_settings, train_as
from fastdnn.vocabulary import LBFGS

Array = npt.NDArray[Any]
Facts = dict[str, Any]

# A cost this many times that of a constant answer: untrained networks stay below a hundred times.
DIVERGED = 1e6


def network_for(prepared: Prepared, options: FitOptions, layers: tuple[int, ...] | None = None) -> Network:
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


def settings_for(prepared: Prepared, options: FitOptions) -> Facts:
    """The settings of training with every default filled in; see training_settings.py."""
    return resolved_settings(options, len(prepared.train), regression=prepared.preprocessor.classes is None)


def train_on(
    prepared: Prepared,
    network: Network,
    settings: Facts,
    tell: Callable[[TrainingProgress], None],
    callbacks: Sequence[Callback] = (),
    resume_from: str | None = None,
) -> History:
    """Train the network in place as `settings_for` says, or go on from a checkpoint; `tell` is called some times a second.

    Raises DivergenceError also where the cost is finite, but a million times that of a constant answer.
    """

    def watched(progress: TrainingProgress) -> None:
        _require_sense(progress, prepared.constant_cost, settings)
        tell(progress)

    stop = prepared.stop
    examples = with_targets_for(network, prepared.train)
    valid = None if stop is None else with_targets_for(network, stop)
    if resume_from is not None:
        return resume_into(
            network, resume_from, examples, valid, threads=settings["threads"], callbacks=callbacks, progress=watched
        )
    return train_as(settings, network, examples, valid, callbacks=callbacks, progress=watched)


def with_targets_for(network: Network, examples: Examples) -> Examples:
    """Costs other than categorical cross-entropy compare each output with a number: class k becomes row k of the unit matrix."""
    assert examples.Y is not None
    if network.loss == "categorical_cross_entropy" or examples.Y.dtype.kind == "f":
        return examples
    unit = np.eye(network.layer_dims[-1], dtype=network.dtype)
    return replace(examples, Y=unit[examples.Y])


def _require_sense(progress: TrainingProgress, constant_cost: float, settings: Facts) -> None:
    """A run can diverge and stay finite: its cost is then far above that of a constant answer, and does not come back.

    That of L-BFGS may begin there, but only falls.
    """
    if progress.loss is None or progress.loss <= DIVERGED * constant_cost or settings["optimizer"] == LBFGS:
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


def score_on(prepared: Prepared, network: Network, threads: int) -> Facts:
    """The scores on the rows kept aside."""
    return scores_of(network.predict(prepared.score, threads=threads), network, prepared)


def scores_of(AL: Array, network: Network, prepared: Prepared) -> Facts:
    """The scores of outputs (m, outputs) for the rows kept aside, each row by its weight."""
    rows = prepared.score
    return scores(prepared.preprocessor, baselines.targets_of(rows), AL, network, rows.scoring_weights)


def training_facts(history: History) -> Facts:
    """How long a run took and why it ended, in plain JSON types."""
    return {
        "epochs": len(history.epochs),
        "best_epoch": history.best_epoch,
        "stopped_by": history.stopped_by,
        "seconds": history.seconds,
        "samples_per_s": history.samples_per_s,
        "threads": history.threads,
    }
