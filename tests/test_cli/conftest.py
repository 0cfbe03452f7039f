"""What the tests of the commands share: a folder to work in, a way to call, and a model that is fitted once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fastdnn.cli.main import cli

PENGUINS = Path(__file__).parents[2] / "examples" / "penguins.csv"
Call = Callable[..., Result]


def call(*args: object, stdin: bytes | str | None = None) -> Result:
    """Run `fastdnn ARGS` in this process, standard output and error apart."""
    return CliRunner().invoke(cli, [str(arg) for arg in args], input=stdin)


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with penguins.csv and penguins.fdnn (species), mass.fdnn (body_mass_g); not to be changed."""
    folder = tmp_path_factory.mktemp("fitted")
    shutil.copy(PENGUINS, folder)
    for name, target in (("penguins", "species"), ("mass", "body_mass_g")):
        made = call("fit", folder / "penguins.csv", "-t", target, "-o", folder / f"{name}.fdnn", "--epochs", 20, "-q")
        assert made.exit_code == 0, made.stderr
    return folder


@pytest.fixture
def folder(fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of `fitted`, as the current folder."""
    for file in fitted.iterdir():
        shutil.copy(file, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Call:
    """`call`, in `folder`."""
    return call
