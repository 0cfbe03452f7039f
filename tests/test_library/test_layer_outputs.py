"""fastdnn/layer_outputs.py: what hidden layers computed, read out of the engine's buffers."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from hypothesis import given
from strategies import jobs

from fastdnn.examples import Examples
from fastdnn.inference import evaluate_in
from fastdnn.layer_outputs import layer_output
from fastdnn.network import Network
from fastdnn.workspace import Workspace


@given(jobs())
def test_every_hidden_layer_equals_the_oracle(job):
    network = Network(job.layer_dims, job.activation, job.output_activation, job.loss, dtype="float64", seed=job.seed)
    examples = Examples(job.inputs())
    workspace = Workspace(network, job.m, 1, training=False)
    AL, _ = evaluate_in(workspace, workspace.data(examples, with_targets=False), examples.indices, 1, with_losses=False)
    A = reference.forward_pass(network.weights, network.biases, network.activations, examples.X.T)[1]
    np.testing.assert_allclose(layer_output(workspace, 0, job.m), examples.X)
    for l in range(1, network.L):
        np.testing.assert_allclose(layer_output(workspace, l, job.m), A[l].T, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(layer_output(workspace, network.L, job.m), AL)


def test_fewer_examples_than_the_buffers_hold(rng, dtype):
    network = Network([3, 20, 2], dtype=np.dtype(dtype).name)
    workspace = Workspace(network, 9, 1, training=False)
    X = rng.normal(size=(4, 3)).astype(dtype)
    examples = Examples(X)
    evaluate_in(workspace, workspace.data(examples, with_targets=False), examples.indices, 1, with_losses=False)
    A = layer_output(workspace, 1, 4)
    assert A.shape == (4, 20)
    assert A.dtype == dtype
    assert pytest.approx(np.maximum(X @ network.weights[0].T, 0), abs=1e-5) == A
