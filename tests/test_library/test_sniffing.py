"""What separates cells, and whether the first row holds names."""

from __future__ import annotations

import csv

import pytest

from fastdnn.sniffing import find_delimiter, has_header


def rows_of(text: str, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(text.splitlines(), delimiter=delimiter, skipinitialspace=True))


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1;2\n", ";"),
        ("a\tb\n1\t2\n", "\t"),
        ("a|b\n1|2\n", "|"),
        ("a\nb\n", None),
        ("1,5;2,7\n1,6;2,8\n", ";"),  # decimal commas
        ("name;age\nSmith, John;25\nDoe, Jane;31\n", ";"),
        ('name,note\nAda,"x; y; z"\nBob,"p; q; r"\n', ","),
        ("Smith, John;25\nDoe, Jane;31\n", ";"),
        ("a,b,c\n1,2,3\n4,5\n7,8,9\n", ","),  # one ragged row
    ],
)
def test_the_delimiter_is_the_one_the_rows_agree_on(text: str, delimiter: str | None) -> None:
    assert find_delimiter(lambda d: rows_of(text, d), text) == delimiter


@pytest.mark.parametrize(
    ("text", "header"),
    [
        pytest.param("a,b\n1,2\n3,4\n", True, id="names over numbers"),
        pytest.param("1,2\n3,4\n5,6\n", False, id="numbers only"),
        pytest.param("M,0.4,15\nF,0.3,7\nM,0.5,9\n", False, id="text column, then numbers"),
        pytest.param("sex,len,rings\nM,0.4,15\nF,0.3,7\nM,0.5,9\n", True, id="the same with names"),
        pytest.param("color,shape\nred,round\nblue,square\nred,square\n", True, id="all text with names"),
        pytest.param("red,round\nblue,square\nred,square\nblue,round\n", False, id="all text without"),
        pytest.param("Ada,London\nBob,Paris\nEve,Rome\n", True, id="all text, nothing tells: names are the custom"),
        pytest.param("red\nblue\nred\nblue\n", False, id="one text column"),
        pytest.param("color\nred\nblue\nred\nblue\n", True, id="one text column with its name"),
        pytest.param("5\n6\n7\n", False, id="one number column"),
        pytest.param("v\n5\n6\n", True, id="one number column with its name"),
        pytest.param("0,1,2\n1.5,2,3\n2.5,3,1\n", True, id="counted names over fractions"),
        pytest.param("2019,2020,2021,2022\n7,9,1,3\n2,5,9,0\n", True, id="years as names"),
        pytest.param("400.0,400.5,401.0,401.5\n0.1,0.3,0.2,0.9\n", True, id="wavelengths as names"),
        pytest.param("1,2,3\n4,5,9\n7,1,2\n", False, id="three whole numbers in a row may be data"),
        pytest.param("1,2,3,4\n5,6,7,8\n9,1,2,3\n", False, id="every row is evenly spaced"),
        pytest.param(",0,1,t\n0,1.5,2,x\n1,2.5,3,y\n", True, id="index without a name, counted names"),
        pytest.param("unknown,5.1,3.5\n4.9,3.0,1.4\n4.7,3.2,1.3\n", False, id="an odd cell in the first row of data"),
        pytest.param("flag\nTrue\nFalse\n", True, id="name over booleans"),
        pytest.param("day,x\n2020-01-02,a\n2020-01-03,b\n", True, id="name over dates"),
        pytest.param("2020-01-02,a\n2020-01-03,b\n", False, id="dates without a name"),
        pytest.param("a,b\n", True, id="names and nothing else"),
        pytest.param("1,x\n", False, id="one row of data"),
        pytest.param("x,?\n1,2\n", True, id="a missing mark tells nothing"),
    ],
)
def test_a_header_is_told_by_what_is_below_it(text: str, header: bool) -> None:
    assert has_header(rows_of(text)) is header


def test_without_a_sign_either_way_the_default_counts() -> None:
    rows = rows_of("Ada,London\nBob,Paris\n")
    assert has_header(rows, default=True)
    assert not has_header(rows, default=False)
    assert has_header(rows_of("a,b\n1,2\n"), default=False)
