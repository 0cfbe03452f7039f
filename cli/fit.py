"""`fastdnn fit`: from a file and the name of its target to a saved model, with its score beside two baselines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fastdnn import vocabulary
from fastdnn.cli import _options, _training_options
from fastdnn.cli._sections import SectionedCommand
from fastdnn.compiling_process import start_early
from fastdnn.errors import ParameterError
from fastdnn.settings import FitOptions

_SECTIONS = {
    "Data": [
        "target", "valid", "valid_target", "task", "drop", "categorical", "weight_column", "class_weight", "clean_labels", "header",
    ],
    "Network": ["layers", "activation", "output_activation", "initialization", "dtype"],
    "Loss": ["loss", "huber_delta", "quantiles", "label_smoothing"],
    **_training_options.SECTIONS,
    "Output": ["output", "diagnose", "as_json", "quiet"],
}  # fmt: skip


def _one_of(names: tuple[str, ...]) -> str:
    return f"One of {', '.join(names)}."


@click.command("fit", cls=SectionedCommand, sections=_SECTIONS)
@click.argument("data", metavar="DATA")
@click.option(
    "-t",
    "--target",
    metavar="TARGET",
    help="What to predict: a column's name or position (1 first, -1 last), an array in DATA, or a file.",
)
@click.option(
    "-o", "--output", metavar="MODEL", help="Where to save the model.  [DATA's name with .fdnn, in this folder]"
)
@click.option(
    "--layers",
    type=_options.LayersType(),
    metavar="SPEC",
    help="Hidden layers: 256x3, or 128,64, or none (logistic or linear regression).",
)
@click.option(
    "--activation",
    type=_options.ActivationType(),
    metavar="NAME[,...]",
    default=FitOptions.activation,
    show_default=True,
    help=f"Of the hidden layers, or one for each with commas. Of {', '.join(vocabulary.HIDDEN_ACTIVATIONS)}.",
)
@click.option("--output-activation", metavar="NAME", help=f"{_one_of(vocabulary.ACTIVATIONS)}  [by task]")
@click.option("--loss", metavar="NAME", help=f"{_one_of(vocabulary.LOSSES)}  [by task]")
@_options.loss_options(quantiles="0.1,0.5,0.9")
@click.option(
    "--class-weight",
    type=_options.ClassWeightType(),
    metavar="balanced|NAME=W,...",
    help="How much the rows of each class count in training; 1 for those not named.",
)
@click.option(
    "--weight-column",
    metavar="COLUMN",
    help="The column that says how much each row counts, in training and in the score; it is no feature.",
)
@click.option(
    "--optimizer",
    metavar="NAME",
    default=FitOptions.optimizer,
    show_default=True,
    help=f"{_one_of(vocabulary.OPTIMIZERS)} Or {vocabulary.LBFGS}, for some thousands of rows: all of them in every step, "
    "whose length it finds itself.",
)
@click.option("--learning-rate", type=float, metavar="RATE", help="Length of a step, above 0.  [by optimizer]")
@click.option(
    "--epochs", type=int, metavar="N", help="Passes over the training rows at most; of lbfgs, iterations.  [by rows]"
)
@click.option("--batch-size", type=int, metavar="N", help="Rows in one step.  [by rows]")
@click.option("--patience", type=int, metavar="N", help="Epochs without improvement before training ends.  [by epochs]")
@_training_options.training_options
@click.option(
    "--valid",
    type=_options.FractionOrFile(),
    metavar="FRACTION|FILE",
    help="Rows kept aside for the score: a share of DATA, or a file of their own.  [0.2, at most 10,000 rows]",
)
@click.option("--valid-target", metavar="TARGET", help="Where the target of --valid FILE is, if not where DATA has it.")
@click.option(
    "--l2",
    type=float,
    metavar="LAMBDA",
    help="Strength of the L2 term lambda/(2m) sum W^2, 0 or more.  [by rows]",
)
@click.option(
    "--init",
    "initialization",
    metavar="NAME",
    default=FitOptions.initialization,
    show_default=True,
    help=f"First weights. {_one_of(vocabulary.INITIALIZATIONS)}",
)
@click.option(
    "-s",
    "--seed",
    type=int,
    metavar="N",
    default=FitOptions.seed,
    show_default=True,
    help="Of the split, the first weights and the order of rows.",
)
@_options.threads_option
@click.option("--dtype", metavar="NAME", default=FitOptions.dtype, show_default=True, help=_one_of(vocabulary.DTYPES))
@click.option("--task", metavar="NAME", help="One of binary, multiclass, regression.  [by target]")
@click.option("--drop", multiple=True, metavar="COLUMN", help="Leave a column out; repeat for more.")
@click.option(
    "--categorical", multiple=True, metavar="COLUMN", help="Treat a numeric column as categories; repeat for more."
)
@_options.clean_labels_option
@click.option(
    "--diagnose", is_flag=True, help="Examine the trained network: layers, step lengths, columns that give TARGET away."
)
@_options.header_option
@_options.json_option
@_options.quiet_option
@_options.debug_option
def command(
    data: str,
    target: str | None,
    output: str | None,
    log: str | None,
    tensorboard: str | None,
    checkpoint: str | None,
    checkpoint_every: int | None,
    as_json: bool,
    quiet: bool,
    **settings: Any,
) -> None:
    """Train a network on a table or on images, and save it.

    DATA is a CSV or TSV file (also .gz), NPY, NPZ, IDX, HDF5 as file.h5:array,
    or - for CSV from standard input. Nothing but the target is needed: layers,
    steps and epochs are chosen from the data. A part of the rows is kept aside
    and gives the score; Ctrl-C stops and keeps the best epoch so far. After
    a crash fastdnn resume goes on, where --checkpoint was given.

    \b
    Examples:
      fastdnn fit penguins.csv -t species
      fastdnn fit housing.csv -t median_house_value -o house.fdnn
      fastdnn fit adult.csv -t -1 --layers 256x3 --valid adult-test.csv
      fastdnn fit train-images.gz -t train-labels.gz --layers 128
      fastdnn fit adult.csv -t -1 --time-limit 30s --schedule coslog4
    """
    options = FitOptions(**settings)
    options.check()
    if target is None:
        raise _no_target(data, options.header)
    place = output or default_model_path(data)
    inputs = [data, target, options.valid, options.valid_target]
    check_output(place, inputs)
    if log is not None:
        _refuse_inputs("log", log, inputs)
        if Path(log).absolute() == Path(place).absolute():
            raise ParameterError(f"The model and the log cannot both be '{log}'.", "another name with --log.")
    if checkpoint is not None:
        _refuse_inputs("checkpoint", checkpoint, inputs)
    _training_options.check_checkpoint(
        checkpoint, checkpoint_every, data, options.optimizer, {"model": place, "log": log}
    )

    start_early(options.dtype)
    from fastdnn.cli._fit_run import run_fit
    from fastdnn.fit_plans import FitPlan

    every = 1 if checkpoint_every is None else checkpoint_every
    plan = FitPlan(data, target, options, place, checkpoint, every, log, tensorboard)
    run_fit(plan, as_json=as_json, quiet=quiet)


def default_model_path(data: str) -> str:
    """DATA's name without its folder, array and endings, with .fdnn, in the current folder.

    >>> default_model_path("in/penguins.csv.gz"), default_model_path("cats.h5:train_set_x"), default_model_path("-")
    ('penguins.fdnn', 'cats.fdnn', 'model.fdnn')
    """
    from fastdnn.persistence import SUFFIX

    file = data if Path(data).exists() else data.rpartition(":")[0] or data
    name = Path(file).name
    stem = Path(name.removesuffix(".gz")).stem
    return (stem if stem not in ("", "-") else "model") + SUFFIX


def check_output(place: str, inputs: list[Any]) -> None:
    """Refuse, before any work, a place where the model cannot go or must not: an input, or a file that is no model."""
    from fastdnn.errors import ModelFileError
    from fastdnn.persistence import check_writable, is_model_file

    _refuse_inputs("model", place, inputs)
    check_writable(place)
    if Path(place).exists() and Path(place).stat().st_size > 0 and not is_model_file(place):
        raise ModelFileError(
            f"'{place}' exists and is not a fastdnn model, so it is not overwritten.", "another name with -o."
        )


def _refuse_inputs(what: str, place: str, inputs: list[Any]) -> None:
    """Refuse to write over a file that is read, by whatever name it goes."""
    for name in inputs:
        file = Path(name) if isinstance(name, str) else None
        if file is not None and file.is_file() and Path(place).exists() and file.samefile(place):
            raise ParameterError(f"The {what} would overwrite the input '{name}'.", f"another name for the {what}.")


def _no_target(data: str, header: bool | None) -> click.UsageError:
    """The sentence for a missing -t, with the columns to choose from where they can be read."""
    if data == "-":
        return click.UsageError(
            "Missing option '-t' / '--target': what is to be predicted?", click.get_current_context()
        )
    from fastdnn.tables import read_table

    names = read_table(data, header=header).names
    shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    return click.UsageError(
        f"Missing option '-t' / '--target': what is to be predicted? Columns of '{data}': {shown}.",
        click.get_current_context(),
    )
