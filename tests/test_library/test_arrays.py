"""NPY, NPZ and HDF5."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from fastdnn.arrays import read_hdf5, read_npy, read_npz
from fastdnn.errors import DataError, MissingExtraError

X = np.arange(24, dtype=np.uint8).reshape(4, 2, 3)
y = np.array([0, 1, 0, 1])


def write_hdf5(path: Path) -> Path:
    h5py = pytest.importorskip("h5py", reason="h5py, the extra [hdf5], is not installed")
    with h5py.File(path, "w") as file:
        file["x"] = X
        file["y"] = y
        file["y_row"] = y[np.newaxis]
        file["names"] = np.array([b"a", b"b"])
        file["more/z"] = y + 1
    return path


def test_npz_names_the_array_and_keeps_the_targets(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x=X, y=y, y_column=y[:, np.newaxis], other=np.zeros(9))
    found = read_npz(path, None)
    assert found.name == "x"
    np.testing.assert_array_equal(found.array, X)
    assert set(found.others) == {"y", "y_column"}
    assert found.others["y_column"].shape == (4,)
    np.testing.assert_array_equal(read_npz(path, "y").array, y)


def test_npz_of_vectors_is_a_table(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, a=y, b=y * 0.5)
    columns = read_npz(path, None).columns
    assert columns is not None
    assert list(columns) == ["a", "b"]


def test_which_array_must_be_clear(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, first=X, second=X)
    with pytest.raises(DataError, match="more than one array: first 4x2x3, second 4x2x3") as raised:
        read_npz(path, None)
    assert f"{path}:first" in str(raised.value.hint)
    with pytest.raises(DataError, match=r"no array 'fist'\. Did you mean 'first'\?"):
        read_npz(path, "fist")


def test_pickles_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "o.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="Python objects"):
        read_npy(tmp_path / "o.npy")


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_truncated_files(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    np.save(path, X) if name == "a.npy" else np.savez(path, X)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="cannot be read"):
        read_npy(path) if name == "a.npy" else read_npz(path, None)


def test_hdf5_datasets_and_groups(tmp_path: Path) -> None:
    path = write_hdf5(tmp_path / "a.h5")
    found = read_hdf5(path, None)
    assert found.name == "x"
    np.testing.assert_array_equal(found.array, X)
    assert set(found.others) == {"y", "y_row", "more/z"}
    np.testing.assert_array_equal(found.others["y_row"], y)
    np.testing.assert_array_equal(read_hdf5(path, "/more/z").array, y + 1)
    with pytest.raises(DataError, match="has no array 'q'"):
        read_hdf5(path, "q")


def test_damaged_hdf5(tmp_path: Path) -> None:
    path = write_hdf5(tmp_path / "a.h5")
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(DataError, match="cannot be read"):
        read_hdf5(path, None)


def test_hdf5_without_h5py_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError, match="needs h5py") as raised:
        read_hdf5(tmp_path / "a.h5", None)
    assert raised.value.hint == "pip install 'fastdnn[hdf5]'"
