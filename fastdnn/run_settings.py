"""RunSettings: what `train` was told about a run, as a checkpoint keeps it for the day the run goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fastdnn.optimizer import Optimizer
from fastdnn.schedule_documents import schedule_document, schedule_from_document
from fastdnn.schedules import Schedule

# More epochs than any run has.
NO_END = 10**9


@dataclass(frozen=True)
class RunSettings:
    """The arguments of fastdnn.training.train, which explains them, with its defaults filled in.

    Attributes
    ----------
    epochs : NO_END where only the time limit ends the run. metric : None for 'valid_loss', where there is `valid`.
    schedule : in its first state.
    """

    epochs: int
    time_limit: float | None
    batch_size: int
    optimizer: Optimizer
    schedule: Schedule
    l2: float
    l1: float
    dropout: float | Sequence[float]
    patience: int | None
    min_delta: float
    metric: str | None
    seed: int
    shuffle: bool

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; `schedule` is None where its class is one's own."""
        given = self.dropout
        shares = [float(share) for share in given] if isinstance(given, Sequence | np.ndarray) else float(given)
        rule = {
            name: value if isinstance(value, str) else float(value) for name, value in asdict(self.optimizer).items()
        }
        return {
            "epochs": int(self.epochs),
            "time_limit": None if self.time_limit is None else float(self.time_limit),
            "batch_size": int(self.batch_size),
            "optimizer": rule,
            "schedule": schedule_document(self.schedule),
            "l2": float(self.l2),
            "l1": float(self.l1),
            "dropout": shares,
            "patience": None if self.patience is None else int(self.patience),
            "min_delta": float(self.min_delta),
            "metric": self.metric,
            "seed": int(self.seed),
            "shuffle": bool(self.shuffle),
        }

    @classmethod
    def from_json(cls, document: dict[str, Any], schedule: Schedule | None = None) -> RunSettings:
        """The inverse of `to_json`; `schedule`, if given, in the place of the one kept.

        Raises ParameterError, KeyError or TypeError where the document is not one of `to_json`.
        """
        kept = schedule_from_document(document["schedule"]) if schedule is None else schedule
        return cls(**{**document, "optimizer": Optimizer(**document["optimizer"]), "schedule": kept})
