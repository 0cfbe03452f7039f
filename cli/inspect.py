"""`fastdnn inspect`: everything that a model file holds, without loading the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from fastdnn.cli import _options

Facts = Mapping[str, Any]

# Epochs listed before the table is thinned out.
_EPOCHS_SHOWN = 8
_COLUMNS_SHOWN = 30


@click.command("inspect")
@click.argument("model", metavar="MODEL")
@click.option("--columns", is_flag=True, help="Show every column that MODEL reads, and nothing else.")
@_options.json_option
@_options.debug_option
def command(model: str, columns: bool, as_json: bool) -> None:
    """Show everything that a model file holds.

    The columns it reads and what becomes of them, the classes, the layers, the
    scores on the rows kept aside, how training went, and where the model comes
    from.

    \b
    Examples:
      fastdnn inspect penguins.fdnn
      fastdnn inspect penguins.fdnn --columns
      fastdnn inspect penguins.fdnn --json | jq .metrics.score
    """
    from fastdnn.persistence import read_document

    document = read_document(model)
    if as_json:
        from fastdnn.cli._output import print_json

        print_json({"model": model, **document})
        return
    _print_document(model, document, columns_only=columns)


def _print_document(model: str, document: Facts, *, columns_only: bool) -> None:
    from fastdnn.cli import _output as out
    from fastdnn.cli import _sentences as say
    from fastdnn.preprocessing import Preprocessor

    summary = Preprocessor.from_json(document["preprocessing"]).summary()
    if columns_only:
        out.show(_column_table(document["preprocessing"], summary, None))
        return
    network, history, origin = document["network"], document["history"], document["provenance"]
    size = out.file_size(Path(model).stat().st_size)
    lines = [
        ("Model", f"{model} ({size}), format {document['format_version']}, written by fastdnn {origin['fastdnn']}"),
        ("Made", f"{origin['created']} from {origin['data']} ({out.plural(origin['rows'], 'row')})"),
        *([("", f"sha256 {origin['data_sha256'][:16]}...")] if origin["data_sha256"] else []),
        ("", f"Python {origin['python']}, numpy {origin['numpy']}, numba {origin['numba']}, {origin['machine']}"),
        ("Task", summary["target"]["decision"]),
        ("", say.target_line(summary["target"])),
        ("Network", say.network_line(network)),
        ("", say.settings_line(origin["settings"], network)),
        ("Split", say.split_line(origin["split"])),
        ("Trained", say.training_line(document["metrics"]["training"], origin["settings"])),
    ]
    out.show(out.facts_grid(lines))
    weighted = say.weighted_by(origin["split"].get("score_weights"))
    out.show(f"\nScore on {say.kept_aside(origin['split'])}{weighted}", style="bold")
    out.show(say.scores_beside_baselines(document["metrics"]))
    out.show("\nColumns", style="bold")
    out.show(_column_table(document["preprocessing"], summary, _COLUMNS_SHOWN))
    passes = out.plural(len(history["epochs"]), say.unit(origin["settings"]))
    out.show(f"\nHistory of {passes}", style="bold")
    out.show(_history_table(history["epochs"], history["best_epoch"], say.validation_score_name(network)))


def _column_table(preprocessing: Facts, summary: Facts, limit: int | None) -> Any:
    """Each column of the training table and what the model makes of it."""
    from fastdnn.cli._output import plain_table

    target = summary["target"]["name"]
    becomes = _what_becomes(preprocessing["inputs"], summary["columns"])
    becomes |= {item["name"]: f"not used: {item['reason']}" for item in summary["dropped"]}
    becomes |= {target: "the target"}
    names = list(dict.fromkeys([*preprocessing["schema"]["names"], *becomes]))
    shown = names if limit is None or len(names) <= limit else names[:limit]
    rows = [[name, becomes.get(name, "")] for name in shown]
    if len(shown) < len(names):
        rows.append([f"... {len(names) - len(shown)} more", "--columns shows all"])
    return plain_table(["column", "becomes"], rows, left=2)


def _what_becomes(inputs: Facts, kinds: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Column -> what the network gets of it."""
    if inputs["kind"] != "columns":
        scaled = f"(x - {inputs['mean']:.4g}) / {inputs['std']:.4g}" if inputs["kind"] == "pixels" else "standardised"
        return {name: f"{kind}, {scaled}" for kind, names in kinds.items() for name in names}
    return {feature["name"]: _feature_text(feature) for feature in inputs["features"]}


def _feature_text(feature: Facts) -> str:
    from fastdnn.cli._output import number, plural

    if feature["kind"] == "category":
        shown = ", ".join(feature["categories"][:6]) + (", ..." if len(feature["categories"]) > 6 else "")
        extra = [name for name in ("other", "missing") if feature[name]]
        own = f", and one for {' and one for '.join(extra)}" if extra else ""
        return f"{plural(len(feature['categories']), 'category')}: {shown}{own}"
    missing = f"; where missing {number(feature['median'])} and a 1" if feature["indicator"] else ""
    if feature["boolean"]:
        return f"0 or 1{missing}"
    return f"(x - {number(feature['mean'])}) / {number(feature['std'])}{missing}"


def _history_table(epochs: Sequence[Facts], best: int, score_name: str) -> Any:
    """The curve of each cost as one line, then some epochs: the first, the best, the last and some between."""
    from rich.console import Group

    from fastdnn.cli import _output as out

    curves = [("loss", "loss"), ("valid_loss", "validation loss")]
    lines = [(title, out.sparkline([row[key] for row in epochs])) for key, title in curves]
    every = max(1, len(epochs) // _EPOCHS_SHOWN)
    chosen = [row for row in epochs if row["epoch"] % every == 0 or row["epoch"] in (1, best, len(epochs))]
    rows = [
        [
            f"{row['epoch']}{' (best)' if row['epoch'] == best else ''}",
            out.number(row["loss"]),
            out.number(row["valid_loss"]),
            out.score("accuracy" if score_name == "accuracy" else "r2", row["valid_score"]),
            out.duration(row["seconds"]),
        ]
        for row in chosen
    ]
    header = ["epoch", "loss", "validation loss", score_name, "seconds"]
    return Group(out.facts_grid([line for line in lines if line[1]]), "", out.plain_table(header, rows))
