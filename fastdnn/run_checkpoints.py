"""Checkpoints of a whole run of `train`: a checkpoint of fastdnn.checkpoints, and beside it all that the next epoch depends on.

    run         in the document: version, settings, data (fastdnn.data_digests), step, learning_rate, the time spent, the names
                and states of the callbacks, and the numbers of History that JSON has no word for
    best        the parameters of the best epoch, where that is not the last
    moments1, moments2, running    fastdnn.trainer.Trainer.tensors
    callback<i>.<name>             arrays in the states of the callbacks

Vectors are in the order of Network.parameters. What follows from History, as the state of patience and schedule, is not kept:
`resume` goes through History again.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastdnn.checkpoints import checkpoint_document, damage_of_checkpoint, read_checkpoint
from fastdnn.data_digests import data_facts
from fastdnn.errors import ModelFileError
from fastdnn.flat_parameters import read_flat
from fastdnn.history import History
from fastdnn.model import network_from_document, network_tensors
from fastdnn.network import Network
from fastdnn.persistence import Array, write_document
from fastdnn.run_settings import RunSettings

if TYPE_CHECKING:
    from fastdnn.callbacks import Callback
    from fastdnn.run import Run

VERSION = 1

Facts = dict[str, Any]


@dataclass(frozen=True)
class SavedRun:
    """What a checkpoint holds of a run.

    Attributes
    ----------
    path : of the file. network : with the parameters after the last epoch. history : up to it.
    facts : the section `run` of the document. tensors : all arrays of the file. about : what `Run.save` was told to keep.
    """

    path: str
    network: Network
    history: History
    facts: Facts
    tensors: dict[str, Array]
    about: Facts

    def callback_states(self) -> list[tuple[str, Facts]]:
        """Class name and state of each callback that the run had, arrays included."""
        found = []
        for i, saved in enumerate(self.facts["callbacks"]):
            arrays = {name: self.tensors[f"callback{i}.{name}"] for name in saved["arrays"]}
            found.append((saved["name"], saved["state"] | arrays))
        return found


def save_run(
    path: str | os.PathLike[str], run: Run, settings: RunSettings, about: Mapping[str, Any] | None = None
) -> None:
    """Write everything that `resume` needs to go on after the epoch that has just ended.

    Raises as `checkpoints.save_checkpoint`.
    """
    trainer, history = run.trainer, run.history
    callbacks, arrays = _callback_states(run.callbacks)
    facts = {
        "version": VERSION,
        "settings": settings.to_json(),
        "data": run_data_facts(run),
        "step": trainer.step,
        "learning_rate": float(run.learning_rate),
        "seconds": run.seconds,
        "training_seconds": run.training_seconds,
        "trained": run.trained,
        "callbacks": callbacks,
        "not_finite": _not_finite(history),
    }
    document = checkpoint_document(run.network, history, about) | {"run": facts}
    best = {} if history.best_epoch == run.epoch else {"best": read_flat(trainer.workspace, run.best)}
    write_document(path, document, network_tensors(run.network) | best | trainer.tensors() | arrays)


def read_run(path: str | os.PathLike[str]) -> SavedRun:
    """The run of a checkpoint.

    Raises
    ------
    ModelFileError : no such file, not a checkpoint, one without a run, damaged, or of a newer format.
    """
    document, tensors = read_checkpoint(path)
    facts = document.get("run")
    if facts is None:
        raise ModelFileError(
            f"'{path}' holds a network and its history, but not the state of its training (optimizer, moments, settings), "
            "so there is nothing to resume.",
            f"network, history = fastdnn.load_checkpoint('{path}'), and fastdnn.train from these parameters",
        )
    with damage_of_checkpoint(path):
        if facts["version"] > VERSION:
            raise ModelFileError(
                f"'{path}' holds a run of version {facts['version']}; this fastdnn resumes versions up to {VERSION}.",
                "install a newer fastdnn: pip install --upgrade fastdnn",
            )
        history = History.from_json(document["history"])
        for i, column, value in facts["not_finite"]:
            history.epochs[i][column] = float(value)
        network = network_from_document(document["network"], tensors)
        return SavedRun(os.fspath(path), network, history, facts, tensors, document.get("about", {}))


def run_data_facts(run: Run) -> Facts:
    """What tells the examples of a run, and its validation part, from others; found once and kept."""
    if run.data_facts is None:
        valid = None if run.valid is None or run.valid_data is None else data_facts(run.valid, run.valid_data)
        run.data_facts = {"examples": data_facts(run.trainer.examples, run.trainer.data), "valid": valid}
    return run.data_facts


def _callback_states(callbacks: Iterable[Callback]) -> tuple[list[Facts], dict[str, Array]]:
    """The callbacks that a run cannot go on without, in plain JSON types, and the arrays in their states."""
    saved: list[Facts] = []
    tensors: dict[str, Array] = {}
    for callback in steering(callbacks):
        state = callback.state() if hasattr(callback, "state") else {}
        arrays = {name: value for name, value in state.items() if isinstance(value, np.ndarray)}
        tensors |= {f"callback{len(saved)}.{name}": value for name, value in arrays.items()}
        plain = {name: value for name, value in state.items() if name not in arrays}
        saved.append({"name": type(callback).__name__, "state": plain, "arrays": list(arrays)})
    return saved, tensors


def steering(callbacks: Iterable[Callback]) -> list[Callback]:
    """Those that may change what a run comes to; see `callbacks.Callback`."""
    return [callback for callback in callbacks if getattr(callback, "steers", True)]


def _not_finite(history: History) -> list[tuple[int, str, str]]:
    """The numbers of the epochs that JSON has no word for, with their places."""
    return [
        (i, column, str(value))
        for i, row in enumerate(history.epochs)
        for column, value in row.items()
        if isinstance(value, float) and not math.isfinite(value)
    ]
