"""MLPClassifier: scikit-learn's estimator on fastdnn's engine."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels

from fastdnn.errors import check_number
from fastdnn.estimators.parameters import CONSTRAINTS, set_parameters
from fastdnn.estimators.perceptron import Perceptron
from fastdnn.estimators.validation import accuracy
from fastdnn.examples import Examples

Array = NDArray[Any]


class MLPClassifier(ClassifierMixin, Perceptron):
    """scikit-learn's MLPClassifier on fastdnn's engine, and what that lacks.

    Parameters, attributes and results are scikit-learn's MLPClassifier (1.9), but for what is said here; on the same data and
    random_state start weights, held-out part, batches and, after any number of epochs, weights agree to rounding.

    Parameters
    ----------
    activation : also 'sigmoid' (scikit-learn's 'logistic'), every other of vocabulary.HIDDEN_ACTIVATIONS and those of
        fastdnn.register_activation, or a sequence with one for each hidden layer. Where a name is registered, and not in the
        process that unpickles the estimator, predict says so.
    solver : also 'momentum' and 'nesterov' ('sgd' with one or the other), 'rmsprop', 'adamw'.
    class_weight : None, 'balanced' or {class: weight}; a list of these for a matrix of labels. Multiplies sample_weight, also
        in the score of the part that early_stopping holds out; that of eval_set, and `score`, know no weights of classes.
    label_smoothing : share of the target that is spread over all classes, [0, 1).
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
        (estimator, X, y) -> float; or 'log_loss', minus it. More is better, always.
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
    >>> from sklearn.datasets import load_iris
    >>> from fastdnn import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier((16,), max_iter=300, tol=1e-3, random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.9), model.out_activation_, [W.shape for W in model.coefs_]
    (True, 'softmax', [(4, 16), (16, 3)])
    """

    loss = "log_loss"
    _y_is_numeric = False
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **CONSTRAINTS,
        "class_weight": [StrOptions({"balanced"}), dict, list, None],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
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
        class_weight: Any = None,
        label_smoothing: float = 0.0,
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
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> MLPClassifier:
        """One epoch more over the given rows.

        classes : (n_classes,) all classes there will ever be; required in the first call, and left out or the same later.
        Returns self. A call that raises leaves the estimator as it was.
        """
        with self._unchanged_by_errors():
            if _check_partial_fit_first_call(self, classes):
                self._label_binarizer = LabelBinarizer()
                self._label_binarizer.fit(y if type_of_target(y).startswith("multilabel") else classes)
            self._train(X, y, sample_weight, incremental=True)
        return self

    def predict(self, X: Any) -> Array:
        """The class of each row (m,), or (m, n_classes) of 0 and 1 where y was a matrix of labels."""
        return self._decoded_outputs(self.predict_outputs(X))

    def predict_proba(self, X: Any) -> Array:
        """(m, n_classes) probabilities, columns as classes_; with a matrix of labels each column for itself."""
        AL = self.predict_outputs(X)
        return np.hstack([1 - AL, AL]) if AL.shape[1] == 1 else AL

    def predict_log_proba(self, X: Any) -> Array:
        """log(predict_proba(X))."""
        P = self.predict_proba(X)
        return np.log(P, out=P)

    def _encoded(self, y: Array, incremental: bool) -> Array:
        """y for the engine: labels 0, 1, ... (m,) for more than two classes, else (m, n) booleans."""
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
        else:
            self._check_classes(unique_labels(y), all_of_them=self.warm_start and not incremental)
        kind = self._label_binarizer.y_type_
        if y.ndim == 1 and kind in ("binary", "multiclass"):
            labels = np.searchsorted(self.classes_, y)
            Y = labels if kind == "multiclass" else (labels == 1).reshape(-1, 1)
        else:
            Y = self._label_binarizer.transform(y).astype(bool)
        self.n_outputs_ = len(self.classes_) if Y.ndim == 1 else Y.shape[1]
        self.out_activation_ = "softmax" if kind == "multiclass" else "logistic"
        return Y

    def _check_classes(self, classes: Array, *, all_of_them: bool) -> None:
        if all_of_them:
            if set(classes) != set(self.classes_):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the previous call to fit."
                    f" Previously got {self.classes_}, `y` has {classes}"
                )
        elif len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {classes}."
            )

    def _decoded(self, Y: Array) -> Array:
        """The classes that `_encoded` turned into Y."""
        if Y.ndim == 1:
            classes: Array = self.classes_[Y]
            return classes
        return self._decoded_outputs(Y.astype(float))

    def _decoded_outputs(self, AL: Array) -> Array:
        """The class of each row of A[L]."""
        decoded: Array = self._label_binarizer.inverse_transform(AL[:, 0] if AL.shape[1] == 1 else AL)
        return decoded

    def _weights(self, sample_weight: Any, X: Any, y: Array, incremental: bool) -> Array | None:
        """Sample weights times class weights."""
        weights = super()._weights(sample_weight, X, y, incremental)
        if self.class_weight is None:
            return weights
        if incremental and isinstance(self.class_weight, str):
            raise ValueError(
                "class_weight 'balanced' is not supported for partial_fit: one part of the data does not know how frequent"
                " the classes are. Pass the weights as a dict, e.g. those of"
                " sklearn.utils.class_weight.compute_class_weight('balanced', classes=classes, y=all_y)."
            )
        for given in self.class_weight if isinstance(self.class_weight, list) else [self.class_weight]:
            _check_class_weight(given)
        by_class: Array = compute_sample_weight(self.class_weight, y).astype(X.dtype, copy=False)
        weights = by_class if weights is None else weights * by_class
        if not weights.any():
            raise ValueError("sample_weight times class_weight must contain at least one non-zero number.")
        return weights

    def _output(self) -> tuple[str, str, dict[str, Any]]:
        """The engine's output activation and loss."""
        softmax = self.out_activation_ == "softmax"
        options = {"label_smoothing": float(self.label_smoothing)} if self.label_smoothing else {}
        return (
            ("softmax", "categorical_cross_entropy", options)
            if softmax
            else ("sigmoid", "binary_cross_entropy", options)
        )

    def _stratified(self) -> bool:
        return bool(self.n_outputs_ == 1)

    def _loss_terms(self, examples: Examples) -> tuple[float, float]:
        """(a, b): the loss reported is a times the engine's, plus b."""
        return 1.0, 0.0

    def _score_of(self, Y: Array, AL: Array, weights: Array | None) -> float:
        return accuracy(Y, AL, weights)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _check_class_weight(given: Any) -> None:
    """Raise ParameterError where a class has a weight that is no number, negative or not finite."""
    for label, weight in given.items() if isinstance(given, dict) else ():
        check_number(f"class_weight of class {label!r}", weight, 0.0)
