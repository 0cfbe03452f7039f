"""Networks from and to PyTorch's state dictionaries, with equal predictions; PyTorch is not needed.

What is read are names and arrays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn.errors import ParameterError
from fastdnn.loss_and_output import loss_and_output
from fastdnn.network import Network, float_type

Array = NDArray[Any]


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
    if output_activation is None and loss is None:
        raise ParameterError(
            "A state_dict says nothing of the output: give output_activation or loss.",
            "output_activation='softmax' for classes, 'sigmoid' for labels, 'identity' for numbers",
        )
    loss, output_activation = loss_and_output(loss, output_activation, len(layers[-1][1]))
    weights, biases = [W for W, _ in layers], [b for _, b in layers]
    hidden = [activation] * (len(layers) - 1) if isinstance(activation, str) else list(activation)
    return Network.from_parameters(
        weights,
        biases,
        [*hidden, output_activation],
        loss,
        dtype=dtype or float_type(weights),
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
