"""Checkpoints: a network and its history while it trains, in the container of the model file, without a table's columns."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import Any

from fastdnn.errors import FastDNNError, ModelFileError
from fastdnn.history import History
from fastdnn.model import network_document, network_from_document, network_tensors, without_nan
from fastdnn.network import Network
from fastdnn.persistence import CHECKPOINT, Array, read_tensors, write_document


def save_checkpoint(
    path: str | os.PathLike[str], network: Network, history: History, about: Mapping[str, Any] | None = None
) -> None:
    """Write parameters, layers and history to `path`, replacing what was there only when the new file is whole.

    Optimiser moments are not in it: it is for predicting and for starting again from these parameters. What `resume` goes
    on from is written by the callback Checkpoint (fastdnn.run_checkpoints). about : more for the file to hold, plain JSON
    types.

    Raises
    ------
    ModelFileError : the folder does not exist or cannot be written, or `path` is not a plain file.
    """
    write_document(path, checkpoint_document(network, history, about), network_tensors(network))


def checkpoint_document(network: Network, history: History, about: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Everything of a checkpoint but the arrays, in plain JSON types."""
    parts = {"network": network_document(network), "history": without_nan(history.to_json())}
    return {"kind": CHECKPOINT, **parts, "about": dict(about or {})}


def load_checkpoint(path: str | os.PathLike[str]) -> tuple[Network, History]:
    """The network of a checkpoint, bit for bit, and the history up to it.

    Raises
    ------
    ModelFileError : no such file, not a checkpoint, damaged, or of a newer format.
    """
    document, tensors = read_checkpoint(path)
    with damage_of_checkpoint(path):
        return network_from_document(document["network"], tensors), History.from_json(document["history"])


def read_checkpoint(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Array]]:
    """The JSON document and the arrays of a checkpoint; raises as `load_checkpoint`."""
    document, tensors = read_tensors(path)
    if document.get("kind") != CHECKPOINT:
        raise ModelFileError(
            f"'{path}' is a model, not a checkpoint.", f"fastdnn inspect '{path}', or fastdnn.Model.load('{path}')"
        )
    return document, tensors


@contextlib.contextmanager
def damage_of_checkpoint(path: str | os.PathLike[str]) -> Iterator[None]:
    """The errors of a description that cannot be used as one ModelFileError."""
    try:
        yield
    except ModelFileError:
        raise
    except (FastDNNError, KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ModelFileError(
            f"Checkpoint '{path}' is damaged: its description cannot be used ({type(error).__name__}: {error})."
        ) from error
