"""How numbers, curves and tables look."""

from __future__ import annotations

import pytest

from fastdnn.cli import _output as out


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.0000"), (0.02134, "0.0213"), (3.14159, "3.142"), (47_310.4, "47,310"), (1.5e-7, "1.5e-07"), (None, "-")],
)
def test_number(value: float | None, text: str) -> None:
    assert out.number(value) == text


@pytest.mark.parametrize(
    ("n", "noun", "text"),
    [(1, "row", "1 row"), (60_000, "row", "60,000 rows"), (3, "class", "3 classes"), (2, "category", "2 categories")],
)
def test_plural(n: int, noun: str, text: str) -> None:
    assert out.plural(n, noun) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.423, "0.42 s"), (8.31, "8.3 s"), (80.2, "1 min 20 s"), (7_500.0, "2 h 05 min")]
)
def test_duration(seconds: float, text: str) -> None:
    assert out.duration(seconds) == text


def test_sparkline_goes_from_low_to_high_and_keeps_its_width() -> None:
    assert out.sparkline([1.0, 2.0, 3.0]) == "▁▅█"
    assert out.sparkline([3.0, None, 1.0]) == "█ ▁"
    assert out.sparkline([2.0, 2.0]) == "▁▁"
    assert out.sparkline([]) == out.sparkline([None]) == ""
    assert len(out.sparkline([float(i) for i in range(1000)], width=40)) == 40


def test_confusion_table_of_few_classes_is_square_and_fits(capsys: pytest.CaptureFixture[str]) -> None:
    labels = ["a label of some length", "b", "c"]
    out.show(out.confusion_table(labels, [[1, 2, 3], [4, 5_000, 6], [7, 8, 9]]))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[2].split() == ["b", "4", "5,000", "6"]
    assert max(map(len, lines)) <= 80


def test_confusion_table_of_many_classes_lists_the_worst_pairs(capsys: pytest.CaptureFixture[str]) -> None:
    labels = [f"class{k}" for k in range(30)]
    counts = [[0] * 30 for _ in range(30)]
    counts[3][7], counts[2][1] = 40, 9
    out.show(out.confusion_table(labels, counts))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1] == ["class3", "class7", "40"]
    assert lines[2] == ["class2", "class1", "9"]


def test_nothing_printed_ends_in_blanks(capsys: pytest.CaptureFixture[str]) -> None:
    out.show(out.facts_grid([("Data", "x " * 60), ("", "more")]))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 2
    assert all(line == line.rstrip() for line in lines)
