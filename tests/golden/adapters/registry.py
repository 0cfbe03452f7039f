"""From a case of course_values.json to a call of fastdnn.course: RUN[group, function](case) gives the figures by name."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

GOLDEN = Path(__file__).parents[1]
# Data that is not ours to ship lies beside the repository, where it lies at all.
SHARED_DATA = GOLDEN.parents[2] / "shared" / "data"

Got = dict[str, Any]
RUN: dict[tuple[str, str], Callable[[dict[str, Any]], Got]] = {}


def runs(group: str, function: str) -> Callable[[Callable[[dict[str, Any]], Got]], Callable[[dict[str, Any]], Got]]:
    def register(adapter: Callable[[dict[str, Any]], Got]) -> Callable[[dict[str, Any]], Got]:
        RUN[group, function] = adapter
        return adapter

    return register


def parameters_in(case: dict[str, Any]) -> dict[str, np.ndarray]:
    return {key: np.array(value) for key, value in case["inputs"].items() if re.fullmatch(r"[Wb]\d", key)}


def gradients_in(case: dict[str, Any]) -> dict[str, np.ndarray]:
    return {key: np.array(value) for key, value in case["inputs"].items() if re.fullmatch(r"d[Wb]\d", key)}


def take(case: dict[str, Any], *names: str) -> list[Any]:
    return [np.array(case["inputs"][name]) for name in names]


def points(file: str) -> tuple[np.ndarray, np.ndarray]:
    """X (2, m) and Y (1, m) of a file with columns x1, x2, y."""
    columns = np.loadtxt(GOLDEN / "data" / file, delimiter=",", skiprows=1).T
    return np.ascontiguousarray(columns[:2]), np.ascontiguousarray(columns[2:])


def printed(call: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[Any, dict[int, float]]:
    """What a fit returns with print_cost=True, and the costs that it prints, by iteration or epoch."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        result = call(*args, print_cost=True, **kwargs)
    lines = re.findall(r"Cost after (?:iteration|epoch) (\d+): (\S+)", out.getvalue())
    return result, {int(i): float(cost) for i, cost in lines}
