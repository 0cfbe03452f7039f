"""GradientCheck: what a gradient check found, in numbers and in words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class ParameterCheck:
    """One W[l] or b[l]: how many of its numbers (or directions) were compared, lie at a kink, and ||g - n|| / (||g|| + ||n||)."""

    layer: int
    name: str
    shape: tuple[int, int]
    n_checked: int
    n_at_kink: int
    relative_difference: float


@dataclass(frozen=True)
class WorstParameter:
    """The number of the gradient that is furthest off; `index` into W[layer] or b[layer], None for a direction."""

    layer: int
    name: str
    index: tuple[int, int] | None
    analytic: float
    numeric: float


@dataclass(frozen=True)
class GradientCheck:
    """What `gradient_check` found.

    Attributes
    ----------
    relative_difference : ||g - n|| / (||g|| + ||n||), g our gradient, n the numeric one, over all that was compared.
    tolerance : the most that passes.
    verdict : 'passed'; 'failed'; or 'undecided', where the numeric gradient is not known well enough to tell: everything lies at a
        kink, or the gradient is so near zero that rounding hides it.
    worst : WorstParameter, None where nothing was compared.
    parts : one ParameterCheck for each W and b.
    n_checked, n_at_kink : numbers (or directions) compared, and left out because the cost has no derivative there.
    n_parameters : of the network. directions : random directions a W or b, 0 where every parameter was moved alone.
    epsilon : the step asked for. resolution : the relative difference that the doubt of the numeric gradient allows for.
    """

    relative_difference: float
    tolerance: float
    verdict: str
    worst: WorstParameter | None
    parts: tuple[ParameterCheck, ...]
    n_checked: int
    n_at_kink: int
    n_parameters: int
    directions: int
    epsilon: float
    resolution: float

    @property
    def passed(self) -> bool:
        """Whether the gradient is right."""
        return self.verdict == "passed"

    @property
    def sentences(self) -> list[str]:
        """The verdict, the worst number, and what was left out, in words."""
        kind = "directions" if self.directions else "parameters"
        compared = f"||g - n|| / (||g|| + ||n||) = {self.relative_difference:.1e}"
        lines = {
            "passed": [f"Right: {compared}, at most {self.tolerance:g}."],
            "failed": [f"WRONG: {compared}, more than {self.tolerance:g}."],
            "undecided": [
                f"Undecided: {compared}, but the gradient is so small beside the cost that rounding alone allows "
                f"{self.resolution:.1e}. Check at other parameters, such as the initial ones."
                if self.n_checked
                else f"Undecided: the cost has no derivative along any of the {self.n_at_kink} {kind}."
            ],
        }[self.verdict]
        if self.worst is not None:
            place = f"{self.worst.name}[{self.worst.layer}]"
            place += f"[{self.worst.index[0]}, {self.worst.index[1]}]" if self.worst.index else " along a direction"
            lines.append(
                f"Furthest off: {place}, {self.worst.analytic:.12g} by the kernels, {self.worst.numeric:.12g} by differences."
            )
        if self.n_at_kink and self.n_checked:
            whole = self.n_checked + self.n_at_kink
            lines.append(
                f"Not compared: {self.n_at_kink} of {whole} {kind}, where the cost has a kink "
                "(a ReLU at 0, a weight of 0 under L1) and no derivative."
            )
        return lines

    def __str__(self) -> str:
        rows = [("", "compared", "at a kink", "difference")]
        rows += [
            (
                f"{part.name}[{part.layer}] {part.shape[0]} x {part.shape[1]}",
                str(part.n_checked),
                str(part.n_at_kink),
                f"{part.relative_difference:.1e}" if part.n_checked else "-",
            )
            for part in self.parts
        ]
        table = [f"{name:<22}{n:>10}{kinks:>12}{difference:>13}" for name, n, kinks, difference in rows]
        return "\n".join([*table, *self.sentences])

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {"passed": self.passed, **asdict(self)}
