"""fastdnn trains fully connected neural networks on CPUs.

The names below are loaded when they are first used, so that `import fastdnn` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastdnn.custom_activations import register_activation as register_activation
    from fastdnn.custom_losses import register_loss as register_loss
    from fastdnn.examples import Examples as Examples
    from fastdnn.fitting import FitResult as FitResult
    from fastdnn.fitting import fit_table as fit_table
    from fastdnn.history import History as History
    from fastdnn.history import TrainingProgress as TrainingProgress
    from fastdnn.model import Model as Model
    from fastdnn.network import Network as Network
    from fastdnn.settings import FitOptions as FitOptions
    from fastdnn.tables import Table as Table
    from fastdnn.tables import read_table as read_table
    from fastdnn.training import train as train

__version__ = "0.1.0"

_HOMES = {
    "Examples": "fastdnn.examples",
    "FitOptions": "fastdnn.settings",
    "FitResult": "fastdnn.fitting",
    "History": "fastdnn.history",
    "Model": "fastdnn.model",
    "Network": "fastdnn.network",
    "Table": "fastdnn.tables",
    "TrainingProgress": "fastdnn.history",
    "fit_table": "fastdnn.fitting",
    "read_table": "fastdnn.tables",
    "register_activation": "fastdnn.custom_activations",
    "register_loss": "fastdnn.custom_losses",
    "train": "fastdnn.training",
}
__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'fastdnn' has no attribute '{name}'")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
