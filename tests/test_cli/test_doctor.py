"""`fastdnn doctor`: the installation in 80 columns or JSON, the cache filled and emptied."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numba
import pytest
from click.testing import CliRunner, Result

import fastdnn
from fastdnn import compilation, installation, kernel_cache
from fastdnn.cli.main import cli

JIT = not numba.config.DISABLE_JIT


def call(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_what_is_found_is_shown_within_80_columns() -> None:
    result = call("doctor")
    assert result.exit_code == 0, result.stderr
    found = installation.describe()
    text = " ".join(result.stdout.split())
    for fact in (
        fastdnn.__version__,
        f"numba {numba.__version__}",
        found["cpu"]["name"],
        f"{found['kernels']['vector_bits']}-bit vectors",
        f"{found['cores']['usable']} of {found['cores']['machine']} usable",
        f"key {found['cache']['key']}",
        "hdf5: reading HDF5 files",
    ):
        assert fact in text
    assert max(len(line) for line in result.stdout.splitlines()) <= 80


def test_json_has_the_same_facts() -> None:
    result = call("doctor", "--json")
    assert json.loads(result.stdout) == installation.describe()
    assert result.stderr == ""


def test_warnings_stand_on_standard_error_with_their_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "cache_problem", lambda: "'/x' is not writable")
    result = call("doctor")
    assert "Warning: Compiled kernels cannot be kept, so every run compiles: '/x' is not writable." in result.stderr
    assert "  Try: export FASTDNN_CACHE_DIR=FOLDER" in result.stderr
    assert call("doctor", "--quiet").stderr == ""
    remedies = [warned["remedy"] for warned in json.loads(call("doctor", "--json").stdout)["warnings"]]
    assert any(remedy.startswith("export FASTDNN_CACHE_DIR") for remedy in remedies)


def test_what_is_not_compiled_and_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "kernels_are_kept", lambda dtype: dtype == "float64")
    monkeypatch.setattr(installation, "_version", lambda package: None)
    monkeypatch.setattr(
        installation, "cache_state", lambda: kernel_cache.CacheState(Path("/c"), "0" * 16, 7, 2_000_000, 2, 3_000_000)
    )
    text = " ".join(call("doctor").stdout.split())
    if JIT:
        assert "compiled and kept: float64; not yet compiled: float32" in text
    assert "h5py is not installed (pip install 'fastdnn[hdf5]')" in text
    assert "7 kernels, 2.0 MB; 3.0 MB of other versions or CPUs (fastdnn doctor --clear-cache)" in text


def test_clearing_says_what_was_removed_and_what_was_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / ("0" * 16) / "kernels"
    folder.mkdir(parents=True)
    (folder / "a.1.nbc").write_bytes(b"1" * 1500)
    (folder / "mine.txt").write_text("mine")
    monkeypatch.setenv("FASTDNN_CACHE_DIR", str(tmp_path))
    result = call("doctor", "--clear-cache")
    assert result.exit_code == 0
    assert f"Removed 1 file (2 kB) from {tmp_path}." in result.stdout
    assert f"Left, since it is not fastdnn's: {folder / 'mine.txt'}" in result.stdout
    assert (folder / "mine.txt").exists()
    assert call("doctor", "--clear-cache").stdout.startswith(f"Nothing to remove in {tmp_path}.")
    cleared = json.loads(call("doctor", "--clear-cache", "--json").stdout)["cleared"]
    assert cleared == {"files": 0, "bytes": 0, "left": [str(folder / "mine.txt")]}


def test_warming_up_says_what_it_does_and_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    warmed: list[str] = []
    monkeypatch.setattr(compilation, "kernels_are_kept", lambda dtype: dtype == "float64")
    monkeypatch.setattr(compilation, "warm_up", warmed.append)
    result = call("doctor", "--warm-up")
    assert warmed == ["float32"]
    assert "Compiling the kernels for float32" in result.stderr
    assert "Kernels for float32: compiled and kept in 0.0" in result.stdout
    assert "Kernels for float64: kept already." in result.stdout
    seconds = json.loads(call("doctor", "--warm-up", "--json").stdout)["warm_up_seconds"]
    assert seconds.keys() == {"float32", "float64"}
    assert seconds["float64"] == 0


@pytest.mark.skipif(JIT, reason="compiles")
def test_warming_up_without_the_jit_is_refused() -> None:
    result = call("doctor", "--warm-up")
    assert result.exit_code == 1
    assert "NUMBA_DISABLE_JIT" in result.stderr


@pytest.mark.slow
@pytest.mark.skipif(not JIT, reason="keeps machine code")
def test_a_warm_cache_serves_fit_and_an_emptied_one_is_filled_again(tmp_path: Path) -> None:
    """The whole life of a cache, as in a container image."""
    environment = os.environ | {"FASTDNN_CACHE_DIR": str(tmp_path / "c"), "PYTHONPATH": os.pathsep.join(sys.path)}

    def run(*arguments: str) -> dict[str, object]:
        command = [sys.executable, "-m", "fastdnn.cli", "doctor", "--json", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=600)
        found: dict[str, object] = json.loads(done.stdout)
        return found

    before = run()
    assert before["kernels"]["kept"] == {"float32": False, "float64": False}  # type: ignore[index]
    warmed = run("--warm-up")
    assert all(seconds > 0 for seconds in warmed["warm_up_seconds"].values())  # type: ignore[attr-defined]
    assert warmed["kernels"]["kept"] == {"float32": True, "float64": True}  # type: ignore[index]
    assert set(run("--warm-up")["warm_up_seconds"].values()) == {0.0}  # type: ignore[attr-defined]
    emptied = run("--clear-cache")
    assert emptied["cleared"]["files"] > 0  # type: ignore[index]
    assert emptied["kernels"]["kept"] == {"float32": False, "float64": False}  # type: ignore[index]
