"""Findings: what the doctor says about a number that is out of range, and what it says to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fastdnn.examples import Examples
from fastdnn.layer_health import ADAPTIVE, LayerDiagnosis
from fastdnn.leaks import Leak
from fastdnn.network import Network
from fastdnn.non_finite import NonFinite

# Shares from which a layer is reported.
_DEAD, _SATURATED = 0.2, 0.5
# A layer whose gradient, beside its weights, is this much smaller than that of another hardly learns.
_VANISHING = 1e-4
# One step that moves a layer by more than this share of its weights is too long; Adam's by less than this, too short.
_LONG_STEP, _SHORT_STEP = 0.3, 1e-5


@dataclass(frozen=True)
class Finding:
    """Something wrong: `kind` for programs ('dead', 'saturated', 'symmetry', 'vanishing', 'long step', 'short step', 'not finite',
    'leak'), the layer if it is one layer's, what was seen, and what to do."""

    kind: str
    layer: int | None
    sentence: str
    advice: str


def of_leak(leak: Leak) -> Finding:
    return Finding(
        "leak", None, leak.sentence,
        "If it is known only together with the target, the score means nothing: leave it out "
        f"(fit: --drop '{leak.found.column}').",
    )  # fmt: skip


def of_non_finite(network: Network, examples: Examples, wrong: NonFinite, names: Sequence[str]) -> Finding:
    if wrong.row is None:
        return Finding("not finite", wrong.layer, wrong.sentence, "Start again, with a smaller learning rate.")
    x, largest = examples.X[wrong.row], max(float(np.abs(W).max()) for W in network.weights)
    j = int(np.argmax(np.abs(x)))
    if abs(float(x[j])) > max(1e3, largest):
        advice = f"That row holds {float(x[j]):.3g} in '{names[j]}': standardise the inputs."
    else:
        advice = f"The weights reach {largest:.3g}: a smaller learning rate, or L2, keeps them in reach."
    return Finding("not finite", wrong.layer, wrong.sentence, advice)


def of_layers(layers: Sequence[LayerDiagnosis]) -> list[Finding]:
    """What the outputs and the weights of each layer show."""
    found = []
    for layer in layers:
        where = f"Layer {layer.layer}"
        if layer.copies:
            stay = "and, as all learn the same, always will" if layer.alike else "so far"
            sentence = f"{where}: {layer.copies} of {layer.units} units have the same weights as another {stay}."
            advice = "Start with random weights ('he' or 'glorot'), not with zeros."
            found.append(Finding("symmetry", layer.layer, sentence, advice))
        if layer.dead is not None and layer.dead >= _DEAD:
            off = f"{round(layer.dead * layer.units)} of {layer.units} units ({layer.dead:.0%}) are off for every row"
            advice = "A smaller learning rate, 'he' initial weights or leaky_relu keeps them alive."
            found.append(Finding("dead", layer.layer, f"{where}: {off}, and learn nothing any more.", advice))
        if layer.saturated is not None and layer.saturated >= _SATURATED:
            ends = f"{layer.saturated:.0%} of the {layer.activation} outputs are at the end of their range"
            advice = "Standardise the inputs, start with smaller weights ('glorot'), or use relu."
            found.append(Finding("saturated", layer.layer, f"{where}: {ends}, where the slope is next to 0.", advice))
    return found


def of_steps(layers: Sequence[LayerDiagnosis], optimizer: str, rate: float | None) -> list[Finding]:
    """What gradients and steps show, beside the weights; of the gradients only, where no rate gives the steps a length."""
    found = []
    gradients = {layer.layer: layer.gradient_ratio for layer in layers if layer.gradient_ratio is not None}
    steps = {layer.layer: layer.update_ratio for layer in layers if layer.update_ratio is not None}
    most = max(gradients, key=lambda l: gradients[l], default=0)
    for l, ratio in gradients.items():
        if ratio < _VANISHING * gradients[most]:
            beside = f"its gradient is {ratio:.1e} of its weights, that of layer {most} {gradients[most]:.1e}"
            advice = "Fewer layers, relu with 'he' weights, or adam, which evens the layers out."
            found.append(Finding("vanishing", l, f"Layer {l}: {beside}: it hardly learns.", advice))
    step = "" if rate is None else f"one step of {optimizer} at learning rate {rate:g} moves"
    for l, ratio in steps.items():
        if ratio > _LONG_STEP:
            advice = "A smaller learning rate: some tenths of a percent is usual."
            found.append(Finding("long step", l, f"Layer {l}: {step} it by {ratio:.0%} of its weights.", advice))
    if steps and optimizer in ADAPTIVE and 0 < max(steps.values()) < _SHORT_STEP:
        sentence = f"O{step[1:]} no layer by more than {max(steps.values()):.1e} of its weights."
        advice = "A larger learning rate: some tenths of a percent is usual."
        found.append(Finding("short step", None, sentence, advice))
    return found
