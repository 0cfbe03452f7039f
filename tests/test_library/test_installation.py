"""fastdnn/installation.py: what is found is said, and each problem has its remedy."""

from __future__ import annotations

import copy
import json
import tomllib
from pathlib import Path

import numba
import pytest

from fastdnn import installation
from fastdnn.kernels.vector import vector_bytes
from fastdnn.workers import available_cores

GOOD = {
    "kernels": {"jit": True, "compiled_for": "znver3", "vector_bits": 256},
    "cpu": {"instruction_sets": ["sse2", "avx"]},
    "cores": {"usable": 2, "machine": 2},
    "cache": {"problem": None},
}


def facts(**changes):
    changed = copy.deepcopy(GOOD)
    for path, value in changes.items():
        part, _, name = path.partition("__")
        changed[part][name] = value
    return changed


@pytest.fixture(autouse=True)
def plain_settings(monkeypatch):
    monkeypatch.setattr(numba.config, "BOUNDSCHECK", None)
    monkeypatch.setattr(installation.platform, "machine", lambda: "x86_64")


def test_all_is_described_in_plain_types():
    found = installation.describe()
    assert json.loads(json.dumps(found)) == found
    assert found["kernels"]["vector_bits"] == 8 * vector_bytes()
    assert found["cores"]["usable"] == available_cores()
    assert found["versions"]["numba"] == numba.__version__
    assert set(found["kernels"]["kept"]) == {"float32", "float64"}
    assert found["cpu"]["name"]


def test_a_good_machine_has_no_warning():
    assert installation.warnings_of(facts()) == []


@pytest.mark.parametrize(
    ("changes", "problem", "remedy"),
    [
        ({"kernels__jit": False}, "NUMBA_DISABLE_JIT", "unset NUMBA_DISABLE_JIT"),
        ({"cache__problem": "'/x' is not writable"}, "'/x' is not writable", "FASTDNN_CACHE_DIR"),
        ({"cores__usable": 1}, "one core only (of the machine's 2)", "taskset"),
        ({"cores__usable": 1, "cores__machine": 1}, "one core only (the machine has one)", "container"),
        ({"kernels__vector_bits": 128}, "though this CPU has AVX", "unset NUMBA_CPU_NAME"),
        ({"kernels__vector_bits": 128, "cpu__instruction_sets": ["sse2"]}, "no AVX", "virtual machine"),
    ],
)
def test_each_problem_has_its_remedy(changes, problem, remedy):
    (warned,) = installation.warnings_of(facts(**changes))
    assert problem in warned.problem
    assert remedy in warned.remedy


def test_settings_that_slow_numba_down_are_named(monkeypatch):
    monkeypatch.setattr(numba.config, "BOUNDSCHECK", 1)
    monkeypatch.setattr(numba.config, "OPT", 0)
    assert [w.remedy for w in installation.warnings_of(facts())] == ["unset NUMBA_BOUNDSCHECK", "unset NUMBA_OPT"]


def test_narrow_vectors_are_no_fault_elsewhere(monkeypatch):
    monkeypatch.setattr(installation.platform, "machine", lambda: "aarch64")
    assert installation.warnings_of(facts(kernels__vector_bits=128)) == []


def test_instruction_sets_that_are_there_are_named():
    assert installation._present("+sse2,-avx,+avx2,+sse4a,-fma") == ["sse2", "avx2"]


def test_the_extras_are_those_of_the_package():
    file = Path(__file__).parents[2] / "pyproject.toml"
    declared = tomllib.loads(file.read_text())["project"]["optional-dependencies"]
    for users in (declared.pop("test"), declared.pop("perf")):
        assert users
    packages = {
        extra: tuple(p.split(">")[0].split("=")[0].split("[")[0] for p in found) for extra, found in declared.items()
    }
    assert {extra: found for extra, (found, _) in installation.EXTRAS.items()} == packages


def test_a_package_that_is_missing_has_no_version():
    assert installation._version("no_such_package_anywhere") is None
    assert installation._version("numpy")
