"""Networks from and to scikit-learn's estimators, with equal predictions.

`from_sklearn` reads attributes and does without the library.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn.errors import MissingExtraError, ParameterError, check_name
from fastdnn.network import Network, float_type

Array = NDArray[Any]

# scikit-learn's names of activations.
_OURS = {"identity": "identity", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}
_THEIRS = {ours: theirs for theirs, ours in _OURS.items()}
# From scikit-learn's output activation to ours and the loss it is trained with there.
_OUTPUTS = {
    "logistic": ("sigmoid", "binary_cross_entropy"),
    "softmax": ("softmax", "categorical_cross_entropy"),
    "identity": ("identity", "squared_error"),
    "exp": ("exponential", "poisson"),
}


def from_sklearn(mlp: Any) -> Network:
    """The network of a fitted MLPClassifier or MLPRegressor, scikit-learn's or fastdnn's.

    Two classes make one sigmoid output, the probability of `mlp.classes_[1]`; more make a softmax over `mlp.classes_` in their
    order; several labels make as many sigmoids. The dtype is that of the weights. What scikit-learn keeps besides (class names,
    names of features, moments) is left behind. fastdnn's estimators keep their own activations and losses, quantiles included.

    Raises
    ------
    ParameterError : not a fitted MLP.

    Examples
    --------
    >>> from sklearn.neural_network import MLPRegressor
    >>> X = np.linspace(-1, 1, 20).reshape(-1, 1)
    >>> mlp = MLPRegressor(hidden_layer_sizes=(3,), activation="tanh", max_iter=2000, random_state=0).fit(X, X[:, 0])
    >>> network = from_sklearn(mlp)
    >>> network.layer_dims, bool(np.allclose(network.predict(X)[:, 0], mlp.predict(X), atol=1e-6))
    ([1, 3, 1], True)
    """
    if hasattr(mlp, "to_network") and hasattr(mlp, "coefs_"):
        network: Network = mlp.to_network()
        return network
    needed = ("coefs_", "intercepts_", "activation", "out_activation_")
    if not all(hasattr(mlp, name) for name in needed):
        fitted = "is not fitted" if hasattr(mlp, "hidden_layer_sizes") else "is no MLPClassifier or MLPRegressor"
        raise ParameterError(
            f"from_sklearn takes a fitted MLP, but this {type(mlp).__name__} {fitted}.", "mlp.fit(X, y)"
        )
    check_name("scikit-learn activation", mlp.activation, _OURS)
    check_name("scikit-learn output activation", mlp.out_activation_, _OUTPUTS)
    output, loss = _OUTPUTS[mlp.out_activation_]
    weights = [np.asarray(W).T for W in mlp.coefs_]
    activations = [_OURS[mlp.activation]] * (len(weights) - 1) + [output]
    return Network.from_parameters(weights, mlp.intercepts_, activations, loss, dtype=float_type(weights))


def to_sklearn(network: Network, classes: Any = None) -> Any:
    """A fitted scikit-learn estimator that predicts what the network does: MLPClassifier, or MLPRegressor.

    Sigmoid and softmax outputs trained with cross-entropy make a classifier, others a regressor. Two softmax outputs become one
    logistic output of their difference, which is how scikit-learn has two classes. Weights are copied, the dtype stays.

    Parameters
    ----------
    classes : the labels to predict, in the order of the outputs and sorted; None: 0, 1, 2, ... Several sigmoids are several labels,
        which scikit-learn numbers, so they take None.

    Notes
    -----
    A regressor's `loss` is 'squared_error' unless the output is exponential, whatever the network was trained with: predictions are
    equal, a later `partial_fit` would differ.

    Raises
    ------
    ParameterError : a network that scikit-learn cannot express (activations that differ from layer to layer or that it does not
        have, an output it does not have), or classes that do not fit. MissingExtraError : scikit-learn is not installed.
    """
    settings: dict[str, Any] = {
        "hidden_layer_sizes": network.layer_dims[1:-1],
        "activation": _sklearn_activation(network),
        "random_state": 0,
    }
    output = network.activations[-1]
    weights, biases = [W.T.copy() for W in network.weights], [b[:, 0].copy() for b in network.biases]
    if network.loss in ("binary_cross_entropy", "categorical_cross_entropy"):
        if output == "softmax" and len(biases[-1]) == 2:
            weights[-1], biases[-1] = weights[-1][:, 1:] - weights[-1][:, :1], biases[-1][1:] - biases[-1][:1]
        y, labels = _example_labels(len(biases[-1]), output, classes)
        estimator = _sklearn_class("MLPClassifier")(**settings)
        arguments = {"classes": labels}
    else:
        if output not in ("identity", "exponential"):
            raise ParameterError(
                f"scikit-learn's regressor has no output activation '{output}'. Allowed: identity, exponential.",
                "predict with the network itself, or to_torch_state_dict()",
            )
        if classes is not None:
            raise ParameterError(f"classes belong to a classifier, but the network's loss is '{network.loss}'.")
        if output == "exponential":
            settings["loss"] = "poisson"
        estimator = _regressor(settings)
        n_y = network.layer_dims[-1]
        y, arguments = np.ones((1, n_y) if n_y > 1 else 1), {}
    # One step on made-up examples sets every attribute, private ones too, as this version of scikit-learn does.
    estimator.partial_fit(np.zeros((len(y), network.layer_dims[0]), network.dtype), y, **arguments)
    estimator.coefs_, estimator.intercepts_ = weights, biases
    estimator.n_iter_, estimator.t_, estimator.loss_curve_, estimator.best_loss_ = 0, 0, [], np.inf
    for made_up in ("_optimizer", "loss_"):
        vars(estimator).pop(made_up, None)
    return estimator.set_params(random_state=None)


def _sklearn_activation(network: Network) -> str:
    """scikit-learn's name of the one activation of the hidden layers."""
    hidden = list(dict.fromkeys(network.activations[:-1])) or ["identity"]
    if len(hidden) > 1:
        raise ParameterError(
            f"scikit-learn has one activation for all hidden layers, but the network has {', '.join(map(str, hidden))}.",
            "predict with the network itself, or to_torch_state_dict()",
        )
    if hidden[0] not in _THEIRS:
        raise ParameterError(
            f"scikit-learn's hidden layers cannot be '{hidden[0]}'. Allowed: {', '.join(_THEIRS)}.",
            "predict with the network itself, or to_torch_state_dict()",
        )
    return _THEIRS[hidden[0]]


def _sklearn_class(name: str) -> Any:
    try:
        from sklearn import neural_network
    except ImportError:
        raise MissingExtraError(
            "to_sklearn needs scikit-learn, which is not installed.", "pip install scikit-learn"
        ) from None
    return getattr(neural_network, name)


def _regressor(settings: dict[str, Any]) -> Any:
    try:
        return _sklearn_class("MLPRegressor")(**settings)
    except TypeError:
        raise ParameterError(
            "This scikit-learn has no loss for its regressor, and so no exponential output; 1.7 has.",
            "pip install --upgrade scikit-learn",
        ) from None


def _example_labels(n_y: int, output: str, classes: Any) -> tuple[Array, Array]:
    """Labels that have every class once, and the classes."""
    if output == "sigmoid" and n_y > 1:
        if classes is not None:
            raise ParameterError(f"Several labels are numbered 0 to {n_y - 1} by scikit-learn; leave classes out.")
        return np.eye(n_y, dtype=np.int64), np.arange(n_y)
    count = max(2, n_y)
    labels = np.arange(count) if classes is None else np.asarray(classes)
    if labels.shape != (count,) or len(np.unique(labels)) != count or (np.unique(labels) != labels).any():
        raise ParameterError(
            f"classes must be {count} different labels in sorted order, got {np.asarray(classes).tolist()}."
        )
    return labels, labels
