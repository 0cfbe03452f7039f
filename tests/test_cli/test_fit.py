"""`fastdnn fit`: what it tells, where it writes, and what it refuses before it starts."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from callers import JIT
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
        "loss_options": {"label_smoothing": 0.0},
        "n_parameters": 11 * 5 + 5 + 30 + 18,
        "dtype": "float64",
        "initialization": "glorot",
    }
    assert facts["settings"] == {
        "optimizer": "sgd", "learning_rate": 0.05, "epochs": 3, "batch_size": 20, "patience": 2, "l2": 0.5, "seed": 7, "threads": 1,
        "schedule": "constant", "warm_up": 0.0, "momentum": None, "clip_norm": 0.0, "time_limit": None, "metric": None,
        "min_delta": 0.0, "l1": 0.0, "weight_decay": 0.0, "dropout": 0.0,
    }  # fmt: skip
    assert {"name": "sex", "reason": "was named by --drop"} in facts["data"]["dropped"]
    assert Model.load("penguins.fdnn").network.dtype == "float64"


def test_every_setting_of_the_toolbox_reaches_the_training(run: Any) -> None:
    optimizer = "--optimizer nesterov --momentum 0.8 --clip-norm 2 --schedule one_cycle:rise=0.5 --warm-up 1.5"
    penalties = "--l1 0.25 --weight-decay 0.125 --dropout 0,0.5,0.25 --metric f1 --min-delta 0.01 --time-limit 5m"
    result = run("fit", "penguins.csv", "-t", "species", *QUICK, *optimizer.split(), *penalties.split(), "--json")
    settings = json.loads(result.stdout)["settings"]
    assert settings == read_document("penguins.fdnn")["provenance"]["settings"]
    wanted = {
        "optimizer": "nesterov", "momentum": 0.8, "clip_norm": 2.0, "schedule": "one_cycle:rise=0.5", "warm_up": 1.5,
        "l1": 0.25, "weight_decay": 0.125, "dropout": [0.0, 0.5, 0.25], "metric": "f1", "min_delta": 0.01, "time_limit": 300.0,
        "epochs": 5,
    }  # fmt: skip
    assert {name: settings[name] for name in wanted} == wanted
    assert settings["patience"] is None, "a time limit and a schedule with a valley run to the end"
    assert settings["l2"] == 0, "weight decay takes the place of L2"
    history = Model.load("penguins.fdnn").history
    assert history.metric == "valid_f1"
    assert history.schedule == "WarmUp(schedule=OneCycle(rise=0.5, start=0.04, end=0.0), epochs=1.5, start=0.0)"
    assert len(history["valid_f1"]) == 5


def test_the_toolbox_is_told_and_inspected(run: Any) -> None:
    arguments = (
        "--schedule coslog4 --warm-up 1 --clip-norm 2 --dropout 0.1 --metric f1 --optimizer adamw --time-limit 1m"
    )
    result = run("fit", "penguins.csv", "-t", "species", *QUICK, *arguments.split())
    assert result.exit_code == 0, result.stderr
    said = "adamw 0.001 coslog4, warm-up 1, batches of 32, at most 5 epochs, at most 1 min 00 s, norm clipped at 2, weight "
    for text in (result.stdout, run("inspect", "penguins.fdnn").stdout):
        assert said + "decay 0.01, dropout 0.1, best by f1, float32, seed 0" in " ".join(text.split())


@pytest.mark.skipif(not JIT, reason="without the JIT one step takes a good part of the limit")
def test_the_time_limit_ends_training_in_the_valley_of_its_schedule(run: Any) -> None:
    arguments = ["--time-limit", "1s", "--schedule", "coslog4", "--log", "h.jsonl", "--layers", "8"]
    result = run("fit", "penguins.csv", "-t", "species", *arguments)
    assert "(the time is up)" in result.stdout
    assert "epoch 1," in result.stderr, "how many there will be is not known"
    rows = [json.loads(line) for line in Path("h.jsonl").read_text().splitlines()]
    assert len(rows) > 10
    assert max(row["learning_rate"] for row in rows) > 0.0008
    assert rows[-1]["learning_rate"] < 0.0002


def test_a_log_has_a_line_an_epoch_of_the_network_alone(run: Any) -> None:
    result = run("fit", "penguins.csv", "-t", "species", *QUICK, "--log", "h.csv", "--metric", "f1", "-q")
    assert (result.exit_code, result.output) == (0, "")
    lines = Path("h.csv").read_text().splitlines()
    assert lines[0] == "epoch,loss,valid_loss,valid_score,valid_f1,learning_rate,seconds,samples_per_s"
    assert [line.split(",")[0] for line in lines[1:]] == ["1", "2", "3", "4", "5"]
    history = Model.load("penguins.fdnn").history
    assert [float(line.split(",")[4]) for line in lines[1:]] == history["valid_f1"]
    assert run("fit", "penguins.csv", "-t", "species", *QUICK, "--log", "h.csv", "-q").exit_code == 0, "replaces a log"


def test_tensorboard_gets_its_folder(run: Any) -> None:
    pytest.importorskip("tensorboardX", reason="the extra 'tensorboard' is not installed")
    result = run("fit", "penguins.csv", "-t", "species", *QUICK, "--tensorboard", "runs/a", "-q")
    assert result.exit_code == 0, result.stderr
    assert [file.name.split(".")[:2] for file in Path("runs/a").iterdir()] == [["events", "out"]]


def test_tensorboard_without_its_package_names_the_extra(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    result = run("fit", "penguins.csv", "-t", "species", "--tensorboard", "runs")
    refused(result, 1, "tensorboardX", "pip install 'fastdnn[tensorboard]'")
    assert not Path("runs").exists()


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
        ("fit penguins.csv -t species --schedule cosin", 2, ["Did you mean 'cosine'? Allowed: constant, step"]),
        ("fit penguins.csv -t species --schedule step:evry=2", 2, ["'evry'", "Did you mean 'every'"]),
        ("fit penguins.csv -t species --warm-up -1", 2, ["warm_up", "0 or more"]),
        ("fit penguins.csv -t species --time-limit 30", 2, ["'30' is not a time", "30s, 5m or 1h", "--help"]),
        ("fit penguins.csv -t species --momentum 0.9", 2, ["'adam' takes no momentum", "--optimizer momentum"]),
        ("fit penguins.csv -t species --momentum 1 --optimizer nesterov", 2, ["from 0 and below 1, not 1"]),
        ("fit penguins.csv -t species --dropout 1", 2, ["share to drop", "below 1"]),
        ("fit penguins.csv -t species --dropout half", 2, ["'half'", "0.1,0.5,0.5"]),
        ("fit penguins.csv -t species --dropout 0.1,0.2", 2, ["dropout", "3"]),
        ("fit penguins.csv -t species --clip-norm -1", 2, ["norm to clip at must be 0 or more"]),
        ("fit penguins.csv -t species --l1 nan", 2, ["L1 strength", "not nan"]),
        ("fit penguins.csv -t species --weight-decay -1", 2, ["weight decay must be 0 or more"]),
        ("fit penguins.csv -t species --min-delta -1", 2, ["least gain"]),
        ("fit penguins.csv -t species --metric acuracy", 2, ["Did you mean 'accuracy'"]),
        ("fit penguins.csv -t species --metric r2", 2, ["'r2' does not fit the loss", "accuracy, log_loss"]),
        ("fit penguins.csv -t species --log history.txt", 2, [".csv or .jsonl"]),
        ("fit penguins.csv -t species --log penguins.csv", 2, ["overwrite the input"]),
        ("fit penguins.csv -t species --log other.csv", 2, ["not a log of fastdnn", "not overwritten"]),
        ("fit penguins.csv -t species --log none/h.csv", 2, ["does not exist", "mkdir"]),
        ("fit penguins.csv -t species --log m.csv -o m.csv", 2, ["cannot both be 'm.csv'"]),
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
    (folder / "other.csv").write_text("epoch_of_art,painter\n")
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
