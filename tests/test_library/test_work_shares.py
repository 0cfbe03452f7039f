"""fastdnn/work_shares.py: every block has one owner, shares are even, and the grid of workers is where it pays."""

from __future__ import annotations

import numpy as np
import pytest
from callers import JIT, assert_same_bits

from fastdnn import work_shares
from fastdnn.engine import NO_UPDATE, run_pass
from fastdnn.examples import Examples
from fastdnn.kernels import optimizers
from fastdnn.network import Network
from fastdnn.panels import panel_count
from fastdnn.work_shares import share_out, share_rows, unit_groups
from fastdnn.workspace import Workspace

F = np.dtype(np.float32)
DIMS = [40, 17, 1, 35, 3]
needs_fixed_order = pytest.mark.skipif(not JIT, reason="without the JIT NumPy orders its sums by shape")


def panels_of(dims, dtype):
    return [panel_count(n, dtype) for n in dims]


@pytest.mark.parametrize("meetings", [0, 200_000])
@pytest.mark.parametrize("batch", [1, 64, 5000])
@pytest.mark.parametrize("workers", [1, 2, 3, 7, 40])
def test_every_block_of_the_parameters_is_updated_by_one_worker(dtype, batch, workers, meetings, monkeypatch):
    monkeypatch.setattr(work_shares, "_MEETINGS", meetings)
    dims, dtype = [*DIMS, 130, 70], np.dtype(dtype)
    shares, panels = share_out(dims, batch, dtype, workers), panels_of(dims, dtype)
    wanted = {(l, i, j) for l in range(1, len(dims)) for i in range(panels[l - 1]) for j in range(panels[l])}
    assert {tuple(b) for b in shares.blocks[:, :3].tolist()} == wanted
    assert len(shares.blocks) == len(wanted)
    assert shares.begins[0] == 0
    assert shares.begins[-1] == len(wanted)
    assert len(shares.begins) == workers + 1
    assert np.all(np.diff(shares.begins) >= 0)


@pytest.mark.parametrize("dims", [[512, 512, 10], [784, 128, 10], [20, 64, 32, 1]])
@pytest.mark.parametrize("workers", [2, 3, 4, 16])
def test_no_worker_has_much_more_than_its_part(dims, workers):
    """Of a large network the most that any updates is at most a fifth more than an even share, or one panel of it."""
    begins = share_out(dims, 64, F, workers).begins
    work = np.diff(begins)
    blocks = begins[-1]
    assert work.max() <= max(1.2 * blocks / workers, blocks / workers + max(panels_of(dims, F)))


def test_a_block_has_the_same_number_for_every_number_of_workers():
    dims = [300, 200, 100]
    alone = {tuple(b[:3]): b[3] for b in share_out(dims, 16, F, 1).blocks.tolist()}
    assert sorted(alone.values()) == list(range(len(alone)))
    for workers in (2, 3, 8):
        assert {tuple(b[:3]): b[3] for b in share_out(dims, 16, F, workers).blocks.tolist()} == alone


def test_a_worker_updates_the_weights_that_it_reads():
    """Of 784-128-10 with two workers each computes, and updates, one half of the hidden units."""
    shares = share_out([784, 128, 10], 64, F, 2)
    assert shares.groups[1].tolist() == [2, 1]
    half = panels_of([128], F)[0] / 2
    for worker in range(2):
        mine = shares.blocks[shares.begins[worker] : shares.begins[worker + 1]]
        hidden = mine[mine[:, 0] == 1]
        assert len(hidden)
        assert np.all(hidden[:, 2] // half == worker)


def test_units_are_shared_out_where_that_pays():
    assert unit_groups(64, 784, 128, F, 1) == 1
    assert unit_groups(64, 784, 128, F, 2) == 2  # a few rows, large weights
    assert 1 < unit_groups(64, 784, 128, F, 16) <= 8
    assert unit_groups(32, 20, 64, F, 2) == 1  # over before the workers have met
    assert unit_groups(4096, 256, 256, F, 2) == 1  # the examples are what is large
    assert unit_groups(64, 784, 10, F, 16) == 1  # one panel is not divided
    assert unit_groups(128, 784, 512, F, 7) in (1, 7)  # all columns of the grid are alike


def test_without_training_everybody_takes_whole_rows():
    shares = share_rows([784, 512, 10], 64, F, 4)
    assert np.all(shares.groups == 1)
    assert shares.blocks.shape == (0, 4)
    assert shares.begins.tolist() == [0] * 5


@needs_fixed_order
@pytest.mark.parametrize("workers", [2, 4, 6])
@pytest.mark.parametrize(
    ("activation", "rule", "dropout"),
    [
        ("relu", {"optimizer": optimizers.ADAM, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}, ()),
        ("tanh", {"optimizer": optimizers.GRADIENT_DESCENT, "clip_norm": 0.02}, ()),
        ("leaky_relu", {"optimizer": optimizers.MOMENTUM, "beta1": 0.9, "l2": 0.01}, (0.2, 0.5, 0.0, 0.5)),
        (["relu", "sigmoid", "identity"], {"optimizer": optimizers.RMSPROP, "beta2": 0.9, "epsilon": 1e-8}, ()),
    ],
)
def test_same_bits_wherever_units_are_shared_out(rng, workers, activation, rule, dropout, dtype, monkeypatch):
    """In every layer and in no layer, in as many groups as there can be and in fewer; the last layer's units too."""
    X, Y = rng.normal(size=(50, 5)).astype(dtype), rng.integers(0, 20, 50)
    examples = Examples(X, Y)

    def trained(workers, groups):
        monkeypatch.setattr(work_shares, "unit_groups", groups)
        network = Network([5, 70, 40, 70, 20], activation, dtype=np.dtype(dtype).name, seed=1)
        clipping = "clip_norm" in rule
        workspace = Workspace(network, 12, workers, clipping=clipping, dropout=dropout)
        data = workspace.data(examples, with_targets=True)
        result, _ = run_pass(
            workspace, data, examples.indices, workers, rule=NO_UPDATE._replace(**rule), steps=(0, 13),
            learning_rates=0.05, seed=3, shuffle=True,
        )  # fmt: skip
        workspace.store()
        return np.concatenate([network.parameters, result.epoch_losses])

    def some(m, k, n, dtype, workers):
        return 2 if n in (70, 20) else 1

    alone = trained(1, lambda *_: 1)
    assert np.isfinite(alone).all()
    assert_same_bits(trained(workers, lambda *_: 1), alone)
    assert_same_bits(trained(workers, lambda m, k, n, dtype, workers: workers), alone)
    assert_same_bits(trained(workers, some), alone)
