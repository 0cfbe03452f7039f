"""`fastdnn evaluate`: the scores of a model on labelled rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fastdnn.cli import _options


@click.command("evaluate")
@click.argument("model", metavar="MODEL")
@click.argument("data", metavar="DATA")
@click.option(
    "-t", "--target", metavar="TARGET", help="Where the truth is: a column, a position or a file.  [as in training]"
)
@click.option(
    "--weight-column",
    metavar="COLUMN",
    help="The column that says how much each row counts.  [as in training, if DATA has it]",
)
@click.option("--unweighted", is_flag=True, help="Let every row count alike.")
@_options.clean_labels_option
@_options.predict_threads_option
@_options.header_option
@_options.json_option
@_options.quiet_option
@_options.debug_option
def command(
    model: str,
    data: str,
    target: str | None,
    weight_column: str | None,
    unweighted: bool,
    clean_labels: bool,
    threads: int,
    header: bool | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Score a model on labelled rows.

    For classes: accuracy, log loss, ROC AUC (with several classes the mean of
    one against the rest), F1 (their mean) and the confusion matrix. For values:
    RMSE, MAE and R². Rows without a target are left out; those of a model with
    weighted rows count by their weights here, too.

    \b
    Examples:
      fastdnn evaluate penguins.fdnn more.csv
      fastdnn evaluate adult.fdnn adult-test.csv --clean-labels
      fastdnn evaluate digits.fdnn t10k-images.gz -t t10k-labels.gz --json
    """
    _options.check_order(model, data, "evaluate")

    from fastdnn.cli._output import notes_as_warnings, print_json
    from fastdnn.persistence import load_model
    from fastdnn.tables import read_table

    trained = load_model(model)
    table = read_table(data, header=header, known_names=trained.preprocessor.known_names)
    scores = trained.evaluate(
        table, target, clean_labels=clean_labels, weight_column=weight_column, weighted=not unweighted, threads=threads
    )
    warnings = notes_as_warnings(data, trained.preprocessor.notes, quiet=quiet)
    facts = {"model": model, "data": data, "task": trained.preprocessor.task, **scores, "warnings": warnings}
    if as_json:
        print_json(facts)
    elif not quiet:
        _print_scores(facts)


def _print_scores(facts: dict[str, Any]) -> None:
    from fastdnn.cli import _output as out
    from fastdnn.cli import _sentences as say

    left_out = f" ({out.plural(facts['unlabelled'], 'row')} without a target left out)" if facts["unlabelled"] else ""
    weighted = say.weighted_by(facts["weight_column"])
    out.show(
        f"{facts['model']} on {out.plural(facts['rows'], 'row')} of {Path(facts['data']).name}{weighted}{left_out}\n",
        style="bold",
    )
    lines = [(title, out.score(name, facts[name])) for name, title in out.SCORE_NAMES.items() if name in facts]
    out.show(out.facts_grid(lines))
    if "confusion_matrix" in facts:
        out.show("", out.confusion_table(facts["classes"], facts["confusion_matrix"], weighted=bool(weighted)))
