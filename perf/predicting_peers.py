"""The libraries whose predictions bench_predict.py compares: each a function of a network that answers X with A[L].

Libraries are imported where they are used: what limits their threads must come first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# Libraries by the package that they need.
PEERS = {"Predictor": "fastdnn", "predict": "fastdnn", "onnxruntime": "onnxruntime", "torch": "torch", "numpy": "numpy"}

Forward = Callable[[Any], Any]


def make_forward(peer: str, network: Any, threads: int) -> Forward:
    """What answers a batch: X (m, n_x) float32 -> (m, n_y)."""
    if peer == "Predictor":
        predictor: Forward = network.predictor(threads)
        return predictor
    if peer == "predict":
        return lambda X: network.predict(X, threads)
    if peer == "numpy":
        return numpy_forward(network)
    return {"torch": torch_forward, "onnxruntime": onnx_forward}[peer](network, threads)


def numpy_forward(network: Any, dtype: str = "float32") -> Forward:
    """Products into buffers that are kept, and the activations in place; X is of this dtype."""
    import numpy as np
    from peer_numpy import activate

    layers = [
        (np.ascontiguousarray(W.T, dtype), b[:, 0].astype(dtype), g)
        for W, b, g in zip(network.weights, network.biases, network.activations, strict=True)
    ]
    kept: dict[int, list[Any]] = {}

    def forward(X: Any) -> Any:
        buffers = kept.get(len(X))
        if buffers is None:
            buffers = kept[len(X)] = [np.empty((len(X), len(b)), dtype) for _, b, _ in layers]
        A = X
        for (W, b, g), Z in zip(layers, buffers, strict=True):
            np.matmul(A, W, out=Z)
            Z += b
            if g == "softmax":
                _softmax(Z)
            elif g != "identity":
                activate(g, Z)
            A = Z
        return A

    return forward


def _softmax(Z: Any) -> None:
    """In place."""
    import numpy as np

    Z -= Z.max(axis=1, keepdims=True)
    np.exp(Z, out=Z)
    Z /= Z.sum(axis=1, keepdims=True)


def torch_forward(network: Any, threads: int) -> Forward:
    """nn.Sequential in inference_mode."""
    import torch
    from peer_torch import MODULES
    from torch import nn

    torch.set_num_threads(threads)
    modules = {**MODULES, "softmax": lambda: nn.Softmax(dim=1)}
    layers: list[Any] = []
    for W, b, g in zip(network.weights, network.biases, network.activations, strict=True):
        linear = nn.Linear(W.shape[1], W.shape[0])
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(W))
            linear.bias.copy_(torch.from_numpy(b[:, 0].copy()))
        layers += [linear, *([modules[g]()] if g != "identity" else [])]
    net = nn.Sequential(*layers).eval()

    def forward(X: Any) -> Any:
        with torch.inference_mode():
            return net(torch.from_numpy(X)).numpy()

    return forward


def onnx_forward(network: Any, threads: int) -> Forward:
    """The equal graph of Gemm and activation nodes."""
    import numpy as np
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    operators = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid", "softmax": "Softmax"}
    nodes, constants, A = [], [], "X"
    for l, (W, b, g) in enumerate(zip(network.weights, network.biases, network.activations, strict=True), 1):
        constants += [
            numpy_helper.from_array(np.ascontiguousarray(W.T), f"W{l}"),
            numpy_helper.from_array(b[:, 0], f"b{l}"),
        ]
        nodes.append(helper.make_node("Gemm", [A, f"W{l}", f"b{l}"], [f"Z{l}"]))
        A = f"Z{l}"
        if g != "identity":
            nodes.append(helper.make_node(operators[g], [A], [f"A{l}"]))
            A = f"A{l}"
    ends = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, n])]
        for name, n in (("X", network.layer_dims[0]), (A, network.layer_dims[-1]))
    ]
    graph = helper.make_graph(nodes, "network", *ends, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda X: session.run(None, {"X": X})[0]
