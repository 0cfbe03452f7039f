"""What both estimators do: check, initialise as scikit-learn does, hand over to a solver, and predict."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from fastdnn import custom_activations, custom_losses
from fastdnn.errors import ParameterError
from fastdnn.estimators.dense import as_dense, row_parts
from fastdnn.estimators.lbfgs import fit_lbfgs
from fastdnn.estimators.learning_rate import reset_progress
from fastdnn.estimators.parameters import (
    CONSTRAINTS,
    STOCHASTIC_SOLVERS,
    check_combinations,
    hidden_activations,
    hidden_sizes,
)
from fastdnn.estimators.stochastic import StochasticFit
from fastdnn.estimators.threads import most_threads
from fastdnn.examples import Examples
from fastdnn.inference import evaluate
from fastdnn.network import Network

Array = NDArray[Any]


class Perceptron(BaseEstimator):
    """The part of MLPClassifier and MLPRegressor that does not depend on the kind of target."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = CONSTRAINTS
    _y_is_numeric: bool
    loss_curve_: list[float]
    validation_scores_: list[float] | None

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, eval_set: Any = None) -> Any:
        """Train from new start weights, or with warm_start from those of the fit before.

        Parameters
        ----------
        X : (m, n) array, data frame or sparse matrix; float32 stays float32, everything else becomes float64.
        y : (m,) or (m, outputs). sample_weight : (m,), 0 or more, or None; a weight of k counts as k copies of the row.
        eval_set : (X, y) or (X, y, sample_weight), as the parameter of that name, which it replaces for this call.

        Returns self. A call that raises leaves the estimator as it was.
        """
        return self._train(X, y, sample_weight, eval_set)

    def _train(self, X: Any, y: Any, sample_weight: Any, eval_set: Any = None, *, incremental: bool = False) -> Any:
        with self._unchanged_by_errors():
            sizes = hidden_sizes(self)
            validation_set = self.eval_set if eval_set is None else eval_set
            check_combinations(self, validation_set, incremental=incremental)
            first_pass = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
            X, y = validate_data(
                self, X, y, accept_sparse=["csr", "csc"], multi_output=True, dtype=(np.float64, np.float32),
                y_numeric=self._y_is_numeric, reset=first_pass,
            )  # fmt: skip
            Y = self._encoded(y, incremental)
            weights = self._weights(sample_weight, X, y, incremental)
            validation = self._validation_part(validation_set, X.dtype)
            random_state = check_random_state(self.random_state)
            if first_pass:
                self._initialize(X.shape[1], sizes, X.dtype, random_state)
            network = self._network(X.dtype)
            examples = Examples(as_dense(X), Y, weights=weights)
            if self.solver == "lbfgs":
                fit_lbfgs(self, network, examples)
            else:
                if not hasattr(self, "loss_curve_"):
                    reset_progress(self)
                self._own_lists(scores=validation is not None)
                StochasticFit(self, network, examples, validation, random_state, incremental=incremental).go()
            self._take_parameters(network)
            if not np.isfinite(network.parameters).all():
                raise ValueError(
                    "Solver produced non-finite parameter weights. The input data may contain large values and need"
                    " to be preprocessed."
                )
        return self

    def predict_outputs(self, X: Any) -> Array:
        """A[L] (m, outputs) of each row of X, float32 for a model trained on float32, else float64."""
        check_is_fitted(self)
        self._require_registered()
        X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False, dtype=(np.float64, np.float32))
        network = self._network(self.coefs_[0].dtype)
        threads = most_threads(self)
        parts = [evaluate(network, Examples(part), threads, with_losses=False)[0] for part in row_parts(X)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def to_network(self) -> Network:
        """A fastdnn.Network with the fitted parameters, activations and loss, copied; fastdnn.from_sklearn gives the same."""
        check_is_fitted(self)
        self._require_registered()
        return self._network(self.coefs_[0].dtype)

    def _require_registered(self) -> None:
        """Raise ModelFileError where the estimator was fitted with a name that was registered there, and is not in this process."""
        for name in hidden_activations(self, len(self.coefs_) - 1):
            custom_activations.REGISTERED.require_known(name)
        custom_losses.REGISTERED.require_known(self._output()[1])

    def _arranged(self, AL: Array) -> Array:
        """The outputs as a person gets them."""
        return AL

    def _initialize(self, n_features: int, sizes: list[int], dtype: Any, random_state: Any) -> None:
        """The state before the first epoch; W and b uniform in Glorot's bounds, drawn in scikit-learn's order."""
        self.n_iter_ = 0
        self.t_ = 0
        units = [n_features, *sizes, self.n_outputs_]
        self.n_layers_ = len(units)
        self.coefs_, self.intercepts_ = [], []
        factor = 2.0 if self.activation in ("logistic", "sigmoid") else 6.0
        for fan_in, fan_out in pairwise(units):
            bound = np.sqrt(factor / (fan_in + fan_out))
            self.coefs_.append(random_state.uniform(-bound, bound, (fan_in, fan_out)).astype(dtype, copy=False))
            self.intercepts_.append(random_state.uniform(-bound, bound, fan_out).astype(dtype, copy=False))
        if self.solver in STOCHASTIC_SOLVERS:
            reset_progress(self)

    def _network(self, dtype: Any) -> Network:
        """A Network with the parameters of coefs_ and intercepts_."""
        output, loss, options = self._output()
        activations = [*hidden_activations(self, len(self.coefs_) - 1), output]
        more = {"loss_options": options} if options else {}
        return Network.from_parameters(
            [W.T for W in self.coefs_], self.intercepts_, activations, loss, dtype=str(dtype), **more
        )

    def _take_parameters(self, network: Network) -> None:
        """coefs_ and intercepts_ from the network, copied."""
        self.coefs_ = [np.array(W.T, order="C") for W in network.weights]
        self.intercepts_ = [b[:, 0].copy() for b in network.biases]

    def _weights(self, sample_weight: Any, X: Any, y: Array, incremental: bool) -> Array | None:
        """Sample weights in X's type, or None; ValueError where one is negative or all are 0."""
        if sample_weight is None:
            return None
        weights: Array = _check_sample_weight(sample_weight, X, dtype=X.dtype, ensure_non_negative=True)
        return weights

    def _validation_part(self, eval_set: Any, dtype: Any) -> Examples | None:
        if eval_set is None:
            return None
        if len(eval_set) not in (2, 3):
            raise ParameterError(f"eval_set must be (X, y) or (X, y, sample_weight), got {len(eval_set)} parts.")
        X, y = validate_data(
            self, *eval_set[:2], accept_sparse=["csr", "csc"], multi_output=True, dtype=dtype, y_numeric=self._y_is_numeric,
            reset=False,
        )  # fmt: skip
        weights = Perceptron._weights(self, eval_set[2], X, y, True) if len(eval_set) == 3 else None
        outputs = self.n_outputs_
        Y = self._encoded(y, incremental=True)
        if self.n_outputs_ != outputs:
            raise ParameterError(f"y of eval_set must have as many columns as y, {outputs}; got {self.n_outputs_}.")
        return Examples(as_dense(X), Y, weights=weights)

    def _own_lists(self, *, scores: bool) -> None:
        """Lists of its own to append to, so that those of the fit before stay as they are if this one fails."""
        self.loss_curve_ = list(self.loss_curve_)
        if scores or self.early_stopping:
            self.validation_scores_ = list(self.validation_scores_ or [])

    @contextmanager
    def _unchanged_by_errors(self) -> Iterator[None]:
        before = self.__dict__.copy()
        try:
            yield
        except BaseException:
            self.__dict__ = before
            raise

    def _stochastic_only(self) -> bool:
        """Whether partial_fit is there; AttributeError where the solver is not stochastic."""
        if self.solver not in STOCHASTIC_SOLVERS:
            raise AttributeError(
                f"partial_fit is only available for stochastic optimizers. {self.solver} is not stochastic."
            )
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
