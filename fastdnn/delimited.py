"""CSV and TSV into columns, through pyarrow.

Delimiter, header and encoding are found by looking at the first rows, the kind of a column by looking at all its cells.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import Any

from fastdnn.columns import Column, column_from_text
from fastdnn.errors import DataError
from fastdnn.sniffing import DELIMITER_NAMES, find_delimiter, has_header

_SAMPLE_BYTES = 1 << 18
_SAMPLE_ROWS = 1000
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_EXCEL_SEPARATOR_LINE = re.compile(rb"sep=(.)\r?\n")


@dataclass
class DelimitedTable:
    """Columns in file order, whether their names come from the file, and what was understood of it."""

    columns: list[Column]
    named: bool
    notes: list[str]


def read_delimited(
    data: bytes, source: str, *, header: bool | None = None, known_names: Sequence[str] | None = None
) -> DelimitedTable:
    """Read a delimited text file.

    Parameters
    ----------
    data : the whole file, uncompressed.
    source : what to call it in messages.
    header : whether the first row holds names; None: found by looking.
    known_names : the names that a model knows (empty: it knows none), which help to tell a header from data.

    Raises
    ------
    DataError : nothing in it, not text, or a row with too few or too many cells.
    """
    notes: list[str] = []
    data = _as_utf8(data, source, notes)
    forced = _EXCEL_SEPARATOR_LINE.match(data)
    if forced:
        data = data[forced.end() :]
    if not data.strip():
        raise DataError(f"'{source}' is empty.", "give a table with one row per example")
    sample, complete = _sample(data)
    delimiter = (
        forced.group(1).decode() if forced else find_delimiter(lambda d: _sample_rows(sample, d, complete), sample)
    )
    rows = _sample_rows(sample, delimiter or ",", complete)
    named = header if header is not None else _decide_header(rows, known_names)
    width = len(rows[0]) if rows else 1
    cells = _parse(data, source, delimiter or ",", width)
    del data
    names = _column_names(cells, named, notes)
    skip = 1 if named else 0
    # Popping lets the text of a column go before the next one is converted.
    cells.reverse()
    columns = [column_from_text(name, cells.pop().slice(skip), decimal_comma=delimiter == ";") for name in names]
    if named and header is None:
        notes.insert(0, "names taken from the first line")
    if not named:
        notes.insert(
            0, "no header line: " + (f"columns are called c1 to c{width}" if width > 1 else "the column is called c1")
        )
    if delimiter not in (",", None):
        notes.append(f"cells are separated by {DELIMITER_NAMES.get(delimiter, repr(delimiter))}")
    return DelimitedTable(columns, named, notes)


def _as_utf8(data: bytes, source: str, notes: list[str]) -> bytes:
    """The same text in UTF-8 and without a byte order mark."""
    if data.startswith(_UTF16):
        notes.append("text is UTF-16")
        return data.decode("utf-16", "replace").encode()
    if b"\0" in data[:4096]:
        raise DataError(
            f"'{source}' is not a text table: its first bytes are binary.",
            "give a CSV, TSV, Parquet, Arrow, JSON Lines, NPY, NPZ, IDX or HDF5 file",
        )
    data = data.removeprefix(codecs.BOM_UTF8)
    if data.isascii():
        return data
    try:
        codecs.decode(data, "utf-8")
    except UnicodeDecodeError:
        notes.append("text is not UTF-8: read as Latin-1")
        return data.decode("latin-1").encode()
    return data


def _sample(data: bytes) -> tuple[str, bool]:
    """The first rows as text, and whether that is the whole file."""
    end = _SAMPLE_BYTES
    if data.count(b"\n", 0, end) < 5:
        for _ in range(5):
            end = data.find(b"\n", end) + 1
            if end == 0:
                return data.decode("utf-8", "replace"), True
    return data[:end].decode("utf-8", "replace"), end >= len(data)


def _sample_rows(sample: str, delimiter: str, complete: bool) -> list[list[str]]:
    rows = []
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        for row in reader:
            if any(cell.strip() for cell in row) or len(row) > 1:
                rows.append(row)
            if len(rows) > _SAMPLE_ROWS:
                return rows
    except csv.Error:
        return rows
    return rows if complete or len(rows) < 2 else rows[:-1]


def _decide_header(rows: list[list[str]], known_names: Sequence[str] | None) -> bool:
    if not known_names or not rows:
        return has_header(rows, default=known_names is None)
    known = set(known_names)
    shared = sum(1 for cell in rows[0] if cell.strip() in known)
    return 2 * shared >= min(len(rows[0]), len(known)) or has_header(rows)


def _parse(data: bytes, source: str, delimiter: str, width: int) -> list[Any]:
    """Every cell of the file, header included, as one ChunkedArray of strings a column."""
    if re.search(re.escape(delimiter).encode() + rb' +"', data):
        # pyarrow takes a quote after a blank for a part of the text; the csv module need not.
        return _parse_with_blanks_before_quotes(data, source, delimiter, width)
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    names = [str(position) for position in range(width)]
    quotes = b'"' in data
    parse = arrow_csv.ParseOptions(
        delimiter=delimiter,
        newlines_in_values=quotes,
        invalid_row_handler=lambda row: "skip" if not row.text.strip() else "error",
    )
    convert = arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, check_utf8=False
    )
    block = 1 << 20
    while True:
        read = arrow_csv.ReadOptions(column_names=names, block_size=block)
        try:
            table = arrow_csv.read_csv(pa.BufferReader(data), read, parse, convert)
            break
        except pa.ArrowInvalid as error:
            # A row longer than a block; anything else is a row that does not fit.
            if "straddl" in str(error) and block < len(data):
                block *= 8
                continue
            raise _misfit(data, source, delimiter, width, str(error)) from None
    if (
        quotes
        and data.count(b'"') % 2
        and any("\n" in (column[-1].as_py() or "") for column in table.columns if len(column))
    ):
        raise _misfit(data, source, delimiter, width, "a quoted cell does not end")
    return list(table.columns)


def _parse_with_blanks_before_quotes(data: bytes, source: str, delimiter: str, width: int) -> list[Any]:
    import pyarrow as pa

    rows = []
    for line, row in _rows_with_lines(data, source, delimiter):
        if len(row) != width:
            raise _wrong_width(source, line, len(row), width, delimiter)
        rows.append(row)
    return [pa.chunked_array([pa.array(cells, pa.string())]) for cells in zip(*rows, strict=True)]


def _misfit(data: bytes, source: str, delimiter: str, width: int, reason: str) -> DataError:
    """The error for a file that pyarrow refused, with the line that the csv module finds."""
    for line, row in _rows_with_lines(data, source, delimiter):
        if len(row) != width:
            return _wrong_width(source, line, len(row), width, delimiter)
    return DataError(
        f"'{source}' cannot be read as a delimited table: {reason.splitlines()[0]}.", "check the file's quotes"
    )


def _rows_with_lines(data: bytes, source: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank, each with the number of the line on which it ends; lines count from 1."""
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", errors="replace", newline="")
    reader = csv.reader(text, delimiter=delimiter, skipinitialspace=True, strict=True)
    start = 1
    try:
        for row in reader:
            if len(row) > 1 or (row and row[0].strip()):
                yield reader.line_num, row
            start = reader.line_num + 1
    except csv.Error as error:
        problem = "a quoted cell that never ends" if "unexpected end" in str(error) else str(error)
        raise DataError(
            f"'{source}' has a damaged row that starts in line {start}: {problem}.", "check the quotes of that line"
        ) from None


def _wrong_width(source: str, line: int, found: int, expected: int, delimiter: str) -> DataError:
    cells = f"{found} cell" if found == 1 else f"{found} cells"
    name = DELIMITER_NAMES.get(delimiter, repr(delimiter))
    return DataError(
        f"'{source}' line {line} has {cells} where the first line has {expected}.",
        f"correct that line; a cell that holds a {name} needs double quotes around it",
    )


def _column_names(cells: list[Any], named: bool, notes: list[str]) -> list[str]:
    """c1, c2, ... or the cells of the first row, made unique."""
    if not named:
        return [f"c{position}" for position in range(1, len(cells) + 1)]
    return unique_names([(column[0].as_py() or "").strip() for column in cells], notes)


def unique_names(given: Sequence[str], notes: list[str]) -> list[str]:
    """The names, with those that are empty or come twice replaced and that noted.

    >>> notes = []
    >>> unique_names(["a", "a", ""], notes), notes
    (['a', 'a_2', 'c3'], ["column 2, a second 'a', is called 'a_2'", "column 3 has no name and is called 'c3'"])
    """
    names: list[str] = []
    used, taken = set[str](), set(given)
    for position, name in enumerate(given, start=1):
        new = name
        if not name or name in used:
            stem = name or f"c{position}"
            candidates = chain([stem] if not name else [], (f"{stem}_{number}" for number in count(2)))
            new = next(candidate for candidate in candidates if candidate not in used and candidate not in taken)
            reason = f", a second '{name}', is" if name else " has no name and is"
            notes.append(f"column {position}{reason} called '{new}'")
        used.add(new)
        names.append(new)
    return names
