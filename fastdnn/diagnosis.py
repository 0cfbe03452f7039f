"""The doctor: what is wrong with a network on some data, layer by layer, and what to do about it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn import vocabulary
from fastdnn.defaults import LEARNING_RATES
from fastdnn.errors import DataError, ParameterError, check_name, check_number
from fastdnn.examples import Examples
from fastdnn.findings import Finding, of_layers, of_leak, of_non_finite, of_steps
from fastdnn.inference import evaluate_in
from fastdnn.layer_health import LayerDiagnosis, OutputCounts, layer_diagnoses
from fastdnn.layer_outputs import layer_output
from fastdnn.leaks import Leak, find_leaks
from fastdnn.network import Network
from fastdnn.non_finite import NonFinite, in_batch, in_parameters
from fastdnn.workspace import Workspace

Array = NDArray[Any]

# Rows that pass through the network at a time, those whose gradient is taken, and those in which a leak is looked for.
_ROWS_AT_A_TIME, _GRADIENT_ROWS, _LEAK_ROWS = 512, 2000, 4000


@dataclass(frozen=True)
class Diagnosis:
    """What `Network.diagnose` found.

    Attributes
    ----------
    rows : examples looked at. loss : their mean loss, may be NaN or infinite.
    optimizer, learning_rate : whose first step the updates are; 'lbfgs' and None have none.
    layers : one LayerDiagnosis each; empty where a number is not finite.
    findings : what is wrong, the worst first; empty where nothing is.
    non_finite : where the first number that is not finite comes from, or None. leaks : columns that give the target away.
    """

    rows: int
    loss: float
    optimizer: str
    learning_rate: float | None
    layers: tuple[LayerDiagnosis, ...]
    findings: tuple[Finding, ...]
    non_finite: NonFinite | None
    leaks: tuple[Leak, ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def __str__(self) -> str:
        header = f"{'layer':<24}{'dead':>8}{'saturated':>11}{'|dW|/|W|':>11}{'|step|/|W|':>12}"
        rows = [
            f"{f'{layer.layer}  {layer.units} {layer.activation}':<24}{_share(layer.dead):>8}{_share(layer.saturated):>11}"
            f"{_ratio(layer.gradient_ratio):>11}{_ratio(layer.update_ratio):>12}"
            for layer in self.layers
        ]
        said = [f"{finding.sentence} {finding.advice}" for finding in self.findings] or ["Nothing is wrong."]
        return "\n".join([*([header, *rows] if rows else []), *said])

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; None for NaN and infinities."""
        ratios = [{"gradient_ratio": layer.gradient_ratio, "update_ratio": layer.update_ratio} for layer in self.layers]
        facts = asdict(self)
        facts["layers"] = [layer | more for layer, more in zip(facts["layers"], ratios, strict=True)]
        facts["healthy"] = self.healthy
        return {name: _plain(value) for name, value in facts.items()}


def diagnose(
    network: Network,
    examples: Examples,
    *,
    l2: float = 0.0,
    optimizer: str = "adam",
    learning_rate: float | None = None,
    columns: Sequence[str] | None = None,
) -> Diagnosis:
    """Look at a network at work on labelled examples. The network is not changed.

    Parameters
    ----------
    examples : with targets, best those of training: the outputs of all are looked at, the gradient of at most 2000.
    l2 : strength of the L2 term in the gradient.
    optimizer, learning_rate : of the step whose length is compared with the weights; default LEARNING_RATES.
        'lbfgs' has none, and its steps are not looked at.
    columns : names of the columns of X; equal names are one column. Default 'column 0', ...

    Raises
    ------
    ParameterError : an unknown optimizer, a learning rate that is not positive. DataError : examples that do not fit.
    """
    check_name("optimizer", optimizer, (*vocabulary.OPTIMIZERS, vocabulary.LBFGS))
    rate = LEARNING_RATES.get(optimizer) if learning_rate is None else learning_rate
    if optimizer == vocabulary.LBFGS and rate is not None:
        raise ParameterError(f"Optimizer '{optimizer}' takes no learning_rate, got {learning_rate!r}.")
    if rate is not None:
        check_number("learning_rate", rate, 0.0, above=True)
    names = [f"column {j}" for j in range(examples.X.shape[1])] if columns is None else list(columns)
    if len(names) != examples.X.shape[1]:
        raise DataError(f"X has {examples.X.shape[1]} columns, but {len(names)} names were given.")
    counts, loss, wrong = _pass_through(network, examples)
    leaks = tuple(_leaks(network, examples, names))
    if wrong is not None:
        findings = (of_non_finite(network, examples, wrong, names), *map(of_leak, leaks))
        return Diagnosis(len(examples), loss, optimizer, rate, (), findings, wrong, leaks)
    some = replace(examples, rows=_spread(examples.indices, _GRADIENT_ROWS))
    layers = layer_diagnoses(network, counts, network.gradients(some, l2)[0], optimizer, rate)
    found = [*map(of_leak, leaks), *of_layers(layers), *of_steps(layers, optimizer, rate)]
    return Diagnosis(len(examples), loss, optimizer, rate, layers, tuple(found), None, leaks)


def _pass_through(network: Network, examples: Examples) -> tuple[list[OutputCounts], float, NonFinite | None]:
    """All rows through the network: what the layers give, the mean loss, and the first number that is not finite."""
    rows, L = examples.indices, network.L
    counts = [
        OutputCounts(name, n, network.loss if l == L else None)
        for l, (name, n) in enumerate(zip(network.activations, network.layer_dims[1:], strict=True), 1)
    ]
    wrong = in_parameters(network)
    workspace = Workspace(network, min(_ROWS_AT_A_TIME, rows.size), 1, training=False)
    data = workspace.data(examples, with_targets=True)
    total = 0.0
    for first in range(0, rows.size, workspace.batch):
        here = rows[first : first + workspace.batch]
        AL, losses = evaluate_in(workspace, data, here, 1, with_losses=True)
        total += float(losses.sum())
        if wrong is None and not np.isfinite(losses).all():
            wrong = in_batch(workspace, here, AL)
        for l, count in enumerate(counts, 1):
            count.add(AL if l == L else layer_output(workspace, l, here.size))
    weights = getattr(examples, "weights", None)
    return counts, total / (rows.size if weights is None else float(weights[rows].sum())), wrong


def _spread(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """At most `most` of the rows, evenly spread."""
    return rows if rows.size <= most else rows[np.linspace(0, rows.size - 1, most).astype(np.int64)]


def _leaks(network: Network, examples: Examples, names: Sequence[str]) -> list[Leak]:
    assert examples.Y is not None  # the losses were computed
    rows = _spread(examples.indices, _LEAK_ROWS)
    n_y = network.layer_dims[-1]
    two = network.loss == "binary_cross_entropy" and n_y == 1
    n_classes = n_y if network.loss == "categorical_cross_entropy" else 2 if two else 0
    return find_leaks(examples.X[rows], examples.Y[rows], names, n_classes)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.1e}"


def _plain(value: Any) -> Any:
    """The same with None for NaN and infinities, which JSON does not have."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
