"""IDX files, plain and gzipped, whole and damaged."""

from __future__ import annotations

import gzip
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fastdnn.errors import DataError
from fastdnn.idx import is_idx, read_idx

_CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx_bytes(array: np.ndarray) -> bytes:
    code = _CODES[array.dtype.str[1:]]
    return (
        bytes([0, 0, code, array.ndim])
        + struct.pack(f">{array.ndim}I", *array.shape)
        + array.astype(array.dtype.newbyteorder(">")).tobytes()
    )


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("zipped", [False, True])
def test_every_type_comes_back(tmp_path: Path, dtype: str, zipped: bool) -> None:
    array = (np.arange(24).reshape(2, 3, 4) - (0 if dtype == "u1" else 12)).astype(dtype)
    path = tmp_path / "data"
    path.write_bytes(gzip.compress(idx_bytes(array)) if zipped else idx_bytes(array))
    found = read_idx(path)
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype
    assert found.dtype.isnative


def test_more_than_one_chunk(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 256, (3001, 28, 28), dtype=np.uint8)
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(idx_bytes(array), 1))
    np.testing.assert_array_equal(read_idx(path), array)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:-1], "23 of 24 bytes"),
        (lambda data: data + b"x", "goes on after"),
        (lambda data: data[:6], "ends within its header"),
        (lambda data: b"abcd" + data, "not an IDX file"),
        (lambda data: gzip.compress(data)[:-9], "damaged or incomplete"),
        (lambda data: data[:4] + b"\xff" * 12 + data[16:], "header says"),
    ],
)
def test_damage_is_said(tmp_path: Path, change: object, message: str) -> None:
    path = tmp_path / "data"
    path.write_bytes(change(idx_bytes(np.zeros((2, 3, 4), np.uint8))))  # type: ignore[operator]
    with pytest.raises(DataError, match=message):
        read_idx(path)


def test_is_idx() -> None:
    assert is_idx(b"\0\0\x08\x03")
    assert not is_idx(b"\0\0\x07\x03")
    assert not is_idx(b"\0\0\x08")


def test_images_need_no_table_library(tmp_path: Path) -> None:
    path = tmp_path / "images"
    path.write_bytes(idx_bytes(np.zeros((2, 3, 4), np.uint8)))
    program = (
        "import sys; from fastdnn.tables import read_table; from fastdnn.preprocessing import Preprocessor;"
        f"read_table({str(path)!r}); print([n for n in ('pyarrow', 'h5py', 'numba') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
