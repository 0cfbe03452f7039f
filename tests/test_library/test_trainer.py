"""fastdnn/trainer.py: weights, penalties, dropout and clipping as training has them; runs in parts."""

from __future__ import annotations

import numpy as np
import pytest
import reference_panels
from callers import JIT, from_python

from fastdnn.errors import DataError, ParameterError
from fastdnn.examples import Examples
from fastdnn.kernels.dropout import drop
from fastdnn.kernels.vector import panel_width
from fastdnn.network import Network
from fastdnn.optimizer import Optimizer
from fastdnn.trainer import Trainer, dropout_shares

M = 40
needs_fixed_order = pytest.mark.skipif(not JIT, reason="without the JIT NumPy orders its sums by shape")


def data(rng, m=M):
    return rng.normal(size=(m, 5)), rng.integers(0, 3, m)


def trained(
    X, Y, steps=6, rate=0.1, optimizer="sgd", batch_size=M, weights=None, dims=(5, 9, 3), activation="tanh", **options
):
    """The parameters after some steps."""
    network = Network(dims, activation, dtype="float64", seed=1)
    settings = {key: options.pop(key) for key in ("weight_decay", "clip_norm", "convention") if key in options}
    trainer = Trainer(
        network, Examples(X, Y, weights=weights), batch_size=batch_size, optimizer=Optimizer(optimizer, rate, **settings),
        threads=options.pop("threads", 1), **options,
    )  # fmt: skip
    trainer.run(steps, rate)
    trainer.store()
    return network.parameters


@pytest.mark.parametrize("options", [{}, {"l2": 2.0}, {"l1": 1.0}, {"batch_l2": 0.5}, {"clip_norm": 0.05}])
def test_a_weight_of_k_equals_k_copies(rng, options):
    X, Y = data(rng)
    counts = rng.integers(0, 4, M)
    copies = np.repeat(np.arange(M), counts)
    weighted = trained(X, Y, weights=counts, **options)
    copied = trained(X[copies], Y[copies], batch_size=len(copies), **options)
    np.testing.assert_allclose(weighted, copied, rtol=1e-10, atol=1e-12)


def test_equal_weights_are_as_none(rng):
    X, Y = data(rng)
    np.testing.assert_allclose(trained(X, Y, weights=np.full(M, 3.5)), trained(X, Y), rtol=1e-12)


def test_a_batch_without_weight_moves_nothing(rng):
    X, Y = data(rng)
    weights = np.ones(M)
    weights[: M // 2] = 0
    halves = trained(X, Y, steps=2, batch_size=M // 2, weights=weights, shuffle=False)
    np.testing.assert_allclose(halves, trained(X[M // 2 :], Y[M // 2 :], steps=1, batch_size=M // 2), rtol=1e-12)


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        ([1.0] * 39, "weights have the shape"),
        ([-1.0] + [1.0] * 39, "0 or more, got -1 for row 0"),
        ([1.0] * 39 + [np.nan], "0 or more, got nan for row 39"),
        ([0.0] * 40, "all examples are zero"),
    ],
)
def test_wrong_weights_are_refused(rng, weights, sentence):
    with pytest.raises(DataError, match=sentence):
        Examples(*data(rng), weights=weights)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_penalties_are_those_of_the_cost(rng, optimizer):
    """A step of the trainer is a step along Network.gradients, which have the penalties of Network.cost."""
    X, Y = data(rng)
    network = Network([5, 9, 3], "tanh", dtype="float64", seed=1)
    dW, db = network.gradients(Examples(X, Y), 2.0, l1=0.5)
    g = np.concatenate([part.ravel() for pair in zip(dW, db, strict=True) for part in pair])
    step = network.parameters - trained(X, Y, steps=1, optimizer=optimizer, l2=2.0, l1=0.5)
    expected = 0.1 * g if optimizer == "sgd" else 0.1 * g / (np.abs(g) + 1e-8)
    np.testing.assert_allclose(step, expected, rtol=1e-9, atol=1e-12)


def test_weight_decay_is_decoupled_from_the_gradient(rng):
    """Weights shrink by rate * decay beside the step of Adam; biases do not."""
    X, Y = data(rng)
    start = Network([5, 9, 3], "tanh", dtype="float64", seed=1)
    plain, decayed = (trained(X, Y, steps=1, optimizer="adam", weight_decay=w) for w in (0.0, 0.5))
    parts = [Network.from_parameters(start.weights, start.biases, start.activations, dtype="float64") for _ in range(2)]
    parts[0].parameters[:], parts[1].parameters[:] = plain, decayed
    for W, W_plain, W_decayed in zip(start.weights, parts[0].weights, parts[1].weights, strict=True):
        np.testing.assert_allclose(W_plain - W_decayed, 0.1 * 0.5 * W, rtol=1e-9, atol=1e-15)
    for b_plain, b_decayed in zip(parts[0].biases, parts[1].biases, strict=True):
        np.testing.assert_array_equal(b_plain, b_decayed)


def test_gradient_is_clipped_as_a_whole(rng):
    X, Y = data(rng)
    network = Network([5, 9, 3], "tanh", dtype="float64", seed=1)
    free = network.parameters - trained(X, Y, steps=1)
    norm = np.linalg.norm(free) / 0.1
    half = network.parameters - trained(X, Y, steps=1, clip_norm=norm / 2)
    np.testing.assert_allclose(half, free / 2, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(trained(X, Y, clip_norm=10 * norm), trained(X, Y), rtol=1e-12)


@needs_fixed_order
@pytest.mark.parametrize(
    "options",
    [
        {"dropout": (0.2, 0.5)},
        {"clip_norm": 0.02, "optimizer": "nesterov"},
        {"weights": np.linspace(0, 2, M), "l1": 0.1, "optimizer": "rmsprop"},
        {"weight_decay": 0.1, "optimizer": "adamw", "activation": "relu", "dropout": 0.5},
    ],
    ids=["dropout", "clipping", "weights", "decay"],
)
def test_same_bits_for_every_number_of_threads(rng, options):
    X, Y = data(rng)
    one = trained(X, Y, batch_size=7, dims=(5, 40, 3), steps=13, **options)
    for threads in (2, 3):
        np.testing.assert_array_equal(
            trained(X, Y, batch_size=7, dims=(5, 40, 3), steps=13, threads=threads, **options), one
        )


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "tanh", "sigmoid", "identity"])
def test_dropout_trains_and_is_off_outside_training(rng, activation):
    """The loss of training has noise of the masks; that of `evaluate` is the network's own and falls."""
    X, Y = data(rng, 300)
    Y = (X[:, 0] > 0).astype(int)
    network = Network([5, 50, 2], activation, "softmax", dtype="float64", seed=1)
    examples = Examples(X, Y)
    trainer = Trainer(network, examples, batch_size=30, optimizer=Optimizer("adam", 0.01), dropout=0.5, threads=1)
    before = trainer.evaluate(examples)[1].mean()
    assert before == pytest.approx(network.cost(examples), rel=1e-12)
    trainer.run(300, 0.01)
    trainer.store()
    after = trainer.evaluate(examples)[1].mean()
    assert after == pytest.approx(network.cost(examples), rel=1e-12)
    assert after < 0.5 * before


def mask(n, share, layer):
    """The factors of the first step's M examples, from the kernel itself."""
    width = panel_width(np.float64)
    ones = reference_panels.to_panels(np.ones((M, n)), width, np.float64)
    from_python(drop)(ones, ones, n, 0, M, 0, 0, layer, False, share)
    return reference_panels.from_panels(ones, n)


def test_gradient_with_dropout_is_that_of_the_masked_network(rng):
    """One step with input and hidden dropout, against NumPy with the masks that `drop` draws."""
    X, Y = data(rng)
    network = Network([5, 9, 3], "tanh", dtype="float64", seed=1)
    (W1, W2), (b1, b2) = network.weights, network.biases
    masks = [mask(n, share, layer) for layer, (n, share) in enumerate([(5, 0.2), (9, 0.5)])]
    A0 = X.T * masks[0].T
    T = np.tanh(W1 @ A0 + b1)
    A1 = T * masks[1].T
    Z2 = W2 @ A1 + b2
    P = np.exp(Z2 - Z2.max(axis=0))
    dZ2 = P / P.sum(axis=0) - np.eye(3)[Y].T
    dZ1 = (W2.T @ dZ2) * masks[1].T * (1 - T**2)
    g = np.concatenate([x.ravel() for x in (dZ1 @ A0.T, dZ1.sum(axis=1), dZ2 @ A1.T, dZ2.sum(axis=1))]) / M
    step = network.parameters - trained(X, Y, steps=1, dropout=(0.2, 0.5), shuffle=False)
    np.testing.assert_allclose(step, 0.1 * g, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("wrong", [-0.1, 1.0, (0.1,), (0.1, 1.5), float("nan")])
def test_dropout_outside_its_range_is_refused(wrong):
    with pytest.raises(ParameterError, match="dropout"):
        dropout_shares(wrong, 2)


@needs_fixed_order
def test_a_run_in_parts_has_the_same_bits(rng):
    X, Y = data(rng)
    ends = []
    for parts in [(14,), (3, 8, 3), (7, 7)]:
        network = Network([5, 9, 3], "tanh", dtype="float64", seed=1)
        trainer = Trainer(
            network, Examples(X, Y), batch_size=6, optimizer=Optimizer("adam", 0.01), dropout=0.3, seed=5, threads=1
        )
        losses = [loss for steps in parts for loss in trainer.run(steps, 0.01)[0].epoch_losses]
        assert trainer.step == 14
        trainer.store()
        ends.append((network.parameters.tobytes(), *losses))
    assert len(ends[0]) == 3
    assert ends[0] == ends[1] == ends[2]


def test_the_losses_of_epochs_before_a_failed_step_are_kept():
    """A rate that overflows in the midst of the third epoch: two epochs have ended, and their losses are there."""
    rates = np.full(30, 1e-3)
    rates[25:] = 1e200
    X = np.random.default_rng(0).normal(size=(100, 4))
    network = Network([4, 1], loss="squared_error", dtype="float64")
    trainer = Trainer(network, Examples(X, X[:, 0]), batch_size=10, optimizer=Optimizer("sgd"), threads=1)
    with np.errstate(all="ignore"):
        state, _ = trainer.run(30, rates)
    assert state.diverged_at > 5
    assert len(state.epoch_losses) == 2
    assert np.all(state.epoch_losses > 0)


def test_a_whole_number_is_a_learning_rate(rng):
    X, Y = data(rng)
    np.testing.assert_array_equal(trained(X, Y, rate=1), trained(X, Y, rate=1.0))


def test_an_order_of_ones_own(rng):
    X, Y = data(rng)
    order = rng.permutation(M)
    network, again = (Network([5, 9, 3], "tanh", dtype="float64", seed=1) for _ in range(2))
    ours = Trainer(network, Examples(X, Y), batch_size=6, optimizer=Optimizer("sgd"), threads=1)
    ours.run(ours.steps_per_epoch, 0.1, order=order)
    theirs = Trainer(
        again, Examples(X[order], Y[order]), batch_size=6, optimizer=Optimizer("sgd"), threads=1, shuffle=False
    )
    theirs.run(theirs.steps_per_epoch, 0.1)
    np.testing.assert_array_equal(ours.workspace.buffers.parameters, theirs.workspace.buffers.parameters)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("learning_rate", 0),
        ("beta1", 1.0),
        ("beta2", -0.1),
        ("epsilon", 0.0),
        ("weight_decay", -1),
        ("clip_norm", np.inf),
    ],
)
def test_numbers_of_an_optimizer_outside_their_range(field, value):
    with pytest.raises(ParameterError, match=f"{field} must be .*got"):
        Optimizer("adam", **{field: value})


def test_unknown_names_of_an_optimizer():
    with pytest.raises(ParameterError, match="Unknown optimizer 'adamx'"):
        Optimizer("adamx")
    with pytest.raises(ParameterError, match="Unknown convention 'keras'"):
        Optimizer("adam", convention="keras")
