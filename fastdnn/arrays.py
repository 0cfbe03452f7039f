"""Arrays from NPY, NPZ and HDF5 files: the one that was asked for, and the others that could be targets."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from fastdnn.errors import DataError, MissingExtraError, nearest

Array = npt.NDArray[Any]
T = TypeVar("T")


@dataclass
class ArrayFile:
    """What a file of arrays gave.

    Attributes
    ----------
    name : of the main array in its file; '' for NPY.
    array : (m, ...) the examples.
    others : the file's other arrays with one value per example, (m,): candidates for a target.
    columns : instead of `array`, the (m,) arrays of a file that has only such arrays, all of one length.
    """

    name: str = ""
    array: Array | None = None
    others: dict[str, Array] = field(default_factory=dict)
    columns: dict[str, Array] | None = None


def read_npy(path: Path) -> ArrayFile:
    """Raises DataError for a damaged file and for Python objects, which only pickle could read."""
    return ArrayFile(array=_guarded(path, lambda: np.load(path, allow_pickle=False)))


def read_npz(path: Path, part: str | None) -> ArrayFile:
    """`part` names the array; without it the only one with examples along its first axis is taken. Raises DataError."""

    def read() -> ArrayFile:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            shapes = {name: _npz_shape(path, name) for name in archive.files}
            return _select(path, part, shapes, lambda name: archive[name])

    return _guarded(path, read)


def read_hdf5(path: Path, part: str | None) -> ArrayFile:
    """As `read_npz`, for datasets, those in groups by their path ('group/name').

    Raises
    ------
    MissingExtraError : h5py is not installed.
    DataError : no such dataset, more than one that could be meant, or a damaged file.
    """
    try:
        import h5py
    except ImportError:
        raise MissingExtraError(
            f"Reading '{path}' needs h5py, which is not installed.", "pip install 'fastdnn[hdf5]'"
        ) from None

    def read() -> ArrayFile:
        shapes: dict[str, tuple[int, ...]] = {}
        with h5py.File(path, "r") as file:

            def visit(name: str, item: Any) -> None:
                if isinstance(item, h5py.Dataset) and item.shape is not None:
                    shapes[name] = tuple(item.shape)

            file.visititems(visit)
            return _select(path, part and part.strip("/"), shapes, lambda name: file[name][()])

    return _guarded(path, read)


def _select(
    path: Path, part: str | None, shapes: dict[str, tuple[int, ...]], load: Callable[[str], Array]
) -> ArrayFile:
    if not shapes:
        raise DataError(f"'{path}' holds no array.", "give a file with the examples in one array, one per row")
    if part is not None and part not in shapes:
        guess = nearest(part, shapes)
        meant = f" Did you mean '{guess}'?" if guess else ""
        raise DataError(
            f"'{path}' has no array '{part}'.{meant} It has: {_listing(shapes)}.",
            f"{path}:{guess or next(iter(shapes))}",
        )
    name = part if part is not None else _only_matrix(path, shapes)
    if name is None:
        return ArrayFile(columns={name: load(name) for name in shapes})
    array = load(name)
    rows = shapes[name][:1]
    others = {other: np.ravel(load(other)) for other, shape in shapes.items() if other != name and _fits(shape, rows)}
    return ArrayFile(name, array, others)


def _only_matrix(path: Path, shapes: dict[str, tuple[int, ...]]) -> str | None:
    """The one array that can hold examples; None if the arrays are the columns of a table."""
    wide = [name for name, shape in shapes.items() if len(shape) >= 2 and shape[0] > 1 and shape[1] > 1]
    if len(wide) == 1:
        return wide[0]
    if len(shapes) == 1:
        return next(iter(shapes))
    if not wide and len(set(shapes.values())) == 1 and all(len(shape) == 1 for shape in shapes.values()):
        return None
    example = (wide or list(shapes))[0]
    raise DataError(
        f"'{path}' holds more than one array: {_listing(shapes)}.", f"say which holds the examples: {path}:{example}"
    )


def _fits(shape: tuple[int, ...], rows: tuple[int, ...]) -> bool:
    """Whether an array has one value per example, as (m,), (m, 1) or the course's (1, m)."""
    return bool(rows) and shape in {rows, (*rows, 1), (1, *rows)}


def _listing(shapes: dict[str, tuple[int, ...]]) -> str:
    shown = [f"{name} {'x'.join(map(str, shape)) or 'scalar'}" for name, shape in list(shapes.items())[:12]]
    return ", ".join(shown) + (", ..." if len(shapes) > 12 else "")


def _npz_shape(path: Path, name: str) -> tuple[int, ...]:
    """The shape of an array in an NPZ file, from its header alone."""
    with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as member:
        version = np.lib.format.read_magic(member)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        return tuple(read(member)[0])


def _guarded(path: Path, read: Callable[[], T]) -> T:
    """What `read` gives; the errors of NumPy, zip and HDF5 for a file they cannot read become a DataError."""
    try:
        return read()
    except DataError:
        raise
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, RuntimeError) as error:
        if "pickle" in str(error).lower():
            message = f"'{path}' holds Python objects, which fastdnn does not load: they can run code."
            raise DataError(message, "save the array with a numeric or text dtype") from None
        raise DataError(
            f"'{path}' cannot be read: {str(error).splitlines()[0]}.", "fetch or write the file again"
        ) from None
