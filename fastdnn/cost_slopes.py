"""The slope of a network's cost along lines through its parameters, measured with the forward pass alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn.errors import DataError
from fastdnn.examples import Examples
from fastdnn.finite_differences import POINTS, power_of_two, rounding_error, slopes
from fastdnn.inference import evaluate_in
from fastdnn.layer_outputs import layer_output
from fastdnn.network import Network
from fastdnn.workspace import Workspace

Array = NDArray[Any]
Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

# A line whose slope is in doubt is tried again with a step this much shorter, at most so many times.
_SHORTER, _TRIES = 16.0, 3
# Lines whose losses are held at once.
_AT_A_TIME = 128


@dataclass(frozen=True)
class Line:
    """A way to move the parameters: those of W[l] or b[l] at flat `places` of it, by t times `direction`."""

    layer: int
    name: str
    places: Indices
    direction: Floats
    step: float
    index: tuple[int, int] | None

    def along(self, gradient: Array) -> float:
        """The slope that `gradient`, of W[l] or b[l], has along this line."""
        return float(gradient.ravel()[self.places] @ self.direction)


class Cost:
    """J along a line, example by example, in one workspace."""

    def __init__(self, network: Network, examples: Examples, l2: float, l1: float, sample_weight: Any) -> None:
        m = len(examples)
        weights = np.ones(m) if sample_weight is None else np.asarray(sample_weight, np.float64).ravel()
        self.network, self.rows = network, examples.indices
        self.workspace = Workspace(network, m, 1, training=False)
        self._data = self.workspace.data(examples, with_targets=True)
        self._l2, self._l1 = l2 / weights.sum(), l1 / weights.sum()
        # The last function is the penalty.
        self.shares = np.append(weights / weights.sum(), 1.0)
        self.at_zero = np.append(self._losses(), 0.0)
        if not np.isfinite(self.at_zero).all():
            raise DataError(
                "The cost is not finite at these parameters, so it has no slope.",
                "network.diagnose(X, Y) names the layer.",
            )
        self.size = float(self.shares @ np.abs(self.at_zero))
        self.largest_inputs = [np.abs(layer_output(self.workspace, l, m)).max(axis=0) for l in range(network.L)]
        # Where each parameter lies in the flat buffer.
        numbers = np.arange(self.workspace.buffers.parameters.size)
        self._where: dict[tuple[str, int], Indices] = {}
        for l, (W, b) in enumerate(zip(network.weights, network.biases, strict=True), 1):
            in_W, in_b = np.empty(W.shape, np.int64), np.empty(b.shape, np.int64)
            self.workspace.read_layer(numbers, l, in_W, in_b)
            self._where |= {("W", l): in_W.ravel(), ("b", l): in_b.ravel()}

    def along(self, line: Line, step: float, out: Floats) -> None:
        """out (6, m + 1) overwritten: the losses, and how the penalty differs from that at 0, at POINTS times `step`."""
        parameters = self.workspace.buffers.parameters
        places = self._where[line.name, line.layer][line.places]
        kept = parameters[places]
        penalised = line.name == "W" and (self._l2 > 0 or self._l1 > 0)
        for point, values in zip(POINTS, out, strict=True):
            moved = kept + point * step * line.direction
            parameters[places] = moved
            values[:-1] = self._losses()
            values[-1] = self._penalty(kept, moved) if penalised else 0.0
        parameters[places] = kept

    def _losses(self) -> Floats:
        return evaluate_in(self.workspace, self._data, self.rows, 1, with_losses=True)[1]

    def _penalty(self, W: Floats, moved: Floats) -> float:
        """l2/(2m) sum W^2 + l1/m sum |W| of the moved weights, less that of W; number by number, for the sake of rounding."""
        squares, sizes = np.sum((moved - W) * (moved + W)), np.sum(np.abs(moved) - np.abs(W))
        return float(self._l2 / 2 * squares + self._l1 * sizes)


def lines_of(cost: Cost, directions: int, epsilon: float, rng: np.random.Generator) -> list[Line]:
    """Every parameter alone, or `directions` random ones for each W and b; with the step that moves no Z by more than epsilon."""
    lines = []
    for l, (W, largest) in enumerate(zip(cost.network.weights, cost.largest_inputs, strict=True), 1):
        n, n_prev = W.shape
        for name, shape in (("W", (n, n_prev)), ("b", (n, 1))):
            if directions:
                step = float(power_of_two(epsilon / max(1.0, largest.max() if name == "W" else 1.0)))
                scale = 1.0 / np.sqrt(shape[1])  # a direction moves Z about as far as one parameter does
                for _ in range(directions):
                    places = np.arange(n * shape[1])
                    lines.append(Line(l, name, places, rng.standard_normal(places.size) * scale, step, None))
                continue
            steps = power_of_two(epsilon / np.maximum(1.0, largest)) if name == "W" else power_of_two([epsilon])
            for at in range(n * shape[1]):
                i, j = divmod(at, shape[1])
                lines.append(Line(l, name, np.array([at]), np.ones(1), float(steps[j]), (i, j)))
    return lines


def numeric_slopes(cost: Cost, lines: list[Line], wanted: float) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """The slope along each line, its doubt, and whether that is small enough for it to be a slope at all.

    wanted : doubt, relative to the slopes' root mean square, above which a shorter step is tried.
    """
    steps = np.array([line.step for line in lines])
    slope, doubt = _slopes(cost, lines, steps)
    typical = float(np.sqrt(np.mean(np.square(slope)))) if len(lines) else 0.0
    allowed = np.maximum(10 * wanted * typical, 4 * rounding_error(steps, cost.size + typical))
    for _ in range(_TRIES):
        again = np.flatnonzero(doubt > wanted * typical)
        steps[again] /= _SHORTER
        tried, new_doubt = _slopes(cost, [lines[i] for i in again], steps[again])
        better = new_doubt < doubt[again]
        slope[again[better]], doubt[again[better]] = tried[better], new_doubt[better]
        rounding = 4 * rounding_error(steps[again], cost.size + typical)
        allowed[again[better]] = np.maximum(10 * wanted * typical, rounding[better])
    return slope, doubt, doubt <= allowed


def _slopes(cost: Cost, lines: list[Line], steps: Floats) -> tuple[Floats, Floats]:
    slope, doubt = np.zeros(len(lines)), np.zeros(len(lines))
    for first in range(0, len(lines), _AT_A_TIME):
        here = slice(first, first + _AT_A_TIME)
        values = np.empty((len(lines[here]), len(POINTS), cost.at_zero.size))
        for line, step, out in zip(lines[here], steps[here], values, strict=True):
            cost.along(line, step, out)
        each, errors = slopes(values, cost.at_zero, steps[here])
        slope[here], doubt[here] = each @ cost.shares, errors @ cost.shares
    return slope, doubt
