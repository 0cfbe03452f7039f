"""Options that several commands share, and the words that are not plain numbers: `256x3`, `0.2` or a file."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import click

MAX_WIDTH = 65_536
MAX_LAYERS = 100
# A name may have commas and equals signs of its own: the last before the weight counts. Or what is neither, up to the next comma.
_CLASS_AND_WEIGHT = re.compile(r"(.*?=[^=,]*|.+?)(?:,|$)")


class LayersType(click.ParamType):  # type: ignore[type-arg]
    """`256x3`, `128,64`, `64x2,32` or `none`: the widths of the hidden layers as a tuple."""

    name = "layers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        text = value.strip().lower()
        if text == "none":
            return ()
        widths: list[int] = []
        for part in text.split(","):
            width, _, times = part.strip().partition("x")
            if not (width.isdecimal() and (times.isdecimal() or "x" not in part)):
                self.fail(
                    f"'{value}' is not a list of layers. Allowed: 256x3 (three of 256), 128,64 or none.", param, ctx
                )
            if int(times or 1) > MAX_LAYERS:
                self.fail(f"'{value}' has more than {MAX_LAYERS} hidden layers.", param, ctx)
            widths += [int(width)] * int(times or 1)
        if not widths or len(widths) > MAX_LAYERS or not all(1 <= width <= MAX_WIDTH for width in widths):
            self.fail(
                f"'{value}' is out of range. Allowed: 1 to {MAX_LAYERS} layers of 1 to {MAX_WIDTH} units, or none.",
                param,
                ctx,
            )
        return tuple(widths)


class ActivationType(click.ParamType):  # type: ignore[type-arg]
    """`relu`, or `relu,tanh` as a tuple: one for every hidden layer, or one for each."""

    name = "activation"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        names = tuple(part.strip() for part in value.split(","))
        return names if len(names) > 1 else names[0]


class NumbersType(click.ParamType):  # type: ignore[type-arg]
    """`0.1,0.5,0.9`: numbers as a tuple."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(float(part) for part in value.split(","))
        except ValueError:
            self.fail(f"'{value}' is not a list of numbers, as 0.1,0.5,0.9.", param, ctx)


class ClassWeightType(click.ParamType):  # type: ignore[type-arg]
    """`balanced`, or `yes=3,no=1` as a dict from the name of a class to its weight."""

    name = "class weight"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | dict[str, float]:
        if isinstance(value, dict) or "=" not in value:
            return value
        weights: dict[str, float] = {}
        for part in _CLASS_AND_WEIGHT.findall(value):
            name, _, weight = part.rpartition("=")
            try:
                weights[name.strip()] = float(weight)
            except ValueError:
                self.fail(f"'{part}' is not a class and its weight, as yes=3.", param, ctx)
        return weights


class FractionOrFile(click.ParamType):  # type: ignore[type-arg]
    """A number is a fraction of the rows; anything else is the name of a file."""

    name = "fraction|file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | str:
        try:
            return float(value)
        except ValueError:
            return str(value)


def _remember_debug(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        ctx.find_root().command.debug = True  # type: ignore[attr-defined]


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from fastdnn import __version__

        click.echo(f"fastdnn {__version__}")
        ctx.exit()


def _checked_threads(ctx: click.Context, param: click.Parameter, value: int | None) -> int | None:
    from fastdnn.workers import check_threads

    return None if value is None else check_threads(value)


debug_option = click.option(
    "--debug",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_remember_debug,
    help="Show the traceback of an error.",
)
version_option = click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the version and exit.",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object to stdout, and nothing else there."
)
quiet_option = click.option("-q", "--quiet", is_flag=True, help="Print errors only (and the JSON if asked for).")
header_option = click.option(
    "--header/--no-header", default=None, help="Whether the first line names the columns.  [by looking]"
)
clean_labels_option = click.option(
    "--clean-labels", is_flag=True, help="Take blanks and a trailing full stop off the labels first."
)
_THREADS_HELP = "Worker threads; the result is the same for any number."
threads_option = click.option("-j", "--threads", type=int, metavar="N", help=f"{_THREADS_HELP}  [by a short trial]")
resume_threads_option = click.option(
    "-j",
    "--threads",
    type=int,
    metavar="N",
    callback=_checked_threads,
    help=f"{_THREADS_HELP}  [as the fit]",
)
predict_threads_option = click.option(
    "-j",
    "--threads",
    type=int,
    metavar="N",
    default=1,
    show_default=True,
    callback=_checked_threads,
    help=_THREADS_HELP,
)


def loss_options(*, quantiles: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options of the losses' parameters, as FitOptions takes them; `quantiles` is what they are by default."""
    options = [
        click.option(
            "--huber-delta",
            type=float,
            metavar="DELTA",
            help="With --loss huber: errors beyond DELTA standard deviations of the target count linearly.  [1]",
        ),
        click.option(
            "--quantiles",
            type=NumbersType(),
            metavar="LIST",
            help=f"With --loss quantile: one output for each.  [{quantiles}]",
        ),
        click.option(
            "--label-smoothing",
            type=float,
            metavar="SHARE",
            help="With classes: the share of each target that is spread over all of them.  [0]",
        ),
    ]

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def check_order(model: str, data: str, command: str) -> None:
    """Notice `fastdnn predict data.csv model.fdnn`: the model comes first."""
    from fastdnn.errors import ParameterError
    from fastdnn.persistence import SUFFIX

    if data.endswith(SUFFIX) and not model.endswith(SUFFIX):
        raise ParameterError(
            f"The model comes before the data, and '{data}' looks like the model.", f"fastdnn {command} {data} {model}"
        )
