"""Do all libraries reach the same loss? A library that trains something else may not be compared for speed.

Full-batch jobs do the same arithmetic in every library, so only rounding may differ: measured on W5 and W8, losses agree to
3e-7 after 100 epochs, and to 1e-5 after 300. Then the steps reach the edge of stability and rounding grows to anything
(90 % after 1000 epochs of W8), so later losses are only asked to be below the first.

Where rows are shuffled, each library draws its own orders: the mean loss over the last epoch, an average over every row, then
moves by up to 5 % from one order to the next (measured: 0.03 to 4.7 % between four orders of W1, W2, W4, W6, W7 at 20 000
rows, more with fewer rows, as averages do), and the loss of the final weights, which ends wherever the last steps led, by up
to 31 %.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import Any

from protocol import EARLY_EPOCHS

Runs = list[dict[str, Any]]

# The first loss of a full-batch job is that of the common start weights: one forward pass apart.
_START_TOLERANCE, _EARLY_TOLERANCE = 1e-5, 1e-4
_EPOCH_TOLERANCE, _FINAL_TOLERANCE, _MEASURED_AT_ROWS = 0.05, 0.4, 20_000


def tolerances(full_batch: bool, m: int, epochs: int) -> dict[str, float]:
    """The allowed relative difference of the losses a run reports (protocol.record)."""
    if full_batch:
        early = {"loss_first": _START_TOLERANCE, "loss_early": _EARLY_TOLERANCE}
        return early if epochs > EARLY_EPOCHS else {**early, "train_loss": _EARLY_TOLERANCE}
    noise = max(1.0, (_MEASURED_AT_ROWS / m) ** 0.5)
    return {"loss_last": _EPOCH_TOLERANCE * noise, "train_loss": _FINAL_TOLERANCE * noise}


def disagreements(runs: dict[str, Runs], *, full_batch: bool) -> list[str]:
    """A sentence for each library whose median loss is not that of the reference: NumPy, else the first.

    runs : the runs of one workload by library, failed ones left out.
    """
    finished = {name: kept for name, kept in runs.items() if kept}
    found = []
    for name, kept in finished.items():
        first, last = (_median(run[key] for run in kept) for key in ("loss_first", "train_loss"))
        if not last < first:
            found.append(f"{name}: learned nothing: the loss went from {first:.6g} to {last:.6g}.")
    if len(finished) < 2:
        return found
    reference = "numpy" if "numpy" in finished else next(iter(finished))
    sizes = finished[reference][0]
    for key, allowed in tolerances(full_batch, sizes["m"], sizes["epochs"]).items():
        expected = _median(run[key] for run in finished[reference])
        for name, kept in finished.items():
            got = _median(run[key] for run in kept)
            if not abs(got - expected) <= allowed * abs(expected):  # written so that NaN disagrees
                found.append(
                    f"{name}: {key} is {got:.6g}, but {expected:.6g} in {reference}; allowed are {100 * allowed:.3g} %."
                )
    return found


def _median(values: Iterable[float]) -> float:
    values = list(values)
    return statistics.median(values) if all(v == v for v in values) else float("nan")
