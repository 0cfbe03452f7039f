"""The command as a whole: quick help, exit statuses, and one sentence for each kind of error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from fastdnn.cli import main
from fastdnn.errors import DataError, ParameterError

HEAVY = ("numba", "numpy", "pyarrow", "rich", "safetensors", "h5py", "sklearn", "scipy")


def run(*args: str) -> Result:
    return CliRunner().invoke(main.cli, args)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """Replace the commands by one, `fastdnn fail`, that raises what the test puts into the list."""
    raised: list[BaseException] = []

    @click.command("fail")
    def fail() -> None:
        """Fail."""
        raise raised[0]

    monkeypatch.setattr(main.LazyGroup, "get_command", lambda self, ctx, name: fail)
    monkeypatch.setitem(main.COMMANDS, "fail", ("", "Fail."))
    return raised


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_and_version_load_nothing_heavy(argument: str) -> None:
    code = (
        "import sys\n"
        "from fastdnn.cli.main import cli\n"
        "try:\n"
        f"    cli.main(['{argument}'])\n"
        "finally:\n"
        f"    loaded = [name for name in {HEAVY} if name in sys.modules]\n"
        "    print('LOADED', loaded)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ)
    assert ended.returncode == 0, ended.stderr
    assert "LOADED []" in ended.stdout


@pytest.mark.parametrize("command", [[], *[[name] for name in main.COMMANDS]])
def test_help_fits_in_80_columns(command: list[str]) -> None:
    shown = run(*command, "--help")
    assert shown.exit_code == 0
    assert max(len(line) for line in shown.stdout.splitlines()) <= 80


@pytest.mark.parametrize("name", main.COMMANDS)
def test_help_of_a_command_starts_with_its_line_in_the_list_and_shows_examples(name: str) -> None:
    text = run(name, "--help").stdout
    assert main.COMMANDS[name][1] in " ".join(text.split())
    assert "Examples:" in text
    assert f"fastdnn {name} " in text


def test_unknown_command_names_the_nearest_and_all() -> None:
    result = run("evalute", "x")
    assert result.exit_code == 2
    assert f"Unknown command 'evalute'. Did you mean 'evaluate'? Allowed: {', '.join(main.COMMANDS)}." in result.stderr
    assert result.stdout == ""


def test_unknown_option_is_wrong_usage() -> None:
    result = run("fit", "x.csv", "-t", "y", "--epoch", "3")
    assert result.exit_code == 2
    assert "--epochs" in result.stderr
    assert "Try: fastdnn fit --help" in result.stderr


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (DataError("The table is odd.", "another one"), 1, "Error: The table is odd.\n  Try: another one\n"),
        (ParameterError("The rate is odd."), 2, "Error: The rate is odd.\n"),
        (FileNotFoundError(2, "No such file or directory", "x.csv"), 1, "Error: 'x.csv': No such file or directory.\n"),
        (KeyboardInterrupt(), 130, "Error: Interrupted; nothing was written.\n"),
    ],
)
def test_errors_are_one_sentence_and_a_status(
    failing: list[BaseException], error: BaseException, status: int, sentence: str
) -> None:
    failing.append(error)
    result = run("fail")
    assert result.exit_code == status
    assert result.stderr.lstrip("\n") == sentence  # click ends the line that shows ^C
    assert result.stdout == ""


def test_a_bug_is_called_one_and_shows_its_traceback_only_with_debug(failing: list[BaseException]) -> None:
    failing.append(RuntimeError("deep inside"))
    plain, debug = run("fail"), run("--debug", "fail")
    assert plain.exit_code == debug.exit_code == 1
    assert "fastdnn itself failed (RuntimeError: deep inside)" in plain.stderr
    assert "Traceback" not in plain.stderr
    assert "Traceback" in debug.stderr


def test_memory_that_runs_out_is_said(failing: list[BaseException]) -> None:
    failing.append(MemoryError("Unable to allocate 9 TiB"))
    assert "not enough memory" in run("fail").stderr


def test_the_console_script_ends_with_the_status_and_flushes_what_it_printed() -> None:
    for arguments, status, printed in ((["--version"], 0, "fastdnn "), (["fit"], 2, "")):
        code = f"import sys; sys.argv = ['fastdnn', *{arguments}]; from fastdnn.cli.main import main; main()"
        ended = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ
        )
        assert ended.returncode == status
        assert ended.stdout.startswith(printed)


@pytest.mark.parametrize("library", ["pandas", "scipy"])
def test_what_the_console_script_does_without(library: str, tmp_path: Path) -> None:
    """Where they are installed, pyarrow loads the first and Numba the second."""
    place = tmp_path / library
    place.mkdir()
    if library == "scipy":
        (place / "__init__.py").write_text("__version__ = '1.99.0'")
        (place / "linalg.py").write_text("print('LOADED')")
    else:
        (place / "__init__.py").write_text("print('LOADED')")
    (tmp_path / "t.csv").write_text("x,y\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(30)))
    code = "import sys; sys.argv = ['fastdnn', *sys.argv[1:]]; from fastdnn.cli.main import main; main()"
    command = [sys.executable, "-c", code, "fit", "t.csv", "-t", "y", "--epochs", "2", "-q"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (0, "")
