"""Fitting: it learns what can be learned, scores honestly, and gives the same bits for the same seed."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastdnn import metrics
from fastdnn.errors import DataError, DivergenceError, ParameterError
from fastdnn.fitting import FitListener, FitResult, fit_table
from fastdnn.history import TrainingProgress
from fastdnn.preparation import prepare
from fastdnn.settings import FitOptions
from fastdnn.tables import Table, read_table

QUICK = {"layers": (8,), "epochs": 30}


def ring_table(folder: Path, rows: int = 600, seed: int = 0, name: str = "ring.csv") -> Table:
    """Inside or outside of a circle: a line cannot tell, a small network can."""
    points = np.random.default_rng(seed).normal(size=(rows, 2))
    labels = np.where((points**2).sum(axis=1) < 1.4, "in", "out")
    lines = [f"{x:.4f},{y:.4f},{label}" for (x, y), label in zip(points, labels, strict=True)]
    (folder / name).write_text("x,y,place\n" + "\n".join(lines) + "\n")
    return read_table(folder / name)


def wave_table(folder: Path, rows: int = 600) -> Table:
    x = np.random.default_rng(1).uniform(-3, 3, rows)
    lines = [f"{a:.4f},{500 + 100 * np.sin(2 * a):.3f}" for a in x]
    (folder / "wave.csv").write_text("x,height\n" + "\n".join(lines) + "\n")
    return read_table(folder / "wave.csv")


def fit(table: Table, target: str, **settings: Any) -> FitResult:
    return fit_table(table, target, FitOptions(**(QUICK | settings)))


def test_a_network_beats_both_baselines_where_there_is_something_to_bend(tmp_path: Path) -> None:
    facts = fit(ring_table(tmp_path), "place", layers=(32, 16), epochs=100).facts
    constant, linear = facts["baselines"]
    assert facts["score"]["accuracy"] > 0.93
    assert (constant["name"], linear["name"]) == ("constant", "linear")
    assert constant["label"] in ("always 'in'", "always 'out'")
    assert linear["label"] == "logistic regression"
    assert constant["score"]["accuracy"] < 0.65
    assert linear["score"]["accuracy"] < 0.75


def test_a_quantity_is_scored_in_its_units(tmp_path: Path) -> None:
    facts = fit(wave_table(tmp_path), "height", layers=(32, 16), epochs=200).facts
    constant, linear = facts["baselines"]
    assert facts["score"]["r2"] > 0.9
    assert facts["score"]["rmse"] < 30
    assert 60 < constant["score"]["rmse"] < 80
    assert constant["score"]["r2"] == pytest.approx(0.0, abs=0.05)
    assert linear["label"] == "linear regression"
    assert linear["score"]["r2"] < 0.5


def test_without_hidden_layers_the_network_is_the_linear_model(tmp_path: Path) -> None:
    result = fit(ring_table(tmp_path), "place", layers=())
    assert result.model.network.layer_dims == [2, 1]
    assert [item["name"] for item in result.facts["baselines"]] == ["constant"]


def test_the_same_seed_gives_the_same_bits_and_threads_do_not_matter(tmp_path: Path) -> None:
    table = ring_table(tmp_path)
    first, again, two = (fit(table, "place", seed=5, threads=threads) for threads in (1, 1, 2))
    other = fit(table, "place", seed=6, threads=1)
    for same in (again, two):
        np.testing.assert_array_equal(first.model.network.parameters, same.model.network.parameters)
        assert first.facts["score"] == same.facts["score"]
        assert first.facts["baselines"][0] == same.facts["baselines"][0]
    assert not np.array_equal(first.model.network.parameters, other.model.network.parameters)


def test_the_parts_are_disjoint_and_all_labelled_rows_are_in_one(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("x,y\n" + "".join(f"{k},{'ab'[k % 2] if k % 10 else ''}\n" for k in range(200)))
    facts = fit(read_table(tmp_path / "t.csv"), "y", valid=0.25).facts
    assert facts["data"]["unlabelled"] == 20
    assert facts["split"]["score"] == 45
    assert facts["split"]["train"] + facts["split"]["stop"] + facts["split"]["score"] == 180
    assert facts["split"]["stop"] == round(0.2 * 135)


def test_rows_kept_aside_do_not_touch_the_model(tmp_path: Path) -> None:
    """Other numbers in the rows kept aside leave statistics, training and early stopping as they were."""
    table = ring_table(tmp_path)
    plain = fit(table, "place")
    kept = _kept_rows(table)
    lines = (tmp_path / "ring.csv").read_text().splitlines()
    for row in kept:
        x, y, label = lines[row + 1].split(",")
        lines[row + 1] = f"{float(x) * 50},{float(y) * 50},{label}"
    (tmp_path / "other.csv").write_text("\n".join(lines) + "\n")
    changed = fit(read_table(tmp_path / "other.csv"), "place")
    np.testing.assert_array_equal(plain.model.network.parameters, changed.model.network.parameters)
    assert plain.model.preprocessor.to_json() == changed.model.preprocessor.to_json()
    assert plain.facts["score"] != changed.facts["score"]


def _kept_rows(table: Table) -> list[int]:
    return list(prepare(table, "place", FitOptions(**QUICK)).score.indices)


def test_valid_may_be_a_file_of_its_own(tmp_path: Path) -> None:
    table = ring_table(tmp_path)
    ring_table(tmp_path, rows=150, seed=9, name="test.csv")
    result = fit(table, "place", valid=str(tmp_path / "test.csv"))
    split = result.facts["split"]
    assert (split["score"], split["train"] + split["stop"]) == (150, 600)
    assert split["score_source"] == str(tmp_path / "test.csv")
    evaluated = result.model.evaluate(read_table(tmp_path / "test.csv"))
    assert evaluated["accuracy"] == result.facts["score"]["accuracy"]
    assert evaluated["log_loss"] == result.facts["score"]["log_loss"]


def test_the_score_is_that_of_the_model_that_is_returned(tmp_path: Path) -> None:
    table = ring_table(tmp_path)
    result = fit(table, "place")
    kept = _kept_rows(table)
    answers = result.model.predict(table)[kept]
    truth = np.asarray(table.columns["place"].values)[kept]
    assert np.mean(answers == truth) == pytest.approx(result.facts["score"]["accuracy"])


def test_few_rows_train_to_the_end_without_a_part_to_stop_by(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("x,y\n" + "".join(f"{k},{'ab'[k % 2]}\n" for k in range(20)))
    facts = fit(read_table(tmp_path / "t.csv"), "y").facts
    assert facts["split"] == {
        "train": 16,
        "stop": 0,
        "score": 4,
        "score_source": None,
        "score_weights": None,
        "seed": 0,
    }
    assert facts["training"]["epochs"] == facts["training"]["best_epoch"] == 30


@pytest.mark.parametrize(
    ("loss", "output"),
    [("categorical_cross_entropy", "softmax"), ("binary_cross_entropy", "sigmoid"), ("squared_error", "identity")],
)
def test_several_classes_can_be_learned_with_every_cost(tmp_path: Path, loss: str, output: str) -> None:
    x = np.random.default_rng(2).uniform(0, 3, 400)
    (tmp_path / "t.csv").write_text("x,y\n" + "".join(f"{a:.4f},{'abc'[int(a)]}\n" for a in x))
    result = fit(read_table(tmp_path / "t.csv"), "y", loss=loss, layers=(32, 16), epochs=150)
    assert result.model.network.activations[-1] == output
    assert result.facts["score"]["accuracy"] > 0.9


def test_a_quantity_has_no_cross_entropy(tmp_path: Path) -> None:
    table = wave_table(tmp_path)
    with pytest.raises(ParameterError, match="squared_error"):
        fit(table, "height", loss="binary_cross_entropy")
    with pytest.raises(ParameterError, match="identity, leaky_relu"):
        fit(table, "height", output_activation="relu")


@pytest.mark.parametrize("target", ["place", "height"])
def test_a_step_that_is_far_too_long_diverges_and_says_so(tmp_path: Path, target: str) -> None:
    table = ring_table(tmp_path) if target == "place" else wave_table(tmp_path)
    with pytest.raises(DivergenceError, match=r"diverged at epoch 1, batch \d+") as caught:
        fit(table, target, learning_rate=1e6, layers=(32, 16))
    assert "learning" in str(caught.value.hint)


class Recorder(FitListener):
    """Remembers what it was told; presses Ctrl-C when `stop_at` epochs have ended."""

    def __init__(self, stop_at: int | None = None, stage: str = "network") -> None:
        self.told: list[str] = []
        self.stop_at, self.stage = stop_at, stage

    def on_data(self, facts: dict[str, Any]) -> None:
        self.told.append("data")
        assert {"data", "task", "split"} <= set(facts)

    def on_network(self, facts: dict[str, Any]) -> None:
        self.told.append("network")
        assert {"network", "settings"} <= set(facts)

    def on_progress(self, stage: str, progress: TrainingProgress) -> None:
        if self.told[-1] != stage:
            self.told.append(stage)
        if stage == self.stage and self.stop_at is not None and progress.best_epoch >= self.stop_at:
            raise KeyboardInterrupt


def test_the_listener_hears_of_the_data_before_the_network_before_training(tmp_path: Path) -> None:
    recorder = Recorder()
    fit_table(ring_table(tmp_path), "place", FitOptions(**QUICK), listener=recorder)
    assert recorder.told == ["data", "network", "baseline"]


def test_an_interrupt_keeps_the_best_epoch_and_is_remembered(tmp_path: Path) -> None:
    table = ring_table(tmp_path)
    result = fit_table(table, "place", FitOptions(layers=(8,), epochs=500), listener=Recorder(stop_at=2))
    assert result.interrupted
    assert result.facts["training"]["stopped_by"] == "interrupt"
    assert result.facts["training"]["best_epoch"] >= 2
    assert result.model.provenance["interrupted"] is True
    assert [item["name"] for item in result.facts["baselines"]] == ["constant"]
    assert result.model.predict(table).shape == (600,)


def test_an_interrupt_before_the_first_epoch_has_ended_leaves_no_model(tmp_path: Path) -> None:
    # An epoch of some tenths of a second: long enough to be watched while it runs.
    slow = FitOptions(layers=(512, 512), batch_size=1, epochs=2, threads=1)
    with pytest.raises(KeyboardInterrupt):
        fit_table(ring_table(tmp_path), "place", slow, listener=Recorder(stop_at=0))


def test_a_metric_of_rows_that_cannot_be_set_aside_is_refused_in_the_words_of_fit(tmp_path: Path) -> None:
    (tmp_path / "few.csv").write_text("x,y\n" + "".join(f"{k},{'ab'[k % 2]}\n" for k in range(30)))
    table = read_table(tmp_path / "few.csv")
    with pytest.raises(ParameterError, match="--metric f1 is computed on the rows that choose the epoch") as raised:
        fit_table(table, "y", FitOptions(metric="f1", epochs=1))
    assert raised.value.hint == "--metric loss, or more rows"
    assert fit_table(table, "y", FitOptions(metric="loss", epochs=1, layers=(2,))).facts["split"]["stop"] == 0


@pytest.mark.parametrize(
    ("options", "label"),
    [
        ({"epochs": 3}, "logistic regression (3 epochs)"),
        ({"epochs": 1}, "logistic regression (1 epoch)"),
        ({}, "logistic regression"),
        ({"optimizer": "lbfgs", "epochs": 3, "patience": 1}, "logistic regression"),
    ],
)
def test_a_baseline_that_was_cut_short_says_so(tmp_path: Path, options: dict[str, Any], label: str) -> None:
    if "optimizer" in options:
        pytest.importorskip("scipy")
    facts = fit_table(ring_table(tmp_path), "place", FitOptions(layers=(4,), **options)).facts
    assert facts["baselines"][1]["label"] == label


def test_an_interrupt_of_the_baseline_keeps_the_network(tmp_path: Path) -> None:
    table = ring_table(tmp_path)
    result = fit_table(table, "place", FitOptions(**QUICK), listener=Recorder(stop_at=1, stage="baseline"))
    assert result.interrupted
    assert result.facts["training"]["epochs"] == 30
    assert [item["name"] for item in result.facts["baselines"]] == ["constant"]


def weighted_table(folder: Path, name: str = "weighted.csv", *, copies: bool = False, rows: int = 500) -> Table:
    """A ring with rows that weigh 0 to 3; with `copies` as many copies of each, which weigh 1."""
    rng = np.random.default_rng(4)
    points, weights = rng.normal(size=(rows, 2)), rng.integers(0, 4, rows)
    values = (points**2).sum(axis=1) + rng.normal(size=rows)
    labels = np.where(values < 1.4, "in", "out")
    lines = [
        f"{x:.4f},{y:.4f},{label},{v:.4f},{1 if copies else w}"
        for (x, y), label, v, w in zip(points, labels, values, weights, strict=True)
        for _ in range(w if copies else 1)
    ]
    (folder / name).write_text("x,y,place,value,weight\n" + "\n".join(lines) + "\n")
    return read_table(folder / name)


@pytest.mark.parametrize(
    ("target", "settings"),
    [
        ("place", {}),
        ("value", {}),
        ("value", {"loss": "quantile", "quantiles": (0.9, 0.5)}),
        ("value", {"loss": "absolute_error"}),
    ],
)
def test_scores_of_weighted_rows_are_those_of_copies(tmp_path: Path, target: str, settings: dict[str, Any]) -> None:
    """The same table to train on, and for the score one with weights, or with as many copies of each row."""
    table = weighted_table(tmp_path)
    weighted_table(tmp_path, "copies.csv", copies=True)
    dropped = ("place", "value")[target == "place"]
    by_weight, by_copies = (
        fit(table, target, valid=str(tmp_path / name), weight_column="weight", drop=(dropped,), **settings)
        for name in ("weighted.csv", "copies.csv")
    )
    assert by_weight.facts["split"]["score_weights"] == "weight"
    assert by_weight.facts["split"]["score"] == 500 < by_copies.facts["split"]["score"]
    for one, other in zip(by_weight.facts["baselines"], by_copies.facts["baselines"], strict=True):
        assert numbers(one["score"]) == pytest.approx(numbers(other["score"]), rel=1e-9)
    score = numbers(by_weight.facts["score"])
    assert score == pytest.approx(numbers(by_copies.facts["score"]), rel=1e-9)
    evaluated = by_weight.model.evaluate(table)
    assert evaluated["weight_column"] == "weight"
    assert numbers(evaluated) == pytest.approx({"rows": 500, "unlabelled": 0} | score)
    alike = by_weight.model.evaluate(table, weighted=False)
    assert alike["weight_column"] is None
    assert all(abs(alike[name] - value) > 1e-6 for name, value in score.items())


def numbers(facts: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in facts.items() if isinstance(value, (int, float))}


def test_the_constant_answer_is_the_best_for_weighted_rows(tmp_path: Path) -> None:
    """Labels 'b' are few and heavy."""
    lines = [f"{k % 7},{'b' if k % 4 == 0 else 'a'},{9 if k % 4 == 0 else 1}" for k in range(200)]
    (tmp_path / "t.csv").write_text("x,k,w\n" + "\n".join(lines) + "\n")
    table = read_table(tmp_path / "t.csv")
    constant = fit(table, "k", weight_column="w").facts["baselines"][0]
    assert constant["label"] == "always 'b'"
    assert constant["score"]["accuracy"] == pytest.approx(0.75)
    assert fit(table, "k", drop=("w",)).facts["baselines"][0]["label"] == "always 'a'"


def test_weights_of_classes_are_in_the_validation_loss_and_in_no_score(tmp_path: Path) -> None:
    table = ring_table(tmp_path)
    options = FitOptions(**QUICK, class_weight={"in": 5.0})
    prepared = prepare(table, "place", options)
    assert prepared.stop is not None
    assert set(prepared.stop.weights) == {1.0, 5.0}
    assert set(prepared.stop.scoring_weights) == {1.0}
    assert prepared.score.weights is None
    result = fit_table(table, "place", replace(options, metric="f1"))
    assert result.facts["split"]["score_weights"] is None
    AL = result.model.network.predict(prepared.stop)
    best = result.model.history.epochs[result.model.history.best_epoch - 1]
    assert best["valid_score"] == metrics.accuracy(prepared.stop.Y[prepared.stop.indices], AL)
    assert best["valid_f1"] == metrics.f1(prepared.stop.Y[prepared.stop.indices], AL)
    assert best["valid_loss"] == pytest.approx(result.model.network.cost(prepared.stop), rel=1e-6)


def test_a_score_file_without_the_weights_counts_its_rows_alike(tmp_path: Path) -> None:
    table = weighted_table(tmp_path)
    rows = [line.rsplit(",", 1)[0] for line in (tmp_path / "weighted.csv").read_text().splitlines()]
    (tmp_path / "bare.csv").write_text("\n".join(rows) + "\n")
    options = FitOptions(**QUICK, weight_column="weight", valid=str(tmp_path / "bare.csv"), drop=("value",))
    prepared = prepare(table, "place", options)
    assert prepared.facts["split"]["score_weights"] is None
    assert prepared.score.weights is None
    assert prepared.notes == [f"{tmp_path}/bare.csv: no column 'weight' with weights, so its rows count alike."]


def test_weights_of_zero_in_all_rows_of_the_score_are_refused(tmp_path: Path) -> None:
    table = weighted_table(tmp_path)
    rows = [f"{line.rsplit(',', 1)[0]},0" for line in (tmp_path / "weighted.csv").read_text().splitlines()[1:]]
    (tmp_path / "zero.csv").write_text("x,y,place,value,weight\n" + "\n".join(rows) + "\n")
    with pytest.raises(DataError, match=r"'weight' of '.*zero\.csv', are zero in every row that gives the score"):
        fit(table, "place", weight_column="weight", valid=str(tmp_path / "zero.csv"))
    model = fit(table, "place", weight_column="weight").model
    with pytest.raises(DataError, match="are zero in every row that has a target"):
        model.evaluate(read_table(tmp_path / "zero.csv"))


def test_provenance_tells_of_the_data_but_not_of_folders(tmp_path: Path) -> None:
    provenance = fit(ring_table(tmp_path), "place", seed=3).model.provenance
    assert provenance["data"] == "ring.csv"
    assert provenance["data_sha256"] == hashlib.sha256((tmp_path / "ring.csv").read_bytes()).hexdigest()
    assert provenance["settings"]["seed"] == 3
    assert str(tmp_path) not in str(provenance)


def test_wrong_settings_are_refused_before_the_data_is_looked_at(tmp_path: Path) -> None:
    with pytest.raises(ParameterError):
        fit_table(ring_table(tmp_path), "no such column", FitOptions(epochs=0))


def test_a_class_that_only_the_score_file_has_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text("x,y,place\n0,0,elsewhere\n")
    with pytest.raises(DataError, match="'elsewhere'"):
        fit(ring_table(tmp_path), "place", valid=str(tmp_path / "test.csv"))
