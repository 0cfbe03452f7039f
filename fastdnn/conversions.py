"""Networks from and to scikit-learn's estimators and PyTorch's state dictionaries, with equal predictions.

Neither library is needed for `from_sklearn`, `from_torch` and `to_torch_state_dict`: what is read are attributes, names and arrays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn import vocabulary
from fastdnn.errors import MissingExtraError, ParameterError, unknown_name
from fastdnn.network import Network

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
    """The network of a fitted scikit-learn MLPClassifier or MLPRegressor.

    Two classes make one sigmoid output, the probability of `mlp.classes_[1]`; more make a softmax over `mlp.classes_` in their
    order; several labels make as many sigmoids. The dtype is that of the weights. What scikit-learn keeps besides (class names,
    names of features, moments) is left behind.

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
    needed = ("coefs_", "intercepts_", "activation", "out_activation_")
    if not all(hasattr(mlp, name) for name in needed):
        fitted = "is not fitted" if hasattr(mlp, "hidden_layer_sizes") else "is no MLPClassifier or MLPRegressor"
        raise ParameterError(
            f"from_sklearn takes a fitted MLP, but this {type(mlp).__name__} {fitted}.", "mlp.fit(X, y)"
        )
    if mlp.activation not in _OURS:
        raise ParameterError(unknown_name("scikit-learn activation", str(mlp.activation), _OURS))
    if mlp.out_activation_ not in _OUTPUTS:
        raise ParameterError(unknown_name("scikit-learn output activation", str(mlp.out_activation_), _OUTPUTS))
    output, loss = _OUTPUTS[mlp.out_activation_]
    weights = [np.asarray(W).T for W in mlp.coefs_]
    activations = [_OURS[mlp.activation]] * (len(weights) - 1) + [output]
    return Network.from_parameters(weights, mlp.intercepts_, activations, loss, dtype=_float_type(weights))


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


def from_torch(
    state_dict: Any,
    activation: str | Sequence[str] = "relu",
    output_activation: str | None = None,
    loss: str | None = None,
    *,
    dtype: str | None = None,
    leaky_slope: float = 0.01,
) -> Network:
    """The network of a PyTorch `Sequential` of `Linear` layers.

    Parameters
    ----------
    state_dict : {"0.weight": (n_1, n_x), "0.bias": (n_1,), "2.weight": ..., ...}: tensors or arrays. Layers are taken in the order
        of the last number in their names, with anything before and after it that is the same in all ("net.0.weight", "fc1.weight").
    activation : of the hidden layers, one name or one for each, as in Network: a state_dict does not hold them.
    output_activation, loss : one or both, for the same reason. A Sequential that ends in a Linear returns logits: say 'softmax' or
        'sigmoid' for their probabilities, 'identity' for the numbers themselves.
    dtype : 'float32' or 'float64'; None: float64 if any weight is, else float32.

    Raises
    ------
    ParameterError : names or shapes that are not those of a chain of linear layers with biases; an unknown activation or loss.

    Examples
    --------
    >>> state_dict = {"0.weight": [[1.0, -1.0]], "0.bias": [0.5], "2.weight": [[2.0]], "2.bias": [0.0]}
    >>> from_torch(state_dict, "relu", "identity").predict([[3.0, 1.0]]).tolist()
    [[5.0]]
    """
    layers = _linear_layers(state_dict)
    if output_activation is None:
        if loss is None:
            raise ParameterError(
                "A state_dict says nothing of the output: give output_activation or loss.",
                "output_activation='softmax' for classes, 'sigmoid' for labels, 'identity' for numbers",
            )
        if loss not in vocabulary.LOSSES:
            raise ParameterError(unknown_name("loss", loss, vocabulary.LOSSES))
        output_activation = vocabulary.OUTPUTS[loss][0]
    weights, biases = [W for W, _ in layers], [b for _, b in layers]
    hidden = [activation] * (len(layers) - 1) if isinstance(activation, str) else list(activation)
    return Network.from_parameters(
        weights,
        biases,
        [*hidden, output_activation],
        loss,
        dtype=dtype or _float_type(weights),
        leaky_slope=leaky_slope,
    )


def to_torch_state_dict(network: Network) -> dict[str, Array]:
    """{"0.weight": (n_1, n_x), "0.bias": (n_1,), "2.weight": ..., ...}: copies, named as in a Sequential with a module for every
    activation, Linear, ReLU, Linear, ...

    Load them with `model.load_state_dict({k: torch.from_numpy(v) for k, v in state_dict.items()})`.

    Examples
    --------
    >>> {name: value.shape for name, value in to_torch_state_dict(Network([4, 8, 3])).items()}
    {'0.weight': (8, 4), '0.bias': (8,), '2.weight': (3, 8), '2.bias': (3,)}
    """
    state_dict: dict[str, Array] = {}
    for l, (W, b) in enumerate(zip(network.weights, network.biases, strict=True)):
        state_dict[f"{2 * l}.weight"], state_dict[f"{2 * l}.bias"] = W.copy(), b[:, 0].copy()
    return state_dict


def _float_type(weights: Sequence[Array]) -> str:
    return "float64" if any(W.dtype == np.float64 for W in weights) else "float32"


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


def _linear_layers(state_dict: Any) -> list[tuple[Array, Array]]:
    """(W, b) of each layer, in order, all checked."""
    if not isinstance(state_dict, Mapping) or not state_dict:
        hint = "model.state_dict()" if hasattr(state_dict, "state_dict") else None
        what = "an empty one" if isinstance(state_dict, Mapping) else type(state_dict).__name__
        raise ParameterError(f"from_torch takes a state_dict, a mapping of names to arrays; got {what}.", hint)
    found: dict[int, dict[str, str]] = {}
    around: dict[tuple[str, str], str] = {}
    for key in state_dict:
        match = re.fullmatch(r"(.*?)(\d+)(\D*)\.(weight|bias)", str(key))
        if match is None:
            raise ParameterError(
                f"'{key}' is not a name of a Linear layer in a Sequential, as '0.weight' and '0.bias' are; "
                "other layers cannot be expressed."
            )
        before, number, after, part = match.groups()
        around.setdefault((before, after), str(key))
        if len(around) > 1:
            one, other = around.values()
            raise ParameterError(
                f"'{one}' and '{other}' do not say which layer comes first: names may differ in one number only.",
                "rename them to '0.weight', '0.bias', '1.weight', ...",
            )
        found.setdefault(int(number), {})[part] = str(key)
    layers: list[tuple[Array, Array]] = []
    for _, names in sorted(found.items()):
        layers.append(_linear_layer(state_dict, names, layers[-1][0].shape[0] if layers else None))
    return layers


def _linear_layer(state_dict: Mapping[str, Any], names: dict[str, str], n_prev: int | None) -> tuple[Array, Array]:
    for part, other in (("weight", "bias"), ("bias", "weight")):
        if part not in names:
            given = names[other]
            missing = f"{given.removesuffix(other)}{part}"
            hint = f"state_dict['{missing}'] = np.zeros({len(state_dict[given])})" if part == "bias" else None
            raise ParameterError(f"'{given}' is there, but '{missing}' is missing; every layer needs both.", hint)
    W, b = _array(names["weight"], state_dict), _array(names["bias"], state_dict)
    if W.ndim != 2:
        kind = {
            1: ", as a normalisation has it",
            3: ", a convolution's",
            4: ", a convolution's",
            5: ", a convolution's",
        }
        raise ParameterError(
            f"'{names['weight']}' has the shape {W.shape}{kind.get(W.ndim, '')}; a Linear layer's is (n, n_prev)."
        )
    if n_prev is not None and W.shape[1] != n_prev:
        raise ParameterError(
            f"'{names['weight']}' has the shape {W.shape}, but the layer before it has {n_prev} outputs: not a chain."
        )
    if b.shape != W.shape[:1]:
        raise ParameterError(f"'{names['bias']}' must have the shape ({W.shape[0]},), got {b.shape}.")
    return W, b


def _array(name: str, state_dict: Mapping[str, Any]) -> Array:
    """An array from a tensor on any device, of any float type, or from what NumPy reads."""
    value = state_dict[name]
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if value.dtype.is_floating_point and value.element_size() < 4:
            value = value.float()  # NumPy has no bfloat16
        value = value.numpy()
    array = np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise ParameterError(f"'{name}' must hold numbers, got {array.dtype}.")
    return array
