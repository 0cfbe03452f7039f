"""CSV and TSV as people have them."""

from __future__ import annotations

import numpy as np
import pytest

from fastdnn.delimited import DelimitedTable, read_delimited, unique_names
from fastdnn.errors import DataError


def read(text: str | bytes, **options: object) -> DelimitedTable:
    return read_delimited(text if isinstance(text, bytes) else text.encode(), "t.csv", **options)  # type: ignore[arg-type]


def cells(table: DelimitedTable) -> dict[str, list[object]]:
    return {column.name: column.values.tolist() for column in table.columns}


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,x\n2,y\n",
        "a,b\r\n1,x\r\n2,y\r\n",
        "\ufeffa,b\n1,x\n2,y",
        "a, b\n 1 , x\n2,y \n\n\n",
        '"a","b"\n"1","x"\n"2","y"\n',
        "a;b\n1;x\n2;y\n",
        "a\tb\n1\tx\n2\ty\n",
        "sep=|\na|b\n1|x\n2|y\n",
        'a, b\n1, "x"\n2, "y"\n',
        "a,b\n1,x\n   \n2,y\n",
    ],
)
def test_one_table_in_many_dresses(text: str) -> None:
    table = read(text)
    assert table.named
    assert cells(table) == {"a": [1.0, 2.0], "b": ["x", "y"]}


def test_encodings() -> None:
    assert cells(read("a,b\n1,é\n".encode()))["b"] == ["é"]
    latin = read("a,b\n1,é\n".encode("latin-1"))
    assert cells(latin)["b"] == ["é"]
    assert any("Latin-1" in note for note in latin.notes)
    assert cells(read("a,b\n1,é\n".encode("utf-16")))["b"] == ["é"]


def test_quoted_commas_quotes_and_line_breaks() -> None:
    table = read('name,v\n"Braund, Mr. ""Owen""",1\n"two\nlines",2\n')
    assert cells(table) == {"name": ['Braund, Mr. "Owen"', "two\nlines"], "v": [1.0, 2.0]}
    blank_before_quote = read('v, name\n1, "a, b"\n2, "c"\n')
    assert cells(blank_before_quote)["name"] == ["a, b", "c"]


def test_header_forced_and_not() -> None:
    assert [column.name for column in read("a,b\n1,2\n", header=False).columns] == ["c1", "c2"]
    forced = read("1,2\n3,4\n", header=True)
    assert cells(forced) == {"1": [3.0], "2": [4.0]}
    assert forced.named


def test_names_of_a_model_tell_a_header() -> None:
    assert read("Ada,Rome\n", known_names=["name", "city"]).named
    assert read("name,city\n", known_names=["name", "city"]).named
    assert not read("Ada,Rome\nBob,Oslo\n", known_names=[]).named
    assert read("city,name,more\nRome,Ada,x\nRome,Ada,x\n", known_names=["name", "city"]).named


def test_a_header_alone_is_a_table_without_rows() -> None:
    table = read("a,b\n")
    assert [len(column) for column in table.columns] == [0, 0]


def test_empty_and_repeated_names_are_made_unique_and_noted() -> None:
    table = read("a,a,,a_2\n1,2,3,4\n")
    assert [column.name for column in table.columns] == ["a", "a_3", "c3", "a_2"]
    assert sum("is called" in note for note in table.notes) == 2
    assert unique_names(["c2", ""], []) == ["c2", "c2_2"]


@pytest.mark.parametrize("text", ["", "\n\n", "   \n", "\ufeff"])
def test_nothing_in_it(text: str) -> None:
    with pytest.raises(DataError, match=r"'t\.csv' is empty"):
        read(text)


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("a,b\n1,2\n3,4,5\n6,7\n", 3, "3 cells"),
        ("a,b\n1,2\n\n3\n", 4, "1 cell"),
        ('a,b\n"x\ny",2\n1,2,3\n', 4, "3 cells"),
        ('a, b\n1, "x"\n1, "x", 3\n', 3, "3 cells"),
    ],
)
def test_a_ragged_row_is_named_by_its_line(text: str, line: int, found: str) -> None:
    with pytest.raises(DataError, match=rf"line {line} has {found} where the first line has 2") as raised:
        read(text)
    assert raised.value.hint


def test_a_quote_that_never_ends_is_no_cell() -> None:
    with pytest.raises(DataError, match="starts in line 3: a quoted cell that never ends"):
        read('a,b\n1,2\n3,"4\n5,6\n')


def test_binary_files_are_refused() -> None:
    with pytest.raises(DataError, match="first bytes are binary"):
        read(b"\x89PNG\r\n\x00\x01")


def test_a_row_longer_than_a_block() -> None:
    width = 1500
    table = read(",".join(f"x{j}" for j in range(width)) + "\n" + ",".join(["1.5" + "0" * 800] * width) + "\n")
    assert len(table.columns) == width
    assert table.columns[-1].values.tolist() == [1.5]


def test_the_kind_is_told_by_the_last_row_too() -> None:
    text = "v\n" + "1\n" * 300_000 + "late\n"
    assert read(text).columns[0].kind == "text"
    numbers = read("v\n" + "1\n" * 300_000 + "0.5\n").columns[0].values
    assert numbers[-1] == 0.5
    assert numbers.dtype == np.float64
