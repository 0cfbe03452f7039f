"""Every example in a docstring of the library or the command line gives what stands below it."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import numba
import numpy as np
import pytest

from fastdnn import custom_activations, custom_losses

ROOT = Path(__file__).resolve().parent.parent
NEED_SKLEARN = ("fastdnn.estimators.", "fastdnn.sklearn_conversion")


def with_examples():
    """Names of the modules that hold an example."""
    for package, folder in (("fastdnn", ROOT / "fastdnn"), ("fastdnn.cli", ROOT / "cli")):
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            # Two folders are there a second time, as links.
            if parts[0] not in ("cli", "kernels") and ">>>" in path.read_text(encoding="utf-8"):
                yield ".".join((package, *parts)).removesuffix(".__init__")


MODULES = list(with_examples())


def test_examples_were_found():
    assert {"fastdnn.network", "fastdnn.course.shallow", "fastdnn.course.improving.optimization"} <= set(MODULES)


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="thousands of steps, too many in plain Python")
@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name, monkeypatch):
    if name.startswith(NEED_SKLEARN):
        pytest.importorskip("sklearn")
    for module in (custom_activations, custom_losses):
        monkeypatch.setattr(module.REGISTERED, "_pairs", {})
        monkeypatch.setattr(module.REGISTERED, "_codes", {})
    result = doctest.testmod(importlib.import_module(name), extraglobs={"np": np})
    assert result.failed == 0
    assert result.attempted > 0


@pytest.mark.parametrize("package", ["fastdnn.course", "fastdnn.course.improving"])
def test_every_module_of_the_course_has_an_example(package):
    folder = ROOT.joinpath(*package.split("."))
    public = {f"{package}.{path.stem}" for path in folder.glob("*.py") if not path.stem.startswith("_")}
    assert public <= set(MODULES)
