"""From a table to the examples of each part: what is trained on, what chooses the epoch, what gives the score."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fastdnn import baselines, defaults
from fastdnn.columns import Column
from fastdnn.custom_losses import registered_losses
from fastdnn.errors import DataError, ParameterError
from fastdnn.examples import Examples
from fastdnn.preprocessing import Preprocessor
from fastdnn.settings import SMOOTHED, FitOptions
from fastdnn.splitting import holdout_rows
from fastdnn.tables import read_table, read_target
from fastdnn.targets import Target
from fastdnn.vocabulary import QUANTITY_LOSSES
from fastdnn.weighting import GIVES_SCORE, TRAINS, class_weights, column_weights

if TYPE_CHECKING:
    from fastdnn.tables import Table

Array = npt.NDArray[Any]
Rows = npt.NDArray[np.int64]
Facts = dict[str, Any]

_CLASS_LOSSES = ("squared_error", *SMOOTHED)
_LOSSES = {"binary": "binary_cross_entropy", "multiclass": "categorical_cross_entropy", "regression": "squared_error"}


@dataclass(frozen=True)
class Prepared:
    """The examples of each part, and what was understood on the way.

    Attributes
    ----------
    train, stop, score : Examples; `stop` is None where the rows are too few to choose an epoch by.
    notes : what was ignored or assumed of the file that gives the score, a phrase each.
    facts : dict with the sections data, task and split, in plain JSON types.
    """

    preprocessor: Preprocessor
    train: Examples
    stop: Examples | None
    score: Examples
    facts: Facts
    notes: list[str]

    @property
    def default_loss(self) -> str:
        """The cost that belongs to the task."""
        return _LOSSES[self.preprocessor.task]

    @property
    def constant_cost(self) -> float:
        """About the cost of the best constant answer: the classes' entropy, half the variance, or the size of a Poisson cost."""
        Y = baselines.targets_of(self.train).ravel()
        if not self.preprocessor.target.scaled:
            return float(Y.mean(dtype=np.float64)) * (1.0 + abs(self.log_mean))
        if self.preprocessor.classes is None:
            return 0.5
        Y = Y.astype(np.int64)
        shares = np.bincount(Y) / Y.size
        shares = shares[shares > 0]
        return float(-np.sum(shares * np.log(shares)))  # above 0: training rows have at least two classes

    @property
    def log_mean(self) -> float:
        """The logarithm of the (weighted) mean of the training targets: where a Poisson regression begins."""
        weights = None if self.train.weights is None else self.train.weights[self.train.indices]
        return math.log(float(np.average(baselines.targets_of(self.train).ravel().astype(np.float64), weights=weights)))


def prepare(table: Table, target: str, options: FitOptions) -> Prepared:
    """Split the labelled rows, learn the preprocessing from those that are not kept aside, and encode all.

    Raises
    ------
    DataError : the table or its target cannot be used, or has too few rows.
    ParameterError : an unknown task, or a loss that the task does not allow.
    """
    table.require_rows()
    found = read_target(table, target)
    column = found.column
    labelled = np.flatnonzero(~column.missing)
    strata = _strata(Target.fit(column, labelled, options.task, clean_labels=options.clean_labels), column)
    other = (
        read_table(options.valid, header=options.header, known_names=_names(table))
        if isinstance(options.valid, str)
        else None
    )
    if other is None:
        fraction = options.valid if isinstance(options.valid, float) else defaults.holdout_fraction(labelled.size)
        rest, kept = holdout_rows(labelled, strata, fraction, options.seed)
    else:
        rest, kept = labelled, np.empty(0, dtype=np.int64)
    train_rows, stop_rows = _without_stop_rows(rest, strata, options.seed)

    preprocessor = Preprocessor.fit(
        table,
        target,
        rows=rest,
        task=options.task,
        drop=options.drop,
        categorical=options.categorical,
        dtype=options.dtype,
        clean_labels=options.clean_labels,
        weight_column=options.weight_column,
    )
    _check_loss(preprocessor.task, options)
    preprocessor.target.scaled = options.loss != "poisson"
    if options.loss == "poisson":
        _require_counts(column, table.source)
    X = preprocessor.transform(table)
    Y = _without_nan(preprocessor.transform_target(table, target))
    scaling = {"scale": preprocessor.input_scale, "shift": preprocessor.input_shift}
    of_rows = _row_weights(table, preprocessor, train_rows, kept, labelled)
    by_class = _class_weights(preprocessor, options, Y, train_rows)
    weighting = _weighting(of_rows, by_class, Y)
    train = Examples(X, Y, rows=train_rows, **weighting, **scaling)
    stop = Examples(X, Y, rows=stop_rows, **weighting, **scaling) if _has_weight(weighting, stop_rows) else None
    if other is None:
        score = Examples(X, Y, rows=kept, weights=of_rows, **scaling)
    else:
        score = _score_examples(other, preprocessor, options)
    split = {
        "train": len(train),
        "stop": 0 if stop is None else int(stop_rows.size),
        "score": len(score),
        "score_source": None if other is None else options.valid,
        "score_weights": None if score.weights is None else preprocessor.weight_name,
        "seed": options.seed,
    }
    summary = preprocessor.summary()
    task = {**summary["target"], "class_weights": by_class, "weight_column": preprocessor.weight_name}
    facts = {"data": _data_facts(table, summary, labelled), "task": task, "split": split}
    notes = [f"{options.valid}: {note}." for note in preprocessor.notes] if other is not None else []
    return Prepared(preprocessor, train, stop, score, facts, notes)


def _strata(decided: Target, column: Any) -> Array | None:
    """The class of every row, for a split in which each class has its share; None for regression."""
    return None if decided.classes is None else decided.class_indices(column)


def _without_stop_rows(rest: Rows, strata: Array | None, seed: int) -> tuple[Rows, Rows]:
    """Set the rows aside that choose the epoch; none where there are too few. Drawn with another seed than the score's."""
    fraction = defaults.stop_fraction(rest.size)
    return holdout_rows(rest, strata, fraction, seed + 1) if fraction > 0.0 else (rest, np.empty(0, dtype=np.int64))


def _score_examples(other: Table, preprocessor: Preprocessor, options: FitOptions) -> Examples:
    """The rows of --valid FILE that have a target."""
    try:
        rows = preprocessor.labelled_rows(other, options.valid_target)
    except DataError as error:
        if options.valid_target is None and preprocessor.target_where == "file":
            raise DataError(str(error), "--valid-target FILE") from None
        raise
    if rows.size == 0:
        raise DataError(f"No row of '{other.source}' has a target, so it cannot give a score.", "another --valid FILE")
    Y = _without_nan(preprocessor.transform_target(other, options.valid_target, clean_labels=options.clean_labels))
    X = preprocessor.transform(other)
    column = preprocessor.find_weights(other)
    weights = None if column is None else column_weights(column, other.source, rows, GIVES_SCORE)
    return Examples(X, Y, rows=rows, scale=preprocessor.input_scale, shift=preprocessor.input_shift, weights=weights)


def _without_nan(Y: Array) -> Array:
    """Rows without a target are in no part; a number in their place lets the others pass the check for NaN."""
    return np.nan_to_num(Y, copy=False, nan=0.0) if Y.dtype.kind == "f" else Y


def _check_loss(task: str, options: FitOptions) -> None:
    """A quantity has no cross-entropy, and not every output can reach a standardised one; classes have no size to be wrong by."""
    if task != "regression":
        if options.loss in QUANTITY_LOSSES[1:]:
            raise ParameterError(
                f"Loss '{options.loss}' is for quantities, and the target has classes. Allowed: {', '.join(_CLASS_LOSSES)}.",
                "--task regression, if the target is a number",
            )
        return
    if options.loss in SMOOTHED:
        allowed = ", ".join((*QUANTITY_LOSSES, *registered_losses()))
        raise ParameterError(f"Loss '{options.loss}' is for classes, and the target is a quantity. Allowed: {allowed}.")
    for option, value in (("--label-smoothing", options.label_smoothing), ("--class-weight", options.class_weight)):
        if value is not None:
            raise ParameterError(f"{option} is for classes, and the target is a quantity.", f"leave out {option}")
    outputs = ("exponential",) if options.loss == "poisson" else ("identity", "leaky_relu")
    if options.output_activation not in (None, *outputs):
        name = options.output_activation
        raise ParameterError(f"Output '{name}' cannot reach every value of a quantity. Allowed: {', '.join(outputs)}.")


def _require_counts(column: Column, source: str) -> None:
    """Poisson's loss is that of counts: 0 or more, and not all 0."""
    values = column.as_numbers()
    if (values < 0).any():
        row = int(np.argmax(values < 0))
        raise DataError(
            f"Target '{column.name}' of '{source}' has {values[row]:g} in row {row + 1}; the Poisson loss takes counts, 0 or more.",
            "--loss squared_error, or huber",
        )


def _row_weights(
    table: Table, preprocessor: Preprocessor, train_rows: Rows, kept: Rows, labelled: Rows
) -> Array | None:
    """What the weights' column says of each row of the table, checked; None where all count alike."""
    column = preprocessor.find_weights(table)
    if column is None:
        return None
    weights = column_weights(column, table.source, labelled, TRAINS)
    for rows, use in ((train_rows, TRAINS), (kept, GIVES_SCORE)):
        if rows.size:
            column_weights(column, table.source, rows, use)
    return weights


def _class_weights(
    preprocessor: Preprocessor, options: FitOptions, Y: Array, train_rows: Rows
) -> dict[str, float] | None:
    """The weight of each class, if asked for."""
    if options.class_weight is None:
        return None
    classes = preprocessor.classes or []
    of_each = class_weights(Y.ravel().astype(np.int64)[train_rows], len(classes), options.class_weight, classes)
    return dict(zip(classes, of_each.tolist(), strict=True))


def _weighting(of_rows: Array | None, by_class: dict[str, float] | None, Y: Array) -> Facts:
    """The weights of Examples: in losses those of rows times those of classes, in scores those of rows alone."""
    if by_class is None:
        return {"weights": of_rows}
    alone = np.ones(len(Y)) if of_rows is None else of_rows
    return {"weights": alone * np.array(list(by_class.values()))[Y.ravel().astype(np.int64)], "score_weights": alone}


def _has_weight(weighting: Facts, rows: Rows) -> bool:
    return bool(rows.size) and (weighting["weights"] is None or bool(weighting["weights"][rows].any()))


def _names(table: Table) -> list[str]:
    return table.names if table.named else []


def _data_facts(table: Table, summary: Facts, labelled: Rows) -> Facts:
    missing = {
        name: int(column.missing.sum()) for name, column in table.columns.items() if name != summary["target"]["name"]
    }
    return {
        "source": table.source,
        "rows": table.n_rows,
        "unlabelled": table.n_rows - int(labelled.size),
        "target": summary["target"]["name"],
        "kinds": summary["columns"],
        "missing": {name: n for name, n in missing.items() if n},
        "dropped": summary["dropped"],
        "features": summary["features"],
        "notes": list(table.notes),
    }
