"""kernels/passes.py: forward pass, backward pass and update of a batch, each against the oracle for mixed layers."""

from __future__ import annotations

import numpy as np
import pytest
import reference
import reference_panels
from callers import assert_same_bits, copied_from_python, from_python

from fastdnn.engine import NO_UPDATE
from fastdnn.kernels import layout, optimizers, passes
from fastdnn.kernels.sync import SYNC_WORDS
from fastdnn.kernels.vector import panel_width
from fastdnn.network import Network
from fastdnn.panels import fill_panels
from fastdnn.workspace import Workspace

ACTIVATIONS = ["tanh", "relu", "sigmoid", "leaky_relu", "identity"]
BATCH, SLOPE = 9, 0.2


class Batch:
    """A network, its buffers with a batch of examples in A[0], and the oracle's pass over the same."""

    def __init__(self, dtype, dims=None, activations=None, workers=1):
        width = panel_width(dtype)
        dims = dims or [7, 2 * width, 5, width + 1, 17, 3, 2]
        activations = activations or ACTIVATIONS
        rng = np.random.default_rng(3)
        self.dtype, self.width = dtype, width
        self.network = Network(dims, activations, "identity", dtype=np.dtype(dtype).name, leaky_slope=SLOPE)
        for b in self.network.biases:
            b[:] = rng.normal(size=b.shape)
        self.workspace = Workspace(self.network, BATCH, workers)
        self.buffers = self.workspace.buffers
        self.rows = self.buffers.layout[0, layout.ROWS]
        self.X = rng.normal(size=(BATCH, dims[0])).astype(dtype)
        self.Y = rng.normal(size=(BATCH, dims[-1])).astype(dtype)
        self.oracle = (
            [W.astype(float) for W in self.network.weights],
            [b.astype(float) for b in self.network.biases],
            self.network.activations,
        )
        self.Zs, self.As = reference.forward_pass(*self.oracle, self.X.T, SLOPE)
        self.dims, self.L = dims, len(dims) - 1
        fill_panels(self.panels("activations", 0), self.X)

    def panels(self, buffer, l):
        """The panels of layer l in the buffers themselves, to write into."""
        at = {"activations": layout.A_AT, "deltas": layout.DZ_AT}.get(buffer)
        start = 0 if at is None else self.buffers.layout[l, at]
        shape = (self.buffers.layout[l, layout.PANELS], self.rows, self.width)
        return getattr(self.buffers, buffer)[start : start + np.prod(shape)].reshape(shape)

    def matrix(self, buffer, l):
        return reference_panels.from_panels(self.panels(buffer, l), self.dims[l])

    def forward(self, r0=0, r1=BATCH):
        sync = np.zeros(SYNC_WORDS, np.int64)
        from_python(passes.forward_pass)(
            0, 1, self.buffers, self.rows, BATCH, r0, r1, self.dtype(SLOPE), True, 0, 0, sync
        )

    def backward(self, r0=0, r1=BATCH):
        """From half the squared error at the output."""
        fill_panels(self.panels("deltas", self.L), self.As[-1].T - self.Y)
        sync = np.zeros(SYNC_WORDS, np.int64)
        from_python(passes.backward_pass)(0, 1, self.buffers, self.rows, BATCH, r0, r1, self.dtype(SLOPE), sync)

    def expected_deltas(self):
        dA, deltas = self.As[-1] - self.Y.T, {}
        for l in range(self.L, 0, -1):
            deltas[l] = reference.BACKWARD[self.network.activations[l - 1]](dA, self.Zs[l - 1], SLOPE)
            dA = self.oracle[0][l - 1].T @ deltas[l]
        return deltas

    def tolerance(self):
        return {"rtol": 1e-12, "atol": 1e-12} if self.dtype is np.float64 else {"rtol": 1e-4, "atol": 1e-4}


def update(batch, code, m, l2, worker=0, workers=1):
    """One worker's share of an update by the first m examples, with rate 0.125."""
    rule = NO_UPDATE._replace(optimizer=code, beta1=0.9, beta2=0.999, epsilon=1e-8, l2=l2)
    rates = np.zeros(optimizers.RATES, batch.dtype)
    from_python(optimizers.prepare_rates)(rule, 0.125, 1, float(m), rates)
    sync = np.zeros(SYNC_WORDS, np.int64)
    from_python(passes.update_pass)(worker, workers, batch.buffers, batch.rows, m, rule, rates, sync)


def test_forward_equals_oracle(dtype):
    batch = Batch(dtype)
    batch.forward()
    for l in range(1, batch.L):
        np.testing.assert_allclose(batch.matrix("activations", l), batch.As[l].T, **batch.tolerance())
    np.testing.assert_allclose(batch.matrix("logits", batch.L), batch.Zs[-1].T, **batch.tolerance())
    np.testing.assert_array_equal(batch.matrix("activations", 0), batch.X)


def test_backward_equals_oracle(dtype):
    batch = Batch(dtype)
    batch.forward()
    batch.backward()
    for l, dZ in batch.expected_deltas().items():
        np.testing.assert_allclose(batch.matrix("deltas", l), dZ.T, **batch.tolerance())


@pytest.mark.parametrize("rows", [(0, 1), (1, 4), (4, 9)])
def test_rows_are_independent_of_each_other(rows, dtype):
    """A worker's rows have the same bits as in a pass over all, and no other row is touched."""
    whole, part = Batch(dtype), Batch(dtype)
    whole.forward()
    whole.backward()
    part.forward(*rows)
    part.backward(*rows)
    here = slice(*rows)
    for l in range(1, whole.L):
        for buffer in ("activations", "deltas"):
            assert_same_bits(part.matrix(buffer, l)[here], whole.matrix(buffer, l)[here])
            assert not np.delete(part.matrix(buffer, l), np.r_[here], axis=0).any()


def test_one_worker_alone_takes_all_that_the_others_have_not_begun(dtype):
    """Which is what a worker does whose neighbours have lost their cores; with the bits of them all together."""
    width = panel_width(dtype)
    dims = [6 * width, 6 * width, 2]
    one, first = Batch(dtype, dims, ["relu"]), Batch(dtype, dims, ["relu"], workers=2)
    for batch in (one, first):
        batch.forward()
        batch.backward()
    update(one, optimizers.ADAM, BATCH, 0.0)
    update(first, optimizers.ADAM, BATCH, 0.0, 0, 2)
    assert_same_bits(first.buffers.parameters, one.buffers.parameters)
    update(first, optimizers.ADAM, BATCH, 0.0, 1, 2)
    assert_same_bits(first.buffers.parameters, one.buffers.parameters)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_update_equals_oracle(rule, workers, dtype):
    batch, m, decay = Batch(dtype, workers=workers), BATCH - 2, 0.25
    batch.forward()
    batch.backward()
    code = {"sgd": optimizers.GRADIENT_DESCENT, "adam": optimizers.ADAM}[rule]
    for worker in range(workers):
        update(batch, code, m, decay, worker, workers)
    batch.workspace.store()
    deltas = batch.expected_deltas()
    for l in range(1, batch.L + 1):
        W, b = batch.oracle[0][l - 1], batch.oracle[1][l - 1]
        dW = deltas[l][:, :m] @ batch.As[l - 1][:, :m].T / m + decay * W
        db = deltas[l][:, :m].sum(axis=1, keepdims=True) / m
        if rule == "sgd":
            expected = reference.gradient_descent([W, b], [dW, db], 0.125)
        else:
            zeros = [np.zeros(W.shape), np.zeros(b.shape)]
            expected = reference.adam([W, b], [dW, db], zeros, zeros, 1, 0.125)[0]
        # Adam's first step is alpha times the sign of the gradient, and float32 may lose the sign of a sum that cancels.
        clear = np.abs(dW) > 1e-3 if rule == "adam" and dtype is np.float32 else np.ones(W.shape, bool)
        np.testing.assert_allclose(batch.network.weights[l - 1][clear], expected[0][clear], **batch.tolerance())
        np.testing.assert_allclose(batch.network.biases[l - 1], expected[1], **batch.tolerance())


@pytest.mark.parametrize("rule", ["sgd", "adam"])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu", "leaky_relu", "identity"])
def test_padding_of_deltas_and_parameters_stays_zero(activation, rule, dtype):
    """Layers wide and narrow in turn, so that what one leaves in the shared buffers would show in the next."""
    width = panel_width(dtype)
    dims = [3, 2 * width, width // 2 - 1, 3 * width - 1, width // 2 + 1, 2]
    batch = Batch(dtype, dims, [activation] * 4)
    code = {"sgd": optimizers.GRADIENT_DESCENT, "adam": optimizers.ADAM}[rule]
    for _ in range(2):
        batch.forward()
        batch.backward()
        update(batch, code, BATCH, 0.5)
    weight_panels, bias_panels = copied_from_python(layout.weight_panels), copied_from_python(layout.bias_panels)
    for l in range(1, batch.L + 1):
        n_prev, n = dims[l - 1 : l + 1]
        assert np.all(reference_panels.padding(batch.panels("deltas", l), n) == 0), f"dZ[{l}]"
        for flat in (batch.buffers.parameters, batch.buffers.moments1, batch.buffers.moments2):
            W = weight_panels(flat, batch.buffers.layout, l, width)
            assert np.all(reference_panels.weight_padding(W, n, n_prev) == 0), f"W[{l}]"
            assert np.all(bias_panels(flat, batch.buffers.layout, l, width)[n:] == 0), f"b[{l}]"
