"""Column: one column of a table, told to be numbers, booleans or text by looking at every cell of it.

Nothing here loops over cells in Python: text is held as Arrow strings, numbers as NumPy float64.
"""

from __future__ import annotations

import functools
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fastdnn.errors import DataError

Kind = Literal["number", "text", "boolean"]

# Cells that mean "no value" in any column. "None" and "none" are not among them: both are common class labels.
MISSING = frozenset(
    [
        "",
        "?",
        "NA",
        "N/A",
        "n/a",
        "na",
        "#N/A",
        "#NA",
        "<NA>",
        "NaN",
        "nan",
        "NAN",
        "-nan",
        "-NaN",
        "null",
        "NULL",
        "Null",
    ]
)
# Cells that mean "no value" where all the others are numbers.
MISSING_AMONG_NUMBERS = frozenset(["-", "--", ".", "None", "none", "NONE", "missing", "NaT"])
_TRUTHS = {"true": 1.0, "True": 1.0, "TRUE": 1.0, "false": 0.0, "False": 0.0, "FALSE": 0.0}
_TRUE = frozenset(word for word, value in _TRUTHS.items() if value)
_DECIMAL_COMMA = r"^[+-]?\d+(,\d+)?([eE][+-]?\d+)?$"


class Column:
    """Values of one column, all of one kind.

    Attributes
    ----------
    name : str
    kind : {'number', 'text', 'boolean'}
    spelling : how the file writes false and true, for booleans.
    """

    def __init__(self, name: str, kind: Kind, data: Any, *, spelling: tuple[str, str] = ("False", "True")) -> None:
        self.name = name
        self.kind: Kind = kind
        self.spelling = spelling
        self._data = data

    def __len__(self) -> int:
        return len(self._data)

    def __repr__(self) -> str:
        return f"Column({self.name!r}, {self.kind}, {len(self)} rows)"

    def renamed(self, name: str) -> Column:
        """The same values under another name."""
        return Column(name, self.kind, self._data, spelling=self.spelling)

    @property
    def values(self) -> npt.NDArray[Any]:
        """(m,) float64 with NaN for missing (booleans as 0 and 1), or, for text, (m,) object array of str with None."""
        if self.kind != "text":
            return np.asarray(self._data)
        return np.asarray(self._data.to_numpy(zero_copy_only=False), dtype=object)

    @property
    def text(self) -> Any:
        """The cells of a text column as a pyarrow ChunkedArray of strings, null for missing."""
        if self.kind != "text":
            raise TypeError(f"column '{self.name}' is {self.kind}, not text")
        return self._data

    @property
    def missing(self) -> npt.NDArray[np.bool_]:
        """(m,) bool: whether the cell has no value."""
        if self.kind != "text":
            return np.asarray(np.isnan(self._data), dtype=np.bool_)
        return np.asarray(self._data.is_null().to_numpy(zero_copy_only=False), dtype=np.bool_)

    def levels(self) -> tuple[list[str], npt.NDArray[np.int64]]:
        """The distinct values as labels, and for each row the index of its label, -1 where missing.

        Numbers come in rising order and without a needless '.0'; booleans as false, true in the file's spelling; text
        in the order of its first appearance. Two numbers that differ have labels that differ.
        """
        if self.kind == "text":
            encoded = self._data.combine_chunks().dictionary_encode()
            codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
            return encoded.dictionary.to_pylist(), np.asarray(codes, dtype=np.int64)
        known = ~np.isnan(self._data)
        distinct, inverse = np.unique(self._data[known], return_inverse=True)
        codes = np.full(len(self._data), -1, dtype=np.int64)
        codes[known] = inverse
        if self.kind == "boolean":
            return [self.spelling[int(value)] for value in distinct], codes
        return [format_number(value) for value in distinct], codes

    def as_numbers(self) -> npt.NDArray[np.float64]:
        """(m,) float64 with NaN for missing, also of a text column if each of its cells can be read as a number.

        Raises
        ------
        DataError : a cell is not a number; names the column, the row (1 is the first) and the text.
        """
        if self.kind != "text":
            return np.asarray(self._data, dtype=np.float64)
        labels, codes = self.levels()
        numbers = np.array([_number_or_none(label) for label in labels] + [np.nan], dtype=object)
        for index, value in enumerate(numbers):
            if value is None:
                row = int(np.argmax(codes == index)) + 1
                text = _short(labels[index])
                raise DataError(
                    f"Column '{self.name}' has the text '{text}' in row {row} where a number is needed.",
                    "correct the cell, or leave it empty where the value is not known",
                )
        return numbers.astype(np.float64)[codes]


def format_number(value: float) -> str:
    """The shortest text that reads back as the same float; whole numbers without '.0'.

    >>> format_number(3.0), format_number(0.1), format_number(-0.0)
    ('3', '0.1', '0')
    """
    value = float(value)
    return str(int(value)) if value.is_integer() and abs(value) < 1e16 else repr(value)


def column_from_text(name: str, cells: Any, *, decimal_comma: bool = False) -> Column:
    """A column from raw cells: numbers or booleans if every cell that is not missing can be read so, otherwise text.

    Parameters
    ----------
    cells : pyarrow ChunkedArray of strings; blanks around them do not count.
    decimal_comma : whether '3,14' may be a number.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    cells = pc.utf8_trim_whitespace(cells)
    cells = pc.if_else(pc.is_in(cells, value_set=_set_of(MISSING)), pa.scalar(None, pa.string()), cells)
    numbers = _read_numbers(cells)
    if numbers is None and decimal_comma and pc.all(pc.match_substring_regex(cells, _DECIMAL_COMMA)).as_py():
        numbers = _read_numbers(pc.replace_substring(cells, ",", "."))
    if numbers is not None:
        return Column(name, "number", numbers)
    spellings = pc.unique(cells.slice(0, 1000)).to_pylist()
    if all(cell is None or cell in _TRUTHS for cell in spellings):
        spellings = pc.unique(cells).to_pylist()
        if all(cell is None or cell in _TRUTHS for cell in spellings):
            return _boolean_column(name, cells, [cell for cell in spellings if cell is not None])
    return Column(name, "text", cells)


def column_from_arrow(name: str, data: Any) -> Column | None:
    """A column from a typed pyarrow ChunkedArray; None for cells that a network cannot take (lists, structs, bytes)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = data.type
    if pa.types.is_dictionary(kind):
        return column_from_arrow(name, data.cast(kind.value_type))
    if pa.types.is_boolean(kind) or pa.types.is_null(kind):
        numbers = pc.cast(pc.cast(data, pa.uint8()), pa.float64())
        return Column(name, "boolean" if pa.types.is_boolean(kind) else "number", _to_float64(numbers))
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return Column(name, "number", _to_float64(pc.cast(data, pa.float64(), safe=False)))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_temporal(kind):
        cells = pc.utf8_trim_whitespace(pc.cast(data, pa.string()))
        return Column(
            name,
            "text",
            pc.if_else(pc.is_in(cells, value_set=_set_of(MISSING)), pa.scalar(None, pa.string()), cells),
        )
    return None


def column_from_array(name: str, values: npt.NDArray[Any]) -> Column:
    """A column from a 1-D NumPy array of numbers, booleans, str or bytes.

    Raises
    ------
    DataError : the array holds something else.
    """
    if values.dtype.kind == "b":
        return Column(name, "boolean", values.astype(np.float64))
    if values.dtype.kind in "iuf":
        return Column(name, "number", values.astype(np.float64))
    if values.dtype.kind in "SUO":
        import pyarrow as pa

        cells = [cell.decode("utf-8", "replace") if isinstance(cell, bytes) else cell for cell in values.tolist()]
        if all(cell is None or isinstance(cell, str) for cell in cells):
            return column_from_text(name, pa.chunked_array([pa.array(cells, pa.string())]))
    raise DataError(
        f"Array '{name}' holds {values.dtype} values; numbers, booleans or text are needed.",
        "save it as float32, int64, bool or str",
    )


@functools.cache
def _set_of(words: frozenset[str]) -> Any:
    """The words as a pyarrow array.

    Kept: making an array of a list takes pyarrow as long as all else for a short column.
    """
    import pyarrow as pa

    return pa.array(sorted(words))


def _read_numbers(cells: Any) -> npt.NDArray[np.float64] | None:
    """The cells as float64 with NaN for missing, or None if one of them is no number."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return _to_float64(pc.cast(cells, pa.float64()))
    except pa.ArrowInvalid:
        loose = pc.is_in(cells, value_set=_set_of(MISSING_AMONG_NUMBERS))
        if not pc.any(loose).as_py():
            return None
    try:
        numbers = pc.cast(pc.if_else(loose, pa.scalar(None, pa.string()), cells), pa.float64())
    except pa.ArrowInvalid:
        return None
    return _to_float64(numbers) if numbers.null_count < len(numbers) else None


def _to_float64(numbers: Any) -> npt.NDArray[np.float64]:
    return np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)


def _boolean_column(name: str, cells: Any, spellings: list[str]) -> Column:
    import pyarrow as pa
    import pyarrow.compute as pc

    truth = pc.if_else(pc.is_in(cells, value_set=_set_of(_TRUE)), 1.0, 0.0)
    values = _to_float64(pc.if_else(cells.is_null(), pa.scalar(None, pa.float64()), truth))
    written = {_TRUTHS[cell]: cell for cell in reversed(spellings)}
    other = {"true": "false", "True": "False", "TRUE": "FALSE"} | {"false": "true", "False": "True", "FALSE": "TRUE"}
    no = written.get(0.0) or other[written[1.0]]
    yes = written.get(1.0) or other[no]
    return Column(name, "boolean", values, spelling=(no, yes))


def _number_or_none(label: str) -> float | None:
    if label in MISSING_AMONG_NUMBERS:
        return np.nan
    if label in _TRUTHS:
        return _TRUTHS[label]
    try:
        return float(label) if "_" not in label else None
    except ValueError:
        return None


def _short(text: str) -> str:
    """The text, cut to what fits into a sentence."""
    return text if len(text) <= 40 else text[:37] + "..."
