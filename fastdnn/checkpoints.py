"""Checkpoints: a network and its history while it trains, in the container of the model file, without a table's columns."""

from __future__ import annotations

import os

from fastdnn.errors import FastDNNError, ModelFileError
from fastdnn.history import History
from fastdnn.model import network_document, network_from_document, network_tensors, without_nan
from fastdnn.network import Network
from fastdnn.persistence import CHECKPOINT, read_tensors, write_document


def save_checkpoint(path: str | os.PathLike[str], network: Network, history: History) -> None:
    """Write parameters, layers and history to `path`, replacing what was there only when the new file is whole.

    Optimiser moments are not in it: it is for predicting and for starting again from these parameters.

    Raises
    ------
    ModelFileError : the folder does not exist or cannot be written, or `path` is not a plain file.
    """
    document = {"kind": CHECKPOINT, "network": network_document(network), "history": without_nan(history.to_json())}
    write_document(path, document, network_tensors(network))


def load_checkpoint(path: str | os.PathLike[str]) -> tuple[Network, History]:
    """The network of a checkpoint, bit for bit, and the history up to it.

    Raises
    ------
    ModelFileError : no such file, not a checkpoint, damaged, or of a newer format.
    """
    document, tensors = read_tensors(path)
    if document.get("kind") != CHECKPOINT:
        raise ModelFileError(f"'{path}' is a model, not a checkpoint.", f"fastdnn.Model.load('{path}')")
    try:
        return network_from_document(document["network"], tensors), History.from_json(document["history"])
    except ModelFileError:
        raise
    except (FastDNNError, KeyError, TypeError, ValueError, IndexError) as error:
        raise ModelFileError(
            f"Checkpoint '{path}' is damaged: its description cannot be used ({type(error).__name__}: {error})."
        ) from error
