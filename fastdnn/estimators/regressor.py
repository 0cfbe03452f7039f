"""MLPRegressor: scikit-learn's estimator on fastdnn's engine."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils._param_validation import Interval
from sklearn.utils.metaestimators import available_if

from fastdnn import metrics
from fastdnn.custom_losses import REGISTERED
from fastdnn.errors import DataError, ParameterError, check_number
from fastdnn.estimators.parameters import CONSTRAINTS, RegisteredOptions, set_parameters
from fastdnn.estimators.perceptron import Perceptron
from fastdnn.estimators.validation import r_squared
from fastdnn.examples import Examples
from fastdnn.quantiles import rearranged
from fastdnn.vocabulary import QUANTITY_LOSSES

Array = NDArray[Any]


class MLPRegressor(RegressorMixin, Perceptron):
    """scikit-learn's MLPRegressor on fastdnn's engine, and what that lacks.

    Parameters, attributes and results are scikit-learn's MLPRegressor (1.9), but for what is said here; on the same data and
    random_state start weights, held-out part, batches and, after any number of epochs, weights agree to rounding.

    Parameters
    ----------
    loss : also 'absolute_error'; 'huber', quadratic up to `delta`; 'quantile', with `quantile` one number or a sequence: of
        several, predict gives one column each, in the order given and sorted in each row so that they do not cross, and `score`
        is D^2 (fastdnn.metrics.d2_pinball); and those of fastdnn.register_loss.
    activation : also 'sigmoid' (scikit-learn's 'logistic'), every other of vocabulary.HIDDEN_ACTIVATIONS and those of
        fastdnn.register_activation, or a sequence with one for each hidden layer. Where a name is registered, and not in the
        process that unpickles the estimator, predict says so.
    solver : also 'momentum' and 'nesterov' ('sgd' with one or the other), 'rmsprop', 'adamw'.
    dropout : share of units dropped in training, [0, 1): one for all hidden layers, or a sequence for the input and each of them.
    l1 : strength of L1, divided by the number (sum of weights) of all training rows. weight_decay : decoupled, with
        every solver but 'adam': each step multiplies weights by 1 - learning rate * weight_decay; None: 0.01 with 'adamw', else
        0. clip_norm : the most
        that the norm of the whole gradient may be, 0 for no limit.
    schedule : of the learning rate in every step, a fastdnn.schedules.Schedule, or text as fastdnn.train takes it; it runs over
        max_iter epochs, or over time_limit, to its end where that is a valley ('cosine', 'one_cycle', 'coslog4'): n_iter_no_change
        then counts with early_stopping only. time_limit : seconds after which the fit ends with the epoch under way.
    eval_set : (X, y) or (X, y, sample_weight), never trained on, scored after every epoch into validation_scores_; with
        early_stopping it takes the place of the part that would be held out. Also an argument of fit, which counts first.
    eval_metric : None, what `score` computes; 'loss', minus the mean loss; a scikit-learn scorer, by name or as a function
        (estimator, X, y) -> float; or a metric of vocabulary.METRICS_OF that fits the loss,
        as 'pinball', 'd2_pinball' or 'poisson_deviance': minus it where less is better. More is better, always.
        Sample weights count in it; a scorer or a function gets them as sample_weight if it takes that.
    callbacks : a sequence of fastdnn.callbacks.
    n_threads : default: as many as pay; results have the same bits for every number.

    Attributes
    ----------
    history_ : fastdnn.History, one row an epoch: losses, score, learning rate, seconds.
    loss_curve_ : the mean (weighted) loss of each epoch and the penalty of alpha. scikit-learn computes the penalty at every
        batch, we between the epochs, as if sum W^2 had changed evenly within one; with sample weights its mean is over
        batches by their rows, ours over rows by their weights. Both differ little, and only in what is reported.

    Notes
    -----
    As in scikit-learn, `alpha` is an L2 strength divided by the size (the sum of weights) of each batch; epsilon of 'adam' is
    added to the uncorrected root; a momentum's velocity has the learning rate inside. fastdnn.train has the course's forms, and so
    have 'rmsprop' and 'adamw' here; with 'adamw' alpha stays beside weight_decay: alpha=0 is the AdamW of its paper.
    A sparse X is made dense for training: rows x columns numbers of its type; for prediction 32 MiB at a time.
    A fit that raises leaves the estimator as it was; one that diverges ends at once, where scikit-learn's runs on.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdnn import MLPRegressor
    >>> X = np.linspace(-2, 2, 200).reshape(-1, 1)
    >>> model = MLPRegressor(hidden_layer_sizes=(16,), solver="lbfgs", random_state=0).fit(X, np.sin(X[:, 0]))
    >>> bool(model.score(X, np.sin(X[:, 0])) > 0.99), model.predict(X[:3]).shape
    (True, (3,))
    """

    _y_is_numeric = True
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **CONSTRAINTS,
        "loss": [RegisteredOptions(QUANTITY_LOSSES, REGISTERED)],
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
        weight_decay: float | None = None,
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
        """(m,), or (m, outputs) where y was a matrix or `quantile` a list; float32 for a model trained on float32.

        Of several quantiles the columns are in the order of `quantile`, and each row is sorted by them.
        """
        AL = self._arranged(self.predict_outputs(X))
        return AL[:, 0] if AL.shape[1] == 1 else AL

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R^2, as scikit-learn's; of several quantiles D^2, fastdnn.metrics.d2_pinball."""
        levels = self._levels()
        if len(levels) < 2:
            return float(super().score(X, y, sample_weight))
        answers, y = self.predict(X), column_or_1d(y)
        check_consistent_length(answers, y, sample_weight)
        weights = None if sample_weight is None else column_or_1d(sample_weight)
        return metrics.d2_pinball(y, answers, levels, weights)

    def _encoded(self, y: Array, incremental: bool) -> Array:
        """y as a matrix (m, outputs)."""
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        Y = y.reshape(len(y), -1)
        if self.loss == "poisson" and Y.min() < 0:
            raise DataError(f"loss='poisson' takes y of 0 or more, got {Y.min():g}.")
        levels = self._levels()
        if len(levels) > 1:
            if Y.shape[1] > 1:
                raise ParameterError(f"{len(levels)} quantiles need one target, got y with {Y.shape[1]} columns.")
            Y = np.repeat(Y, len(levels), axis=1)
        self.n_outputs_ = Y.shape[1]
        self.out_activation_ = "exp" if self.loss == "poisson" else "identity"
        return Y

    def _levels(self) -> list[float]:
        """The quantiles asked for; empty with another loss."""
        if self.loss != "quantile":
            return []
        levels = [self.quantile] if isinstance(self.quantile, Real) else list(self.quantile)
        if not levels:
            raise ParameterError(f"quantile must be a number between 0 and 1, or some of them, got {self.quantile!r}.")
        return [check_number("each quantile", tau, 0.0, 1.0, above=True, below=True) for tau in levels]

    def _arranged(self, AL: Array) -> Array:
        levels = self._levels()
        return rearranged(AL, levels) if len(levels) > 1 else AL

    def _decoded(self, Y: Array) -> Array:
        return Y[:, 0] if Y.shape[1] == 1 else Y

    def _output(self) -> tuple[str, str, dict[str, Any]]:
        """The engine's output activation and loss."""
        if self.loss == "poisson":
            return "exponential", "poisson", {}
        levels = self._levels()
        if len(levels) == 1:
            levels *= self.n_outputs_
        options: dict[str, dict[str, Any]] = {
            "huber": {"delta": float(self.delta)},
            "quantile": {"quantiles": levels},
        }
        return "identity", self.loss, options.get(self.loss, {})

    def _stratified(self) -> bool:
        return False

    def _loss_terms(self, examples: Examples) -> tuple[float, float]:
        """As scikit-learn's: its squared error is a mean over outputs, and its Poisson loss half the deviance, where the
        engine has a sum over outputs and minus the log-likelihood, exp(Z) - Y Z."""
        if self.loss == "poisson":
            rows, weights = examples.indices, examples.weights
            Y = np.asarray(examples.Y)[rows]
            constant = (xlogy(Y, Y) - Y).sum(axis=1)
            return 1.0, float(np.average(constant, weights=None if weights is None else weights[rows]))
        return (1.0 / self.n_outputs_ if self.loss == "squared_error" else 1.0), 0.0

    def _score_of(self, Y: Array, AL: Array, weights: Array | None) -> float:
        levels = self._levels()
        if len(levels) > 1:
            return metrics.d2_pinball(Y, AL, levels, weights)
        return r_squared(Y, AL, weights)
