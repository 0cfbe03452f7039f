"""MLPClassifier and MLPRegressor: scikit-learn's estimators, trained by fastdnn's engine. Needs scikit-learn."""

from __future__ import annotations

from fastdnn.errors import MissingExtraError

try:
    import sklearn  # noqa: F401
except ImportError:
    raise MissingExtraError(
        "MLPClassifier and MLPRegressor need scikit-learn, which is not installed.", "pip install 'fastdnn[sklearn]'"
    ) from None

from fastdnn.estimators.classifier import MLPClassifier
from fastdnn.estimators.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
