"""From an array to the network's input: pixels stay the bytes they are, floats are standardised column by column."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from fastdnn.errors import DataError
from fastdnn.features import CLIP, Dropped
from fastdnn.inputs import Schema
from fastdnn.moments import blocks, column_moments, require_finite_block
from fastdnn.tables import Table

Array = npt.NDArray[Any]
Rows = npt.NDArray[np.int64]


@dataclass
class PixelInputs:
    """A uint8 matrix that goes to the network as it is: A0 = X * scale + shift is applied when a batch is gathered.

    One mean and one standard deviation for all pixels, of the training rows: columns keep their brightness relative to
    each other, and those that never change stay harmless.

    Attributes
    ----------
    columns : positions of the pixels in the training table.
    mean, std : of all pixel values of the training rows; std is 1 where all are equal.
    """

    schema: Schema
    columns: list[int]
    mean: float
    std: float
    dropped: list[Dropped] = field(default_factory=list)

    kind = "pixels"

    @staticmethod
    def fit(table: Table, schema: Schema, rows: Rows, drop: set[int]) -> PixelInputs:
        """Count the pixel values of the training rows, a few rows at a time."""
        columns, dropped = _used_columns(table, schema, drop)
        counts = np.zeros(256, dtype=np.int64)
        for block in blocks(_require_matrix(table), rows):
            counts += np.bincount(
                (block if len(columns) == block.shape[1] else block[:, columns]).ravel(), minlength=256
            )
        values, total = np.arange(256, dtype=np.float64), int(counts.sum())
        mean = float(counts @ values) / total
        std = float(np.sqrt(counts @ (values - mean) ** 2 / total))
        return PixelInputs(schema, columns, mean, std or 1.0, dropped)

    @property
    def n_features(self) -> int:
        """Columns of X."""
        return len(self.columns)

    @property
    def feature_names(self) -> list[str]:
        """Names of the columns of X."""
        return [self.schema.names[j] for j in self.columns]

    @property
    def scale(self) -> float:
        """What a pixel is multiplied with."""
        return 1.0 / self.std

    @property
    def shift(self) -> float:
        """What is added after that."""
        return -self.mean / self.std

    def transform(self, table: Table, dtype: npt.DTypeLike) -> tuple[Array, list[str]]:
        """The table's own uint8 matrix, not copied if all columns are used; other numbers from 0 to 255 become uint8.

        Raises
        ------
        DataError : another number of columns, or values that are no pixels.
        """
        positions, notes = self.schema.locate(table, self.columns)
        matrix = table.matrix
        if matrix is not None and matrix.dtype == np.uint8:
            return (
                matrix if positions == list(range(matrix.shape[1])) else np.ascontiguousarray(matrix[:, positions])
            ), notes
        X = np.empty((table.n_rows, len(positions)), dtype=np.uint8)
        for place, position in enumerate(positions):
            values = table.column(position).as_numbers()
            # NaN fails the comparison too.
            wrong = ~((values >= 0) & (values <= 255) & (values == np.floor(values)))
            if wrong.any():
                row = int(np.argmax(wrong))
                raise DataError(
                    f"'{table.source}' has the value {values[row]} in row {row + 1}, column {position + 1}; "
                    "the model was trained on pixels, whole numbers from 0 to 255.",
                    "give the pixels as they were at training, not scaled",
                )
            X[:, place] = values
        return X, notes

    def columns_by_kind(self) -> dict[str, list[str]]:
        """Names of the used columns under 'pixel'."""
        return {"pixel": self.feature_names}

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {"columns": self.columns, "mean": self.mean, "std": self.std}

    @staticmethod
    def from_json(document: dict[str, Any], schema: Schema, dropped: list[Dropped]) -> PixelInputs:
        """The inputs of `to_json`'s document."""
        return PixelInputs(schema, list(document["columns"]), float(document["mean"]), float(document["std"]), dropped)


@dataclass
class ArrayInputs:
    """A matrix of floats, standardised column by column and clipped to +-clip, in blocks of rows: X is the only copy.

    NaN is a missing value: it becomes the median of its column, and columns with missing values in the training rows
    have a 0/1 place for it after all the others. A column that was complete at training takes its mean instead: medians
    of every column of a wide array would need a second copy of it.

    Attributes
    ----------
    columns : positions of the columns that are used: those that are not constant.
    mean, std, fill : of each of them; fill replaces NaN.
    indicators : places among `columns` of those with missing values at training.
    """

    schema: Schema
    columns: list[int]
    mean: npt.NDArray[np.float64]
    std: npt.NDArray[np.float64]
    fill: npt.NDArray[np.float64]
    indicators: list[int]
    clip: float = CLIP
    dropped: list[Dropped] = field(default_factory=list)

    kind = "array"
    scale = None
    shift = None

    @staticmethod
    def fit(table: Table, schema: Schema, rows: Rows, drop: set[int]) -> ArrayInputs:
        """Statistics of the training rows in float64. DataError for infinite values, or if every column is constant."""
        X = _require_matrix(table)
        columns, dropped = _used_columns(table, schema, drop)
        moments = column_moments(X, rows, columns, schema.names)
        kept = [
            k
            for k in range(len(columns))
            if moments.high[k] > moments.low[k] or (moments.missing[k] and moments.known[k])
        ]
        constant = sorted(set(range(len(columns))) - set(kept))
        dropped += [Dropped(schema.names[columns[k]], _reason(int(moments.known[k]))) for k in constant]
        if not kept:
            raise DataError(
                f"Every column of '{table.source}' is the same in all training rows.",
                "give an array with columns that vary",
            )
        mean, std = moments.mean[kept], moments.std[kept]
        used = [columns[k] for k in kept]
        indicators = [place for place, k in enumerate(kept) if moments.missing[k]]
        fill = mean.copy()
        for place in indicators:
            fill[place] = np.nanmedian(X[rows, used[place]].astype(np.float64))
        return ArrayInputs(schema, used, mean, std, fill, indicators, dropped=dropped)

    @property
    def n_features(self) -> int:
        """Columns of X."""
        return len(self.columns) + len(self.indicators)

    @property
    def feature_names(self) -> list[str]:
        """Names of the columns of X."""
        names = [self.schema.names[j] for j in self.columns]
        return names + [f"{names[place]} (missing)" for place in self.indicators]

    def transform(self, table: Table, dtype: npt.DTypeLike) -> tuple[Array, list[str]]:
        """X, (m, n_features), C order, and notes. DataError for a table that does not fit, text and infinite values."""
        positions, notes = self.schema.locate(table, self.columns)
        X = np.empty((table.n_rows, self.n_features), dtype=dtype)
        width = len(self.columns)
        if table.matrix is None:
            source = np.empty((table.n_rows, width))
            for place, position in enumerate(positions):
                source[:, place] = table.column(position).as_numbers()
            positions = list(range(width))
        else:
            source = table.matrix
        start = 0
        for block in blocks(source, None):
            values = (block if positions == list(range(block.shape[1])) else block[:, positions]).astype(np.float64)
            require_finite_block(values, start, self.feature_names)
            missing = np.isnan(values)
            np.copyto(values, np.broadcast_to(self.fill, values.shape), where=missing)
            values -= self.mean
            values /= self.std
            stop = start + len(values)
            np.clip(values, -self.clip, self.clip, out=values)
            X[start:stop, :width] = values
            X[start:stop, width:] = missing[:, self.indicators]
            start = stop
        return X, notes

    def columns_by_kind(self) -> dict[str, list[str]]:
        """Names of the used columns under 'number'."""
        return {"number": self.feature_names[: len(self.columns)]}

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; floats keep every bit."""
        arrays = {name: getattr(self, name).tolist() for name in ("mean", "std", "fill")}
        return {"columns": self.columns, **arrays, "indicators": self.indicators, "clip": self.clip}

    @staticmethod
    def from_json(document: dict[str, Any], schema: Schema, dropped: list[Dropped]) -> ArrayInputs:
        """The inputs of `to_json`'s document."""
        mean, std, fill = (np.asarray(document[name], dtype=np.float64) for name in ("mean", "std", "fill"))
        return ArrayInputs(
            schema, list(document["columns"]), mean, std, fill, list(document["indicators"]), document["clip"], dropped
        )


def _used_columns(table: Table, schema: Schema, drop: set[int]) -> tuple[list[int], list[Dropped]]:
    columns = [j for j in range(table.n_columns) if j != schema.target and j not in drop]
    if not columns:
        raise DataError(f"'{table.source}' has no column left to learn from.", "give an array with more columns")
    return columns, [Dropped(schema.names[j], schema.why_left_out(j)) for j in sorted(drop)]


def _require_matrix(table: Table) -> Array:
    if table.matrix is None:
        raise TypeError("a table of columns has no matrix")
    return table.matrix


def _reason(known: int) -> str:
    return "is the same in every training row" if known else "has no value in any training row"
