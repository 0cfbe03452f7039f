"""The kind of a column is told by all its cells."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from fastdnn.columns import Column, column_from_array, column_from_arrow, column_from_text, format_number
from fastdnn.errors import DataError


def text_column(*cells: str, decimal_comma: bool = False) -> Column:
    return column_from_text("c", pa.chunked_array([pa.array(cells, pa.string())]), decimal_comma=decimal_comma)


def test_numbers_with_missing_cells_and_blanks() -> None:
    column = text_column(" 1", "2.5 ", "", "?", "NA", "nan", "+3", "-1e-3")
    assert column.kind == "number"
    np.testing.assert_array_equal(column.values, [1, 2.5, np.nan, np.nan, np.nan, np.nan, 3, -1e-3])
    np.testing.assert_array_equal(column.missing, [0, 0, 1, 1, 1, 1, 0, 0])


def test_one_word_late_in_the_column_makes_it_text() -> None:
    column = text_column(*["1"] * 5000, "many")
    assert column.kind == "text"
    assert column.values[0] == "1"
    assert column.values[-1] == "many"


def test_marks_that_mean_missing_only_among_numbers() -> None:
    assert text_column("-", "1", "None", ".").kind == "number"
    labels = text_column("none", "mild", "None", "-")
    assert labels.kind == "text"
    assert not labels.missing.any()
    assert text_column("-", "-").kind == "text"


@pytest.mark.parametrize(
    ("cells", "spelling"),
    [
        (("True", "False", ""), ("False", "True")),
        (("TRUE", "TRUE"), ("FALSE", "TRUE")),
        (("false",), ("false", "true")),
    ],
)
def test_booleans_remember_their_spelling(cells: tuple[str, ...], spelling: tuple[str, str]) -> None:
    column = text_column(*cells)
    assert column.kind == "boolean"
    assert column.spelling == spelling


@pytest.mark.parametrize(
    "cells", [("yes", "no"), ("True", "maybe"), ("2020-01-02", "2020-01-03"), ("1_000", "2"), ("0x1A", "1")]
)
def test_what_stays_text(cells: tuple[str, ...]) -> None:
    assert text_column(*cells).kind == "text"


def test_decimal_commas_only_where_allowed() -> None:
    np.testing.assert_array_equal(text_column("1,5", "2", "", decimal_comma=True).values, [1.5, 2, np.nan])
    assert text_column("1,5", "2").kind == "text"
    assert text_column("1,5", "2,5,1", decimal_comma=True).kind == "text"


def test_all_missing_is_a_number_column_without_values() -> None:
    column = text_column("", "NA")
    assert column.kind == "number"
    assert column.missing.all()


def test_levels_name_each_distinct_value() -> None:
    assert text_column("3", "1.0", "", "0.5", "1").levels()[0] == ["0.5", "1", "3"]
    labels, codes = text_column("b", "a", "", "b").levels()
    assert labels == ["b", "a"]
    np.testing.assert_array_equal(codes, [0, 1, -1, 0])
    labels, codes = text_column("TRUE", "", "FALSE").levels()
    assert labels == ["FALSE", "TRUE"]
    np.testing.assert_array_equal(codes, [1, -1, 0])


def test_format_number_reads_back_as_the_same_float() -> None:
    values = [0.1, 1 / 3, 1e300, -2.0, 5e-324, 1e16, 123456789012345.0]
    assert [float(format_number(value)) for value in values] == values
    assert format_number(-2.0) == "-2"


def test_text_as_numbers_names_the_cell_that_is_none() -> None:
    np.testing.assert_array_equal(
        Column("c", "text", pa.chunked_array([["1", None, "-"]])).as_numbers(), [1, np.nan, np.nan]
    )
    with pytest.raises(DataError, match=r"Column 'age' has the text 'old' in row 3 where a number is needed"):
        Column("age", "text", pa.chunked_array([["1", "2", "old"]])).as_numbers()


def test_arrow_types() -> None:
    def column(values: list[object], kind: pa.DataType) -> Column | None:
        return column_from_arrow("c", pa.chunked_array([pa.array(values, kind)]))

    integers = column([1, None], pa.int64())
    assert integers is not None
    np.testing.assert_array_equal(integers.values, [1, np.nan])
    booleans = column([True, None, False], pa.bool_())
    assert booleans is not None
    assert booleans.kind == "boolean"
    np.testing.assert_array_equal(booleans.values, [1, np.nan, 0])
    words = column(["a ", None, "?"], pa.dictionary(pa.int32(), pa.string()))
    assert words is not None
    assert words.values.tolist() == ["a", None, None]
    days = column([0], pa.date32())
    assert days is not None
    assert days.values.tolist() == ["1970-01-01"]
    assert column([[1]], pa.list_(pa.int64())) is None


def test_numpy_arrays() -> None:
    assert column_from_array("c", np.array([1, 2], dtype=">i2")).values.tolist() == [1.0, 2.0]
    assert column_from_array("c", np.array([True, False])).kind == "boolean"
    assert column_from_array("c", np.array([b"cat", b"dog"])).values.tolist() == ["cat", "dog"]
    assert column_from_array("c", np.array(["1", "2"])).kind == "number"
    with pytest.raises(DataError, match="complex128"):
        column_from_array("c", np.array([1j]))
