"""Table: the raw rows of a file, whatever its format, as named columns or one matrix."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from fastdnn.columns import Column, column_from_array, column_from_arrow
from fastdnn.errors import DataError, nearest
from fastdnn.sources import counted, quoted

Array = npt.NDArray[Any]


@dataclass
class Table:
    """Rows as they are in the file: named columns, or one matrix.

    Attributes
    ----------
    source : the file, as it was given.
    n_rows : rows, without the header.
    columns : name -> Column in file order; empty where `matrix` is given.
    matrix : (m, n) C-contiguous uint8, float32 or float64, or None; arrays beyond two axes (images) are flattened.
    arrays : name -> (m,) array: others of the same file that could be the target.
    named : whether the names come from the file; if not they are c1, c2, ... (x1, x2, ... of a matrix) and only
        positions count.
    notes : what was understood of the file, one phrase each.
    """

    source: str
    n_rows: int
    columns: dict[str, Column] = field(default_factory=dict)
    matrix: Array | None = None
    arrays: dict[str, Array] = field(default_factory=dict)
    named: bool = True
    notes: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """Names of the columns, in order."""
        if self.matrix is None:
            return list(self.columns)
        return [f"x{position}" for position in range(1, self.matrix.shape[1] + 1)]

    @property
    def n_columns(self) -> int:
        return len(self.columns) if self.matrix is None else int(self.matrix.shape[1])

    def column(self, position: int) -> Column:
        """The column at a position from 0, also of a matrix (then a float64 copy)."""
        if self.matrix is None:
            return list(self.columns.values())[position]
        return column_from_array(f"x{position + 1}", self.matrix[:, position])

    def position(self, spec: str, what: str = "column") -> int | None:
        """Where a column is, from 0: by its exact name, else by position (1 the first, -1 the last); None if nowhere.

        Raises
        ------
        DataError : a position that is outside the table.
        """
        names = self.names
        if spec in names:
            return names.index(spec)
        try:
            number = int(spec)
        except ValueError:
            return None
        if not 1 <= abs(number) <= len(names):
            raise DataError(
                f"'{self.source}' has {counted(len(names), 'column')}, so there is no {what} {spec}.",
                f"positions go from 1 to {len(names)}, or from -1 (the last) to -{len(names)}",
            )
        return number - 1 if number > 0 else len(names) + number

    def require_rows(self) -> None:
        """Raise DataError for a table of column names alone."""
        if self.n_rows == 0:
            raise DataError(f"'{self.source}' has column names but no rows.", "give a table with one row per example")

    def require_position(self, spec: str, option: str) -> int:
        """As `position`, but raises DataError for a name that does not exist, with the nearest one."""
        found = self.position(spec)
        if found is None:
            raise DataError(*self.no_such_column(spec, option))
        return found

    def no_such_column(self, spec: str, option: str) -> tuple[str, str]:
        """The sentence and the hint for a column that does not exist; `option` is what to type before the right one."""
        names = self.names
        guess = nearest(spec, [*names, *self.arrays])
        meant = f" Did you mean '{guess}'?" if guess else ""
        listed = ", ".join(names[:12]) + (f", ... ({len(names)} in all)" if len(names) > 12 else "")
        others = f" Other arrays in the file: {', '.join(self.arrays)}." if self.arrays else ""
        likely = guess or next(iter([*self.arrays, *names[-1:]]), "NAME")
        return f"'{self.source}' has no column '{spec}'.{meant} It has: {listed}.{others}", f"{option} {quoted(likely)}"


def table_from_columns(columns: Mapping[str, Column], source: str = "table", *, named: bool = True) -> Table:
    """A Table of ready columns, which must have one length."""
    return Table(source, len(next(iter(columns.values()))) if columns else 0, dict(columns), named=named)


def table_from_array(
    array: npt.ArrayLike, source: str = "array", *, arrays: Mapping[str, Array] | None = None
) -> Table:
    """A Table of an array whose first axis is the examples; the others are flattened.

    uint8, float32 and float64 are not copied if they are C-contiguous. Other integers become float32 if it holds them
    exactly, else float64. One-dimensional arrays, structured arrays and arrays of text become columns.

    Raises
    ------
    DataError : a single number, or values that are neither numbers nor text.
    """
    array = np.asarray(array)
    if array.ndim == 0:
        raise DataError(
            f"'{source}' holds a single value, not an array of examples.", "give an array with one row per example"
        )
    others = dict(arrays or {})
    if array.dtype.names:
        return table_of_arrays({name: array[name] for name in array.dtype.names}, source)
    if array.ndim == 1:
        return Table(source, len(array), {"x1": column_from_array("x1", array)}, arrays=others, named=False)
    flat = array.reshape(len(array), math.prod(array.shape[1:]))
    if array.dtype.kind in "SUO":
        columns = {f"x{j + 1}": column_from_array(f"x{j + 1}", flat[:, j]) for j in range(flat.shape[1])}
        return Table(source, len(array), columns, arrays=others, named=False)
    notes = [f"{' x '.join(map(str, array.shape[1:]))} values an example, flattened"] if array.ndim > 2 else []
    return Table(source, len(array), matrix=_plain_matrix(flat, source), arrays=others, named=False, notes=notes)


def table_of_arrays(arrays: Mapping[str, Array], source: str) -> Table:
    """A Table with each (m,) array as a column."""
    return table_from_columns(
        {name: column_from_array(name, np.ravel(values)) for name, values in arrays.items()}, source
    )


def table_from_arrow(data: Any, source: str = "table") -> Table:
    """A Table of a pyarrow Table. Columns of lists, structs or bytes are left out, which its notes say."""
    from fastdnn.delimited import unique_names

    notes: list[str] = []
    columns = {}
    for name, cells in zip(unique_names(data.column_names, notes), data.columns, strict=True):
        column = column_from_arrow(name, cells)
        if column is None:
            notes.append(f"column '{name}' is left out: its cells are {cells.type}")
        else:
            columns[name] = column
    return Table(source, data.num_rows, columns, notes=notes)


def _plain_matrix(flat: Array, source: str) -> Array:
    """C-contiguous uint8, float32 or float64 in native byte order."""
    kind, size = flat.dtype.kind, flat.dtype.itemsize
    if kind not in "biuf":
        raise DataError(
            f"'{source}' holds {flat.dtype} values where numbers are needed.", "save it as float32 or uint8"
        )
    if flat.dtype == np.uint8 or flat.dtype in (np.float32, np.float64):
        return np.ascontiguousarray(flat)
    exact = kind == "b" or size <= 2 or (kind == "f" and size == 4) or (kind in "iu" and not _beyond_float32(flat))
    return np.ascontiguousarray(flat, dtype=np.float32 if exact else np.float64)


def _beyond_float32(flat: Array) -> bool:
    return bool(flat.size) and (int(flat.max()) > 1 << 24 or int(flat.min()) < -(1 << 24))
