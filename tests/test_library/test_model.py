"""Model: raw rows in, answers in the user's terms out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fastdnn import metrics
from fastdnn.errors import DataError, ParameterError
from fastdnn.history import History
from fastdnn.model import Model
from fastdnn.network import Network
from fastdnn.preprocessing import Preprocessor
from fastdnn.tables import Table, read_table


def table_of(folder: Path, text: str, name: str = "rows.csv") -> Table:
    (folder / name).write_text(text)
    return read_table(folder / name)


def model_for(table: Table, target: str, **settings: str) -> Model:
    """An untrained model: its answers are as good as any for what is tested here."""
    pre = Preprocessor.fit(table, target, **settings)
    loss = {"regression": "squared_error", "binary": "binary_cross_entropy"}.get(pre.task, "categorical_cross_entropy")
    return Model(
        Network([pre.n_features, 4, pre.n_outputs], loss=loss, seed=1), pre, History(1, "adam", 0.1, 0.0, 0, 1)
    )


CLASSES = "x,y,kind\n" + "".join(f"{k % 7},{k * 0.25},{'pqr'[k % 3]}\n" for k in range(24))
VALUES = "x,y\n" + "".join(f"{k % 7},{k * 0.25 + 100}\n" for k in range(24))


def test_labels_are_those_of_the_largest_probability(tmp_path: Path) -> None:
    table = table_of(tmp_path, CLASSES)
    model = model_for(table, "kind")
    P = model.predict_proba(table)
    assert P.shape == (24, 3)
    np.testing.assert_allclose(P.sum(axis=1), 1.0, rtol=1e-6)
    assert model.predict(table).tolist() == [("p", "q", "r")[k] for k in P.argmax(axis=1)]


def test_two_classes_have_two_probabilities(tmp_path: Path) -> None:
    table = table_of(tmp_path, CLASSES.replace("r\n", "q\n"))
    model = model_for(table, "kind")
    P = model.predict_proba(table)
    assert P.shape == (24, 2)
    assert model.predict(table).tolist() == ["pq"[int(p >= 0.5)] for p in P[:, 1]]


def test_values_come_in_the_units_of_the_target_and_have_no_probabilities(tmp_path: Path) -> None:
    table = table_of(tmp_path, VALUES)
    model = model_for(table, "y")
    answers = model.predict(table)
    assert answers.shape == (24,)
    assert 90 < answers.mean() < 120
    with pytest.raises(DataError, match="not class probabilities"):
        model.predict_proba(table)


def test_rows_are_answered_one_by_one_whatever_is_around_them(tmp_path: Path) -> None:
    model = model_for(table_of(tmp_path, CLASSES), "kind")
    lines = ["x,y", "1,2", ",", "6,5.5", "?,1", "1,2"]
    together = model.outputs(table_of(tmp_path, "\n".join(lines) + "\n", "new.csv"))
    assert together.shape == (5, 3)
    np.testing.assert_array_equal(together[0], together[4])
    for k, line in enumerate(lines[1:]):
        alone = model.outputs(table_of(tmp_path, f"x,y\n{line}\n", f"one{k}.csv"))
        np.testing.assert_array_equal(alone[0], together[k])


def test_a_table_without_rows_gives_no_answers(tmp_path: Path) -> None:
    model = model_for(table_of(tmp_path, CLASSES), "kind")
    assert model.outputs(table_of(tmp_path, "x,y\n", "none.csv")).shape == (0, 3)


def test_threads_do_not_change_a_bit(tmp_path: Path) -> None:
    table = table_of(tmp_path, CLASSES)
    model = model_for(table, "kind")
    np.testing.assert_array_equal(model.outputs(table, threads=1), model.outputs(table, threads=2))


def test_evaluate_leaves_out_rows_without_a_target_and_counts_them(tmp_path: Path) -> None:
    table = table_of(tmp_path, CLASSES)
    model = model_for(table, "kind")
    whole = model.evaluate(table)
    part = model.evaluate(table_of(tmp_path, CLASSES + "1,2,\n3,4,?\n", "more.csv"))
    assert (whole["rows"], whole["unlabelled"]) == (24, 0)
    assert (part["rows"], part["unlabelled"]) == (24, 2)
    assert {**part, "unlabelled": 0} == whole
    assert np.sum(whole["confusion_matrix"]) == 24
    assert whole["accuracy"] == np.trace(whole["confusion_matrix"]) / 24


def test_evaluate_scores_values_in_their_units(tmp_path: Path) -> None:
    table = table_of(tmp_path, VALUES)
    model = model_for(table, "y")
    truth = table.columns["y"].values
    scores = model.evaluate(table)
    assert scores["rmse"] == pytest.approx(metrics.rmse(truth, model.predict(table)), rel=1e-6)
    assert scores["mae"] == pytest.approx(metrics.mae(truth, model.predict(table)), rel=1e-6)


def test_evaluate_takes_the_target_from_another_column_and_cleans_labels(tmp_path: Path) -> None:
    table = table_of(tmp_path, CLASSES)
    model = model_for(table, "kind")
    dotted = table_of(tmp_path, CLASSES.replace("p\n", "p.\n").replace("kind", "truth"), "dotted.csv")
    with pytest.raises(DataError, match="no target column"):
        model.evaluate(dotted)
    with pytest.raises(DataError, match="trailing full stop"):
        model.evaluate(dotted, "truth")
    assert model.evaluate(dotted, "truth", clean_labels=True) == model.evaluate(table)


def test_evaluate_without_any_label_says_so(tmp_path: Path) -> None:
    model = model_for(table_of(tmp_path, CLASSES), "kind")
    with pytest.raises(DataError, match="No row"):
        model.evaluate(table_of(tmp_path, "x,y,kind\n1,2,\n3,4,\n", "bare.csv"))


def test_a_document_from_before_losses_had_options_is_read(tmp_path: Path) -> None:
    table = table_of(tmp_path, VALUES)
    model = model_for(table, "y")
    document = model.to_document()
    assert document["network"].pop("loss_options") == {}
    assert document["preprocessing"]["target"].pop("scaled") is True
    old = Model.from_document(document, model.tensors())
    np.testing.assert_array_equal(old.predict(table), model.predict(table))


def crossing_model(table: Table) -> Model:
    """Outputs that fall where their quantiles rise: 0.9, 0.1, 0.5 get -1, 1, 0 and what the row adds."""
    pre = Preprocessor.fit(table, "y")
    levels = [0.9, 0.1, 0.5]
    network = Network([pre.n_features, 3], loss="quantile", loss_options={"quantiles": levels}, seed=1)
    network.weights[0][:] = [[0.1], [0.2], [0.3]]
    network.biases[0][:, 0] = [-1.0, 1.0, 0.0]
    return Model(network, pre, History(1, "adam", 0.1, 0.0, 0, 1))


def test_quantiles_that_cross_are_sorted_in_each_row(tmp_path: Path) -> None:
    table = table_of(tmp_path, VALUES)
    model = crossing_model(table)
    AL, answers = model.outputs(table), model.predict(table)
    assert (AL[:, 0] < AL[:, 2]).all()
    assert (AL[:, 2] < AL[:, 1]).all()
    np.testing.assert_array_equal(AL, model.network.predict(model.preprocessor.transform(table)))
    assert (np.diff(answers[:, [1, 2, 0]], axis=1) > 0).all()
    np.testing.assert_array_equal(np.sort(answers, axis=1), np.sort(model.preprocessor.inverse_target(AL), axis=1))
    truth = np.array([k * 0.25 + 100 for k in range(24)])
    scores = model.evaluate(table)
    assert scores["pinball"] == pytest.approx(metrics.pinball_loss(truth, answers, [0.9, 0.1, 0.5]), rel=1e-6)
    raw = model.preprocessor.inverse_target(AL)
    assert scores["pinball"] < metrics.pinball_loss(truth, raw, [0.9, 0.1, 0.5])
    assert scores["mae"] == pytest.approx(metrics.mae(truth, answers[:, 2]), rel=1e-6)


def test_evaluate_weighs_rows_by_a_column_that_training_did_not_know(tmp_path: Path) -> None:
    table = table_of(tmp_path, CLASSES)
    model = model_for(table, "kind")
    copies = [k % 3 + (k > 12) for k in range(24)]
    lines = CLASSES.splitlines()
    rows = [f"{line},{n}" for line, n in zip(lines[1:], copies, strict=True)]
    weighted = table_of(tmp_path, "\n".join([f"{lines[0]},n", *rows]) + "\n", "weighted.csv")
    repeated = [line for line, n in zip(lines[1:], copies, strict=True) for _ in range(n)]
    copied = table_of(tmp_path, "\n".join([lines[0], *repeated]) + "\n", "copied.csv")
    scores, expected = model.evaluate(weighted, weight_column="n"), model.evaluate(copied)
    assert scores["weight_column"] == "n"
    for name in ("accuracy", "log_loss", "roc_auc", "f1"):
        assert scores[name] == pytest.approx(expected[name], rel=1e-12)
    assert scores["confusion_matrix"] == expected["confusion_matrix"]
    assert model.evaluate(weighted)["accuracy"] == model.evaluate(table)["accuracy"]
    with pytest.raises(ParameterError, match="cannot be weighted by 'n' and count alike"):
        model.evaluate(weighted, weight_column="n", weighted=False)
    with pytest.raises(DataError, match="has no column 'm'"):
        model.evaluate(weighted, weight_column="m")
