"""How facts look in a terminal: numbers, tables and labelled lines within 80 columns, by way of rich."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

SCORE_NAMES = {
    "accuracy": "accuracy",
    "log_loss": "log loss",
    "roc_auc": "ROC AUC",
    "f1": "F1",
    "pinball": "pinball",
    "poisson_deviance": "deviance",
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
}
# More classes than this do not fit in 80 columns as a square table.
MAX_SQUARE = 10
# The label of a line and the two blanks after it.
LABEL_WIDTH = 10
_BLOCKS = "▁▂▃▄▅▆▇█"


def console() -> Console:
    """Standard output through rich: 80 columns where it is not a terminal, no guesses at what is a number or a path."""
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False, soft_wrap=False, emoji=False, markup=False)


def show(*parts: RenderableType, style: str | None = None) -> None:
    """Print to standard output, without the blanks that rich fills its columns with."""
    target = console()
    with target.capture() as captured:
        for part in parts:
            target.print(part, style=style)
    click.echo("\n".join(line.rstrip(" ") for line in captured.get().split("\n")), nl=False)


def print_json(facts: Mapping[str, Any]) -> None:
    """One JSON object and nothing else."""
    click.echo(json.dumps(facts, ensure_ascii=False, allow_nan=False, indent=2))


def notes_as_warnings(data: str, notes: Sequence[str], *, quiet: bool) -> list[str]:
    """What was ignored or assumed of `data`, as warning lines unless `quiet`, and as a list for the JSON."""
    sentences = [f"{data}: {note}." for note in notes]
    for sentence in sentences if not quiet else ():
        warn(sentence)
    return sentences


def warn(sentence: str) -> None:
    """A warning line on standard error."""
    click.echo(f"Warning: {sentence}", err=True)


def count(n: float) -> str:
    """60000 as '60,000'."""
    return f"{n:,.0f}"


def plural(n: int, noun: str) -> str:
    """'1 row', '344 rows', '3 classes', '2 categories'."""
    if n == 1:
        return f"1 {noun}"
    if noun.endswith("y"):
        return f"{count(n)} {noun[:-1]}ies"
    return f"{count(n)} {noun}es" if noun.endswith("s") else f"{count(n)} {noun}s"


def percent(share: float) -> str:
    """0.4419 as '44.2 %'."""
    return f"{100 * share:.1f} %"


def number(value: float | None) -> str:
    """Four significant digits, thousands with commas, '-' for a score that is not defined."""
    if value is None:
        return "-"
    if value == 0 or 1e-3 <= abs(value) < 1e3:
        digits = 4 if abs(value) < 1 else 3 if abs(value) < 10 else 2 if abs(value) < 100 else 1
        return f"{value:.{digits}f}"
    return f"{value:,.0f}" if 1e3 <= abs(value) < 1e7 else f"{value:.3g}"


def score(name: str, value: float | None) -> str:
    """A score as its readers write it: accuracy in percent, what has the target's units in four digits, the others to 0.0001."""
    if value is None or name in ("rmse", "mae", "pinball", "poisson_deviance"):
        return number(value)
    return percent(value) if name == "accuracy" else f"{value:.4f}"


def duration(seconds: float) -> str:
    """'0.42 s', '8.3 s', '1 min 20 s', '2 h 05 min'."""
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def file_size(n_bytes: int) -> str:
    """'812 B', '18 kB', '3.4 MB'."""
    if n_bytes < 1000:
        return f"{n_bytes} B"
    return f"{n_bytes / 1000:.0f} kB" if n_bytes < 1_000_000 else f"{n_bytes / 1e6:.1f} MB"


def sparkline(values: Sequence[float | None], width: int = 40) -> str:
    """A curve in one line: the mean of each stretch, as one of eight heights; a blank where nothing is known."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, high = min(known), max(known)
    stretches = [values[i * len(values) // width : (i + 1) * len(values) // width] for i in range(width)]
    if len(values) <= width:
        stretches = [[value] for value in values]
    marks = []
    for stretch in stretches:
        inside = [value for value in stretch if value is not None]
        mean = sum(inside) / len(inside) if inside else None
        height = 0 if mean is None or high == low else round((mean - low) / (high - low) * (len(_BLOCKS) - 1))
        marks.append(" " if mean is None else _BLOCKS[height])
    return "".join(marks)


def facts_grid(rows: Iterable[tuple[str, RenderableType]]) -> Table:
    """Labelled lines: the label in bold once, the text wrapped in its own column."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(min_width=LABEL_WIDTH - 2, no_wrap=True)
    grid.add_column(overflow="fold")
    for label, text in rows:
        grid.add_row(Text(label, style="bold"), text)
    return grid


def plain_table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1, bold_row: int | None = None
) -> Table:
    """A table without borders; the first `left` columns to the left, the others to the right."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for place, title in enumerate(header):
        table.add_column(title, justify="left" if place < left else "right", no_wrap=place >= left, overflow="fold")
    for place, row in enumerate(rows):
        table.add_row(*[Text(cell) for cell in row], style="bold" if place == bold_row else None)
    return table


def score_table(scores: Mapping[str, Mapping[str, float | None]]) -> Table:
    """Scores side by side: one row for each name, the first in bold."""
    names = [name for name in SCORE_NAMES if name in next(iter(scores.values()))]
    rows = [[label, *[score(name, values[name]) for name in names]] for label, values in scores.items()]
    return plain_table(["", *[SCORE_NAMES[name] for name in names]], rows, bold_row=0)


def confusion_table(classes: Sequence[str], counts: Sequence[Sequence[float]], *, weighted: bool = False) -> Table:
    """The confusion matrix, true class down, predicted across; of many classes, the pairs most often confused.

    weighted : whether `counts` are sums of weights instead of numbers of rows.
    """
    shown = number if weighted else count
    if len(classes) <= MAX_SQUARE:
        short = [_shortened(label, 8 if len(classes) > 4 else 14) for label in classes]
        rows = [[label, *[shown(n) for n in line]] for label, line in zip(classes, counts, strict=True)]
        return plain_table(["true \\ predicted", *short], rows)
    pairs = [
        (n, classes[i], classes[j]) for i, line in enumerate(counts) for j, n in enumerate(line) if i != j and n > 0
    ]
    worst = sorted(pairs, key=lambda pair: -pair[0])[:MAX_SQUARE]
    return plain_table(
        ["true", "predicted as", "weight" if weighted else "rows"],
        [[true, predicted, shown(n)] for n, true, predicted in worst],
        left=2,
    )


def _shortened(label: str, width: int) -> str:
    return label if len(label) <= width else label[: width - 1] + "…"
