"""What separates the cells of a text table, and whether its first line holds names: told by its first rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

from fastdnn.columns import MISSING

DELIMITERS = (",", ";", "\t", "|")
DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}

Rows = Sequence[Sequence[str]]

# Decimal commas too: in a comma-separated file no bare cell has one.
_NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|\.\d+)(e[+-]?\d+)?|[+-]?inf(inity)?", re.IGNORECASE)
# What a value can look like that a column's name would not.
_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("number", _NUMBER),
    ("boolean", re.compile(r"true|false", re.IGNORECASE)),
    ("date", re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?")),
)
# A column counts as numbers (booleans, dates) from this share on: one "unknown" among the ages leaves them ages.
_SAME_FORM = 0.9


def find_delimiter(parse: Callable[[str], Rows], sample: str) -> str | None:
    """The delimiter under which the rows agree best on their number of cells, or None if there is only one column.

    Where two agree equally well, the one under which more cells are numbers wins ('1,5;2,7' is two cells, not three),
    then the one with more cells.

    Parameters
    ----------
    parse : gives the rows of the sample for a delimiter.
    """
    best: tuple[float, float, int] | None = None
    found = None
    for delimiter in DELIMITERS:
        rows = parse(delimiter) if delimiter in sample else []
        widths = Counter(len(row) for row in rows)
        if not widths:
            continue
        width, agreeing = widths.most_common(1)[0]
        if width < 2:
            continue
        cells = [cell.strip() for row in rows[:200] for cell in row]
        numbers = sum(1 for cell in cells if _NUMBER.fullmatch(cell)) / len(cells)
        score = (round(agreeing / len(rows), 2), round(numbers, 2), width)
        if best is None or score > best:
            best, found = score, delimiter
    return found


def has_header(rows: Rows, *, default: bool = True) -> bool:
    """Whether the first row holds the columns' names.

    A cell speaks for names if the rest of its column has a form (number, boolean, date) that the cell has not, and
    against if it has it too. Without such columns, a cell that comes again in its column speaks against names, and one
    that does not, though others of its column do, speaks for them.

    Parameters
    ----------
    default : the answer where nothing speaks either way, as in a table of names and addresses.
    """
    if not rows:
        return False
    first = [cell.strip() for cell in rows[0]]
    named = [cell for cell in first if cell]
    if len(rows) == 1:
        return default and not any(_form_of([cell]) for cell in named)
    typed_for, typed_against, repeats_for, repeats_against = 0, 0, 0, 0
    for position, cell in enumerate(first):
        below = [row[position].strip() for row in rows[1:] if position < len(row)]
        below = [value for value in below if value not in MISSING]
        if cell in MISSING or not below:
            continue
        form = _form_of(below)
        if form:
            matches = form.fullmatch(cell) is not None
            typed_for, typed_against = typed_for + (not matches), typed_against + matches
        elif cell in below:
            repeats_against += 1
        elif 2 * len(set(below)) <= len(below):
            repeats_for += 1
    if typed_against:
        if _numbered_names(first, rows[1:]):
            return True
        distinct = len(set(named)) == len(named) and all(_is_name_or_whole_number(cell) for cell in named)
        return distinct and typed_for >= typed_against
    if typed_for:
        return True
    if repeats_for or repeats_against:
        return repeats_for > repeats_against
    return default and len(set(named)) == len(named) and not any(cell in MISSING for cell in named)


def _form_of(values: Sequence[str]) -> re.Pattern[str] | None:
    for _, pattern in _FORMS:
        if sum(1 for value in values if pattern.fullmatch(value)) >= _SAME_FORM * len(values):
            return pattern
    return None


def _is_name_or_whole_number(cell: str) -> bool:
    return not _NUMBER.fullmatch(cell) or cell.isdigit()


def _numbered_names(first: Sequence[str], rest: Rows) -> bool:
    """Whether the numbers of the first row are names that count (0, 1, 2; years; wavelengths) over data that do not.

    A row of data that happens to be evenly spaced is likely for two or three columns of small whole numbers, so those
    need a sign more: fractions below.
    """
    numbers = _numbers_in(first)
    if len(numbers) < 2 or not _evenly_spaced(numbers) or any(_evenly_spaced(_numbers_in(row)) for row in rest):
        return False
    fractions = any(not value.is_integer() for row in rest for value in _numbers_in(row))
    whole = all(value.is_integer() for value in numbers)
    return len(numbers) >= 4 or (fractions and whole)


def _numbers_in(row: Sequence[str]) -> list[float]:
    return [float(cell.replace(",", ".")) for cell in row if _NUMBER.fullmatch(cell.strip())]


def _evenly_spaced(numbers: Sequence[float]) -> bool:
    if len(numbers) < 2 or not all(abs(value) < 1e15 for value in numbers):
        return False
    step = numbers[1] - numbers[0]
    return step != 0 and all(abs((b - a) - step) <= 1e-6 * abs(step) for a, b in pairwise(numbers))
