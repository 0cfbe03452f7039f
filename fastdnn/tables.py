"""Read a table from a file of any known format, and find the target that belongs to it."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fastdnn.columns import Column, column_from_array
from fastdnn.errors import DataError
from fastdnn.frames import Table, table_from_array, table_from_arrow, table_from_columns, table_of_arrays
from fastdnn.sources import GZIP, counted, gunzip, names_file, quoted, read_pipe, read_stdin, split_part, start_of_gzip

__all__ = [
    "FoundTarget",
    "Table",
    "read_table",
    "read_target",
    "table_from_array",
    "table_from_arrow",
    "table_from_columns",
]

_JSON_LINES = (".jsonl", ".ndjson")
_ARRAYS = (".npy", ".npz", ".h5", ".hdf5")
_FILE_ENDINGS = (".csv", ".tsv", ".txt", ".gz", *_ARRAYS, ".parquet", ".feather", ".arrow", *_JSON_LINES)


@dataclass(frozen=True)
class FoundTarget:
    """Where a target was found.

    Attributes
    ----------
    column : its values, one for each row of the table.
    where : {'column', 'array', 'file'}: a column of the table, another array of the same file, or another file.
    name : of the column, the array or the file.
    position : of the column, from 0, or None.
    """

    column: Column
    where: Literal["column", "array", "file"]
    name: str
    position: int | None = None


def read_table(
    source: str | os.PathLike[str],
    *,
    header: bool | None = None,
    stdin: Any = None,
    known_names: Sequence[str] | None = None,
) -> Table:
    """Read a table or an array; the format is told by the file's first bytes, for text also by its ending.

    CSV and TSV (also .gz), JSON Lines, Parquet, Arrow/Feather, NPY, NPZ, IDX (also .gz) and HDF5.

    Parameters
    ----------
    source : a path; 'file.h5:dataset' or 'file.npz:array' for one array of a file; '-' for delimited text on standard
        input.
    header : whether the first line of a delimited text holds names; None: found by looking.
    stdin : stream to read for '-', bytes or text; None: the process's own.
    known_names : names that a model knows, which help to tell a header where `header` is None.

    Raises
    ------
    DataError : no such file, a directory, empty, damaged, ragged, or in no format known here.
    MissingExtraError : HDF5 without h5py.
    """
    source = os.fspath(source)
    if source == "-":
        return _delimited(read_stdin(stdin), "standard input", header, known_names)
    path, part = split_part(source)
    if not path.is_file():  # a pipe, which can be read only once
        return _delimited(read_pipe(path), source, header, known_names)
    with open(path, "rb") as stream:
        head = stream.read(8)
    return _read_file(path, part, source, head, header, known_names)


def read_target(table: Table, spec: str | int) -> FoundTarget:
    """Find the target: a column by exact name or position, another array of the table's file, or another file.

    Parameters
    ----------
    spec : 'price', '-1', 'train_set_y', 'labels-idx1-ubyte.gz', 'y.npy', 'file.h5:train_set_y'. An exact name wins
        over a position, both win over an array, that over a file.

    Raises
    ------
    DataError : none of these, or a number of values that is not the table's number of rows.
    """
    spec = str(spec)
    position = table.position(spec, "target column")
    if position is not None:
        column = table.column(position)
        return FoundTarget(column, "column", column.name, position)
    if spec in table.arrays:
        return FoundTarget(_same_length(table, column_from_array(spec, table.arrays[spec])), "array", spec)
    if not names_file(spec):
        if os.path.splitext(spec.split(":", 1)[0])[1].lower() in _FILE_ENDINGS:
            split_part(spec)
        several = spec.split(",")
        if len(several) > 1 and all(table.position(part, "target column") is not None for part in several):
            raise DataError(
                f"'{spec}' are {len(several)} columns, and a fit has one target.",
                f"-t {quoted(several[0])}; in Python fastdnn.Network and fastdnn.train take several at once",
            )
        raise DataError(*table.no_such_column(spec, "-t"))
    other = read_table(spec)
    if other.n_columns != 1:
        raise DataError(
            f"Target file '{spec}' has {other.n_columns} columns where one value per row is needed.",
            "give a file with the target alone",
        )
    column = other.column(0).renamed(Path(spec).name)
    return FoundTarget(_same_length(table, column), "file", column.name)


def _read_file(
    path: Path, part: str | None, source: str, head: bytes, header: bool | None, known_names: Sequence[str] | None
) -> Table:
    from fastdnn import arrays, idx

    if not head:
        raise DataError(f"'{path}' is empty.", "give a table with one row per example")
    start = start_of_gzip(path) if head.startswith(GZIP) else head
    if idx.is_idx(start):
        _refuse_part(path, part)
        return table_from_array(idx.read_idx(path), source)
    if head.startswith(b"\x93NUMPY"):
        _refuse_part(path, part)
        return _from_array_file(arrays.read_npy(path), source)
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return _from_array_file(arrays.read_hdf5(path, part), source)
    if head.startswith(b"PK\x03\x04"):
        _refuse_office_document(path)
        return _from_array_file(arrays.read_npz(path, part), source)
    _refuse_part(path, part)
    if head.startswith((b"PAR1", b"ARROW1", b"FEA1")):
        return _read_arrow_file(path, source, head)
    data = gunzip(path) if head.startswith(GZIP) else path.read_bytes()
    if path.name.removesuffix(".gz").lower().endswith(_JSON_LINES):
        return _read_json_lines(data, source)
    return _delimited(data, source, header, known_names)


def _delimited(data: bytes, source: str, header: bool | None, known_names: Sequence[str] | None) -> Table:
    from fastdnn.delimited import read_delimited

    read = read_delimited(data, source, header=header, known_names=known_names)
    table = table_from_columns({column.name: column for column in read.columns}, source, named=read.named)
    table.notes.extend(read.notes)
    return table


def _from_array_file(read: Any, source: str) -> Table:
    if read.columns is not None:
        return table_of_arrays(read.columns, source)
    table = table_from_array(read.array, source, arrays=read.others)
    if read.name and f":{read.name}" not in source:
        table.notes.append(f"examples are the array '{read.name}'")
    return table


def _read_arrow_file(path: Path, source: str, head: bytes) -> Table:
    import pyarrow as pa

    try:
        if head.startswith(b"PAR1"):
            from pyarrow import parquet

            return table_from_arrow(parquet.read_table(path), source)
        from pyarrow import feather

        return table_from_arrow(feather.read_table(path), source)
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"'{path}' cannot be read: {str(error).splitlines()[0]}", "fetch or write the file again"
        ) from None


def _read_json_lines(data: bytes, source: str) -> Table:
    import pyarrow as pa
    from pyarrow import json

    try:
        # One block, so that the type of a column is judged by all its cells.
        read = json.ReadOptions(use_threads=False, block_size=max(1 << 20, len(data) + 1))
        return table_from_arrow(json.read_json(pa.BufferReader(data), read_options=read), source)
    except pa.ArrowInvalid as error:
        reason = str(error).splitlines()[0]
        raise DataError(
            f"'{source}' cannot be read as JSON Lines: {reason}.", 'write one object per line: {"age": 3, "kind": "a"}'
        ) from None


def _same_length(table: Table, column: Column) -> Column:
    if len(column) != table.n_rows:
        have, need = counted(len(column), "value"), counted(table.n_rows, "row")
        raise DataError(
            f"Target '{column.name}' has {have}, but '{table.source}' has {need}.",
            "give the target that belongs to these rows, in the same order",
        )
    return column


def _refuse_part(path: Path, part: str | None) -> None:
    if part is not None:
        raise DataError(f"'{path}' holds one table, so it has no part '{part}'.", f"give it as {quoted(str(path))}")


def _refuse_office_document(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
    except zipfile.BadZipFile:
        return
    if not any(member.endswith(".npy") for member in members):
        excel = any(member.startswith("xl/") for member in members)
        kind = "an Excel workbook" if excel else "a zip archive without arrays"
        raise DataError(f"'{path}' is {kind}, which fastdnn does not read.", "save the table as CSV")
