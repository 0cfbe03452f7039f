"""The `fastdnn` command: loads what is asked for, and is the one place where errors become a sentence and a status.

Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from fastdnn.cli._kept_out import KeptOut
from fastdnn.cli._options import debug_option, version_option
from fastdnn.errors import FastDNNError, ParameterError, unknown_name

FAILED, WRONG_USAGE, INTERRUPTED = 1, 2, 130

# Name, module and help line stand here so that `fastdnn --help` need not load a command; a test compares the lines
# with the docstrings.
COMMANDS = {
    "fit": ("fastdnn.cli.fit", "Train a network on a table or on images, and save it."),
    "resume": ("fastdnn.cli.resume", "Go on with a fit that was cut short, as if nothing had happened."),
    "predict": ("fastdnn.cli.predict", "Answer for every row of DATA, in the same order."),
    "evaluate": ("fastdnn.cli.evaluate", "Score a model on labelled rows."),
    "inspect": ("fastdnn.cli.inspect", "Show everything that a model file holds."),
    "gradcheck": ("fastdnn.cli.gradcheck", "Check the gradients of a network against differences of its cost."),
    "doctor": ("fastdnn.cli.doctor", "Show the installation, and what stands in the way of speed."),
    "bench": ("fastdnn.cli.bench", "Measure how fast a network trains on this machine."),
}


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command runs, and ends every error in one sentence."""

    debug = False

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            raise click.UsageError(unknown_name("command", args[0], COMMANDS), ctx)
        return super().resolve_command(ctx, args)

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> Any:  # type: ignore[override]
        """Run, print what went wrong if something did, and exit."""
        self.debug = False  # of an earlier call in this process
        extra["standalone_mode"] = False
        sys.exit(self._guarded(lambda: super(LazyGroup, self).main(args, prog_name or "fastdnn", **extra)))

    def _guarded(self, run: Any) -> int:
        try:
            return int(run() or 0)
        except Exception as error:
            if isinstance(error, BrokenPipeError):
                return _reader_went_away()
            if self.debug and not isinstance(error, click.exceptions.Exit):
                traceback.print_exc()
            return _explain(error)
        except KeyboardInterrupt:
            _complain("Interrupted; nothing was written.", None)
            return INTERRUPTED


def _explain(error: Exception) -> int:
    """Print the sentence of an error and the next thing to type to stderr; return the exit status."""
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.Abort):
        _complain("Interrupted; nothing was written.", None)
        return INTERRUPTED
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return WRONG_USAGE
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx else "fastdnn"
        _complain(error.format_message(), f"{command} --help")
        return WRONG_USAGE
    if isinstance(error, click.ClickException):
        _complain(error.format_message(), None)
        return error.exit_code
    if isinstance(error, FastDNNError):
        _complain(str(error), error.hint)
        return WRONG_USAGE if isinstance(error, ParameterError) else FAILED
    if isinstance(error, MemoryError):
        _complain(
            f"There is not enough memory for this ({error}).", "a smaller --layers or --batch-size, or fewer rows."
        )
        return FAILED
    if isinstance(error, OSError):
        where = f"'{error.filename}': " if error.filename else ""
        _complain(f"{where}{error.strerror or error}.", None)
        return FAILED
    _complain(
        f"fastdnn itself failed ({type(error).__name__}: {error}).",
        "the same command with --debug, and report what it shows.",
    )
    return FAILED


def _complain(sentence: str, hint: str | None) -> None:
    click.echo(f"Error: {sentence}", err=True)
    if hint:
        click.echo(f"  Try: {hint}", err=True)


def _reader_went_away() -> int:
    """`fastdnn predict ... | head`: end quietly. stdout then leads nowhere, so that the last flush does not complain."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return FAILED


@click.group(
    "fastdnn", cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80}
)
@version_option
@debug_option
def cli() -> None:
    """Fully connected networks on tables and images, fast, on the CPU.

    \b
      fastdnn fit penguins.csv -t species      train, score, save penguins.fdnn
      fastdnn predict penguins.fdnn new.csv    one answer a row
      fastdnn evaluate penguins.fdnn more.csv  scores on labelled rows
      fastdnn inspect penguins.fdnn            what the file holds
    """


def main() -> NoReturn:
    """Entry point of the console script."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without UTF-8 shows '?' instead of failing
    sys.meta_path.insert(0, KeptOut())
    status = FAILED
    try:
        cli.main()
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 0
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    # Everything is written and closed; taking LLVM apart piece by piece would cost another quarter of a second.
    os._exit(status)
