"""The options of `fit` that say how to train: optimizer, regularisation, schedule, when to stop, and what to log."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from fastdnn import vocabulary
from fastdnn.errors import ParameterError
from fastdnn.settings import FitOptions

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}

SECTIONS = {
    "Optimizer": ["optimizer", "learning_rate", "schedule", "warm_up", "momentum", "clip_norm", "batch_size"],
    "Regularization": ["l2", "l1", "weight_decay", "dropout"],
    "When to stop": ["epochs", "time_limit", "metric", "patience", "min_delta"],
    "Logs and checkpoints": ["log", "tensorboard", "checkpoint", "checkpoint_every"],
}


class DurationType(click.ParamType):  # type: ignore[type-arg]
    """`30s`, `5m`, `1.5h` as seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*([smh])\s*", str(value).lower())
        seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
        if seconds <= 0.0:
            self.fail(
                f"'{value}' is not a time. Allowed: a number above 0 with its unit, as 30s, 5m or 1h.", param, ctx
            )
        return seconds


class SharesType(click.ParamType):  # type: ignore[type-arg]
    """`0.2`, or `0.1,0.5,0.5`: one number, or a tuple of them."""

    name = "shares"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | tuple[float, ...]:
        if isinstance(value, (float, tuple)):
            return value
        try:
            shares = tuple(float(part) for part in value.split(","))
        except ValueError:
            self.fail(
                f"'{value}' is not a list of shares. Allowed: 0.2 (of every hidden layer), or 0.1,0.5,0.5 (of the input "
                "and of each hidden layer).",
                param,
                ctx,
            )
        return shares if len(shares) > 1 else shares[0]


def _metrics() -> str:
    """Every metric, with the losses that it fits."""
    last = {"classes": "of classes", "quantities": "of quantities", "quantile": "of quantiles", "poisson": "of counts"}
    named = [f"{last[kind]} {', '.join(vocabulary.METRICS_OF[kind])}" for kind in last]
    return "; ".join([" or ".join(vocabulary.METRICS_OF["all"]), *named])


_OPTIONS = [
    click.option(
        "--schedule",
        metavar="NAME",
        default=FitOptions.schedule,
        show_default=True,
        help=f"Learning rate over time. One of {', '.join(vocabulary.SCHEDULES)}; with options as step:every=20,factor=0.5.",
    ),
    click.option(
        "--warm-up",
        type=float,
        metavar="EPOCHS",
        default=FitOptions.warm_up,
        help="Let the learning rate rise from 0 first.",
    ),
    click.option(
        "--momentum", type=float, metavar="BETA", help="Of momentum and nesterov, from 0 and below 1.  [default: 0.9]"
    ),
    click.option(
        "--clip-norm",
        type=float,
        metavar="NORM",
        default=FitOptions.clip_norm,
        help="The most that the norm of the whole gradient may be; 0 for no limit.  [default: 0]",
    ),
    click.option(
        "--l1", type=float, metavar="LAMBDA", default=FitOptions.l1, help="Strength of the L1 term lambda/m sum |W|."
    ),
    click.option(
        "--weight-decay",
        type=float,
        metavar="RATE",
        help="Decoupled weight decay; without --l2 it takes the place of L2.  [default: 0, adamw 0.01]",
    ),
    click.option(
        "--dropout",
        type=SharesType(),
        metavar="SHARE[,...]",
        default=FitOptions.dropout,
        help="Share of the units dropped: of each hidden layer, or as 0.1,0.5,0.5 of the input and each hidden layer.",
    ),
    click.option(
        "--time-limit",
        type=DurationType(),
        metavar="TIME",
        help="Train for 30s, 5m or 1h, with the schedule on the clock; --epochs and --patience end it earlier if given.",
    ),
    click.option(
        "--metric",
        metavar="NAME",
        help=f"What chooses the best epoch: {_metrics()}.  [default: valid_loss]",
    ),
    click.option(
        "--min-delta",
        type=float,
        metavar="GAIN",
        default=FitOptions.min_delta,
        help="The least gain that counts as improvement for --patience.",
    ),
    click.option(
        "--log", metavar="FILE", help="Write each epoch's numbers as a line of FILE: .csv, or .jsonl for JSON."
    ),
    click.option(
        "--tensorboard", metavar="FOLDER", help="Write them for TensorBoard; needs the extra fastdnn[tensorboard]."
    ),
    click.option(
        "--checkpoint",
        metavar="FILE",
        help="Keep in FILE what fastdnn resume FILE needs to go on if this fit is cut short.",
    ),
    click.option(
        "--checkpoint-every", type=int, metavar="N", help="Epochs between two writings of --checkpoint.  [default: 1]"
    ),
]


def training_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of this file to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def check_checkpoint(
    checkpoint: str | None, every: int | None, data: str, optimizer: str, others: dict[str, str | None]
) -> None:
    """Refuse, before any work, a checkpoint that says too little, data that cannot be read again, and places of other files."""
    if checkpoint is None:
        if every is not None:
            raise ParameterError(
                "--checkpoint-every says how often --checkpoint FILE is written, and there is no --checkpoint.",
                f"--checkpoint run.ckpt --checkpoint-every {every}",
            )
        return
    from fastdnn.fit_plans import require_lasting

    if every is not None and every < 1:
        raise ParameterError(
            f"The epochs between two checkpoints must be 1 or more, not {every}.", "--checkpoint-every 10"
        )
    if optimizer == vocabulary.LBFGS:
        raise ParameterError(
            f"--checkpoint does not go with --optimizer {optimizer}: SciPy keeps what it learned of the curvature to itself, so "
            "the run could not go on.",
            f"without --checkpoint, or --optimizer {', '.join(vocabulary.OPTIMIZERS)}",
        )
    require_lasting(data)
    for what, place in others.items():
        if place is not None and Path(place).absolute() == Path(checkpoint).absolute():
            raise ParameterError(
                f"The {what} and the checkpoint cannot both be '{checkpoint}'.", "another name with --checkpoint."
            )


def loggers(log: str | None, tensorboard: str | None) -> list[Any]:
    """The callbacks of --log and --tensorboard, after a look at whether they can write where they are told to."""
    if log is None and tensorboard is None:
        return []
    from fastdnn.loggers import TensorBoard, logger_for

    found = [*([logger_for(log)] if log else []), *([TensorBoard(tensorboard)] if tensorboard else [])]
    for logger in found:
        logger.check()
    return found
