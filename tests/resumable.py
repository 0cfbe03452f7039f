"""A small run with a checkpoint of every epoch, for the tests of resuming it."""

from __future__ import annotations

import numpy as np

from fastdnn.checkpoint_callback import Checkpoint
from fastdnn.examples import Examples
from fastdnn.network import Network
from fastdnn.training import train

EPOCHS = 7
TIMES = ("seconds", "samples_per_s")


def blobs(m=90, seed=0, **more):
    """Points around one of three centres, and which."""
    rng = np.random.default_rng(seed)
    Y = rng.integers(0, 3, m)
    return Examples(np.random.default_rng(0).normal(size=(3, 5))[Y] + rng.normal(size=(m, 5)), Y, **more)


def new_network(dtype="float64", **options):
    return Network([5, 9, 7, 3], "sigmoid", dtype=dtype, **options)


def weighted(examples, seed):
    return Examples(examples.X, examples.Y, weights=np.random.default_rng(seed).uniform(0, 3, len(examples)))


TRAIN, VALID = blobs(), blobs(60, seed=1)


def without_times(history):
    facts = history.to_json()
    for name in (*TIMES, "threads"):
        facts.pop(name)
    facts["epochs"] = [{name: value for name, value in row.items() if name not in TIMES} for row in facts["epochs"]]
    return facts


def same(one, other):
    """Whether two (network, history) agree to the last bit, times left out; nan equals nan."""
    return one[0].parameters.tobytes() == other[0].parameters.tobytes() and repr(without_times(one[1])) == repr(
        without_times(other[1])
    )


def run(folder, train_part=TRAIN, valid=VALID, network=None, callbacks=(), **options):
    """A whole run with a checkpoint of every epoch in `folder`: the network and the history."""
    network = network or new_network()
    settings = {"epochs": EPOCHS, "batch_size": 32, "threads": 1, "seed": 3} | options
    callbacks = [Checkpoint(folder / "{epoch}.ckpt"), *callbacks]
    return network, train(network, train_part, valid, **settings, callbacks=callbacks)


def at(folder, epoch):
    return folder / f"{epoch:04d}.ckpt"
