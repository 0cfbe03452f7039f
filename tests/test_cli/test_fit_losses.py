"""`fastdnn fit` with every loss, with weights of classes and rows; what comes out of `predict`, and what is refused."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastdnn.model import Model
from fastdnn.persistence import read_document

OUTPUT = ("-o", "m.fdnn", "--json", "-q", "--seed", "1")


@pytest.fixture
def quantities(folder: Path) -> Path:
    """values.csv: y of two columns and noise, counts of a rate, and weights."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, (1500, 2))
    y = 5 + 2 * x[:, 0] + rng.normal(size=1500)
    counts = rng.poisson(np.exp(1 + 0.6 * x[:, 0]))
    rows = [
        f"{a:.4f},{b:.4f},{v:.4f},{n},{w:.3f}" for (a, b), v, n, w in zip(x, y, counts, rng.random(1500), strict=True)
    ]
    (folder / "values.csv").write_text("\n".join(["a,b,y,count,weight", *rows]) + "\n")
    return folder


def facts_of(run: Any, arguments: str) -> dict[str, Any]:
    result = run("fit", *arguments.split(), *OUTPUT)
    assert result.exit_code == 0, result.stderr
    facts: dict[str, Any] = json.loads(result.stdout)
    return facts


def test_quantiles_have_a_column_each_and_reach_their_levels(run: Any, quantities: Path) -> None:
    facts = facts_of(
        run, "values.csv -t y --drop count --drop weight --loss quantile --quantiles 0.1,0.5,0.8 --epochs 60"
    )
    assert facts["network"]["layer_dims"][-1] == 3
    assert facts["network"]["loss_options"] == {"quantiles": [0.1, 0.5, 0.8]}
    assert set(facts["score"]) == {"pinball", "rmse", "mae", "r2"}
    constant = next(item for item in facts["baselines"] if item["name"] == "constant")
    assert constant["label"] == "always its quantiles"
    assert facts["score"]["pinball"] < 0.6 * constant["score"]["pinball"]
    answers = list(csv.reader(io.StringIO(run("predict", "m.fdnn", "values.csv").stdout)))
    assert answers[0] == ["y_q0.1", "y_q0.5", "y_q0.8"]
    predicted = np.array(answers[1:], float)
    y = np.genfromtxt("values.csv", delimiter=",", names=True)["y"]
    # 1500 rows: the share below a quantile has a standard error of at most 0.013, and the network its own.
    np.testing.assert_allclose((y[:, None] <= predicted).mean(axis=0), [0.1, 0.5, 0.8], atol=0.06)
    scores = json.loads(run("evaluate", "m.fdnn", "values.csv", "--json").stdout)
    assert scores["pinball"] < 0.5


def test_poisson_answers_rates_in_counts(run: Any, quantities: Path) -> None:
    facts = facts_of(run, "values.csv -t count --task regression --drop y --drop weight --loss poisson --epochs 40")
    assert facts["network"]["activations"][-1] == "exponential"
    assert list(facts["score"]) == ["poisson_deviance", "rmse", "mae", "r2"]
    constant, linear = facts["baselines"]
    assert linear["label"] == "Poisson regression"
    # The expected deviance of true rates of 1 to 9 is a little above 1.
    assert facts["score"]["poisson_deviance"] < 1.3 < constant["score"]["poisson_deviance"]
    answers = np.array(run("predict", "m.fdnn", "values.csv").stdout.split()[1:], float)
    assert (answers > 0).all()
    counts = np.genfromtxt("values.csv", delimiter=",", names=True)["count"]
    assert answers.mean() == pytest.approx(counts.mean(), rel=0.1)


@pytest.mark.parametrize(
    ("options", "loss_options"),
    [("huber --huber-delta 1.5", {"delta": 1.5}), ("huber", {"delta": 1.0}), ("absolute_error", {})],
)
def test_robust_losses(run: Any, quantities: Path, options: str, loss_options: dict[str, float]) -> None:
    facts = facts_of(run, f"values.csv -t y --drop count --drop weight --loss {options} --epochs 30")
    assert facts["network"]["loss_options"] == loss_options
    assert facts["score"]["r2"] > 0.75
    saved = read_document("m.fdnn")["network"]
    assert (saved["loss"], saved["loss_options"]) == (options.split()[0], loss_options)
    assert Model.load("m.fdnn").network.loss_options == loss_options


def test_the_report_names_loss_and_weights(run: Any, quantities: Path) -> None:
    text = run(
        "fit",
        "values.csv",
        "-t",
        "y",
        "--drop",
        "count",
        "--weight-column",
        "weight",
        "--loss",
        "huber",
        "--epochs",
        "3",
    ).stdout
    assert "huber (delta 1)" in text
    assert "rows are weighted by 'weight'" in text
    assert "2 numbers: a, b" in text
    text = run(
        "fit",
        "penguins.csv",
        "-t",
        "species",
        "--class-weight",
        "balanced",
        "--label-smoothing",
        "0.1",
        "--epochs",
        "3",
    ).stdout
    assert "categorical cross entropy (label smoothing 0.1)" in " ".join(text.split())
    assert "class weights: Adelie 0.7" in text


def test_a_class_whose_name_has_commas_and_equals_signs_can_be_weighted(run: Any, folder: Path) -> None:
    rows = [f'{k},"{("no, never", "a=b", "plain")[k % 3]}"' for k in range(90)]
    (folder / "named.csv").write_text("\n".join(["x,y", *rows]) + "\n")
    weights = "no, never=2,plain=0.5,a=b=3"
    result = run("fit", "named.csv", "-t", "y", "--class-weight", weights, "--epochs", 1, *OUTPUT)
    assert json.loads(result.stdout)["task"]["class_weights"] == {"a=b": 3.0, "no, never": 2.0, "plain": 0.5}
    for wrong in ("plain=1,no", "plain=1,,", "plain=", "plain=many"):
        refused = run("fit", "named.csv", "-t", "y", "--class-weight", wrong, *OUTPUT)
        assert refused.exit_code == 2
        assert "is not a class and its weight" in refused.stderr


def test_hidden_layers_can_differ_in_their_activation(run: Any, quantities: Path) -> None:
    facts = facts_of(run, "values.csv -t y --layers 8,4 --activation gelu,tanh --epochs 3 --checkpoint a.ckpt")
    assert facts["network"]["activations"] == ["gelu", "tanh", "identity"]
    trained = Model.load("m.fdnn").network.parameters
    assert run("resume", "a.ckpt", "-q").exit_code == 0
    resumed = Model.load("m.fdnn").network
    assert resumed.activations == ["gelu", "tanh", "identity"]
    np.testing.assert_array_equal(resumed.parameters, trained)
    few = run("fit", "values.csv", "-t", "y", "--layers", "8", "--activation", "gelu,tanh", *OUTPUT)
    assert few.exit_code == 2
    assert "1 hidden layers need as many activations, got 2" in few.stderr
    unknown = run("fit", "values.csv", "-t", "y", "--layers", "8,4", "--activation", "gelu,tahn", *OUTPUT)
    assert "Unknown activation 'tahn'. Did you mean 'tanh'?" in unknown.stderr


def test_class_weights_move_the_answers(run: Any, folder: Path) -> None:
    """A class that weighs nothing is never learned; its rows have the label of another."""
    facts = facts_of(run, "penguins.csv -t species --class-weight Adelie=0 --epochs 30")
    assert facts["task"]["class_weights"] == {"Adelie": 0.0, "Chinstrap": 1.0, "Gentoo": 1.0}
    assert "Adelie" not in run("predict", "m.fdnn", "penguins.csv").stdout.split()


def test_a_weight_of_zero_leaves_a_row_out(run: Any, quantities: Path) -> None:
    """Rows of weight 0 with absurd targets: the answers are those without them."""
    lines = Path("values.csv").read_text().splitlines()
    spoiled = [line.split(",") for line in lines[1:]]
    for row in spoiled[::5]:
        row[2], row[4] = "-4000", "0"
    kept = [row for row in spoiled if row[4] != "0"]
    for name, rows in (("spoiled", spoiled), ("kept", kept)):
        Path(f"{name}.csv").write_text("\n".join([lines[0], *map(",".join, rows)]) + "\n")
    facts_of(run, "spoiled.csv -t y --drop count --weight-column weight --loss huber --epochs 60 --valid kept.csv")
    score = json.loads(run("evaluate", "m.fdnn", "kept.csv", "--json").stdout)
    assert score["mae"] < 60  # the standardised target has the spread of the absurd values: 1600


def test_evaluate_counts_rows_as_fit_did(run: Any, quantities: Path) -> None:
    facts = facts_of(
        run, "values.csv -t y --drop count --weight-column weight --epochs 3 --valid values.csv --metric mae"
    )
    assert (facts["task"]["weight_column"], facts["split"]["score_weights"]) == ("weight", "weight")
    assert {"name": "weight", "reason": "says how much each row counts"} in facts["data"]["dropped"]
    scores = json.loads(run("evaluate", "m.fdnn", "values.csv", "--json").stdout)
    assert {name: scores[name] for name in facts["score"]} == pytest.approx(facts["score"], rel=1e-6)
    assert scores["weight_column"] == "weight"
    assert "1,500 rows of values.csv, weighted by 'weight'" in run("evaluate", "m.fdnn", "values.csv").stdout
    assert "1,500 rows of values.csv, weighted by 'weight'" in run("inspect", "m.fdnn").stdout
    alike = json.loads(run("evaluate", "m.fdnn", "values.csv", "--json", "--unweighted").stdout)
    assert alike["weight_column"] is None
    assert alike["mae"] != scores["mae"]
    Path("bare.csv").write_text(
        "\n".join(line.rsplit(",", 1)[0] for line in Path("values.csv").read_text().splitlines())
    )
    result = run("evaluate", "m.fdnn", "bare.csv", "--json")
    assert json.loads(result.stdout)["mae"] == alike["mae"]
    assert "bare.csv: no column 'weight' with weights, so its rows count alike." in result.stderr


def test_a_weighted_confusion_matrix_has_sums_of_weights(run: Any, folder: Path) -> None:
    facts_of(run, "penguins.csv -t species --epochs 3")
    lines = Path("penguins.csv").read_text().splitlines()
    Path("weighted.csv").write_text("\n".join([f"{lines[0]},w", *[f"{line},0.25" for line in lines[1:]]]))
    text = run("evaluate", "m.fdnn", "weighted.csv", "--weight-column", "w").stdout
    weighted = json.loads(run("evaluate", "m.fdnn", "weighted.csv", "--weight-column", "w", "--json").stdout)
    plain = json.loads(run("evaluate", "m.fdnn", "penguins.csv", "--json").stdout)
    np.testing.assert_allclose(weighted["confusion_matrix"], np.array(plain["confusion_matrix"]) / 4)
    assert f"{weighted['confusion_matrix'][0][0]:.2f}" in text


@pytest.mark.parametrize(
    ("target", "options", "metric"),
    [
        ("y", "--loss quantile --quantiles 0.9,0.2", "pinball"),
        ("y", "--loss quantile --quantiles 0.9,0.5", "d2_pinball"),
        ("y", "--loss quantile --quantiles 0.9,0.5", "mae"),
        ("count", "--task regression --loss poisson", "poisson_deviance"),
    ],
)
def test_the_metric_of_a_loss_chooses_the_epoch(
    run: Any, quantities: Path, target: str, options: str, metric: str
) -> None:
    facts = facts_of(run, f"values.csv -t {target} {options} --epochs 4 --metric {metric}")
    history = read_document("m.fdnn")["history"]
    values = [row[f"valid_{metric}"] for row in history["epochs"]]
    best = max(values) if metric == "d2_pinball" else min(values)
    assert values[facts["training"]["best_epoch"] - 1] == best
    assert None not in [row["valid_score"] for row in history["epochs"]]
    if "quantile" in options:
        assert "D²" in run("inspect", "m.fdnn").stdout


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ("values.csv -t y --metric pinball", 2, ["'pinball' does not fit the loss 'squared_error'", "rmse, mae, r2"]),
        (
            "values.csv -t y --loss quantile --quantiles 0.1,0.9 --metric r2",
            2,
            ["'r2' does not fit the loss 'quantile' without 0.5 among its quantiles", "d2_pinball"],
        ),
        ("penguins.csv -t species --loss huber", 2, ["'huber' is for quantities", "classes", "--task regression"]),
        ("values.csv -t count --loss poisson", 2, ["--task regression"]),
        ("values.csv -t y --loss poisson", 1, ["'y'", "row", "0 or more"]),
        ("values.csv -t y --loss binary_cross_entropy", 2, ["absolute_error, huber, quantile, poisson"]),
        ("values.csv -t y --loss poisson --output-activation identity", 2, ["exponential"]),
        ("values.csv -t y --huber-delta 2", 2, ["--huber-delta belongs to --loss huber, but no --loss is given"]),
        ("values.csv -t y --loss huber --huber-delta 0", 2, ["above 0"]),
        (
            "values.csv -t y --loss huber --quantiles 0.5",
            2,
            ["--quantiles belongs to --loss quantile, but --loss is huber"],
        ),
        ("values.csv -t y --loss quantile --quantiles 0.1,1.2", 2, ["below 1, got 1.2"]),
        ("values.csv -t y --loss quantile --quantiles a,b", 2, ["'a,b' is not a list of numbers"]),
        ("values.csv -t y --label-smoothing 0.1", 2, ["is for classes"]),
        ("values.csv -t y --class-weight balanced", 2, ["is for classes"]),
        ("values.csv -t y --loss huber --label-smoothing 0.1", 2, ["--label-smoothing belongs to"]),
        ("values.csv -t y --weight-column a", 1, ["'a'", "0 or more", "in row"]),
        ("values.csv -t y --weight-column wait", 1, ["'wait'", "weight"]),
        ("values.csv -t y --weight-column y", 1, ["is the target"]),
        ("penguins.csv -t species --label-smoothing 1", 2, ["label_smoothing", "below 1, got 1"]),
        ("penguins.csv -t species --class-weight ballanced", 2, ["Did you mean 'balanced'?"]),
        ("penguins.csv -t species --class-weight Adelia=3", 2, ["'Adelia'", "Did you mean 'Adelie'?"]),
        ("penguins.csv -t species --class-weight Adelie=-3", 2, ["'Adelie'", "0 or more, got -3"]),
        ("penguins.csv -t species --class-weight Adelie=x", 2, ["'Adelie=x' is not a class and its weight"]),
    ],
)
def test_what_does_not_go_together(run: Any, quantities: Path, arguments: str, status: int, words: list[str]) -> None:
    result = run("fit", *arguments.split(), "-o", "m.fdnn")
    assert result.exit_code == status
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr
    assert not Path("m.fdnn").exists()
