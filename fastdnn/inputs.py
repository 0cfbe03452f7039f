"""From a table of columns to the network's input X: which columns, found how in a new file, encoded how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from fastdnn.errors import DataError, nearest
from fastdnn.features import (
    Dropped,
    Feature,
    NumberFeature,
    feature_from_json,
    feature_to_json,
    fit_feature,
)
from fastdnn.tables import Table

Rows = npt.NDArray[np.int64]


@dataclass
class Schema:
    """The columns of the training table, and how a new table's are matched to them.

    By name where both have names. By position otherwise: the new table has as many columns as the training table, or
    one less where the target was among them.

    Attributes
    ----------
    names : all columns of the training table, in order.
    named : whether the names came from the file.
    target, weights : positions of the target and of the rows' weights among them, from 0, or None.
    """

    names: list[str]
    named: bool
    target: int | None
    weights: int | None = None

    def locate(self, table: Table, wanted: Sequence[int]) -> tuple[list[int], list[str]]:
        """Positions in `table` of the training columns `wanted`, and notes on what was ignored.

        Raises
        ------
        DataError : a column is missing, or the number of columns fits neither way.
        """
        if self.named and table.named:
            return self._by_name(table, wanted)
        without_target = table.n_columns == len(self.names) - 1 and self.target is not None
        if table.n_columns != len(self.names) and not without_target:
            raise DataError(*self._wrong_number(table))
        notes = []
        if self.named != table.named:
            which = "the new file has no column names" if self.named else "the model knows no column names"
            notes.append(f"columns are matched by position: {which}")
        shift = self.target if without_target else None
        return [j - 1 if shift is not None and j > shift else j for j in wanted], notes

    def find_target(self, table: Table) -> int | None:
        """Position of the target column in `table`, None if it is not there."""
        if self.target is None:
            return None
        if self.named and table.named:
            return self._namesake(self.target, table)
        return self.target if table.n_columns == len(self.names) else None

    def find_weights(self, table: Table) -> int | None:
        """Position of the weights' column in `table`, None if it is not there."""
        if self.weights is None:
            return None
        if self.named and table.named:
            return self._namesake(self.weights, table)
        return self.locate(table, [self.weights])[0][0]

    def _namesake(self, position: int, table: Table) -> int | None:
        """Position in `table` of the column that is called as one of ours."""
        name = self.names[position]
        return table.names.index(name) if name in table.names else None

    def why_left_out(self, position: int) -> str:
        """The reason for a column that was asked not to be a feature."""
        return "says how much each row counts" if position == self.weights else "was named by --drop"

    def _by_name(self, table: Table, wanted: Sequence[int]) -> tuple[list[int], list[str]]:
        position = {name: j for j, name in enumerate(table.names)}
        missing = [self.names[j] for j in wanted if self.names[j] not in position]
        extra = [name for name in position if name not in set(self.names)]
        if missing:
            raise DataError(*_missing_columns(table, missing, extra))
        notes = (
            [f"ignored, as the model does not know {'it' if len(extra) == 1 else 'them'}: {_listing(extra)}"]
            if extra
            else []
        )
        return [position[self.names[j]] for j in wanted], notes

    def _wrong_number(self, table: Table) -> tuple[str, str]:
        count = len(self.names)
        allowed = f"{count}" if self.target is None else f"{count}, or {count - 1} without the target"
        columns = "1 column" if table.n_columns == 1 else f"{table.n_columns} columns"
        return (
            f"'{table.source}' has {columns}; the model was trained on {allowed}.",
            "give the same columns in the same order as at training",
        )


@dataclass
class ColumnInputs:
    """Features of a table of columns, side by side in X.

    Attributes
    ----------
    features : in the order of their columns in X.
    dropped : columns that are not used, with the reason.
    """

    schema: Schema
    features: list[Feature]
    dropped: list[Dropped] = field(default_factory=list)

    kind = "columns"
    scale = None
    shift = None

    @staticmethod
    def fit(table: Table, schema: Schema, rows: Rows, drop: set[int], categorical: set[int]) -> ColumnInputs:
        """Learn every feature from the rows `rows`; columns at `drop` are left out. DataError if none is left."""
        inputs = ColumnInputs(schema, [])
        for position, name in enumerate(table.names):
            if position == schema.target:
                continue
            if position in drop:
                inputs.dropped.append(Dropped(name, schema.why_left_out(position)))
                continue
            found = fit_feature(table.column(position), position, rows, categorical=position in categorical)
            inputs.dropped.append(found) if isinstance(found, Dropped) else inputs.features.append(found)
        if not inputs.features:
            reasons = "; ".join(f"'{item.name}' {item.reason}" for item in inputs.dropped[:5])
            raise DataError(
                f"'{table.source}' has no column left to learn from{': ' + reasons if reasons else ''}.",
                "give a table with more columns",
            )
        return inputs

    @property
    def n_features(self) -> int:
        """Columns of X."""
        return sum(feature.width for feature in self.features)

    @property
    def feature_names(self) -> list[str]:
        """Names of the columns of X."""
        return [name for feature in self.features for name in feature.names]

    def transform(self, table: Table, dtype: npt.DTypeLike) -> tuple[npt.NDArray[Any], list[str]]:
        """X, (m, n_features), C order, and notes on what was ignored. DataError for a table that does not fit."""
        positions, notes = self.schema.locate(table, [feature.position for feature in self.features])
        X = np.empty((table.n_rows, self.n_features), dtype=dtype)
        start = 0
        for feature, position in zip(self.features, positions, strict=True):
            feature.write(table.column(position), X[:, start : start + feature.width])
            start += feature.width
        return X, notes

    def columns_by_kind(self) -> dict[str, list[str]]:
        """Names of the used columns under 'number', 'boolean' and 'category'."""
        kinds: dict[str, list[str]] = {"number": [], "boolean": [], "category": []}
        for feature in self.features:
            boolean = isinstance(feature, NumberFeature) and feature.boolean
            kinds["boolean" if boolean else feature.kind].append(feature.name)
        return kinds

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {"features": [feature_to_json(feature) for feature in self.features]}

    @staticmethod
    def from_json(document: dict[str, Any], schema: Schema, dropped: list[Dropped]) -> ColumnInputs:
        """The inputs of `to_json`'s document."""
        return ColumnInputs(schema, [feature_from_json(item) for item in document["features"]], dropped)


def _missing_columns(table: Table, missing: list[str], extra: list[str]) -> tuple[str, str]:
    if len(missing) == 1:
        guess = nearest(missing[0], extra)
        like = f" Is it '{guess}'?" if guess else ""
        return (
            f"'{table.source}' lacks column '{missing[0]}', which the model was trained on.{like}",
            f"rename '{guess}' to '{missing[0]}'" if guess else "add the column; its cells may be empty",
        )
    return (
        f"'{table.source}' lacks {len(missing)} columns that the model was trained on: {_listing(missing)}.",
        "add the columns; their cells may be empty",
    )


def _listing(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f", ... ({len(names)} in all)" if len(names) > 8 else "")
