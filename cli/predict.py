"""`fastdnn predict`: one row out for each row in, as CSV."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fastdnn.cli import _options
from fastdnn.errors import ModelFileError, ParameterError

if TYPE_CHECKING:
    from fastdnn.model import Model
    from fastdnn.tables import Table

# An output of some standard deviations is the rounded sum of a row of products.
_ROUNDINGS = 16


@click.command("predict")
@click.argument("model", metavar="MODEL")
@click.argument("data", metavar="DATA")
@click.option("-o", "--output", metavar="FILE", default="-", help="Where to write, - for standard output.  [-]")
@click.option("--proba", is_flag=True, help="Add one column p_CLASS with the probability of each class.")
@_options.predict_threads_option
@_options.header_option
@_options.quiet_option
@_options.debug_option
def command(model: str, data: str, output: str, proba: bool, threads: int, header: bool | None, quiet: bool) -> None:
    """Answer for every row of DATA, in the same order.

    Writes CSV: a header, then one line for each row of DATA, with the label or
    the value that MODEL predicts, or one column TARGET_qTAU for each quantile of
    a model fitted with --loss quantile, sorted in each row. DATA is raw, as it was for fit; it may have
    the target or other columns, which are not looked at, and - reads CSV from
    standard input.

    \b
    Examples:
      fastdnn predict penguins.fdnn new.csv
      fastdnn predict penguins.fdnn new.csv --proba -o answers.csv
      cat new.csv | fastdnn predict penguins.fdnn - | head
    """
    _options.check_order(model, data, "predict")
    if output != "-" and not _is_stream(output):
        _check_output(output, [model, data])

    from fastdnn.cli._output import notes_as_warnings
    from fastdnn.persistence import load_model, write_atomically
    from fastdnn.tables import read_table

    trained = load_model(model)
    table = read_table(data, header=header, known_names=trained.preprocessor.known_names)
    lines = prediction_rows(trained, table, proba=proba, threads=threads)
    notes_as_warnings(data, trained.preprocessor.notes, quiet=quiet)
    if output == "-":
        _write_csv(sys.stdout, lines)
        return
    if _is_stream(output):
        with open(output, "w", encoding="utf-8", newline="") as stream:
            _write_csv(stream, lines)
        return
    text = io.StringIO(newline="")
    _write_csv(text, lines)
    write_atomically(output, text.getvalue().encode())
    if not quiet:
        click.echo(f"Wrote {table.n_rows:,} predictions to {output}.", err=True)


def prediction_rows(model: Model, table: Table, *, proba: bool, threads: int) -> Iterator[list[str]]:
    """The header, then the cells of each row: the answer and, with `proba`, the probability of each class.

    All rows are answered before the first is returned, so that an error leaves no half a file behind.
    """
    pre = model.preprocessor
    AL = model.outputs(table, threads=threads)
    answers = model.answers(AL)
    if pre.classes is None:
        answers = _shortened(answers, AL.dtype, pre.target.std)
    if not proba and answers.ndim == 2:
        header = [f"{pre.target.name}_q{tau:g}" for tau in model.network.loss_options["quantiles"]]
        return chain([header], ([*map(str, row)] for row in answers))
    if not proba:
        return chain([[pre.target.name]], ([str(answer)] for answer in answers))
    P = pre.probabilities(AL)
    header = [pre.target.name, *[f"p_{label}" for label in pre.classes or []]]
    return chain([header], ([str(answer), *map(str, row)] for answer, row in zip(answers, P, strict=True)))


def _shortened(answers: Any, dtype: Any, std: float) -> Any:
    """Values, of any shape, as text: the shortest that reads back as the same number of the network's own precision, unless that
    rounds more off than the network leaves open, for a quantity far from 0 in its standard deviations or beyond float32.
    """
    import numpy as np

    with np.errstate(over="ignore", under="ignore"):
        short = answers.astype(dtype)
    tolerance = _ROUNDINGS * float(np.finfo(dtype).eps) * std
    return np.where(np.abs(short - answers) <= tolerance, short.astype(str), answers.astype(str))


def _write_csv(stream: Any, rows: Iterable[list[str]]) -> None:
    csv.writer(stream, lineterminator="\n").writerows(rows)
    stream.flush()


def _is_stream(output: str) -> bool:
    """/dev/stdout, a named pipe: written to as it is, where a file is replaced."""
    return Path(output).exists() and not (Path(output).is_file() or Path(output).is_dir())


def _check_output(output: str, inputs: list[str]) -> None:
    from fastdnn.persistence import check_writable

    place = Path(output)
    for name in inputs:
        if place.exists() and Path(name).is_file() and place.samefile(name):
            raise ParameterError(f"The predictions would overwrite the input '{name}'.", "another name with -o.")
    try:
        check_writable(place)
    except ModelFileError as error:
        raise ParameterError(str(error), error.hint) from error
