"""The model file: parameters and one JSON document in the safetensors format, written whole or not at all.

The file holds W1, b1, ... WL, bL in the course's shapes, and in its metadata `fastdnn`, a JSON document with
`format_version`, and `sha256`, the checksum of that document and the parameters: safetensors itself notices a
truncated file, but not a flipped bit. Nothing in it is ever executed, as a pickle would be.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fastdnn.errors import FastDNNError, ModelFileError

if TYPE_CHECKING:
    from fastdnn.model import Model

FORMAT_VERSION = 1
SUFFIX = ".fdnn"
# What a document's `kind` says; models have none.
MODEL, CHECKPOINT = "model", "checkpoint"
_METADATA_KEY = "fastdnn"
_CHECKSUM_KEY = "sha256"

Array = npt.NDArray[Any]
Document = dict[str, Any]


def save_model(path: str | os.PathLike[str], model: Model) -> None:
    """Write a model to `path`, replacing what was there only when every byte of the new file is on the disk.

    Raises
    ------
    ModelFileError : the folder does not exist or cannot be written, or `path` is not a plain file.
    """
    write_document(path, model.to_document(), model.tensors())


def write_document(path: str | os.PathLike[str], document: Document, tensors: Mapping[str, Array]) -> None:
    """Write a JSON document and arrays as one file, whole or not at all.

    Raises as `save_model`.
    """
    from safetensors.numpy import save

    # safetensors 0.8.0 writes the memory of a non-contiguous array as it lies, under the view's shape, without a word.
    whole = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    text = json.dumps({"format_version": FORMAT_VERSION, **document}, ensure_ascii=False, allow_nan=False)
    write_atomically(path, save(whole, metadata={_METADATA_KEY: text, _CHECKSUM_KEY: _checksum(text, whole)}))


def load_model(path: str | os.PathLike[str]) -> Model:
    """Read a model that predicts bit for bit as the one that was saved.

    Raises
    ------
    ModelFileError : no such file, not a fastdnn model, damaged, or of a newer format.
    """
    from fastdnn.model import Model

    document, tensors = _read_model(path)
    try:
        return Model.from_document(document, tensors)
    except ModelFileError:
        raise
    except (FastDNNError, KeyError, TypeError, ValueError, IndexError) as error:
        raise ModelFileError(
            f"Model file '{path}' is damaged: its description cannot be used ({type(error).__name__}: {error}).",
            "fit the model again, or take the file from where it was copied.",
        ) from error


def read_document(path: str | os.PathLike[str]) -> Document:
    """The JSON document of a model file, checked against its checksum, without building the network.

    Raises as `load_model`.
    """
    return _read_model(path)[0]


def _read_model(path: str | os.PathLike[str]) -> tuple[Document, dict[str, Array]]:
    document, tensors = read_tensors(path)
    if document.get("kind") == CHECKPOINT:
        raise ModelFileError(
            f"'{path}' is a checkpoint of a network, not a model: it does not know the table's columns.",
            f"fastdnn resume '{path}', if fastdnn fit wrote it; in Python fastdnn.load_checkpoint('{path}')",
        )
    return document, tensors


def read_tensors(path: str | os.PathLike[str]) -> tuple[Document, dict[str, Array]]:
    """The JSON document and the arrays of a file that `write_document` wrote, checked against its checksum.

    Raises as `load_model`.
    """
    return _read(path, parameters=True)


def is_model_file(path: str | os.PathLike[str]) -> bool:
    """Whether `path` holds a fastdnn model of any version, so that a new model may take its place."""
    return _kind_of(path) == MODEL


def is_checkpoint(path: str | os.PathLike[str]) -> bool:
    """Whether `path` holds a checkpoint of any version, so that a new one may take its place."""
    return _kind_of(path) == CHECKPOINT


def _kind_of(path: str | os.PathLike[str]) -> str | None:
    """MODEL, CHECKPOINT, or None where `path` is neither."""
    try:
        return str(_read(path, parameters=False, any_version=True)[0].get("kind", MODEL))
    except ModelFileError:
        return None


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise ModelFileError unless a file can be made at `path`: before hours of training, not after."""
    target = Path(os.path.realpath(path))
    _refuse_special(target)
    if not target.parent.is_dir():
        raise ModelFileError(
            f"Folder '{target.parent}' does not exist, so '{path}' cannot be written.", f"mkdir -p '{target.parent}'"
        )
    trial = _beside(target)
    try:
        trial.touch(exist_ok=False)
        trial.unlink()
    except OSError as error:
        raise _unwritable(path, error) from error


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write `content` beside `path`, flush it to the disk, then rename: readers see the old file or the new one whole.

    Raises ModelFileError where the folder is missing or not writable, the disk is full, or `path` is a folder or a
    device.
    """
    target = Path(os.path.realpath(path))
    _refuse_special(target)
    partial = _beside(target)
    try:
        with open(partial, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            os.chmod(partial, stat.S_IMODE(target.stat().st_mode))
        os.replace(partial, target)
        _flush_folder(target.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")


def _flush_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut; systems that cannot open a folder do without."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _refuse_special(target: Path) -> None:
    """Renaming over /dev/null would take it away from the whole machine."""
    if target.is_dir():
        raise ModelFileError(
            f"'{target}' is a folder, not a file that can be written.",
            f"give a file name, as '{target / 'model'}{SUFFIX}'",
        )
    if target.exists() and not target.is_file():
        raise ModelFileError(
            f"'{target}' is not a plain file, so it cannot be replaced.", "give the name of a plain file."
        )


def _unwritable(path: str | os.PathLike[str], error: OSError) -> ModelFileError:
    return ModelFileError(f"'{path}' cannot be written: {error.strerror or error}.", "give another place.")


def _read(
    path: str | os.PathLike[str], *, parameters: bool, any_version: bool = False
) -> tuple[Document, dict[str, Array]]:
    from safetensors import SafetensorError, safe_open

    _check_readable(path)
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if _METADATA_KEY not in metadata:
                raise ModelFileError(
                    f"'{path}' is a safetensors file, but not a fastdnn model: it lacks fastdnn's description.",
                    _FIT_HINT,
                )
            tensors = {name: file.get_tensor(name) for name in file.keys()} if parameters else {}  # noqa: SIM118
    except SafetensorError as error:
        raise ModelFileError(f"'{path}' is not a fastdnn model, or it is damaged ({error}).", _FIT_HINT) from error
    except OSError as error:
        raise ModelFileError(f"Model file '{path}' cannot be read: {error.strerror or error}.") from error
    document = _parse(path, metadata, any_version=any_version)
    if parameters and metadata.get(_CHECKSUM_KEY) != _checksum(metadata[_METADATA_KEY], tensors):
        raise ModelFileError(
            f"Model file '{path}' is damaged: its content does not have the checksum it was written with.",
            "fit the model again, or take the file from where it was copied.",
        )
    return document, tensors


_FIT_HINT = f"fastdnn fit DATA -t TARGET -o MODEL{SUFFIX}"


def _check_readable(path: str | os.PathLike[str]) -> None:
    place = Path(path)
    if place.is_dir():
        raise ModelFileError(f"'{path}' is a folder, not a model file.", _other_models(place))
    if not place.exists():
        raise ModelFileError(f"There is no model file '{path}'.", _other_models(place.parent))
    if place.is_file() and place.stat().st_size == 0:
        raise ModelFileError(f"'{path}' is empty, so it is not a fastdnn model.", _FIT_HINT)


def _other_models(folder: Path) -> str:
    """The newest models of a folder, as the hint for a name that is not there."""
    found = sorted(folder.glob(f"*{SUFFIX}"), key=lambda file: -file.stat().st_mtime) if folder.is_dir() else []
    return f"one of the models there: {', '.join(str(file) for file in found[:5])}" if found else _FIT_HINT


def _parse(path: str | os.PathLike[str], metadata: Mapping[str, str], *, any_version: bool) -> Document:
    try:
        document = json.loads(metadata[_METADATA_KEY])
        version = int(document["format_version"])
    except (ValueError, KeyError, TypeError) as error:
        raise ModelFileError(
            f"Model file '{path}' is damaged: its description cannot be read ({error}).", _FIT_HINT
        ) from error
    if version > FORMAT_VERSION and not any_version:
        raise ModelFileError(
            f"Model file '{path}' has format version {version}; this fastdnn reads versions up to {FORMAT_VERSION}.",
            "install a newer fastdnn: pip install --upgrade fastdnn",
        )
    return dict(document)


def _checksum(document: str, tensors: Mapping[str, Array]) -> str:
    """SHA-256 of the document and, in the order of their names, of every parameter's name, type, shape and bytes."""
    digest = hashlib.sha256(document.encode())
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.view(np.uint8).data if array.size else b"")
    return digest.hexdigest()
