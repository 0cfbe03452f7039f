"""Preparation: three parts that do not overlap, and the preprocessing learned from the right ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fastdnn import defaults
from fastdnn.errors import DataError
from fastdnn.preparation import Prepared, prepare
from fastdnn.settings import FitOptions
from fastdnn.tables import Table, read_table, table_from_array


def prepared(folder: Path, text: str, target: str = "y", **settings: object) -> Prepared:
    (folder / "t.csv").write_text(text)
    return prepare(read_table(folder / "t.csv"), target, FitOptions(**settings))  # type: ignore[arg-type]


def rows_of_classes(counts: dict[str, int]) -> str:
    labels = [label for label, n in counts.items() for _ in range(n)]
    return "x,y\n" + "".join(f"{k},{label}\n" for k, label in enumerate(labels))


def test_each_class_has_its_share_in_every_part(tmp_path: Path) -> None:
    parts = prepared(tmp_path, rows_of_classes({"a": 700, "b": 200, "c": 100}))
    assert parts.stop is not None
    sizes = {"train": (640, parts.train), "stop": (160, parts.stop), "score": (200, parts.score)}
    for size, examples in sizes.values():
        assert len(examples) == size
        assert examples.Y is not None
        np.testing.assert_allclose(np.bincount(examples.Y[examples.indices]) / size, [0.7, 0.2, 0.1], atol=0.01)
    together = np.concatenate([examples.indices for _, examples in sizes.values()])
    assert sorted(together) == list(range(1000))


def test_a_class_of_one_row_is_trained_on(tmp_path: Path) -> None:
    parts = prepared(tmp_path, rows_of_classes({"a": 60, "b": 60, "rare": 1}))
    assert parts.train.Y is not None
    assert 2 in parts.train.Y[parts.train.indices]


def test_the_largest_part_kept_aside_is_capped() -> None:
    X = np.zeros((60_000, 2), np.float32)
    X[:, 0] = np.arange(60_000) % 7
    table = table_from_array(X, arrays={"y": np.arange(60_000) % 3})
    split = prepare(table, "y", FitOptions()).facts["split"]
    assert split["score"] == defaults.HOLDOUT_ROWS
    assert split["stop"] == defaults.STOP_ROWS
    assert split["train"] == 45_000


def test_pixels_are_shared_by_all_parts_and_not_copied() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (300, 12), dtype=np.uint8)
    table = table_from_array(pixels, arrays={"y": np.arange(300) % 2})
    parts = prepare(table, "y", FitOptions())
    for examples in (parts.train, parts.stop, parts.score):
        assert examples is not None
        assert np.shares_memory(examples.X, pixels)
        assert examples.scale is not None


def test_rows_without_a_target_are_counted_and_in_no_part(tmp_path: Path) -> None:
    text = "x,y\n" + "".join(f"{k},{k * 1.5 if k % 4 else ''}\n" for k in range(400))
    parts = prepared(tmp_path, text)
    assert parts.facts["data"]["unlabelled"] == 100
    used = np.concatenate([e.indices for e in (parts.train, parts.stop, parts.score) if e is not None])
    assert len(used) == 300
    assert np.all(used % 4 != 0)


@pytest.mark.parametrize(
    ("counts", "cost"), [({"a": 50, "b": 50}, np.log(2)), ({"a": 30, "b": 30, "c": 30}, np.log(3))]
)
def test_the_constant_cost_of_classes_is_their_entropy(tmp_path: Path, counts: dict[str, int], cost: float) -> None:
    assert prepared(tmp_path, rows_of_classes(counts)).constant_cost == pytest.approx(cost, rel=0.01)


def test_the_facts_name_what_is_missing_and_what_is_dropped(tmp_path: Path) -> None:
    text = "id,x,same,y\n" + "".join(f"name{k},{k % 5 if k % 3 else ''},1,{'ab'[k % 2]}\n" for k in range(90))
    data = prepared(tmp_path, text).facts["data"]
    assert data["missing"] == {"x": 30}
    assert [item["name"] for item in data["dropped"]] == ["id", "same"]
    assert data["kinds"]["number"] == ["x"]
    assert data["features"] == 2


def image_table(source: str = "array") -> Table:
    return table_from_array(np.random.default_rng(1).integers(0, 256, (80, 4), dtype=np.uint8), source)


def test_a_score_file_of_images_needs_to_be_told_its_target(tmp_path: Path) -> None:
    np.save(tmp_path / "test.npy", image_table().matrix)
    np.save(tmp_path / "labels.npy", np.arange(80) % 2)
    valid, labels = str(tmp_path / "test.npy"), str(tmp_path / "labels.npy")
    with pytest.raises(DataError, match="target") as caught:
        prepare(image_table(), labels, FitOptions(valid=valid))
    assert "--valid-target" in str(caught.value.hint)
    parts = prepare(image_table(), labels, FitOptions(valid=valid, valid_target=labels))
    assert len(parts.score) == 80


def test_a_score_file_without_any_target_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bare.csv").write_text("x,y\n1,\n2,\n")
    with pytest.raises(DataError, match="cannot give a score"):
        prepared(tmp_path, rows_of_classes({"a": 50, "b": 50}), valid=str(tmp_path / "bare.csv"))


def test_a_table_of_names_alone_is_refused_as_such(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"t\.csv' has column names but no rows"):
        prepared(tmp_path, "a,y\n")
