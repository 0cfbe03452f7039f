"""fastdnn/torch_conversion.py: names and shapes of PyTorch, equal predictions there and back, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import fastdnn
from fastdnn import Network
from fastdnn.errors import ParameterError

CLOSE = {"float32": {"rtol": 2e-5, "atol": 1e-6}, "float64": {"rtol": 1e-9, "atol": 1e-12}}


@pytest.fixture
def X(rng, dtype):
    return rng.normal(size=(60, 5)).astype(dtype)


# --- PyTorch: its names and shapes in NumPy arrays ---


@pytest.mark.parametrize(
    "rename",
    [
        lambda l, part: f"{2 * l}.{part}",
        lambda l, part: f"net.{l + 9}.{part}",
        lambda l, part: f"module.layers.{l}.linear.{part}",
        lambda l, part: f"fc{l + 1}.{part}",
        lambda l, part: f"block2.{3 * l}.{part}",
    ],
)
def test_from_torch_takes_names_of_many_kinds(rename, X, dtype):
    network = Network([5, 6, 4, 3, 2], "tanh", dtype=np.dtype(dtype).name)
    state_dict = {}
    for key, value in reversed(network.to_torch_state_dict().items()):
        number, part = key.split(".")
        state_dict[rename(int(number) // 2, part)] = value
    back = fastdnn.from_torch(state_dict, "tanh", "softmax")
    assert back.dtype == network.dtype
    np.testing.assert_array_equal(back.parameters, network.parameters)
    np.testing.assert_array_equal(back.predict(X), network.predict(X))


def test_state_dict_is_a_copy_with_the_names_of_a_sequential():
    network = Network([4, 8, 3])
    state_dict = network.to_torch_state_dict()
    assert list(state_dict) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert state_dict["0.bias"].shape == (8,)
    assert not any(np.shares_memory(value, network.parameters) for value in state_dict.values())
    assert all(value.flags.writeable and value.flags.c_contiguous for value in state_dict.values())


def test_activations_and_losses_of_from_torch():
    state_dict = Network([4, 8, 8, 1]).to_torch_state_dict()
    network = fastdnn.from_torch(
        state_dict, ["tanh", "leaky_relu"], loss="squared_error", dtype="float64", leaky_slope=0.2
    )
    assert network.activations == ["tanh", "leaky_relu", "identity"]
    assert (network.loss, network.dtype, network.leaky_slope) == ("squared_error", np.float64, 0.2)
    assert fastdnn.from_torch(state_dict, output_activation="sigmoid").loss == "binary_cross_entropy"


GOOD = {"0.weight": np.ones((3, 2)), "0.bias": np.ones(3), "2.weight": np.ones((1, 3)), "2.bias": np.ones(1)}


def without(*names):
    return {name: value for name, value in GOOD.items() if name not in names}


@pytest.mark.parametrize(
    ("state_dict", "message"),
    [
        (without("2.bias"), "'2.weight' is there, but '2.bias' is missing"),
        (without("0.weight"), "'0.bias' is there, but '0.weight' is missing"),
        (
            GOOD | {"2.weight": np.ones((1, 4))},
            r"'2.weight' has the shape \(1, 4\), but the layer before it has 3 outputs",
        ),
        (GOOD | {"0.bias": np.ones(2)}, r"'0.bias' must have the shape \(3,\), got \(2,\)"),
        (GOOD | {"0.weight": np.ones((3, 2, 3, 3))}, r"'0.weight' has the shape \(3, 2, 3, 3\), a convolution's"),
        (GOOD | {"1.weight": np.ones(3), "1.bias": np.ones(3)}, r"'1.weight' has the shape \(3,\), as a normalisation"),
        (GOOD | {"1.running_mean": np.ones(3)}, "'1.running_mean' is not a name of a Linear layer"),
        (GOOD | {"out.weight": np.ones((1, 1))}, "'out.weight' is not a name of a Linear layer"),
        (
            GOOD | {"head.0.weight": np.ones((1, 1))},
            "'0.weight' and 'head.0.weight' do not say which layer comes first",
        ),
        (GOOD | {"0.bias": np.array(["a", "b", "c"])}, "'0.bias' must hold numbers, got <U1"),
        ({}, "takes a state_dict.*got an empty one"),
        ([1, 2], "takes a state_dict.*got list"),
    ],
)
def test_from_torch_refuses(state_dict, message):
    with pytest.raises(ParameterError, match=message):
        fastdnn.from_torch(state_dict, "relu", "identity")


def test_from_torch_must_be_told_the_output():
    with pytest.raises(ParameterError, match="give output_activation or loss"):
        fastdnn.from_torch(GOOD)
    with pytest.raises(ParameterError, match=r"Unknown loss 'squared_eror'. Did you mean 'squared_error'"):
        fastdnn.from_torch(GOOD, loss="squared_eror")
    with pytest.raises(ParameterError, match=r"Unknown activation 'rleu'. Did you mean 'relu'"):
        fastdnn.from_torch(GOOD, "rleu", "identity")
    with pytest.raises(ParameterError, match="2 layers need as many activations, got 3"):
        fastdnn.from_torch(GOOD, ["relu", "tanh"], "identity")


# --- PyTorch itself, where it is installed ---


@pytest.mark.parametrize(("n_y", "output"), [(1, "Sigmoid"), (4, "Softmax"), (2, "Identity")])
@pytest.mark.parametrize("hidden", ["ReLU", "Tanh", "Sigmoid"])
def test_with_torch(hidden, n_y, output, X, dtype):
    torch = pytest.importorskip("torch")
    nn = torch.nn
    kind = torch.float32 if dtype is np.float32 else torch.float64
    last = nn.Softmax(dim=1) if output == "Softmax" else getattr(nn, output)()
    model = nn.Sequential(
        nn.Linear(5, 9), getattr(nn, hidden)(), nn.Linear(9, 6), getattr(nn, hidden)(), nn.Linear(6, n_y), last
    )
    model = model.to(kind)
    with torch.no_grad():
        expected = model(torch.from_numpy(X)).numpy()
    network = fastdnn.from_torch(model.state_dict(), hidden.lower(), output.lower())
    np.testing.assert_allclose(network.predict(X), expected, **CLOSE[np.dtype(dtype).name])
    model.load_state_dict({name: torch.zeros_like(value) for name, value in model.state_dict().items()})
    model.load_state_dict({k: torch.from_numpy(v) for k, v in network.to_torch_state_dict().items()})
    with torch.no_grad():
        np.testing.assert_array_equal(model(torch.from_numpy(X)).numpy(), expected)


def test_torch_in_half_precision(rng):
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential(torch.nn.Linear(3, 2)).bfloat16()
    network = fastdnn.from_torch(model.state_dict(), output_activation="identity")
    np.testing.assert_array_equal(network.weights[0], model[0].weight.detach().float().numpy())
    assert network.dtype == np.float32
    with pytest.raises(ParameterError, match=r"takes a state_dict.*got Sequential") as caught:
        fastdnn.from_torch(model, output_activation="identity")
    assert caught.value.hint == "model.state_dict()"
