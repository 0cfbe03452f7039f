"""What a model remembers of its data: raw rows in, answers in their own terms out."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest

from fastdnn.errors import DataError, ParameterError
from fastdnn.preprocessing import Preprocessor
from fastdnn.tables import Table, read_table, table_from_array

CSV = """age,city,member,height,label
30,Rome,True,1.5,yes
40,Oslo,False,,no
50,Rome,True,1.7,yes
60,Oslo,False,1.8,
70,,True,1.9,no
"""


def table(text: str = CSV, *, header: bool | None = None) -> Table:
    return read_table("-", stdin=io.StringIO(text), header=header)


def fit(text: str = CSV, target: str = "label", **options: object) -> Preprocessor:
    return Preprocessor.fit(table(text), target, **options)  # type: ignore[arg-type]


def through_json(preprocessor: Preprocessor) -> Preprocessor:
    return Preprocessor.from_json(json.loads(json.dumps(preprocessor.to_json(), allow_nan=False)))


def test_a_small_table_by_hand() -> None:
    pre = fit(rows=[0, 1, 2, 3])
    # Row 3 has no label, so ages 30, 40, 50 count; so do heights 1.5, -, 1.7.
    assert pre.n_train_rows == 3
    X = pre.transform(table())
    assert pre.feature_names == ["age", "city=Rome", "city (other)", "member", "height", "height (missing)"]
    assert X.shape == (5, pre.n_features)
    sd = np.sqrt(200 / 3)
    np.testing.assert_allclose(X[:, 0], np.array([-10, 0, 10, 20, 30]) / sd, rtol=1e-6)
    np.testing.assert_array_equal(X[:, 1], [1, 0, 1, 0, 0])
    np.testing.assert_array_equal(X[:, 2], [0, 1, 0, 1, 1])
    np.testing.assert_array_equal(X[:, 3], [1, 0, 1, 0, 1])
    np.testing.assert_allclose(X[:, 4], np.array([-1, 0, 1, 2, 3]), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(X[:, 5], [0, 1, 0, 0, 0])
    assert (pre.task, pre.classes, pre.n_outputs) == ("binary", ["no", "yes"], 1)
    np.testing.assert_array_equal(pre.labelled_rows(table()), [0, 1, 2, 4])
    np.testing.assert_array_equal(pre.transform_target(table())[:, 0], [1, 0, 1, np.nan, 0])
    assert pre.input_scale is None
    assert pre.input_shift is None


def test_the_same_bits_after_json() -> None:
    for options in ({}, {"dtype": "float64"}, {"target": "age"}, {"target": "city"}):
        pre = fit(**options)
        again = through_json(pre)
        assert again.to_json() == pre.to_json()
        assert again.summary() == pre.summary()
        assert again.decision == pre.decision
        assert again.transform(table()).tobytes() == pre.transform(table()).tobytes()
        assert again.transform_target(table()).tobytes() == pre.transform_target(table()).tobytes()


def test_predict_takes_raw_rows_without_the_target_and_with_other_columns() -> None:
    pre = fit()
    whole = pre.transform(table())
    raw = table("zip,height,member,city,age\n1,1.5,True,Rome,30\n2,,False,Oslo,40\n")
    np.testing.assert_array_equal(pre.transform(raw), whole[:2])
    assert pre.notes == ["ignored, as the model does not know it: zip"]
    pre.transform(table())
    assert pre.notes == []


def test_headerless_tables_go_by_position() -> None:
    body = CSV.split("\n", 1)[1]
    pre = Preprocessor.fit(table(body, header=False), "-1")
    X = pre.transform(table(body, header=False))
    without = "\n".join(line.rsplit(",", 1)[0] for line in body.splitlines())
    np.testing.assert_array_equal(pre.transform(table(without, header=False)), X)
    assert pre.known_names == []
    with pytest.raises(DataError, match="has 2 columns; the model was trained on 5, or 4 without the target"):
        pre.transform(table("30,Rome\n", header=False))


def test_known_names_tell_the_header_of_a_file_to_predict() -> None:
    text = "name,town,y\nAda,Rome,a\nBob,Rome,b\nAda,Oslo,a\nBob,Oslo,b\n"
    pre = fit(text, "y")
    new = read_table("-", stdin=io.StringIO("name,town\nAda,Rome\n"), known_names=pre.known_names)
    assert new.n_rows == 1
    np.testing.assert_array_equal(pre.transform(new), pre.transform(table(text))[:1])


def test_a_table_without_rows_predicts_nothing() -> None:
    pre = fit()
    assert pre.transform(table("age,city,member,height\n", header=True)).shape == (0, pre.n_features)
    with pytest.raises(DataError, match="has column names but no rows"):
        fit("a,b\n", "a")


def test_the_target_may_be_elsewhere() -> None:
    pre = fit()
    with pytest.raises(DataError, match="has no target column 'label'"):
        pre.labelled_rows(table("age,city\n1,Rome\n"))
    renamed = table(CSV.replace("label", "truth"))
    np.testing.assert_array_equal(pre.labelled_rows(renamed, "truth"), [0, 1, 2, 4])
    assert pre.transform_target(renamed, "truth").shape == (5, 1)


def test_regression_in_its_own_units() -> None:
    text = "x,price\n" + "\n".join(f"{k},{1000.5 * k}" for k in range(40))
    pre = fit(text, "price", rows=range(20))
    Y = pre.transform_target(table(text))
    assert Y.shape == (40, 1)
    assert Y.dtype == np.float32
    assert Y[:20].std() == pytest.approx(1, rel=1e-5)
    np.testing.assert_allclose(pre.inverse_target(Y), 1000.5 * np.arange(40), rtol=1e-5, atol=0.1)
    assert pre.classes is None
    assert pre.summary()["target"]["mean"] == pytest.approx(1000.5 * 9.5)


def test_integer_labels_print_as_integers() -> None:
    text = "x,y\n" + "\n".join(f"{k},{k % 3}.0" for k in range(30))
    pre = fit(text, "y")
    assert pre.classes == ["0", "1", "2"]
    assert pre.inverse_target(np.eye(3)[[2, 0]]).tolist() == ["2", "0"]


def test_drop_and_categorical() -> None:
    pre = fit(drop=["age", "3"], categorical=["height"])
    assert {name for name, _ in pre.dropped} == {"age", "member"}
    assert dict(pre.dropped)["age"] == "was named by --drop"
    assert "height" in pre.summary()["columns"]["category"]
    with pytest.raises(DataError, match=r"no column 'agee'\. Did you mean 'age'") as raised:
        fit(drop=["agee"])
    assert raised.value.hint == "--drop age"
    with pytest.raises(DataError, match="Column 'label' is the target, so --categorical cannot name it"):
        fit(categorical=["label"])


def test_summary_has_the_facts() -> None:
    facts = fit(drop=["age"]).summary()
    assert facts["columns"] == {"number": ["height"], "boolean": ["member"], "category": ["city"]}
    assert facts["dropped"] == [{"name": "age", "reason": "was named by --drop"}]
    assert (facts["rows"], facts["train_rows"]) == (5, 4)
    assert facts["target"]["classes"] == [
        {"label": "no", "rows": 2, "share": 0.5},
        {"label": "yes", "rows": 2, "share": 0.5},
    ]
    json.dumps(facts, allow_nan=False)


def test_images_with_labels_in_another_file(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (30, 4, 4), dtype=np.uint8)
    labels = np.arange(30, dtype=np.uint8) % 3
    np.save(tmp_path / "images.npy", images)
    np.save(tmp_path / "labels.npy", labels)
    data = read_table(tmp_path / "images.npy")
    spec = str(tmp_path / "labels.npy")
    pre = Preprocessor.fit(data, spec, rows=np.arange(20))
    assert pre.transform(data) is data.matrix
    scale, shift = pre.input_scale, pre.input_shift
    assert scale is not None
    assert shift is not None
    assert scale.shape == shift.shape == (16,)
    assert scale.dtype == shift.dtype == np.float32
    Z = images.reshape(30, 16)[:20] * scale.astype(float) + shift
    assert abs(Z.mean()) < 1e-6
    assert Z.std() == pytest.approx(1, rel=1e-6)
    np.testing.assert_array_equal(pre.transform_target(data, spec), labels)
    assert (pre.task, pre.n_outputs, pre.target.name) == ("multiclass", 3, "labels.npy")
    with pytest.raises(DataError, match=r"at training it was in another file, 'labels\.npy'"):
        pre.transform_target(data)
    again = through_json(pre)
    assert again.input_scale is not None
    assert again.input_scale.tobytes() == scale.tobytes()


def test_a_target_in_the_same_container(tmp_path: Path) -> None:
    X, y = np.random.default_rng(0).normal(size=(30, 4)), np.arange(30) % 2
    np.savez(tmp_path / "train.npz", x=X, y=y)
    np.savez(tmp_path / "test.npz", x=X, truth=y)
    pre = Preprocessor.fit(read_table(tmp_path / "train.npz"), "y")
    np.testing.assert_array_equal(pre.transform_target(read_table(tmp_path / "train.npz"))[:, 0], y)
    test = read_table(tmp_path / "test.npz")
    with pytest.raises(DataError, match=r"has no array 'y' for the target \(it has: truth\)") as raised:
        pre.transform_target(test)
    assert raised.value.hint == "-t truth"
    np.testing.assert_array_equal(pre.transform_target(test, "truth")[:, 0], y)


def test_a_float_array_with_its_target_in_a_column() -> None:
    data = np.random.default_rng(0).normal(size=(30, 4))
    data[:, -1] = np.arange(30) % 2
    pre = Preprocessor.fit(table_from_array(data), "-1")
    assert pre.n_features == 3
    X = pre.transform(table_from_array(data))
    np.testing.assert_array_equal(pre.transform(table_from_array(data[:, :3])), X)
    forced = Preprocessor.fit(table_from_array(data.round()), "-1", categorical=["1"])
    assert forced.summary()["columns"]["category"] == ["x1"]
    assert forced.transform(table_from_array(data.round())).shape == (30, forced.n_features)


def test_parameters_outside_their_sets() -> None:
    with pytest.raises(ParameterError, match="dtype must be float32 or float64, got 'float16'"):
        fit(dtype="float16")
    with pytest.raises(ParameterError, match="Unknown task 'class'"):
        fit(task="class")


def test_labels_to_clean_are_found_at_evaluation() -> None:
    pre = fit()
    dotted = table(CSV.replace("yes", "yes.").replace(",no", ",no."))
    with pytest.raises(DataError, match=r"'yes\.' where the model knows 'yes'") as raised:
        pre.transform_target(dotted)
    assert raised.value.hint == "--clean-labels"
    np.testing.assert_array_equal(pre.transform_target(dotted, clean_labels=True), pre.transform_target(table()))
