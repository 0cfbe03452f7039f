"""The real tables and images beside the repository: each goes through with nothing but its target named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fastdnn.errors import DataError
from fastdnn.preprocessing import Preprocessor
from fastdnn.splitting import holdout_rows
from fastdnn.tables import Table, read_table

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"the data sets are not ours to ship, and {DATA} is not here")


def read(name: str) -> Table:
    return read_table(str(DATA / name))


# file, target, header, rows, columns, task, classes or None, features dropped
SETS = [
    ("adult/adult-train.csv", "-1", False, 32561, 15, "binary", ["<=50K", ">50K"], set()),
    ("abalone/abalone.csv", "9", False, 4177, 9, "regression", None, set()),
    ("penguins/penguins.csv", "species", True, 344, 7, "multiclass", ["Adelie", "Chinstrap", "Gentoo"], set()),
    ("penguins/penguins.csv", "body_mass_g", True, 344, 7, "regression", None, set()),
    ("titanic/titanic_raw.csv", "survived", True, 891, 11, "binary", ["0", "1"], {"name", "ticket", "cabin"}),
    ("titanic/titanic_seaborn.csv", "survived", True, 891, 15, "binary", ["0", "1"], set()),
    ("california-housing/housing.csv", "median_house_value", True, 20640, 10, "regression", None, set()),
    ("diamonds/diamonds.csv", "price", True, 53940, 10, "regression", None, set()),
]


@pytest.mark.parametrize(("name", "target", "header", "rows", "columns", "task", "classes", "dropped"), SETS)
def test_tables(
    name: str,
    target: str,
    header: bool,
    rows: int,
    columns: int,
    task: str,
    classes: list[str] | None,
    dropped: set[str],
) -> None:
    table = read(name)
    assert (table.named, table.n_rows, table.n_columns) == (header, rows, columns)
    pre = Preprocessor.fit(table, target)
    assert (pre.task, pre.classes) == (task, classes)
    labelled = pre.labelled_rows(table)
    Y = pre.transform_target(table)
    train, kept = holdout_rows(labelled, None if classes is None else Y, 0.2, 0)
    assert kept.size == round(0.2 * labelled.size)
    pre = Preprocessor.fit(table, target, rows=train)
    assert {column for column, _ in pre.dropped} == dropped
    X = pre.transform(table)
    assert X.shape == (rows, pre.n_features)
    assert X.dtype == np.float32
    assert np.isfinite(X).all()
    assert np.abs(X).max() <= 10
    assert np.isfinite(pre.transform_target(table)[labelled]).all()
    again = Preprocessor.from_json(json.loads(json.dumps(pre.to_json(), allow_nan=False)))
    assert again.transform(table).tobytes() == X.tobytes()


def test_adult_as_its_readme_describes_it() -> None:
    table = read("adult/adult-train.csv")
    missing = {name: int(column.missing.sum()) for name, column in table.columns.items() if column.missing.any()}
    assert missing == {"c2": 1836, "c7": 1843, "c14": 583}
    assert sum(column.kind == "text" for column in table.columns.values()) == 9
    pre = Preprocessor.fit(table, "-1")
    test = read("adult/adult-test.csv")
    assert pre.transform(test).shape == (16281, pre.n_features)
    with pytest.raises(DataError, match="trailing full stop") as raised:
        pre.transform_target(test)
    assert raised.value.hint == "--clean-labels"
    assert pre.transform_target(test, clean_labels=True).sum() == 3846


def test_penguins_and_housing_count_what_is_missing() -> None:
    assert int(read("penguins/penguins.csv").columns["sex"].missing.sum()) == 11
    assert int(read("california-housing/housing.csv").columns["total_bedrooms"].missing.sum()) == 207


@pytest.mark.parametrize("folder", ["mnist", "fashion-mnist"])
def test_images(folder: str) -> None:
    table = read(f"{folder}/t10k-images-idx3-ubyte.gz")
    labels = str(DATA / folder / "t10k-labels-idx1-ubyte.gz")
    pre = Preprocessor.fit(table, labels)
    assert (pre.task, pre.classes) == ("multiclass", [str(k) for k in range(10)])
    assert pre.transform(table) is table.matrix
    y = pre.transform_target(table, labels)
    assert y.dtype == np.int64
    assert y.shape == (10_000,)
    scale, shift = pre.input_scale, pre.input_shift
    assert scale is not None
    assert shift is not None
    assert table.matrix is not None
    Z = table.matrix * scale + shift
    assert abs(Z.mean(dtype=np.float64)) < 1e-4
    assert Z.std(dtype=np.float64) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("part", [":train_set_x", ""])
def test_cats(part: str) -> None:
    pytest.importorskip("h5py", reason="h5py, the extra [hdf5], is not installed")
    table = read(f"catvnoncat/train_catvnoncat.h5{part}")
    pre = Preprocessor.fit(table, "train_set_y")
    assert (pre.task, pre.classes, pre.n_features) == ("binary", ["0", "1"], 12288)
    assert pre.transform_target(table).sum() == 72
    test = read("catvnoncat/test_catvnoncat.h5:test_set_x")
    assert pre.transform(test).shape == (50, 12288)
    assert pre.transform_target(test, "test_set_y").sum() == 33
    with pytest.raises(DataError, match="has no array 'train_set_y' for the target"):
        pre.transform_target(test)
