"""IDX files, the format of MNIST: a small big-endian header and one array; also gzipped."""

from __future__ import annotations

import gzip
import math
import os
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from fastdnn.errors import DataError
from fastdnn.sources import damage_said

# Code in the third byte -> dtype on disk.
_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_CHUNK = 1 << 20


def is_idx(head: bytes) -> bool:
    """Whether the first four (uncompressed) bytes of a file are those of an IDX file."""
    return len(head) >= 4 and head[:2] == b"\0\0" and head[2] in _DTYPES and 1 <= head[3] <= 8


def read_idx(path: str | os.PathLike[str]) -> npt.NDArray[Any]:
    """The array of an IDX file, in native byte order.

    The bytes go from the (gzip) stream straight into the array, so that the file's size is all the memory it takes.

    Raises
    ------
    DataError : not an IDX file, damaged, truncated, or longer than its header says.
    """
    with open(path, "rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
    opener: Any = gzip.open if zipped else open
    with damage_said(path), opener(path, "rb") as stream:
        return _read_stream(stream, str(path))


def _read_stream(stream: IO[bytes], source: str) -> npt.NDArray[Any]:
    head = stream.read(4)
    if not is_idx(head):
        raise DataError(
            f"'{source}' is not an IDX file: it starts with {head.hex(' ') or 'nothing'}.",
            "give an IDX file as MNIST has it",
        )
    shape = tuple(int(n) for n in np.frombuffer(_exactly(stream, 4 * head[3], source), ">u4"))
    dtype = np.dtype(_DTYPES[head[2]])
    if math.prod(shape) * dtype.itemsize > 1 << 40:
        raise DataError(
            f"'{source}' is damaged: its header says {' x '.join(map(str, shape))} values.", "fetch the file again"
        )
    array = np.empty(shape, dtype)
    # A GzipFile's readinto makes a bytes object as long as what is asked for, hence the small pieces.
    target = array.reshape(-1).view(np.uint8).data
    filled = 0
    while filled < len(target):
        got = stream.readinto(target[filled : filled + _CHUNK])  # type: ignore[attr-defined]
        if not got:
            raise _truncated(source, shape, filled, len(target))
        filled += got
    if stream.read(1):
        raise DataError(
            f"'{source}' is damaged: it goes on after the {' x '.join(map(str, shape))} values its header says.",
            "fetch it again",
        )
    return array if dtype.isnative else array.astype(dtype.newbyteorder("="))


def _exactly(stream: IO[bytes], count: int, source: str) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise DataError(f"'{source}' is incomplete: it ends within its header.", "fetch the file again")
    return data


def _truncated(source: str, shape: tuple[int, ...], filled: int, needed: int) -> DataError:
    sizes = " x ".join(map(str, shape))
    return DataError(
        f"'{source}' is incomplete: {filled} of {needed} bytes of its {sizes} values are there.", "fetch the file again"
    )
