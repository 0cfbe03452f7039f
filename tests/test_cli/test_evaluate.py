"""`fastdnn evaluate`: the scores of a model on labelled rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fastdnn.model import Model
from fastdnn.tables import read_table


def test_classes_have_four_scores_and_a_confusion_matrix(run: Any) -> None:
    result = run("evaluate", "penguins.fdnn", "penguins.csv")
    assert result.exit_code == 0
    for title in ("accuracy", "log loss", "ROC AUC", "F1", "true \\ predicted"):
        assert title in result.stdout
    assert max(len(line) for line in result.stdout.splitlines()) <= 80
    table = [line.split() for line in result.stdout.splitlines()[-3:]]
    counts = Model.load("penguins.fdnn").evaluate(read_table("penguins.csv"))["confusion_matrix"]
    assert table == [
        [label, *map(str, row)] for label, row in zip(("Adelie", "Chinstrap", "Gentoo"), counts, strict=True)
    ]


def test_json_has_the_library_s_scores(run: Any) -> None:
    facts = json.loads(run("evaluate", "penguins.fdnn", "penguins.csv", "--json").stdout)
    expected = Model.load("penguins.fdnn").evaluate(read_table("penguins.csv"))
    assert facts == {"model": "penguins.fdnn", "data": "penguins.csv", "task": "multiclass", "warnings": [], **expected}


def test_values_have_rmse_mae_and_r2(run: Any) -> None:
    result = run("evaluate", "mass.fdnn", "penguins.csv")
    for title in ("RMSE", "MAE", "R²", "2 rows without a target left out"):
        assert title in result.stdout
    facts = json.loads(run("evaluate", "mass.fdnn", "penguins.csv", "--json").stdout)
    assert (facts["rows"], facts["unlabelled"]) == (342, 2)


def test_labels_with_a_full_stop_are_told_of_and_cleaned(run: Any, folder: Path) -> None:
    text = (folder / "penguins.csv").read_text()
    (folder / "dots.csv").write_text(text.replace("Adelie,", "Adelie.,"))
    plain = run("evaluate", "penguins.fdnn", "dots.csv")
    assert plain.exit_code == 1
    assert "full stop" in plain.stderr
    assert "Try: --clean-labels" in plain.stderr
    cleaned = json.loads(run("evaluate", "penguins.fdnn", "dots.csv", "--clean-labels", "--json").stdout)
    known = json.loads(run("evaluate", "penguins.fdnn", "penguins.csv", "--json").stdout)
    assert cleaned == {**known, "data": "dots.csv"}


def test_the_target_may_be_elsewhere(run: Any, folder: Path) -> None:
    lines = (folder / "penguins.csv").read_text().splitlines()
    (folder / "x.csv").write_text("\n".join(line.partition(",")[2] for line in lines) + "\n")
    (folder / "y.csv").write_text("\n".join(line.partition(",")[0] for line in lines) + "\n")
    apart = json.loads(run("evaluate", "penguins.fdnn", "x.csv", "-t", "y.csv", "--json").stdout)
    assert apart == {**json.loads(run("evaluate", "penguins.fdnn", "penguins.csv", "--json").stdout), "data": "x.csv"}


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ("evaluate penguins.fdnn none.csv", 1, ["no file 'none.csv'"]),
        ("evaluate penguins.fdnn bare.csv", 1, ["no target column 'species'", "-t"]),
        ("evaluate penguins.fdnn dodo.csv", 1, ["'Dodo'", "'Adelie'"]),
        ("evaluate penguins.fdnn penguins.csv -t specie", 1, ["Did you mean 'species'?"]),
        ("evaluate penguins.csv penguins.fdnn", 2, ["before the data"]),
        ("evaluate penguins.csv penguins.csv", 1, ["not a fastdnn model"]),
    ],
)
def test_what_cannot_work_is_one_sentence(
    run: Any, folder: Path, arguments: str, status: int, words: list[str]
) -> None:
    text = (folder / "penguins.csv").read_text()
    (folder / "dodo.csv").write_text(text.replace("Adelie,Dream", "Dodo,Dream"))
    (folder / "bare.csv").write_text(text.replace("species", "kind"))
    result = run(*arguments.split())
    assert result.exit_code == status, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert all(word in result.stderr for word in words), result.stderr
