"""Training: the arguments of a run, looked at once, and what they come to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastdnn.callbacks import Callback, check_callbacks
from fastdnn.defaults import LEARNING_RATES
from fastdnn.errors import check_number, check_whole
from fastdnn.examples import Examples, check_examples
from fastdnn.history import History, TrainingProgress
from fastdnn.monitoring import higher_is_better, requested_metrics
from fastdnn.network import Network
from fastdnn.optimizer import Optimizer, as_optimizer
from fastdnn.patience import Patience
from fastdnn.run import Run
from fastdnn.run_settings import NO_END, RunSettings
from fastdnn.schedules import Schedule, as_schedule
from fastdnn.trainer import Trainer

__all__ = ["LEARNING_RATES", "History", "TrainingProgress", "train"]

_EPOCHS = 100


def train(
    network: Network,
    examples: Examples,
    valid: Examples | None = None,
    *,
    epochs: int | None = None,
    time_limit: float | None = None,
    batch_size: int = 128,
    optimizer: str | Optimizer = "adam",
    learning_rate: float | None = None,
    schedule: str | Schedule = "constant",
    l2: float = 0.0,
    l1: float = 0.0,
    dropout: float | Sequence[float] = 0.0,
    patience: int | None = 10,
    min_delta: float = 0.0,
    metric: str | None = None,
    seed: int = 0,
    threads: int | None = None,
    shuffle: bool = True,
    callbacks: Sequence[Callback] = (),
    progress: Callable[[TrainingProgress], None] | None = None,
) -> History:
    """Train a network in place by mini-batch gradient descent or one of its descendants.

    Parameters
    ----------
    examples : with targets. valid : a part never trained on; after each epoch its mean loss is computed, and at the end the
        network has the parameters of the epoch where that, or `metric`, was best. Without it those of the last epoch.
    epochs : the most passes over the examples; default 100, with a time limit any number.
    time_limit : seconds, on a clock that starts with the first epoch; the schedule then runs on it, and the epoch under way
        ends where the time does.
    batch_size : examples a step; more than there are means all of them.
    optimizer : a name of vocabulary.OPTIMIZERS, or an Optimizer. learning_rate : positive; default the optimizer's;
        an Optimizer has its own.
    schedule : of the learning rate, a fastdnn.schedules.Schedule, or text as 'cosine' or 'step:every=20,factor=0.5'.
    l2, l1, dropout : see fastdnn.trainer.Trainer; the reported losses leave the penalties out.
    metric : what chooses the best epoch, a name of fastdnn.monitoring: default 'valid_loss' where there is `valid`.
    patience : epochs in which it gets better by no more than `min_delta` before the run ends; None: it does not end for that.
    seed : of the order of examples, drawn anew each epoch unless `shuffle` is False, and of dropout.
    threads : the most there may be; default: the cores. How many of them work is found by timing (fastdnn/pace.py); the result
        has the same bits for every number.
    callbacks : fastdnn.callbacks; with a Checkpoint among them fastdnn.resume goes on with a run that was cut short.
    progress : called some times a second.

    Returns
    -------
    History. Ctrl-C ends the run after the step under way, keeps the best epoch, and is reported in `stopped_by`; it is caught
    only where `progress` or the main thread's signal can reach this call.

    Raises
    ------
    ParameterError : an argument outside its range. DataError : no Examples, or targets that do not fit the loss.
    DivergenceError : a cost that is not finite; the network then has the best parameters seen before (epochs of less than a
    millisecond are looked at some at a time).
    """
    check_examples(examples, valid)
    optimizer = as_optimizer(optimizer, learning_rate)
    if epochs is not None:
        epochs = check_whole("epochs", epochs)
    if time_limit is not None:
        check_number("time_limit", time_limit, 0.0, above=True)
    most = epochs if epochs is not None else _EPOCHS if time_limit is None else NO_END
    settings = RunSettings(
        most, time_limit, batch_size, optimizer, as_schedule(schedule), l2, l1, dropout, patience, min_delta, metric, seed,
        shuffle,
    )  # fmt: skip
    return new_run(network, examples, valid, settings, callbacks, threads).go(progress)


def new_run(
    network: Network, examples: Examples, valid: Examples | None, settings: RunSettings, callbacks: Sequence[Callback],
    threads: int | None,
) -> Run:  # fmt: skip
    """A run of `train` before its first epoch; raises as `train`."""
    watched, counting, metrics = what_chooses(
        network, valid, settings.metric, settings.patience, settings.min_delta, callbacks
    )
    trainer = Trainer(
        network, examples, batch_size=settings.batch_size, optimizer=settings.optimizer, l2=settings.l2, l1=settings.l1,
        dropout=settings.dropout, seed=settings.seed, threads=threads, shuffle=settings.shuffle,
    )  # fmt: skip
    return Run(
        trainer, valid, settings.epochs, settings.time_limit, settings.schedule, watched, counting, metrics, callbacks,
        float(settings.l2), settings,
    )  # fmt: skip


def what_chooses(
    network: Network,
    valid: Examples | None,
    metric: str | None,
    patience: int | None,
    min_delta: float,
    callbacks: Sequence[Callback],
) -> tuple[str | None, Patience, list[str]]:
    """What chooses the best epoch (None: the last is kept), who waits for a better one, and the metrics that each needs."""
    check_callbacks(callbacks)
    watched = metric or ("valid_loss" if valid is not None else None)
    metrics = requested_metrics(network, watched, callbacks, valid=valid is not None)
    better = watched is not None and higher_is_better(watched)
    return watched, Patience(NO_END if patience is None else patience, min_delta, better), metrics
