"""The target: whether it is a class or a quantity, its classes or its scale, and the way from outputs to answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from fastdnn.columns import Column, format_number
from fastdnn.errors import DataError, ParameterError, unknown_name
from fastdnn.moments import mean_and_std, require_finite
from fastdnn.sources import counted

Array = npt.NDArray[Any]
Rows = npt.NDArray[np.int64]

TASKS = ("binary", "multiclass", "regression")
# Whole numbers are classes up to this many, if they lie close together and have _ROWS_PER_CLASS rows each on average.
_FEW_NUMBERS = 20
_ROWS_PER_CLASS = 5
_MANY_CLASSES = 1000


@dataclass
class Target:
    """What the network is to predict.

    Attributes
    ----------
    name : of the column, array or file.
    task : {'binary', 'multiclass', 'regression'}
    decision : one sentence: what was decided, why, and the option that changes it.
    classes : labels in the order of the network's outputs (binary: the second is the positive one), or None.
    counts : labelled rows of each class.
    mean, std : of the training rows, for regression.
    scaled : whether the network answers a quantity in standard deviations from its mean; counts (Poisson) stay as they are.
    clean : whether labels are compared without blanks at their ends and a trailing full stop.
    """

    name: str
    task: str
    decision: str
    classes: list[str] | None = None
    counts: list[int] = field(default_factory=list)
    mean: float = 0.0
    std: float = 1.0
    clean: bool = False
    scaled: bool = True

    @staticmethod
    def fit(column: Column, rows: Rows, task: str | None = None, *, clean_labels: bool = False) -> Target:
        """Decide the task from every labelled row, and learn mean and standard deviation from `rows`.

        Parameters
        ----------
        rows : training rows; those without a target do not count.
        task : one of TASKS, or None to decide by looking.

        Raises
        ------
        ParameterError : a task that does not exist.
        DataError : no value at all, one class, a constant or infinite quantity, or a task that the values do not allow.
        """
        if task is not None and task not in TASKS:
            raise ParameterError(unknown_name("task", task, TASKS), "leave out --task to have it told from the target")
        labelled = ~column.missing
        if not labelled.any():
            raise DataError(
                f"Target '{column.name}' has no value in any of {len(labelled)} rows.", "name another column with -t"
            )
        if not labelled[rows].any():
            raise DataError(f"Target '{column.name}' has no value in any training row.", "name another column with -t")
        labels, codes = column.levels()
        decided, why = _decide(column, labels, int(labelled.sum()))
        if task is not None:
            decided, why = _as_asked(task, column, labels), "is taken so as asked"
        if decided == "regression":
            return _fit_quantity(column, rows, why, asked=task is not None)
        return _fit_classes(column, labels, codes, decided, why, clean_labels=clean_labels, asked=task is not None)

    @property
    def n_outputs(self) -> int:
        """Units of the output layer: one per class, or 1 for binary and regression."""
        return len(self.classes) if self.task == "multiclass" and self.classes else 1

    def encode(self, column: Column, dtype: npt.DTypeLike, *, clean_labels: bool = False) -> Array:
        """Y for every row of `column`: (m,) int64 class index; or in `dtype` (m, 1) 0 or 1, or (m, 1) standardised.

        Rows without a target are -1 in class indices, NaN elsewhere: they must be left out.

        Raises
        ------
        DataError : a class that training did not have, text where a quantity is needed, an infinite value.
        """
        if self.classes is None:
            values = column.as_numbers()
            require_finite(values, column.name, None)
            return (((values - self.mean) / self.std) if self.scaled else values).astype(dtype)[:, np.newaxis]
        codes = self.class_indices(column, clean_labels=clean_labels)
        if self.task == "multiclass":
            return codes
        return np.where(codes < 0, np.nan, codes).astype(dtype)[:, np.newaxis]

    def class_indices(self, column: Column, *, clean_labels: bool = False) -> npt.NDArray[np.int64]:
        """(m,) index of each row's class, -1 where missing. Raises DataError for a class that training did not have."""
        assert self.classes is not None
        labels, codes = column.levels()
        clean = clean_labels or self.clean
        same = (lambda label: clean_label(label)) if clean else (lambda label: label)
        index_of = {same(label): k for k, label in enumerate(self.classes)}
        if column.kind == "boolean":
            index_of = {label.lower(): k for label, k in index_of.items()}
            labels = [label.lower() for label in labels]
        found = [index_of.get(same(label), -1) for label in labels]
        unknown = [label for label, k in zip(labels, found, strict=True) if k < 0]
        if unknown:
            counts = np.bincount(codes[codes >= 0], minlength=len(labels))
            raise DataError(
                *self._unknown_classes(
                    column.name, unknown, {label: int(n) for label, n in zip(labels, counts, strict=True)}
                )
            )
        return np.array([*found, -1], dtype=np.int64)[codes]

    def decode(self, AL: Array) -> Array:
        """(m,) labels (object array of str) from probabilities, or values in the target's units (float64) from outputs: (m,) of one
        output, (m, K) of several (quantiles).

        A binary probability above 0.5 is the second class; among equal class probabilities the first wins.
        """
        AL = np.asarray(AL)
        if self.classes is None:
            values = (AL[:, 0] if AL.ndim == 2 and AL.shape[1] == 1 else AL).astype(np.float64)
            return values * self.std + self.mean if self.scaled else values
        columns = AL.reshape(len(AL), -1)
        chosen = columns.argmax(axis=1) if columns.shape[1] > 1 else (columns[:, 0] > 0.5).astype(np.int64)
        return np.asarray(np.array(self.classes, dtype=object)[chosen])

    def probabilities(self, AL: Array) -> Array:
        """(m, K) probability of each class, in the order of `classes`; DataError for regression."""
        if self.classes is None:
            raise DataError("A regression model predicts values, not class probabilities.", "leave out --proba")
        return AL if AL.shape[1] > 1 else np.asarray(np.hstack([1.0 - AL, AL]))

    def summary(self) -> dict[str, Any]:
        """Facts for printing: classes with rows and shares, or mean and standard deviation."""
        facts: dict[str, Any] = {"name": self.name, "task": self.task, "decision": self.decision}
        if self.classes is None:
            return {**facts, "mean": self.mean, "std": self.std}
        total = sum(self.counts)
        pairs = zip(self.classes, self.counts, strict=True)
        return {**facts, "classes": [{"label": label, "rows": n, "share": n / total} for label, n in pairs]}

    def _unknown_classes(self, name: str, unknown: list[str], counts: dict[str, int]) -> tuple[str, str]:
        assert self.classes is not None
        known = {clean_label(label).casefold(): label for label in self.classes}
        twin = known.get(clean_label(unknown[0]).casefold())
        if twin is not None and all(clean_label(label).casefold() in known for label in unknown):
            difference = (
                "a trailing full stop" if clean_label(unknown[0]) == clean_label(twin) else "upper and lower case"
            )
            hint = "--clean-labels" if difference == "a trailing full stop" else f"write '{twin}' in the file"
            return (
                f"Target '{name}' has '{unknown[0]}' where the model knows '{twin}': they differ by {difference}.",
                hint,
            )
        rows = counted(counts[unknown[0]], "row")
        listed = ", ".join(f"'{label}'" for label in self.classes[:10]) + (", ..." if len(self.classes) > 10 else "")
        return (
            f"Target '{name}' has the class '{unknown[0]}' ({rows}), which the model does not know; it knows {listed}.",
            "leave out these rows, or train again with them",
        )


def clean_label(label: str) -> str:
    """The label without blanks at its ends and without trailing full stops.

    >>> clean_label(" >50K. ")
    '>50K'
    """
    return label.strip().rstrip(".").strip()


def _decide(column: Column, labels: Sequence[str], n_labelled: int) -> tuple[str, str]:
    """Task and reason, from the kind of the target and its distinct values."""
    distinct = len(labels)
    kind = "binary" if distinct == 2 else "multiclass"
    if column.kind != "number":
        return kind, f"is text with {distinct} distinct values" if column.kind == "text" else "is true or false"
    if distinct == 2:
        return kind, f"has two values, {labels[0]} and {labels[1]}"
    values = np.array([float(label) for label in labels])
    if not np.all(values == np.floor(values)):
        return "regression", "has values that are not whole numbers"
    if distinct > _FEW_NUMBERS:
        return "regression", f"has {distinct} distinct numbers"
    span = values[-1] - values[0] + 1
    if span > 2 * distinct or abs(values[0]) > 1000:
        return "regression", f"has {distinct} whole numbers that lie far apart"
    if distinct > 1 and n_labelled < _ROWS_PER_CLASS * distinct:
        return "regression", f"has {distinct} distinct numbers in only {n_labelled} rows"
    return kind, f"has {distinct} distinct whole numbers from {labels[0]} to {labels[-1]}"


def _as_asked(task: str, column: Column, labels: Sequence[str]) -> str:
    """The task that was asked for, made sure that the target allows it."""
    if task == "regression":
        try:
            column.as_numbers()
        except DataError as error:
            raise DataError(
                f"--task regression needs numbers: {error}", "leave out --task to predict classes"
            ) from None
        return task
    if task == "binary" and len(labels) > 2:
        message = f"--task binary needs a target with two classes; '{column.name}' has {len(labels)}."
        raise DataError(message, "--task multiclass")
    return task


def _fit_quantity(column: Column, rows: Rows, why: str, *, asked: bool) -> Target:
    values = column.as_numbers()
    require_finite(values, column.name, None)
    known = values[rows]
    known = known[~np.isnan(known)]
    mean, std = mean_and_std(known)
    if std == 0.0:
        message = (
            f"Target '{column.name}' is {format_number(mean)} in every training row, so there is nothing to learn."
        )
        raise DataError(message, "name another column with -t")
    possible = np.unique(known).size <= min(_MANY_CLASSES, known.size // 2)
    change = " (--task multiclass to take them for classes)" if possible and not asked else ""
    return Target(column.name, "regression", f"Regression: '{column.name}' {why}{change}.", mean=mean, std=std)


def _fit_classes(
    column: Column,
    labels: list[str],
    codes: npt.NDArray[np.int64],
    task: str,
    why: str,
    *,
    clean_labels: bool,
    asked: bool,
) -> Target:
    counts: Counter[str] = Counter()
    for label, rows in zip(labels, np.bincount(codes[codes >= 0], minlength=len(labels)), strict=True):
        counts[clean_label(label) if clean_labels else label] += int(rows)
    classes = list(counts) if column.kind != "text" else sorted(counts)
    total = sum(counts.values())
    if len(classes) < 2:
        where = f"all {total} labelled rows" if total > 1 else "its only labelled row"
        message = f"Target '{column.name}' has one class only, '{classes[0]}', in {where}."
        raise DataError(message, "name another column with -t, or give rows of another class too")
    if len(classes) > _MANY_CLASSES or (len(classes) > _FEW_NUMBERS and 2 * len(classes) > total):
        message = f"Target '{column.name}' has {len(classes)} distinct values in {total} rows: too many to be classes."
        hint = "--task regression" if column.kind == "number" else "name another column with -t"
        raise DataError(message, hint)
    if clean_labels and task == "multiclass" and len(classes) == 2 and not asked:
        task = "binary"
    kind = "Binary classification" if task == "binary" else f"Classification into {len(classes)} classes"
    change = " (--task regression to predict it as a quantity)" if column.kind == "number" and not asked else ""
    decision = f"{kind}: '{column.name}' {why}{change}."
    return Target(column.name, task, decision, classes, [counts[label] for label in classes], clean=clean_labels)
