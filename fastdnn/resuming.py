"""Going on with a run of `train` from its checkpoint, to the same bits as if nothing had happened."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from fastdnn.callbacks import Callback, check_callbacks, notify
from fastdnn.checkpoints import damage_of_checkpoint
from fastdnn.data_digests import require_same, require_same_shape
from fastdnn.errors import DataError, ModelFileError, ParameterError, check_whole
from fastdnn.examples import Examples, check_examples
from fastdnn.flat_parameters import fill_flat
from fastdnn.history import History, TrainingProgress
from fastdnn.model import network_document
from fastdnn.network import Network
from fastdnn.run import Run
from fastdnn.run_checkpoints import SavedRun, read_run, run_data_facts, steering
from fastdnn.run_settings import RunSettings
from fastdnn.schedules import Schedule, as_schedule
from fastdnn.training import new_run

_WHAT = {"examples": "examples", "valid": "examples of the validation part"}


def resume(
    path: str | os.PathLike[str],
    examples: Examples,
    valid: Examples | None = None,
    *,
    epochs: int | None = None,
    schedule: Schedule | None = None,
    threads: int | None = None,
    callbacks: Sequence[Callback] = (),
    progress: Callable[[TrainingProgress], None] | None = None,
) -> tuple[Network, History]:
    """Go on with a run of `train` that was cut short, from a file that its callback Checkpoint wrote.

    The settings are those of the run. Its end has the same bits as if it had not been cut short - parameters, best epoch, and
    all of History but the times - for any number of threads; with a time limit it goes on for the time that was left.

    Parameters
    ----------
    path : of the checkpoint; read.
    examples, valid : as `train` was given them: the same rows in the same order, of which checksums are compared.
    epochs : the most passes in all, those before the checkpoint included; default what the run was told. A schedule whose
        valley is at the end moves it there.
    schedule : that of the run, where its class is one of your own; else it is in the checkpoint.
    threads : as `train` takes them.
    callbacks : those of the run, made anew, with the same arguments; Checkpoint and loggers may be left out, others added.
        They are told of the epochs before the checkpoint first: a log is as if the run had not been cut short.
    progress : called some times a second.

    Returns
    -------
    The network, and History from the first epoch on.

    Raises
    ------
    ModelFileError : no such file, no checkpoint of a run (as those of earlier versions and of the estimators), damaged.
    DataError : other examples. ParameterError : a callback or the schedule is missing, or `epochs` are fewer than are done.
    DivergenceError : as `train`.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> X, y = np.random.default_rng(0).normal(size=(64, 3)), np.arange(64) % 2
    >>> place = os.path.join(tempfile.mkdtemp(), "run.ckpt")
    >>> from fastdnn import Checkpoint, train
    >>> history = train(Network([3, 8, 2]), Examples(X, y), epochs=2, callbacks=[Checkpoint(place)])
    >>> network, history = resume(place, Examples(X, y), epochs=4)
    >>> len(history.epochs)
    4
    """
    run = _as_it_was(read_run(path), examples, valid, epochs, schedule, callbacks, threads)
    history = run.go(progress)
    return run.network, history


def resume_into(
    network: Network, path: str | os.PathLike[str], examples: Examples, valid: Examples | None, *, threads: int | None,
    callbacks: Sequence[Callback], progress: Callable[[TrainingProgress], None],
) -> History:  # fmt: skip
    """As `resume`, into a network whose layers, loss and dtype are those of the run, and whose parameters are overwritten.

    Raises as `resume`, and ModelFileError where the network is another.
    """
    saved = read_run(path)
    if network_document(network) != network_document(saved.network):
        raise ModelFileError(
            f"The network of the run in '{path}' is {_described(saved.network)}; with the same options it is now "
            f"{_described(network)}.",
            "the version of fastdnn that wrote it",
        )
    run = _as_it_was(saved, examples, valid, None, None, callbacks, threads)
    history = run.go(progress)
    network.parameters[:] = run.network.parameters
    return history


def _described(network: Network) -> str:
    widths = "-".join(str(n) for n in network.layer_dims)
    return f"{widths} {' '.join(network.activations)}, {network.loss}, {network.dtype}"


def _as_it_was(
    saved: SavedRun, examples: Examples, valid: Examples | None, epochs: int | None, schedule: Schedule | None,
    callbacks: Sequence[Callback], threads: int | None,
) -> Run:  # fmt: skip
    """The run after its last epoch before the checkpoint."""
    check_examples(examples, valid)
    check_callbacks(callbacks)
    settings = _settings(saved, epochs, schedule)
    _require_callbacks(saved, callbacks)
    with damage_of_checkpoint(saved.path):
        given = {"examples": examples, "valid": valid}
        data = {part: saved.facts["data"][part] for part in given}
    if valid is None and data["valid"] is not None:
        raise DataError(
            f"The run in '{saved.path}' had a validation part of {data['valid']['rows']} rows, and now there is none.",
            f"fastdnn.resume('{saved.path}', examples, valid)",
        )
    for part, found in given.items():
        if found is not None:
            require_same_shape(found, data[part], _WHAT[part], saved.path)
    run = new_run(saved.network, examples, valid, settings, callbacks, threads)
    now = run_data_facts(run)
    for part, facts in data.items():
        if facts is not None:
            require_same(now[part], facts, _WHAT[part], saved.path)
    with damage_of_checkpoint(saved.path):
        _restore(run, saved)
        if run.callbacks:
            run.callbacks = (*run.callbacks, _Past(run.callbacks, saved.callback_states()))
    return run


def _settings(saved: SavedRun, epochs: int | None, schedule: Schedule | None) -> RunSettings:
    with damage_of_checkpoint(saved.path):
        settings = dict(saved.facts["settings"])
        own = settings["schedule"] is None
    if own and schedule is None:
        raise ParameterError(
            f"The schedule of the run in '{saved.path}', {saved.history.schedule}, is a class of your own, which a checkpoint "
            "cannot hold.",
            "schedule=, the same as when the run began",
        )
    if schedule is not None and not own:
        raise ParameterError(
            f"The run in '{saved.path}' has the schedule {saved.history.schedule}, and goes on with it.",
            "schedule= left out",
        )
    if epochs is not None:
        settings["epochs"] = check_whole("epochs", epochs)
        done = len(saved.history.epochs)
        if settings["epochs"] < done:
            raise ParameterError(
                f"The run in '{saved.path}' has done {done} epochs, so it cannot end after {settings['epochs']}.",
                f"epochs={done} or more, or an earlier checkpoint",
            )
    with damage_of_checkpoint(saved.path):
        return RunSettings.from_json(settings, None if schedule is None else as_schedule(schedule))


def _require_callbacks(saved: SavedRun, callbacks: Sequence[Callback]) -> None:
    """ParameterError unless all that steered the run are there again, as often and in the same order."""
    with damage_of_checkpoint(saved.path):
        names = [name for name, _ in saved.callback_states()]
    given = iter([type(callback).__name__ for callback in steering(callbacks)])
    missing = [name for name in names if name not in given]
    if missing:
        raise ParameterError(
            f"The run in '{saved.path}' had the callbacks {', '.join(names)}; of these {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not given, or not in this order.",
            f"callbacks=[{', '.join(f'{name}(...)' for name in names)}], with the arguments they had",
        )


def _restore(run: Run, saved: SavedRun) -> None:
    """Everything that the next epoch depends on; what follows from History by going through it."""
    facts, trainer = saved.facts, run.trainer
    trainer.go_on(int(facts["step"]), saved.tensors)
    if "best" in saved.tensors:
        fill_flat(trainer.workspace, run.best, saved.tensors["best"])
    for row in saved.history.epochs:
        run.judge(row)
    run.history, run.epoch = saved.history, len(saved.history.epochs)
    run.learning_rate = float(facts["learning_rate"])
    run.seconds_before = float(facts["seconds"])
    run.training_seconds, run.trained = float(facts["training_seconds"]), float(facts["trained"])


class _Past:
    """Tells the other callbacks, when they have begun, of the epochs before the checkpoint, and gives them their states back."""

    steers = False

    def __init__(self, callbacks: Sequence[Callback], states: Sequence[tuple[str, dict[str, Any]]]) -> None:
        self._callbacks, self._states = callbacks, states

    def on_train_begin(self, run: Any) -> None:
        for epoch in range(1, run.epoch + 1):
            notify(self._callbacks, "on_epoch_end", _PastEpoch(run, epoch))
        given = iter(steering(self._callbacks))
        for name, state in self._states:
            callback = next(item for item in given if type(item).__name__ == name)
            if hasattr(callback, "restore"):
                callback.restore(state)

    def on_epoch_end(self, run: Any) -> None:
        """It has told."""

    def on_train_end(self, run: Any) -> None:
        """It has told."""


class _PastEpoch:
    """fastdnn.callbacks.Run at the end of an epoch whose consequences are known."""

    def __init__(self, run: Run, epoch: int) -> None:
        self.network, self.epoch, self.epochs = run.network, epoch, run.epochs
        self.history = replace(run.history, epochs=run.history.epochs[:epoch])
        self.learning_rate = run.learning_rate

    def stop(self, reason: str = "callback") -> None:
        """The run has done as it was told then."""

    def save(self, path: str | os.PathLike[str], about: Any = None) -> None:
        """What was to be saved then has been."""
