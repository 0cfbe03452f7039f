"""Model: a trained network together with what turns a raw table into its input and its outputs into answers."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fastdnn import custom_activations, custom_losses, metrics, persistence
from fastdnn.errors import DataError, ModelFileError, ParameterError
from fastdnn.examples import Examples
from fastdnn.history import History
from fastdnn.network import Network
from fastdnn.preprocessing import Preprocessor
from fastdnn.quantiles import rearranged
from fastdnn.weighting import IS_COMPARED, column_weights

if TYPE_CHECKING:
    from fastdnn.tables import Table

Array = npt.NDArray[Any]


@dataclass
class Model:
    """What `fit` makes, the model file holds and `predict` uses.

    Attributes
    ----------
    network : the trained Network.
    preprocessor : what it remembers of the training table: columns, statistics, categories, classes.
    history : one row an epoch, and how training ended.
    metrics : scores on the rows kept aside, and those of the baselines on the same rows; plain JSON types.
    provenance : what made the model: versions, settings, data, split, date; plain JSON types.
    """

    network: Network
    preprocessor: Preprocessor
    history: History
    metrics: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)

    def outputs(self, table: Table, *, threads: int = 1) -> Array:
        """The network's outputs AL, (m, n_y) in its dtype, one row for each row of the table, in order.

        Raises
        ------
        DataError : the table lacks a column, or has text where training had numbers.
        """
        pre = self.preprocessor
        X = pre.transform(table)
        if X.shape[0] == 0:
            return np.empty((0, self.network.layer_dims[-1]), dtype=self.network.dtype)
        return self.network.predict(Examples(X, scale=pre.input_scale, shift=pre.input_shift), threads=threads)

    def predict(self, table: Table, *, threads: int = 1) -> Array:
        """Labels as the training file wrote them ((m,) object array of str), or values in the target's units ((m,) float64; (m, K)
        where the loss is that of K > 1 quantiles, column k for quantile k, in each row rising with the quantiles).

        Raises as `outputs`.
        """
        return self.answers(self.outputs(table, threads=threads))

    def answers(self, AL: Array) -> Array:
        """What the outputs of some rows mean, as `predict` gives it."""
        return _answers(self.preprocessor, AL, self.network)

    def predict_proba(self, table: Table, *, threads: int = 1) -> Array:
        """Probability of each class, (m, K), columns in the order of `preprocessor.classes`.

        Raises
        ------
        DataError : as `outputs`, and for a regression model, which has no classes.
        """
        return self.preprocessor.probabilities(self.outputs(table, threads=threads))

    def evaluate(
        self,
        table: Table,
        target: str | None = None,
        *,
        clean_labels: bool = False,
        weight_column: str | None = None,
        weighted: bool = True,
        threads: int = 1,
    ) -> dict[str, Any]:
        """Scores on labelled rows; rows without a target are left out and counted.

        Parameters
        ----------
        table : the rows, raw.
        target : where the truth is, if not where training had it: a column's name or position, or a file.
        clean_labels : whether blanks and a trailing full stop are taken off the labels first.
        weight_column : the column that says how much each row counts; None: that of training, where it had one and the table
            has it, too. weighted : False lets all rows count alike.

        Returns
        -------
        dict of plain JSON types: `rows`, `unlabelled`, `weight_column` (its name, or None), and the scores of the task; with
        classes also `classes` and `confusion_matrix` (true class down, predicted across: rows, or the sum of their weights).

        Raises
        ------
        DataError : as `outputs`; no row has a target, or weight, or a weight is negative or missing. ParameterError :
            a weight_column, and not weighted.
        """
        if weight_column is not None and not weighted:
            raise ParameterError(
                f"Rows cannot be weighted by '{weight_column}' and count alike.",
                "--weight-column or --unweighted alone",
            )
        pre = self.preprocessor
        rows = pre.labelled_rows(table, target)
        if rows.size == 0:
            raise DataError(f"No row of '{table.source}' has a target, so there is nothing to compare with.")
        AL = self.outputs(table, threads=threads)[rows]
        column = None
        if weight_column is not None:
            column = table.column(table.require_position(weight_column, "--weight-column"))
        elif weighted:
            column = pre.find_weights(table)
        weights = None if column is None else column_weights(column, table.source, rows, IS_COMPARED)[rows]
        Y = pre.transform_target(table, target, clean_labels=clean_labels)[rows]
        facts = {
            "rows": int(rows.size),
            "unlabelled": int(table.n_rows - rows.size),
            "weight_column": None if column is None else column.name,
        }
        return {**facts, **scores(pre, Y, AL, self.network, weights)}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model file at once or not at all; see `persistence.save_model`."""
        persistence.save_model(path, self)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Model:
        """Read a model file; see `persistence.load_model`."""
        return persistence.load_model(path)

    def tensors(self) -> dict[str, Array]:
        """W1, b1, ... WL, bL as views, in the course's shapes (n_l, n_prev) and (n_l, 1)."""
        return network_tensors(self.network)

    def to_document(self) -> dict[str, Any]:
        """Everything but the parameters, in plain JSON types; floats keep every bit."""
        document = {
            "network": network_document(self.network),
            "preprocessing": self.preprocessor.to_json(),
            "history": self.history.to_json(),
            "metrics": self.metrics,
            "provenance": self.provenance,
        }
        return {name: without_nan(part) for name, part in document.items()}

    @staticmethod
    def from_document(document: dict[str, Any], tensors: dict[str, Array]) -> Model:
        """The model of a document and its parameters.

        Raises ModelFileError, KeyError or TypeError where they do not fit each other.
        """
        return Model(
            network_from_document(document["network"], tensors),
            Preprocessor.from_json(document["preprocessing"]),
            History.from_json(document["history"]),
            dict(document["metrics"]),
            dict(document["provenance"]),
        )


def network_tensors(network: Network) -> dict[str, Array]:
    """W1, b1, ... WL, bL as views, in the course's shapes (n_l, n_prev) and (n_l, 1)."""
    named: dict[str, Array] = {}
    for l, (W, b) in enumerate(zip(network.weights, network.biases, strict=True), 1):
        named |= {f"W{l}": W, f"b{l}": b}
    return named


def network_document(network: Network) -> dict[str, Any]:
    """Everything of a network but the parameters, in plain JSON types."""
    return {
        "layer_dims": list(network.layer_dims),
        "activations": list(network.activations),
        "loss": network.loss,
        "loss_options": network.loss_options,
        "dtype": np.dtype(network.dtype).name,
        "leaky_slope": network.leaky_slope,
        "n_parameters": network.n_parameters,
    }


def network_from_document(facts: dict[str, Any], tensors: dict[str, Array]) -> Network:
    """The network of `network_document` and `network_tensors`.

    Raises ModelFileError, KeyError or TypeError where they do not fit each other.
    """
    for name in facts["activations"]:
        custom_activations.REGISTERED.require_known(name)
    custom_losses.REGISTERED.require_known(facts["loss"])
    dims = [int(n) for n in facts["layer_dims"]]
    weights, biases = [], []
    for l, (n_prev, n) in enumerate(pairwise(dims), start=1):
        weights.append(_parameter(tensors, f"W{l}", (n, n_prev), facts["dtype"]))
        biases.append(_parameter(tensors, f"b{l}", (n, 1), facts["dtype"]))
    return Network.from_parameters(
        weights,
        biases,
        list(facts["activations"]),
        facts["loss"],
        dtype=facts["dtype"],
        leaky_slope=facts["leaky_slope"],
        loss_options=facts.get("loss_options"),
    )


def _answers(preprocessor: Preprocessor, AL: Array, network: Network) -> Array:
    """Labels, values, or quantiles, which for a person must not cross."""
    if network.loss == "quantile":
        AL = rearranged(AL, network.loss_options["quantiles"])
    return preprocessor.inverse_target(AL)


def scores(
    preprocessor: Preprocessor, Y: Array, AL: Array, network: Network, weights: Array | None = None
) -> dict[str, Any]:
    """The scores of the preprocessor's task and the network's loss, regression in the target's own units; plain JSON types.

    Y : targets as the preprocessor encodes them. AL : outputs of the same rows. weights : (m,), or None: all rows count alike.
    """
    if preprocessor.classes is None:
        truth, answers = preprocessor.inverse_target(Y), _answers(preprocessor, AL, network)
        quantiles = network.loss_options.get("quantiles")
        return dict(metrics.quantity_scores(truth, answers, network.loss, quantiles, weights))
    confusion = metrics.confusion_matrix(Y, AL, weights).tolist()
    return {
        **metrics.classification_scores(Y, AL, weights),
        "classes": list(preprocessor.classes),
        "confusion_matrix": confusion,
    }


def _parameter(tensors: dict[str, Array], name: str, shape: tuple[int, int], dtype: str) -> Array:
    found = tensors.get(name)
    if found is None:
        raise ModelFileError(f"The model file is damaged: parameter {name} is missing.")
    if found.shape != shape or found.dtype != np.dtype(dtype):
        raise ModelFileError(
            f"The model file is damaged: {name} is {found.shape} {found.dtype}, its description says {shape} {dtype}."
        )
    return found


def without_nan(part: Any) -> Any:
    """The same with None for nan and infinities, which JSON does not have."""
    if isinstance(part, dict):
        return {name: without_nan(value) for name, value in part.items()}
    if isinstance(part, list | tuple):
        return [without_nan(value) for value in part]
    return None if isinstance(part, float) and not math.isfinite(part) else part
