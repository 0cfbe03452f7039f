"""fastdnn/training_settings.py: every default filled in, and the run that the settings describe."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fastdnn import defaults
from fastdnn.examples import Examples
from fastdnn.network import Network
from fastdnn.settings import FitOptions
from fastdnn.training_settings import resolved_settings, train_as


def resolve(rows=500, *, regression=False, **options):
    return resolved_settings(FitOptions(**options), rows, regression=regression)


def test_what_is_not_given_comes_from_the_rows():
    settings = resolve()
    assert (settings["optimizer"], settings["learning_rate"], settings["batch_size"]) == ("adam", 1e-3, 32)
    assert (settings["epochs"], settings["patience"]) == (300, 20)
    assert settings["l2"] == defaults.default_l2(500, regression=False) != resolve(regression=True)["l2"]
    assert json.loads(json.dumps(settings)) == settings


def test_lbfgs_takes_all_rows_at_once_and_has_no_rate():
    settings = resolve(optimizer="lbfgs")
    assert (settings["optimizer"], settings["learning_rate"], settings["batch_size"]) == ("lbfgs", None, 500)
    assert (settings["epochs"], settings["patience"]) == (200, 20)
    assert settings["l2"] == defaults.default_l2(500, regression=False)
    limited = resolve(optimizer="lbfgs", time_limit=3.0)
    assert (limited["epochs"], limited["patience"], limited["time_limit"]) == (None, None, 3.0)


@pytest.mark.parametrize("options", [{"schedule": "cosine"}, {"time_limit": 5.0}])
def test_a_run_that_ends_in_its_valley_has_no_patience_of_itself(options):
    assert resolve(**options)["patience"] is None
    assert resolve(patience=3, **options)["patience"] == 3


def test_decoupled_decay_takes_the_place_of_l2():
    assert (resolve(optimizer="adamw")["weight_decay"], resolve(optimizer="adamw")["l2"]) == (0.01, 0.0)
    assert resolve(optimizer="adamw", l2=2.0)["l2"] == 2.0


@pytest.mark.parametrize("name", ["lbfgs", "momentum", "adam"])
def test_the_settings_say_which_run_it_is(name, rng):
    if name == "lbfgs":
        pytest.importorskip("scipy")
    X = rng.normal(size=(200, 3))
    settings = resolve(200, optimizer=name, epochs=4, l2=0.25)
    network = Network([3, 4, 1], "tanh")
    history = train_as(settings, network, Examples(X, (X[:, 0] > 0).astype(int)), None)
    assert (history.optimizer, history.l2, len(history.epochs)) == (name, 0.25, 4)
    assert history.batch_size == settings["batch_size"]
    assert history["loss"][-1] < history["loss"][0]
    assert np.isfinite(network.parameters).all()
