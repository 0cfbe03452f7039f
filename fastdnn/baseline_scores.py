"""What the network's score stands beside: those of a constant answer and of a linear model, on the same rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fastdnn import baselines, defaults
from fastdnn.errors import DivergenceError
from fastdnn.history import History, TrainingProgress
from fastdnn.network import Network
from fastdnn.preparation import Prepared
from fastdnn.settings import FitOptions
from fastdnn.sources import counted
from fastdnn.task_network import network_for, score_on, scores_of, settings_for, train_on, training_facts
from fastdnn.vocabulary import LBFGS

Facts = dict[str, Any]


def constant_baseline(prepared: Prepared, network: Network) -> Facts:
    """The score of the best constant answer by the network's loss."""
    pre, Y, weights = prepared.preprocessor, baselines.targets_of(prepared.train), prepared.train.scoring_weights
    quantiles = [0.5] if network.loss == "absolute_error" else network.loss_options.get("quantiles")
    AL = baselines.constant_outputs(Y, pre.n_outputs, len(prepared.score), quantiles, weights)
    return {
        "name": "constant",
        "label": baselines.constant_label(Y, pre.classes, quantiles, weights),
        "score": scores_of(AL, network, prepared),
    }


def _without_toolbox(options: FitOptions) -> FitOptions:
    """The options of the linear baseline: its own optimiser, and the length of the run as the person limited it.

    Iterations of L-BFGS are no epochs: its number of them and its patience say nothing about the baseline.
    """
    plain = FitOptions(batch_size=options.batch_size, seed=options.seed, threads=options.threads, dtype=options.dtype)
    return plain if options.optimizer == LBFGS else replace(plain, epochs=options.epochs, patience=options.patience)


def _cut_short(history: History, n_rows: int) -> str:
    """' (3 epochs)' behind the name of a baseline that might have come further, had it been given the usual time; or nothing."""
    done = len(history.epochs)
    if history.stopped_by not in ("epochs", "time limit") or done >= defaults.default_epochs(n_rows):
        return ""
    return f" ({counted(done, 'epoch')})"


def linear_baseline(
    prepared: Prepared, options: FitOptions, tell: Callable[[TrainingProgress], None], warn: Callable[[str], None]
) -> tuple[list[Facts], bool]:
    """The score of a network without hidden layers, and whether Ctrl-C came first: then there is none.

    tell : called some times a second while it trains. warn : is told where it diverges, and is left out.
    """
    try:
        # Of quantities with the same loss, so that the scores compare; classes have one loss that belongs to their task.
        same = FitOptions(dtype=options.dtype, seed=options.seed)
        if prepared.preprocessor.classes is None:
            same = replace(same, loss=options.loss, huber_delta=options.huber_delta, quantiles=options.quantiles)
        network = network_for(prepared, same, layers=())
        plain = settings_for(prepared, _without_toolbox(options))
        plain |= defaults.linear_settings(prepared.preprocessor.n_features, len(prepared.train))
        plain["time_limit"] = options.time_limit
        history = train_on(prepared, network, plain, tell)
        if history.stopped_by == "interrupt":
            return [], True
        label = baselines.linear_name(prepared.preprocessor.task, network.loss) + _cut_short(
            history, len(prepared.train)
        )
        score = score_on(prepared, network, history.threads)
        return [{"name": "linear", "label": label, "score": score, **training_facts(history)}], False
    except KeyboardInterrupt:
        return [], True
    except DivergenceError as error:
        warn(f"The linear baseline is left out: {error}")
        return [], False
