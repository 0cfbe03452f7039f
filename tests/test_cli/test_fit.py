"""`fastdnn fit`: what it tells, where it writes, and what it refuses before it starts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from fastdnn.cli.fit import default_model_path
from fastdnn.model import Model
from fastdnn.persistence import read_document

QUICK = ("--epochs", "5")


def test_it_tells_what_it_understood_built_and_reached(run: Any, folder: Path) -> None:
    (folder / "penguins.fdnn").unlink()
    result = run("fit", "penguins.csv", "-t", "species", *QUICK)
    assert result.exit_code == 0, result.stderr
    for fact in (
        "344 rows, target 'species'",
        "4 numbers: bill_length_mm",
        "2 categories: island, sex",
        "missing: bill_length_mm 2",
        "Adelie 44.2 %, Chinstrap 19.8 %, Gentoo 36.0 %",
        "220 rows to train, 55 to choose the epoch, 69 rows kept aside",
        "14 inputs → 128 relu → 64 relu → 3 softmax, 10,371 parameters",
        "Trained   5 epochs",
        "samples/s",
        "this network",
        "always 'Adelie'",
        "logistic regression",
        "Saved     penguins.fdnn",
        "Next      fastdnn predict penguins.fdnn penguins.csv",
    ):
        assert " ".join(fact.split()) in " ".join(result.stdout.split())
    assert max(len(line) for line in result.stdout.splitlines()) <= 80
    assert "epoch 1/5" in result.stderr
    assert Model.load("penguins.fdnn").preprocessor.classes == ["Adelie", "Chinstrap", "Gentoo"]


def test_json_is_one_object_on_stdout_with_the_same_facts(run: Any) -> None:
    result = run("fit", "penguins.csv", "-t", "species", *QUICK, "--json", "-o", "m.fdnn")
    facts = json.loads(result.stdout)
    assert {"data", "task", "split", "network", "settings", "training", "score", "baselines", "model"} <= set(facts)
    assert facts["model"] == "m.fdnn"
    assert facts["interrupted"] is False
    assert facts["split"]["train"] == 220
    assert [item["name"] for item in facts["baselines"]] == ["constant", "linear"]
    assert facts["score"] == read_document("m.fdnn")["metrics"]["score"]


def test_quiet_prints_nothing_and_quiet_json_only_the_object(run: Any) -> None:
    silent = run("fit", "penguins.csv", "-t", "species", *QUICK, "-q")
    assert (silent.exit_code, silent.output) == (0, "")
    spoken = run("fit", "penguins.csv", "-t", "species", *QUICK, "-q", "--json")
    assert spoken.stderr == ""
    assert json.loads(spoken.stdout)["model"] == "penguins.fdnn"


def test_every_setting_reaches_the_network(run: Any) -> None:
    settings = "--layers 5x2 --activation tanh --output-activation sigmoid --loss binary_cross_entropy --optimizer sgd"
    more = (
        "--learning-rate 0.05 --epochs 3 --batch-size 20 --l2 0.5 --init glorot -s 7 -j 1 --dtype float64 --patience 2"
    )
    result = run("fit", "penguins.csv", "-t", "species", *settings.split(), *more.split(), "--drop", "sex", "--json")
    facts = json.loads(result.stdout)
    assert facts["network"] == {
        "layer_dims": [11, 5, 5, 3],
        "activations": ["tanh", "tanh", "sigmoid"],
        "loss": "binary_cross_entropy",
        "n_parameters": 11 * 5 + 5 + 30 + 18,
        "dtype": "float64",
        "initialization": "glorot",
    }
    assert facts["settings"] == {
        "optimizer": "sgd", "learning_rate": 0.05, "epochs": 3, "batch_size": 20, "patience": 2, "l2": 0.5, "seed": 7, "threads": 1,
    }  # fmt: skip
    assert {"name": "sex", "reason": "was named by --drop"} in facts["data"]["dropped"]
    assert Model.load("penguins.fdnn").network.dtype == "float64"


def test_a_column_may_be_given_by_position_and_read_from_stdin(run: Any, folder: Path) -> None:
    text = (folder / "penguins.csv").read_bytes()
    result = run("fit", "-", "-t", "-2", "--categorical", "flipper_length_mm", *QUICK, "--json", stdin=text)
    facts = json.loads(result.stdout)
    assert facts["data"]["target"] == "body_mass_g"
    assert facts["data"]["kinds"]["category"] == ["species", "island", "flipper_length_mm", "sex"]
    assert facts["model"] == "model.fdnn"
    assert (folder / "model.fdnn").exists()


def test_valid_file_gives_the_score(run: Any, folder: Path) -> None:
    lines = (folder / "penguins.csv").read_text().splitlines()
    (folder / "test.csv").write_text("\n".join([lines[0], *lines[1::7]]) + "\n")
    result = run("fit", "penguins.csv", "-t", "species", "--valid", "test.csv", *QUICK)
    assert "50 rows of test.csv" in result.stdout


def test_the_same_command_gives_the_same_parameters(run: Any) -> None:
    for name in ("a", "b"):
        run("fit", "penguins.csv", "-t", "species", *QUICK, "-o", f"{name}.fdnn", "-q")
    a, b = Model.load("a.fdnn"), Model.load("b.fdnn")
    assert a.network.parameters.tobytes() == b.network.parameters.tobytes()


def test_zeros_are_warned_about_on_stderr_and_in_the_json(run: Any) -> None:
    result = run("fit", "penguins.csv", "-t", "species", *QUICK, "--init", "zeros", "--json")
    assert "Warning: Weights start at zero" in result.stderr
    assert "Weights start at zero" in json.loads(result.stdout)["warnings"][0]


@pytest.mark.parametrize(
    ("data", "model"),
    [
        ("a/penguins.csv", "penguins.fdnn"),
        ("a/penguins.tar.csv.gz", "penguins.tar.fdnn"),
        ("a/train-images-idx3-ubyte.gz", "train-images-idx3-ubyte.fdnn"),
        ("cats.h5:train_set_x", "cats.fdnn"),
        ("-", "model.fdnn"),
    ],
)
def test_the_model_is_called_like_the_data(data: str, model: str) -> None:
    assert default_model_path(data) == model


def refused(result: Result, status: int, *words: str) -> None:
    assert result.exit_code == status, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ("fit none.csv -t y", 1, ["no file 'none.csv'"]),
        ("fit . -t y", 1, ["directory"]),
        ("fit empty.csv -t y", 1, ["'empty.csv' is empty"]),
        ("fit penguins.csv -t specie", 1, ["no column 'specie'", "Did you mean 'species'?", "Try: -t species"]),
        ("fit penguins.csv", 2, ["'-t' / '--target'", "species, island"]),
        ("fit one.csv -t y", 1, ["one class only"]),
        ("fit missing.csv -t y", 1, ["no value"]),
        ("fit single.csv -t y", 1, ["single row"]),
        ("fit infinite.csv -t y", 1, ["'x'", "row 3", "inf"]),
        ("fit penguins.csv -t species --learning-rate 0", 2, ["above 0"]),
        ("fit penguins.csv -t species --learning-rate nan", 2, ["not nan"]),
        ("fit penguins.csv -t species --epochs 0", 2, ["from 1"]),
        ("fit penguins.csv -t species --epochs many", 2, ["--epochs", "integer"]),
        ("fit penguins.csv -t species --threads 0", 2, ["threads"]),
        ("fit penguins.csv -t species --threads 5000", 2, ["threads"]),
        ("fit penguins.csv -t species --activation rleu", 2, ["Did you mean 'relu'? Allowed:"]),
        ("fit penguins.csv -t species --optimizer adma", 2, ["Did you mean 'adam'?"]),
        ("fit penguins.csv -t species --layers 3y", 2, ["--layers", "256x3"]),
        ("fit penguins.csv -t species --valid 2", 2, ["at most 0.9"]),
        ("fit penguins.csv -t species --valid none.csv", 1, ["none.csv"]),
        ("fit penguins.csv -t species --drop islnd", 1, ["'islnd'", "'island'"]),
        ("fit penguins.csv -t species --loss squared_error --output-activation maxout", 2, ["maxout"]),
        ("fit penguins.csv -t body_mass_g --loss binary_cross_entropy", 2, ["squared_error"]),
        ("fit penguins.csv -t species -o none/m.fdnn", 1, ["does not exist", "mkdir"]),
        ("fit penguins.csv -t species -o .", 1, ["is a folder"]),
        ("fit penguins.csv -t species -o penguins.csv", 2, ["overwrite the input"]),
        ("fit penguins.csv -t species -o notes.txt", 1, ["not a fastdnn model", "not overwritten"]),
    ],
)
def test_what_cannot_work_is_one_sentence(
    run: Any, folder: Path, arguments: str, status: int, words: list[str]
) -> None:
    (folder / "empty.csv").write_text("")
    (folder / "one.csv").write_text("x,y\n1,a\n2,a\n3,a\n")
    (folder / "missing.csv").write_text("x,y\n1,\n2,?\n3,NA\n")
    (folder / "single.csv").write_text("x,y\n1,a\n2,b\n")
    (folder / "infinite.csv").write_text("x,y\n1,a\n2,b\ninf,a\n4,b\n")
    (folder / "notes.txt").write_text("my notes")
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    refused(run(*arguments.split()), status, *words)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_a_diverging_run_loses_nothing(run: Any, folder: Path) -> None:
    before = (folder / "penguins.fdnn").read_bytes()
    result = run("fit", "penguins.csv", "-t", "species", "--learning-rate", "1e6", "-q")
    refused(result, 1, "diverged at epoch 1", "learning")
    assert (folder / "penguins.fdnn").read_bytes() == before


def test_a_network_that_is_no_better_than_a_baseline_is_said_to_be(run: Any) -> None:
    result = run("fit", "penguins.csv", "-t", "species", "--learning-rate", "1e-9", "--epochs", "1")
    assert "Note" in result.stdout
