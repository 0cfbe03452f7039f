"""`fastdnn fit --optimizer lbfgs`: what it prints and remembers, what goes beside it, and what is refused."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from fastdnn.persistence import read_document

pytest.importorskip("scipy")

LBFGS = ("fit", "penguins.csv", "-t", "species", "--optimizer", "lbfgs", "-o", "m.fdnn")


def test_the_report_and_the_model_say_how_it_was_trained(run: Any, folder: Path) -> None:
    result = run(*LBFGS, "--patience", "4")
    assert result.exit_code == 0, result.stderr
    assert "network: iteration 1/200, loss " in result.stderr
    assert "baseline: iteration" not in result.stderr
    text = " ".join(result.stdout.split())
    assert "categorical cross entropy, lbfgs on all rows at once, at most 200 iterations, l2 2, float32" in text
    assert "iterations (no better for 4 iterations), best " in text
    assert "logistic regression" in text
    assert max(len(line) for line in result.stdout.splitlines()) <= 80
    document = read_document("m.fdnn")
    settings = document["provenance"]["settings"]
    assert (settings["optimizer"], settings["learning_rate"], settings["batch_size"]) == ("lbfgs", None, 220)
    assert document["history"]["optimizer"] == "lbfgs"
    inspected = " ".join(run("inspect", "m.fdnn").stdout.split())
    assert "lbfgs on all rows at once" in inspected
    assert f"History of {len(document['history']['epochs'])} iterations" in inspected


def test_it_learns_and_the_best_iteration_gives_the_score(run: Any, folder: Path) -> None:
    result = run(*LBFGS, "--epochs", "40", "--metric", "log_loss", "--log", "h.csv", "--json", "-q")
    facts = json.loads(result.stdout)
    assert facts["score"]["accuracy"] > 0.97
    with open("h.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == facts["training"]["epochs"] <= 40
    best = min(rows, key=lambda row: float(row["valid_log_loss"]))
    assert int(best["epoch"]) == facts["training"]["best_epoch"]


def test_weights_losses_and_quantities(run: Any, folder: Path) -> None:
    facts = json.loads(
        run("fit", "penguins.csv", "-t", "body_mass_g", "--optimizer", "lbfgs", "--loss", "quantile", "--epochs", "40",
            "-o", "m.fdnn", "--json", "-q").stdout
    )  # fmt: skip
    constant = next(item for item in facts["baselines"] if item["name"] == "constant")
    assert facts["score"]["pinball"] < 0.7 * constant["score"]["pinball"]
    assert run(*LBFGS, "--class-weight", "Adelie=0", "--epochs", "20", "-q").exit_code == 0
    assert "Adelie" not in run("predict", "m.fdnn", "penguins.csv").stdout.split()


def test_a_time_limit_is_enough(run: Any, folder: Path) -> None:
    result = run(*LBFGS, "--time-limit", "0.001s")
    assert "1 iteration (the time is up), best 1" in " ".join(result.stdout.split())


def test_the_doctor_knows_no_step_of_it(run: Any, folder: Path) -> None:
    diagnosis = json.loads(run(*LBFGS, "--epochs", "5", "--diagnose", "--json", "-q").stdout)["diagnosis"]
    assert (diagnosis["optimizer"], diagnosis["learning_rate"]) == ("lbfgs", None)
    assert [layer["update_ratio"] for layer in diagnosis["layers"]] == [None] * 3
    assert all(layer["gradient_ratio"] > 0 for layer in diagnosis["layers"])


@pytest.mark.parametrize(
    ("more", "option"),
    [
        ("--learning-rate 0.1", "--learning-rate"),
        ("--batch-size 8", "--batch-size"),
        ("--dropout 0.1,0.2,0.2", "--dropout"),
        ("--checkpoint run.ckpt", "--checkpoint"),
    ],
)
def test_what_does_not_go_with_it_is_named(run: Any, folder: Path, more: str, option: str) -> None:
    result = run(*LBFGS, *more.split())
    assert result.exit_code == 2
    assert f"Error: {option} does not go with --optimizer lbfgs" in result.stderr
    assert f"Try: without {option}, or --optimizer sgd, " in result.stderr
    assert not Path("m.fdnn").exists()


def test_without_scipy_it_says_what_to_install(run: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    result = run(*LBFGS)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "Error: L-BFGS is SciPy's, which is not installed.",
        "  Try: pip install 'fastdnn[sklearn]'",
    ]
