"""MLPRegressor: scikit-learn's estimator on fastdnn's engine."""

from __future__ import annotations

from numbers import Real
from typing import Any

from numpy.typing import NDArray
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if

from fastdnn.errors import DataError
from fastdnn.estimators.parameters import CONSTRAINTS, set_parameters
from fastdnn.estimators.perceptron import Perceptron
from fastdnn.estimators.validation import r_squared

Array = NDArray[Any]


class MLPRegressor(RegressorMixin, Perceptron):
    _y_is_numeric = True
    _parameter_constraints = {
        **CONSTRAINTS,
        "loss": [StrOptions({"squared_error", "poisson", "absolute_error", "huber", "quantile"})],
        "delta": [Interval(Real, 0, None, closed="neither")],
        "quantile": [Interval(Real, 0, 1, closed="neither"), list, tuple],
    }

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        delta: float = 1.0,
        quantile: Any = 0.5,
        dropout: Any = 0.0,
        l1: float = 0.0,
        weight_decay: float = 0.0,
        clip_norm: float = 0.0,
        schedule: Any = None,
        time_limit: float | None = None,
        eval_set: Any = None,
        eval_metric: Any = None,
        callbacks: Any = None,
        n_threads: int | None = None,
    ) -> None:
        set_parameters(self, locals())

    @available_if(lambda estimator: estimator._stochastic_only())
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """One epoch more over the given rows. Returns self. A call that raises leaves the estimator as it was."""
        return self._train(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> Array:
        """(m,), or (m, outputs) where y was a matrix or `quantile` a list; float32 for a model trained on float32."""
        AL = self.predict_outputs(X)
        return AL[:, 0] if AL.shape[1] == 1 else AL

    def _encoded(self, y: Array, incremental: bool) -> Array:
        """y as a matrix (m, outputs)."""
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        Y = y.reshape(len(y), -1)
        if self.loss == "poisson" and Y.min() < 0:
            raise DataError(f"loss='poisson' takes y of 0 or more, got {Y.min():g}.")
        n_outputs = Y.shape[1]
        quantiles = self._quantiles()
        if quantiles and n_outputs == 1:
            n_outputs = len(quantiles)
        self.n_outputs_ = n_outputs
        self.out_activation_ = "exp" if self.loss == "poisson" else "identity"
        return Y

    def _quantiles(self) -> list[float]:
        if self.loss != "quantile":
            return []
        return [float(self.quantile)] if isinstance(self.quantile, Real) else [float(tau) for tau in self.quantile]

    def _decoded(self, Y: Array) -> Array:
        return Y[:, 0] if Y.shape[1] == 1 else Y

    def _output(self) -> tuple[str, str, dict[str, Any]]:
        """The engine's output activation and loss."""
        if self.loss == "poisson":
            return "exponential", "poisson", {}
        options: dict[str, dict[str, Any]] = {
            "huber": {"delta": float(self.delta)}, "quantile": {"quantiles": self._quantiles()}
        }  # fmt: skip
        return "identity", self.loss, options.get(self.loss, {})

    def _stratified(self) -> bool:
        return False

    def _loss_scale(self) -> float:
        """scikit-learn's reported squared error is a mean over outputs, the engine's a sum."""
        return 1.0 / self.n_outputs_ if self.loss == "squared_error" else 1.0

    def _score_of(self, Y: Array, AL: Array, weights: Array | None) -> float:
        return r_squared(Y, AL, weights)
