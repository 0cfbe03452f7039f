"""The model file: exact, whole or not at all, and never taken for what it is not."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from fastdnn import persistence
from fastdnn.errors import ModelFileError
from fastdnn.history import History
from fastdnn.model import Model
from fastdnn.network import Network
from fastdnn.preprocessing import Preprocessor
from fastdnn.tables import Table, read_table

ROWS = "size,colour,kind\n" + "\n".join(
    f"{k * 0.1 + 0.3},{'red' if k % 3 else 'blue'},{'ab'[k % 2]}" for k in range(30)
)


@pytest.fixture
def table(tmp_path: Path) -> Table:
    (tmp_path / "rows.csv").write_text(ROWS)
    return read_table(tmp_path / "rows.csv")


def make_model(table: Table, dtype: str = "float32") -> Model:
    pre = Preprocessor.fit(table, "kind", dtype=dtype)
    network = Network([pre.n_features, 5, 3, 1], "tanh", dtype=dtype, seed=3)
    for b in network.biases:
        b[:] = np.random.default_rng(4).normal(size=b.shape)
    history = History(
        32, "adam", 0.001, 0.1, 0, 1, epochs=[{"epoch": 1, "loss": 0.1 + 0.2, "valid_loss": None}], best_epoch=1
    )
    return Model(network, pre, history, {"score": {"accuracy": 1 / 3}}, {"fastdnn": "0", "note": "grün"})


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_loaded_model_predicts_the_same_bits_and_knows_the_same_facts(
    table: Table, tmp_path: Path, dtype: str
) -> None:
    model = make_model(table, dtype)
    model.save(tmp_path / "m.fdnn")
    loaded = Model.load(tmp_path / "m.fdnn")
    np.testing.assert_array_equal(loaded.outputs(table), model.outputs(table))
    np.testing.assert_array_equal(loaded.network.parameters, model.network.parameters)
    assert loaded.outputs(table).dtype == dtype
    assert loaded.to_document() == model.to_document()
    assert loaded.history.epochs[0]["loss"] == 0.1 + 0.2
    assert loaded.provenance["note"] == "grün"


class Transposed:
    """A model whose parameters are views that are not contiguous, as padded or transposed arrays are."""

    def __init__(self) -> None:
        whole = np.arange(60, dtype=np.float32).reshape(6, 10)
        self.W = {"W1": whole.T, "b1": whole[:, 3:4], "W2": whole[::2, ::-1]}

    def tensors(self) -> dict[str, np.ndarray]:
        return self.W

    def to_document(self) -> dict[str, Any]:
        return {}


def test_arrays_that_are_not_contiguous_are_written_as_they_look(tmp_path: Path) -> None:
    model = Transposed()
    persistence.save_model(tmp_path / "m.fdnn", model)  # type: ignore[arg-type]
    written = load_file(tmp_path / "m.fdnn")
    assert not any(array.flags.c_contiguous for array in model.W.values())
    for name, array in model.W.items():
        np.testing.assert_array_equal(written[name], array)


def test_the_file_is_plain_safetensors_with_a_versioned_document(table: Table, tmp_path: Path) -> None:
    make_model(table).save(tmp_path / "m.fdnn")
    document = persistence.read_document(tmp_path / "m.fdnn")
    assert document["format_version"] == persistence.FORMAT_VERSION
    assert set(document) == {"format_version", "network", "preprocessing", "history", "metrics", "provenance"}
    assert {name: a.shape for name, a in load_file(tmp_path / "m.fdnn").items()} == {
        "W1": (5, 3), "b1": (5, 1), "W2": (3, 5), "b2": (3, 1), "W3": (1, 3), "b3": (1, 1),
    }  # fmt: skip


def test_numbers_that_json_does_not_have_become_null(table: Table, tmp_path: Path) -> None:
    model = make_model(table)
    model.metrics = {"a": float("nan"), "b": [float("inf"), 1.0]}
    model.save(tmp_path / "m.fdnn")
    assert Model.load(tmp_path / "m.fdnn").metrics == {"a": None, "b": [None, 1.0]}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "is not a fastdnn model"),
        (b"a,b\n1,2\n", "is not a fastdnn model"),
        (b"\x02\x00\x00\x00\x00\x00\x00\x00{}", "not a fastdnn model"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "x.fdnn").write_bytes(content)
    assert not persistence.is_model_file(tmp_path / "x.fdnn")
    for read in (persistence.load_model, persistence.read_document):
        with pytest.raises(ModelFileError, match=sentence):
            read(tmp_path / "x.fdnn")


def test_a_folder_and_a_missing_file_are_refused_and_models_nearby_are_named(table: Table, tmp_path: Path) -> None:
    make_model(table).save(tmp_path / "here.fdnn")
    with pytest.raises(ModelFileError, match="is a folder") as folder:
        persistence.load_model(tmp_path)
    with pytest.raises(ModelFileError, match="no model file") as missing:
        persistence.load_model(tmp_path / "there.fdnn")
    assert all("here.fdnn" in str(error.value.hint) for error in (folder, missing))


def test_safetensors_of_others_are_refused(tmp_path: Path) -> None:
    save_file({"W1": np.zeros((2, 2), np.float32)}, tmp_path / "x.fdnn", metadata={"format": "pt"})
    with pytest.raises(ModelFileError, match="not a fastdnn model"):
        persistence.load_model(tmp_path / "x.fdnn")


@pytest.mark.parametrize("share", [0.05, 0.5, 0.999])
def test_a_truncated_file_is_refused(table: Table, tmp_path: Path, share: float) -> None:
    make_model(table).save(tmp_path / "m.fdnn")
    whole = (tmp_path / "m.fdnn").read_bytes()
    (tmp_path / "m.fdnn").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ModelFileError):
        persistence.load_model(tmp_path / "m.fdnn")


@pytest.mark.parametrize("place", [-1, -40, 900])
def test_a_flipped_bit_is_noticed_in_parameters_and_description(table: Table, tmp_path: Path, place: int) -> None:
    make_model(table).save(tmp_path / "m.fdnn")
    damaged = bytearray((tmp_path / "m.fdnn").read_bytes())
    damaged[place] ^= 1
    (tmp_path / "m.fdnn").write_bytes(damaged)
    with pytest.raises(ModelFileError, match="damaged"):
        persistence.load_model(tmp_path / "m.fdnn")


def rewrite(path: Path, change: dict[str, Any], tensors: dict[str, np.ndarray] | None = None) -> None:
    """Replace parts of the document, with a right checksum: a file that somebody's program wrote."""
    document = persistence.read_document(path) | change
    text = json.dumps(document)
    arrays = load_file(path) if tensors is None else tensors
    metadata = {"fastdnn": text, "sha256": persistence._checksum(text, arrays)}
    save_file(arrays, path, metadata=metadata)


def test_a_newer_format_is_refused_by_its_version_but_may_be_overwritten(table: Table, tmp_path: Path) -> None:
    path = tmp_path / "m.fdnn"
    make_model(table).save(path)
    rewrite(path, {"format_version": persistence.FORMAT_VERSION + 1})
    with pytest.raises(ModelFileError, match=r"format version 2; this fastdnn reads versions up to 1") as caught:
        persistence.load_model(path)
    assert "upgrade" in str(caught.value.hint)
    assert persistence.is_model_file(path)


@pytest.mark.parametrize("part", ["network", "preprocessing", "history", "metrics"])
def test_a_document_without_its_parts_is_damaged(table: Table, tmp_path: Path, part: str) -> None:
    path = tmp_path / "m.fdnn"
    make_model(table).save(path)
    rewrite(path, {part: {}} if part != "metrics" else {part: 7})
    with pytest.raises(ModelFileError, match="damaged"):
        persistence.load_model(path)


def test_parameters_that_do_not_fit_the_description_are_damaged(table: Table, tmp_path: Path) -> None:
    path = tmp_path / "m.fdnn"
    make_model(table).save(path)
    tensors = load_file(path)
    rewrite(path, {}, {name: array for name, array in tensors.items() if name != "b2"})
    with pytest.raises(ModelFileError, match="parameter b2 is missing"):
        persistence.load_model(path)
    rewrite(path, {}, tensors | {"W2": tensors["W2"].T.copy()})
    with pytest.raises(ModelFileError, match="W2 is"):
        persistence.load_model(path)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.fdnn"
    path.write_bytes(b"old")

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ModelFileError, match="No space left on device"):
        make_model(table).save(path)
    assert path.read_bytes() == b"old"
    assert sorted(tmp_path.iterdir()) == before


def test_a_new_file_has_the_usual_permissions_and_an_old_one_keeps_its_own(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"")
    os.chmod(tmp_path / "old", 0o600)
    (tmp_path / "usual").write_bytes(b"")
    for name in ("old", "new"):
        persistence.write_atomically(tmp_path / name, b"x")
    modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("old", "new", "usual")}
    assert modes["old"] == 0o600
    assert modes["new"] == modes["usual"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"1")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    persistence.write_atomically(tmp_path / "link", b"2")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"2"


def test_places_that_cannot_be_written_are_known_before(tmp_path: Path) -> None:
    persistence.check_writable(tmp_path / "m.fdnn")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ModelFileError, match="does not exist"):
        persistence.check_writable(tmp_path / "none" / "m.fdnn")
    with pytest.raises(ModelFileError, match="is a folder"):
        persistence.check_writable(tmp_path)
    with pytest.raises(ModelFileError, match="not a plain file"):
        persistence.check_writable(os.devnull)
