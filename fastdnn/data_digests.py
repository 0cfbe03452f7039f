"""Whether examples are those of an earlier run: their shape, and checksums of what the kernels read of them."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn.errors import DataError
from fastdnn.examples import Examples
from fastdnn.kernels.layout import Data
from fastdnn.moments import blocks

# A checksum reads about a gigabyte a second: of more than this only evenly spread rows are read.
_READ_BYTES = 256_000_000
_PARTS = ("X", "Y", "weights", "score_weights")

Facts = dict[str, Any]


def data_facts(examples: Examples, data: Data) -> Facts:
    """Rows and columns of the examples that count, and checksums of X, Y and the weights, in plain JSON types.

    Parameters
    ----------
    data : workspace.data(examples, with_targets=True), read. Its arrays are in the network's dtype, so that float64 rows and their
        float32 copies are the same to a float32 network, and a part of a matrix is the same as its copy.
    """
    rows = examples.indices
    return {
        **shape_facts(examples),
        "X": _digest(rows, (data.X, data.pixels), (data.scale, data.shift)),
        "Y": _digest(rows, (data.labels, data.targets)),
        "weights": _digest(rows, (data.weights,)) if data.weights.size else None,
        "score_weights": None if examples.score_weights is None else _digest(rows, (examples.score_weights,)),
    }


def shape_facts(examples: Examples) -> Facts:
    """Rows and columns: what can be compared before the network is asked."""
    return {"rows": len(examples), "columns": int(examples.X.shape[1])}


def require_same_shape(examples: Examples, facts: Facts | None, what: str, path: str) -> None:
    """Raise DataError unless the examples have as many rows and columns as `data_facts` gave of the run in `path`."""
    if facts is None:
        raise DataError(f"The run in '{path}' had no {what}, and now there are some.", f"no {what}")
    now = shape_facts(examples)
    if now != {name: facts[name] for name in now}:
        raise DataError(
            f"The {what} of the run in '{path}' were {facts['rows']} rows of {facts['columns']} columns; "
            f"now they are {now['rows']} of {now['columns']}.",
            "the same examples as when the run began",
        )


def require_same(now: Facts, facts: Facts, what: str, path: str) -> None:
    """Raise DataError unless two `data_facts` have the same checksums; it says what differs."""
    changed = [part for part in _PARTS if now[part] != facts[part]]
    if changed:
        raise DataError(
            f"The {what} are not those of the run in '{path}': {' and '.join(changed)} differ.",
            "the same examples, in the same order, as when the run began",
        )


def _digest(rows: NDArray[np.int64], by_row: tuple[Any, ...], whole: tuple[Any, ...] = ()) -> str:
    """SHA-256 of the types, shapes and bytes of some rows of arrays, and of whole arrays."""
    digest = hashlib.sha256()
    for array in by_row:
        if not array.size:
            continue
        matrix = array.reshape(len(array), -1)
        digest.update(f"{array.dtype.str} {matrix.shape[1]} ".encode())
        every = -(-rows.size * matrix[0].nbytes // _READ_BYTES)
        for block in blocks(matrix, rows[:: max(1, every)]):
            digest.update(np.ascontiguousarray(block).data)
    for array in whole:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
