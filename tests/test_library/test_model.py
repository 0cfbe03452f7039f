"""Model: raw rows in, answers in the user's terms out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fastdnn import metrics
from fastdnn.errors import DataError
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
