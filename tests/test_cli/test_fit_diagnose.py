"""`fastdnn fit --diagnose`: the table of layers, what is wrong, the column that gives the target away."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

QUICK = ("--epochs", "5")
# Without the JIT NumPy warns of what these tests provoke.
overflows = pytest.mark.filterwarnings("ignore:(overflow|invalid value):RuntimeWarning")


@pytest.fixture
def leaking(folder: Path) -> str:
    """penguins.csv with a column made from the species, under other names."""
    with Path("penguins.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    species = header.index("species")
    with Path("leaking.csv").open("w", newline="") as file:
        csv.writer(file).writerows([[*header, "band"], *[[*row, f"band {row[species][0]}"] for row in rows]])
    return "leaking.csv"


def test_a_row_for_each_layer_and_what_is_wrong(run: Any) -> None:
    result = run("fit", "penguins.csv", "-t", "species", *QUICK, "--diagnose")
    assert result.exit_code == 0, result.stderr
    text = " ".join(result.stdout.split())
    assert "Diagnosis layer dead saturated |dW| / |W| |step| / |W| 1 128 relu" in text
    assert "Nothing is wrong." in text
    assert max(len(line) for line in result.stdout.splitlines()) <= 80
    assert "Diagnosis" not in run("fit", "penguins.csv", "-t", "species", *QUICK).stdout


def test_a_leak_is_named_by_its_column(run: Any, leaking: str) -> None:
    result = run("fit", leaking, "-t", "species", *QUICK, "--diagnose")
    text = " ".join(result.stdout.split())
    assert "Column 'band' alone predicts the target: accuracy 1.0000, the next best ('bill_length_mm')" in text
    assert "--drop 'band'" in text
    dropped = run("fit", leaking, "-t", "species", *QUICK, "--diagnose", "--drop", "band", "--json")
    assert json.loads(dropped.stdout)["diagnosis"]["leaks"] == []


def test_json_has_the_same_facts(run: Any, leaking: str) -> None:
    facts = json.loads(run("fit", leaking, "-t", "species", *QUICK, "--diagnose", "--json").stdout)["diagnosis"]
    assert [finding["kind"] for finding in facts["findings"]] == ["leak"]
    assert facts["leaks"][0]["found"] == {"column": "band", "measure": "accuracy", "score": 1.0}
    assert [layer["units"] for layer in facts["layers"]] == [128, 64, 3]


def test_a_learning_rate_that_is_too_small_is_seen(run: Any) -> None:
    text = run("fit", "penguins.csv", "-t", "species", *QUICK, "--diagnose", "--learning-rate", "1e-9").stdout
    assert "One step of adam at learning rate 1e-09 moves no layer by more than" in " ".join(text.split())


@overflows
def test_a_run_that_diverges_says_where(run: Any) -> None:
    result = run("fit", "penguins.csv", "-t", "body_mass_g", "--learning-rate", "1e30", "--optimizer", "sgd")
    assert result.exit_code == 1
    assert "Training diverged at epoch 1, batch 2: the cost is not finite" in result.stderr
    assert "The first number that is not finite is in layer 2 (relu): unit " in result.stderr
