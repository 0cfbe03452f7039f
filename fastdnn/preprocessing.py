"""Preprocessor: what a model remembers of its training data, to take raw rows and give answers in their own terms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastdnn.columns import Column
from fastdnn.errors import DataError, ParameterError
from fastdnn.features import Dropped
from fastdnn.inputs import ColumnInputs, Schema
from fastdnn.matrices import ArrayInputs, PixelInputs
from fastdnn.tables import FoundTarget, Table, read_target, table_from_columns
from fastdnn.targets import Target

Array = npt.NDArray[Any]
Inputs = ColumnInputs | PixelInputs | ArrayInputs

_DTYPES = ("float32", "float64")


class Preprocessor:
    """Raw tables to X and Y, network outputs to answers. Made by `fit` or `from_json`.

    Attributes
    ----------
    target : Target: task, classes or scale, and why.
    target_where : {'column', 'array', 'file'}: where the target was at training.
    n_rows, n_train_rows : rows of the training table, and those whose values were looked at.
    notes : what the last `transform` ignored or assumed, one sentence each.
    """

    def __init__(
        self, inputs: Inputs, target: Target, target_where: str, dtype: str, n_rows: int, n_train_rows: int
    ) -> None:
        self._inputs = inputs
        self.target = target
        self.target_where = target_where
        self.dtype = dtype
        self.n_rows = n_rows
        self.n_train_rows = n_train_rows
        self.notes: list[str] = []

    @staticmethod
    def fit(
        table: Table,
        target: str | int,
        *,
        rows: npt.ArrayLike | None = None,
        task: str | None = None,
        drop: Sequence[str] = (),
        categorical: Sequence[str] = (),
        dtype: str = "float32",
        clean_labels: bool = False,
        weight_column: str | None = None,
    ) -> Preprocessor:
        """Learn everything from the rows that train.

        Parameters
        ----------
        table : all rows.
        target : where the target is; see `tables.read_target`.
        rows : int row numbers to learn from (means, medians, categories); None: all. Classes are those of all rows.
            Rows without a target are left out in any case.
        task : {'binary', 'multiclass', 'regression'}, or None to decide by looking.
        drop, categorical : columns, by name or position, to leave out, and whose numbers name something.
        dtype : {'float32', 'float64'} of X and Y.
        clean_labels : take blanks and trailing full stops off the labels.
        weight_column : the column, by name or position, that says how much each row counts; it is no feature.

        Raises
        ------
        DataError : the table, its target or a named column cannot be used as asked.
        ParameterError : an unknown task or dtype.
        """
        if dtype not in _DTYPES:
            raise ParameterError(f"dtype must be float32 or float64, got '{dtype}'.", "--dtype float32")
        table.require_rows()
        found = read_target(table, target)
        chosen = np.arange(table.n_rows) if rows is None else np.asarray(rows, dtype=np.int64)
        fitted = Target.fit(found.column, chosen, task, clean_labels=clean_labels)
        chosen = chosen[~found.column.missing[chosen]]
        weights = _positions(table, [weight_column] if weight_column is not None else [], found, "--weight-column")
        schema = Schema(table.names, table.named, found.position, next(iter(weights), None))
        left_out = _positions(table, drop, found, "--drop") | weights
        inputs = _fit_inputs(table, schema, chosen, left_out, _positions(table, categorical, found, "--categorical"))
        return Preprocessor(inputs, fitted, found.where, dtype, table.n_rows, int(chosen.size))

    @property
    def task(self) -> str:
        """{'binary', 'multiclass', 'regression'}"""
        return self.target.task

    @property
    def classes(self) -> list[str] | None:
        """Labels in the order of the network's outputs, None for regression; of two the second is the positive one."""
        return self.target.classes

    @property
    def decision(self) -> str:
        """Why this task, in a sentence, with the option that changes it."""
        return self.target.decision

    @property
    def n_features(self) -> int:
        """Columns of X."""
        return self._inputs.n_features

    @property
    def n_outputs(self) -> int:
        """Units of the output layer."""
        return self.target.n_outputs

    @property
    def feature_names(self) -> list[str]:
        """Names of the columns of X."""
        return self._inputs.feature_names

    @property
    def feature_columns(self) -> list[str]:
        """The table's column behind each column of X."""
        if isinstance(self._inputs, ColumnInputs):
            return [feature.name for feature in self._inputs.features for _ in range(feature.width)]
        return self.feature_names

    @property
    def dropped(self) -> list[tuple[str, str]]:
        """(name, reason) of each column that is not used."""
        return [(item.name, item.reason) for item in self._inputs.dropped]

    @property
    def known_names(self) -> list[str]:
        """Names of the training table's columns, empty if it had none: what `read_table` takes to tell a header."""
        return list(self._inputs.schema.names) if self._inputs.schema.named else []

    @property
    def input_scale(self) -> Array | None:
        """(n_features,) factor for pixels at gather time, `A0 = X * scale + shift`; None if X is ready."""
        return self._per_feature(self._inputs.scale)

    @property
    def input_shift(self) -> Array | None:
        """(n_features,) summand for pixels at gather time; None if X is ready."""
        return self._per_feature(self._inputs.shift)

    def transform(self, table: Table) -> Array:
        """X, (m, n_features), one row for each row of the table; raw and target columns may both be there.

        C-contiguous and standardised in `dtype`; for images the uint8 matrix itself. Sets `notes`.

        Raises
        ------
        DataError : a column is missing, or has text or infinite values where training had numbers.
        """
        X, self.notes = self._inputs.transform(table, self.dtype)
        return X

    def find_target(self, table: Table, target: str | int | None = None) -> Column:
        """The target column of a table, where training had it, or at `target` (see `tables.read_target`).

        Raises
        ------
        DataError : it is not there.
        """
        if target is not None:
            return read_target(table, target).column
        name = self.target.name
        if self.target_where == "column":
            position = self._inputs.schema.find_target(table)
            if position is not None:
                return table.column(position)
            raise DataError(f"'{table.source}' has no target column '{name}'.", "say where the target is with -t")
        if self.target_where == "array" and name in table.arrays:
            return read_target(table, name).column
        if self.target_where == "array":
            others = f" (it has: {', '.join(table.arrays)})" if table.arrays else ""
            raise DataError(
                f"'{table.source}' has no array '{name}' for the target{others}.",
                f"-t {next(iter(table.arrays), 'NAME')}",
            )
        raise DataError(
            f"The target of '{table.source}' is not known: at training it was in another file, '{name}'.", "-t FILE"
        )

    @property
    def weight_name(self) -> str | None:
        """Name of the column that said how much each row counts, None where all counted alike."""
        schema = self._inputs.schema
        return None if schema.weights is None else schema.names[schema.weights]

    def find_weights(self, table: Table) -> Column | None:
        """The column of the weights in a table; None where training had none, or the table lacks it, which `notes` then says."""
        position = self._inputs.schema.find_weights(table)
        if position is None and self.weight_name is not None:
            self.notes.append(f"no column '{self.weight_name}' with weights, so its rows count alike")
        return None if position is None else table.column(position)

    def labelled_rows(self, table: Table, target: str | int | None = None) -> npt.NDArray[np.int64]:
        """Numbers of the rows that have a target, rising. Raises as `find_target`."""
        return np.flatnonzero(~self.find_target(table, target).missing)

    def transform_target(self, table: Table, target: str | int | None = None, *, clean_labels: bool = False) -> Array:
        """Y for every row of the table: class index (m,) int64; 0 or 1 (m, 1); standardised (m, 1).

        Rows without a target, those not in `labelled_rows`, are -1 in class indices and NaN elsewhere.

        Parameters
        ----------
        target : where the target is, if not where training had it.
        clean_labels : take blanks and trailing full stops off the labels before they are compared.

        Raises
        ------
        DataError : the target is not there, or has a class that training did not have.
        """
        return self.target.encode(self.find_target(table, target), self.dtype, clean_labels=clean_labels)

    def inverse_target(self, AL: Array) -> Array:
        """What the outputs AL, (m, n_outputs), mean: labels (object array of str), or values in the target's units."""
        return self.target.decode(AL)

    def probabilities(self, AL: Array) -> Array:
        """(m, K) probability of each class from the outputs; DataError for regression."""
        return self.target.probabilities(AL)

    def summary(self) -> dict[str, Any]:
        """Facts for printing, in plain JSON types.

        rows, train_rows : of the training table, and those learned from.
        columns : kind -> names of the columns used; kinds are number, boolean, category, pixel.
        dropped : list of {name, reason}.  features : columns of X.
        target : name, task, decision; classes as {label, rows, share}, or mean and std.
        """
        return {
            "rows": self.n_rows,
            "train_rows": self.n_train_rows,
            "columns": self._inputs.columns_by_kind(),
            "dropped": [{"name": name, "reason": reason} for name, reason in self.dropped],
            "features": self.n_features,
            "target": self.target.summary(),
        }

    def to_json(self) -> dict[str, Any]:
        """Everything, in plain JSON types; floats keep every bit."""
        schema = self._inputs.schema
        return {
            "dtype": self.dtype,
            "rows": self.n_rows,
            "train_rows": self.n_train_rows,
            "schema": vars(schema),
            "dropped": [vars(item) for item in self._inputs.dropped],
            "inputs": {"kind": self._inputs.kind, **self._inputs.to_json()},
            "target": {"where": self.target_where, **vars(self.target)},
        }

    @staticmethod
    def from_json(document: dict[str, Any]) -> Preprocessor:
        """The preprocessor of `to_json`'s document; KeyError or TypeError if it is none."""
        schema = Schema(**document["schema"])
        dropped = [Dropped(**item) for item in document["dropped"]]
        kinds: dict[str, type[Inputs]] = {cls.kind: cls for cls in (ColumnInputs, PixelInputs, ArrayInputs)}
        inputs = kinds[document["inputs"]["kind"]].from_json(document["inputs"], schema, dropped)
        facts = dict(document["target"])
        where = facts.pop("where")
        return Preprocessor(inputs, Target(**facts), where, document["dtype"], document["rows"], document["train_rows"])

    def _per_feature(self, value: float | None) -> Array | None:
        return None if value is None else np.full(self.n_features, value, dtype=self.dtype)


def _fit_inputs(
    table: Table, schema: Schema, rows: npt.NDArray[np.int64], drop: set[int], categorical: set[int]
) -> Inputs:
    if table.matrix is not None and not categorical:
        inputs = PixelInputs if table.matrix.dtype == np.uint8 else ArrayInputs
        return inputs.fit(table, schema, rows, drop)
    if table.matrix is not None:
        columns = {name: table.column(position) for position, name in enumerate(table.names)}
        table = table_from_columns(columns, table.source, named=False)
    return ColumnInputs.fit(table, schema, rows, drop, categorical)


def _positions(table: Table, specs: Sequence[str], target: FoundTarget, option: str) -> set[int]:
    positions = {table.require_position(str(spec), option) for spec in specs}
    if target.position in positions:
        raise DataError(
            f"Column '{target.name}' is the target, so {option} cannot name it too.",
            f"another column with {option}, or none",
        )
    return positions
