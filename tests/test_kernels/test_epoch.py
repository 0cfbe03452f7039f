"""kernels/epoch.py: whole epochs against the oracle; the same bits for every number of workers; what is published."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import reference
from callers import JIT
from hypothesis import given, settings
from strategies import Job, jobs

from fastdnn import engine
from fastdnn.engine import run_pass
from fastdnn.examples import Examples
from fastdnn.kernels import epoch, optimizers
from fastdnn.network import Network
from fastdnn.workspace import Workspace

SGD = engine.NO_UPDATE
ADAM = SGD._replace(optimizer=optimizers.ADAM, beta1=0.9, beta2=0.999, epsilon=1e-8)
RATES = {SGD.optimizer: 0.125, ADAM.optimizer: 0.01}
needs_fixed_order = pytest.mark.skipif(not JIT, reason="without the JIT NumPy orders its sums by shape")


def network_of(job, dtype="float64"):
    network = Network(job.layer_dims, job.activation, job.output_activation, job.loss, dtype=dtype, seed=job.seed)
    rng = np.random.default_rng(job.seed)
    for b in network.biases:
        b[:] = 0.1 * rng.normal(size=b.shape)
    return network


def oracle_targets(job):
    """Y in the course's shape (n_y, m)."""
    Y = job.targets()
    return reference.one_hot(Y, job.layer_dims[-1]) if job.loss == "categorical_cross_entropy" else Y.T


def run_job(job, workers, dtype, rule, epochs=2):
    """Parameters, loss sums and predictions after some epochs, with everything run by `workers` threads."""
    network, examples = network_of(job, dtype), Examples(job.inputs(), job.targets())
    batch = min(job.batch, job.m)
    workspace = Workspace(network, batch, workers)
    data = workspace.data(examples, with_targets=True)
    done, _ = run_pass(
        workspace, data, examples.indices, workers, rule=rule, steps=(0, epochs * -(-job.m // batch)),
        learning_rates=RATES[rule.optimizer], seed=job.seed, shuffle=True,
    )  # fmt: skip
    means = done.epoch_losses
    AL, losses = np.empty((job.m, job.layer_dims[-1]), network.dtype), np.empty(job.m)
    run_pass(
        workspace, data, examples.indices, workers, purpose=epoch.OUTPUTS + epoch.LOSSES, outputs=AL, losses=losses
    )
    workspace.store()
    return network.parameters, means, AL, losses


@pytest.mark.parametrize("rule", [SGD, ADAM], ids=["sgd", "adam"])
@settings(max_examples=30 if JIT else 5)
@given(jobs())
def test_epochs_equal_oracle(rule, job):
    """Two epochs in their shuffled orders with l2, short last batches among them."""
    network, l2 = network_of(job), 0.5
    if rule is ADAM:  # the first steps of Adam are alpha times a sign, and a sum that cancels has none
        rule = rule._replace(epsilon=1e-3)
    orders = [reference.permutation(range(job.m), job.seed, number) for number in (1, 2)]
    batch = min(job.batch, job.m)
    weights, biases, means = oracle_train(network, job, orders, batch, rule, l2)
    parameters, got_means, AL, _ = run_job(job, 1, "float64", rule._replace(l2=l2 / job.m))
    got = Network.from_parameters(*split(parameters, network), network.activations, job.loss, dtype="float64")
    for ours, wanted in zip([*got.weights, *got.biases], [*weights, *biases], strict=True):
        np.testing.assert_allclose(ours, wanted, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(got_means, means, rtol=1e-10)
    AL_oracle = reference.forward_pass(weights, biases, network.activations, job.inputs().T)[1][-1]
    np.testing.assert_allclose(AL, AL_oracle.T, rtol=1e-8, atol=1e-9)


def split(parameters, network):
    twin = Network.from_parameters(network.weights, network.biases, network.activations, network.loss, dtype="float64")
    twin.parameters[:] = parameters
    return twin.weights, twin.biases


def oracle_train(network, job, orders, batch, rule, l2):
    return reference.train(
        network.weights, network.biases, network.activations, job.loss, job.inputs().T, oracle_targets(job), orders, batch,
        "adam" if rule.optimizer == optimizers.ADAM else "sgd", RATES[rule.optimizer], l2, rule.epsilon,
    )  # fmt: skip


@needs_fixed_order
@pytest.mark.parametrize("rule", [SGD, ADAM], ids=["sgd", "adam"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@settings(max_examples=25)
@given(jobs(widest=70))
def test_bits_are_the_same_for_every_number_of_workers(dtype, rule, job):
    """4 workers on 2 cores too; parameters, losses and predictions."""
    one = run_job(job, 1, dtype, rule)
    for workers in (2, 4):
        for a, b in zip(one, run_job(job, workers, dtype, rule), strict=True):
            np.testing.assert_array_equal(a, b)


@needs_fixed_order
def test_bits_of_a_larger_network_are_the_same_for_every_number_of_workers(dtype):
    """Beyond the cache blocks of the kernels: more than 256 units, 192 examples and 120 rows of a worker."""
    job = Job([300, 305, 33, 10], ["relu", "tanh"], "softmax", "categorical_cross_entropy", 510, 250, 3)
    one = run_job(job, 1, np.dtype(dtype).name, ADAM)
    for workers in (2, 3, 4):
        for a, b in zip(one, run_job(job, workers, np.dtype(dtype).name, ADAM), strict=True):
            np.testing.assert_array_equal(a, b)


def test_seed_and_epoch_make_the_bits():
    job = small_job()
    same, again = run_job(job, 1, "float32", SGD), run_job(job, 1, "float32", SGD)
    np.testing.assert_array_equal(same[0], again[0])
    network, examples = network_of(job, "float32"), Examples(job.inputs(), job.targets())
    workspace = Workspace(network, job.batch, 1)
    data = workspace.data(examples, with_targets=True)
    results = []
    per_epoch = -(-job.m // job.batch)
    for seed, number, shuffle in [(1, 1, True), (2, 1, True), (1, 2, True), (1, 1, False)]:
        workspace.load()
        steps = (number - 1) * per_epoch, number * per_epoch
        run_pass(
            workspace, data, examples.indices, 1, rule=SGD, steps=steps, learning_rates=0.1, seed=seed, shuffle=shuffle
        )
        results.append(workspace.buffers.parameters.tobytes())
    assert len(set(results)) == 4


def small_job():
    return Job([6, 9, 3], ["tanh"], "softmax", "categorical_cross_entropy", 23, 5, 11)


@pytest.fixture
def ready():
    """A workspace of two workers, data, and rows, of a small job."""
    job = small_job()
    workspace = Workspace(network_of(job), job.batch, 2)
    examples = Examples(job.inputs(), job.targets())
    return workspace, workspace.data(examples, with_targets=True), examples.indices


@pytest.mark.parametrize("workers", [1, 2])
def test_order_is_drawn_from_seed_and_epoch(ready, workers):
    workspace, data, rows = ready
    order = np.full(rows.size, -1)
    run_pass(workspace, data, rows, workers, rule=SGD, steps=(40, 45), seed=4, shuffle=True, order=order)
    np.testing.assert_array_equal(order, reference.permutation(range(rows.size), 4, 9))
    run_pass(workspace, data, rows[::2].copy(), workers, rule=SGD, order=order[:12])
    np.testing.assert_array_equal(order[:12], rows[::2])


@pytest.mark.parametrize("workers", [1, 2])
def test_without_training_nothing_is_updated(ready, workers):
    workspace, data, rows = ready
    before = workspace.buffers.parameters.copy()
    AL, losses = np.full((rows.size, 3), np.nan), np.full(rows.size, np.nan)
    for purpose in (epoch.LOSSES, epoch.OUTPUTS):
        done, _ = run_pass(workspace, data, rows, workers, purpose=purpose, rule=SGD, outputs=AL, losses=losses)
        assert (done.steps, done.mean_loss) == (0, None)
        if purpose == epoch.LOSSES:
            assert np.isnan(AL).all()
    np.testing.assert_array_equal(workspace.buffers.parameters, before)
    assert np.isfinite(AL).all()
    network, job = workspace.network, small_job()
    Zs, As = reference.forward_pass(network.weights, network.biases, network.activations, job.inputs().T)
    np.testing.assert_allclose(AL, As[-1].T, rtol=1e-12)
    expected = reference.softmax_cross_entropy_from_logits(Zs[-1], oracle_targets(job))
    np.testing.assert_allclose(losses, expected, rtol=1e-12)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stop_that_was_asked_for_ends_after_one_step(ready, workers):
    workspace, data, rows = ready
    asked = engine.Pass()
    asked.stop()
    asked.epoch_losses = np.zeros(1)
    run_pass(workspace, data, rows, workers, rule=SGD, state=asked)
    assert (asked.steps, asked.diverged_at) == (1, 0)
    assert asked.mean_loss == pytest.approx(asked.last_cost)


@pytest.mark.parametrize("workers", [1, 2])
def test_divergence_ends_the_epoch_and_says_where(ready, workers):
    workspace, data, rows = ready
    X = data.X.copy()
    X[rows[12]] = np.nan  # in the third batch of 5
    X.flags.writeable = False
    done, _ = run_pass(workspace, data._replace(X=X), rows, workers, rule=SGD)
    assert done.diverged_at == 3
    assert done.steps == 3
    assert np.isfinite(done.last_cost)
    assert np.isfinite(done.mean_loss)


def test_running_counts_every_example_once(ready):
    """23 examples in batches of 5: the short last batch weighs what it holds."""
    workspace, data, rows = ready
    losses = np.empty(rows.size)
    run_pass(workspace, data, rows, 1, purpose=epoch.LOSSES, losses=losses)
    done, _ = run_pass(workspace, data, rows, 2, rule=SGD)
    assert done.steps == 5
    assert done.mean_loss == pytest.approx(losses.mean(), rel=1e-13)
    assert done.epoch_losses.tolist() == [done.mean_loss]
    assert done.last_cost == pytest.approx(losses[20:].mean(), rel=1e-13)


def test_an_epoch_may_be_run_in_parts(ready):
    """Any cut of two epochs into passes gives the same bits, with order and sums carried on."""
    workspace, data, rows = ready
    results = []
    for cuts in [(0, 10), (0, 5, 10), (0, 3, 4, 9, 10)]:
        workspace.load()
        order, state = np.empty_like(rows), engine.Pass(epoch_losses=np.zeros(2))
        for steps in pairwise(cuts):
            run_pass(
                workspace, data, rows, 2, rule=SGD, steps=steps, learning_rates=0.1, seed=3, shuffle=True, order=order,
                state=state,
            )  # fmt: skip
        assert (state.steps, state.epochs) == (10, 2)
        results.append((workspace.buffers.parameters.tobytes(), *state.epoch_losses))
    assert len(results[0]) == 3
    assert results[0] == results[1] == results[2]


def test_each_step_has_its_own_learning_rate(ready):
    """A step of rate 0 moves nothing: two steps of (a, 0) end where one of a does."""
    workspace, data, rows = ready
    ends = []
    for rates in ([0.1], [0.1, 0.0], [0.1, 0.1]):
        workspace.load()
        run_pass(workspace, data, rows, 1, rule=SGD, steps=(0, len(rates)), learning_rates=np.array(rates))
        ends.append(workspace.buffers.parameters.tobytes())
    assert ends[0] == ends[1] != ends[2]


def test_adam_goes_on_counting_from_epoch_to_epoch(ready):
    """Two epochs with the number of steps carried on are not the same as two that begin at the first step."""
    workspace, data, rows = ready
    results = []
    for second in (5, 0):
        workspace.load()
        workspace.buffers.moments1[:] = workspace.buffers.moments2[:] = 0
        for step in (0, second):
            run_pass(workspace, data, rows, 1, rule=ADAM, steps=(step, step + 5), learning_rates=0.01)
        results.append(workspace.buffers.parameters.copy())
    assert np.any(results[0] != results[1])
