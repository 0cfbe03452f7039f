"""fastdnn trains fully connected neural networks on CPUs.

The names below are loaded when they are first used, so that `import fastdnn` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastdnn.callbacks import Callback as Callback
    from fastdnn.callbacks import EarlyStopping as EarlyStopping
    from fastdnn.callbacks import ReduceLROnPlateau as ReduceLROnPlateau
    from fastdnn.callbacks import TerminateOnNaN as TerminateOnNaN
    from fastdnn.checkpoint_callback import Checkpoint as Checkpoint
    from fastdnn.checkpoints import load_checkpoint as load_checkpoint
    from fastdnn.custom_activations import register_activation as register_activation
    from fastdnn.custom_losses import register_loss as register_loss
    from fastdnn.diagnosis import Diagnosis as Diagnosis
    from fastdnn.estimators import MLPClassifier as MLPClassifier
    from fastdnn.estimators import MLPRegressor as MLPRegressor
    from fastdnn.examples import Examples as Examples
    from fastdnn.fitting import FitResult as FitResult
    from fastdnn.fitting import fit_table as fit_table
    from fastdnn.gradient_checking import gradient_check as gradient_check
    from fastdnn.gradient_report import GradientCheck as GradientCheck
    from fastdnn.history import History as History
    from fastdnn.history import TrainingProgress as TrainingProgress
    from fastdnn.lbfgs import train_lbfgs as train_lbfgs
    from fastdnn.loggers import CSVLogger as CSVLogger
    from fastdnn.loggers import JSONLLogger as JSONLLogger
    from fastdnn.loggers import TensorBoard as TensorBoard
    from fastdnn.model import Model as Model
    from fastdnn.network import Network as Network
    from fastdnn.predictor import Predictor as Predictor
    from fastdnn.resuming import resume as resume
    from fastdnn.schedule_curves import Schedule as Schedule
    from fastdnn.schedules import make_schedule as make_schedule
    from fastdnn.settings import FitOptions as FitOptions
    from fastdnn.sklearn_conversion import from_sklearn as from_sklearn
    from fastdnn.tables import Table as Table
    from fastdnn.tables import read_table as read_table
    from fastdnn.torch_conversion import from_torch as from_torch
    from fastdnn.training import train as train

__version__ = "0.1.0"

_HOMES = {
    "CSVLogger": "fastdnn.loggers",
    "Callback": "fastdnn.callbacks",
    "Checkpoint": "fastdnn.checkpoint_callback",
    "Diagnosis": "fastdnn.diagnosis",
    "EarlyStopping": "fastdnn.callbacks",
    "Examples": "fastdnn.examples",
    "FitOptions": "fastdnn.settings",
    "FitResult": "fastdnn.fitting",
    "GradientCheck": "fastdnn.gradient_report",
    "History": "fastdnn.history",
    "JSONLLogger": "fastdnn.loggers",
    "MLPClassifier": "fastdnn.estimators",
    "MLPRegressor": "fastdnn.estimators",
    "Model": "fastdnn.model",
    "Network": "fastdnn.network",
    "Predictor": "fastdnn.predictor",
    "ReduceLROnPlateau": "fastdnn.callbacks",
    "Schedule": "fastdnn.schedule_curves",
    "Table": "fastdnn.tables",
    "TensorBoard": "fastdnn.loggers",
    "TerminateOnNaN": "fastdnn.callbacks",
    "TrainingProgress": "fastdnn.history",
    "fit_table": "fastdnn.fitting",
    "from_sklearn": "fastdnn.sklearn_conversion",
    "from_torch": "fastdnn.torch_conversion",
    "gradient_check": "fastdnn.gradient_checking",
    "load_checkpoint": "fastdnn.checkpoints",
    "make_schedule": "fastdnn.schedules",
    "read_table": "fastdnn.tables",
    "register_activation": "fastdnn.custom_activations",
    "register_loss": "fastdnn.custom_losses",
    "resume": "fastdnn.resuming",
    "train": "fastdnn.training",
    "train_lbfgs": "fastdnn.lbfgs",
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
