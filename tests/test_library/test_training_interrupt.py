"""fastdnn/training.py: what Ctrl-C leaves, wherever it comes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from blobs import blobs, network_for_blobs
from callers import JIT

from fastdnn.examples import Examples
from fastdnn.training import train


@pytest.mark.parametrize("stop_in", [1, 3])
def test_ctrl_c_between_epochs_keeps_the_epochs_before(stop_in):
    def progress(p):
        if p.epoch >= stop_in and p.rows_done == p.rows:
            signal.raise_signal(signal.SIGINT)

    network = network_for_blobs()
    history = train(network, Examples(*blobs()), epochs=100, batch_size=16, threads=1, progress=progress)
    assert history.stopped_by == "interrupt"
    assert stop_in - 1 <= history.best_epoch < 100
    again = network_for_blobs()
    if history.best_epoch:
        train(again, Examples(*blobs()), epochs=history.best_epoch, batch_size=16, threads=1)
    np.testing.assert_array_equal(network.parameters, again.parameters)


def test_ctrl_c_within_an_epoch_keeps_what_was_best_before_it():
    """Two epochs of a long run, the signal in the middle of the second: the parameters are those after the first."""
    rows = np.zeros(600_000 if JIT else 600, np.int64)
    X, Y = blobs()

    def progress(p):
        if p.epoch == 2 and 0 < p.rows_done < p.rows:
            signal.raise_signal(signal.SIGINT)

    networks = network_for_blobs("float32"), network_for_blobs("float32")
    options = {"batch_size": 1, "optimizer": "sgd", "learning_rate": 0.01, "threads": 1}
    history = train(networks[0], Examples(X, Y, rows=rows), epochs=3, progress=progress, **options)
    assert (history.stopped_by, history.best_epoch, len(history.epochs)) == ("interrupt", 1, 1)
    train(networks[1], Examples(X, Y, rows=rows), epochs=1, **options)
    np.testing.assert_array_equal(networks[0].parameters, networks[1].parameters)


def test_ctrl_c_while_validating_ends_the_run_in_order(monkeypatch):
    from fastdnn import trainer

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer, "evaluate_in", interrupted)
    network = network_for_blobs()
    history = train(network, Examples(*blobs()), Examples(*blobs()), epochs=5, threads=1)
    assert (history.stopped_by, history.best_epoch) == ("interrupt", 0)
    np.testing.assert_array_equal(network.parameters, network_for_blobs().parameters)


_ENDLESS = """
import numpy as np
from fastdnn.examples import Examples
from fastdnn.network import Network
from fastdnn.training import train

said = []
def progress(p):
    if not said:
        said.append(print("training", flush=True))

network = Network([4, 8, 3])
X = np.random.default_rng(0).normal(size=(30, 4))
rows = np.zeros(50_000_000, np.int64)
history = train(network, Examples(X, np.arange(30) % 3, rows=rows), epochs=1000, batch_size=2, progress=progress)
print(history.stopped_by, np.isfinite(network.parameters).all(), flush=True)
"""


@pytest.mark.skipif(not JIT or os.name == "nt", reason="needs POSIX signals and a quick step")
def test_a_signal_from_outside_ends_a_long_epoch():
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _ENDLESS]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout.readline().strip() == "training", child.stderr.read()
            child.send_signal(signal.SIGINT)
            out, err = child.communicate(timeout=60)
        finally:
            child.kill()
    assert (out.strip(), err) == ("interrupt True", "")
    assert child.returncode == 0
