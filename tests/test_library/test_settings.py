"""Settings outside their range or set are refused, with what is allowed."""

from __future__ import annotations

import math
from typing import Any

import pytest

from fastdnn.errors import ParameterError
from fastdnn.settings import FitOptions


def test_the_defaults_and_all_settings_at_their_borders_pass() -> None:
    FitOptions().check()
    FitOptions(learning_rate=1e6, epochs=1, batch_size=1, patience=1, l2=0.0, seed=0, valid=0.9, layers=()).check()
    FitOptions(optimizer="nesterov", momentum=0.0, dropout=(0.0, 0.99), schedule="cosine:end=1", warm_up=0.5).check()


@pytest.mark.parametrize(
    ("setting", "value", "allowed"),
    [
        ("learning_rate", 0.0, "learning rate must be above 0 and finite, not 0"),
        ("learning_rate", -0.1, "above 0"),
        ("learning_rate", math.nan, "not nan"),
        ("learning_rate", math.inf, "finite, not inf"),
        ("epochs", 0, "number of epochs must be from 1 to 1,000,000, not 0"),
        ("batch_size", -3, "batch size must be from 1"),
        ("patience", 0, "patience must be from 1"),
        ("l2", -1e-9, "L2 strength must be 0 or more and finite"),
        ("seed", -1, "seed must be from 0 to 9,223,372,036,854,775,807, not -1"),
        ("seed", 2**63, "seed must be from 0"),
        ("valid", 0.0, "above 0 and at most 0.9"),
        ("valid", 1.0, "above 0 and at most 0.9"),
        ("threads", 0, "between 1 and"),
        ("threads", 100_000, "between 1 and"),
        ("layers", (128, 0), "width of a hidden layer"),
        ("l1", -1.0, "L1 strength must be 0 or more and finite, not -1"),
        ("weight_decay", math.inf, "weight decay must be 0 or more and finite"),
        ("clip_norm", math.nan, "norm to clip at must be 0 or more"),
        ("min_delta", -0.1, "least gain must be 0 or more"),
        ("time_limit", 0.0, "time limit in seconds must be above 0"),
        ("dropout", 1.0, "share to drop must be from 0 and below 1, not 1"),
        ("dropout", (0.5, -0.1), "share to drop must be from 0 and below 1, not -0.1"),
        ("momentum", 0.9, "Optimizer 'adam' takes no momentum; momentum and nesterov do"),
        ("schedule", "step:every=0", "every of schedule 'step' must be"),
        ("warm_up", -1.0, "warm_up must be a number 0 or more"),
    ],
)
def test_a_number_out_of_range(setting: str, value: Any, allowed: str) -> None:
    with pytest.raises(ParameterError, match=allowed):
        FitOptions(**{setting: value}).check()


def test_the_target_of_a_file_that_is_not_there_and_a_quantile_named_twice_are_refused() -> None:
    with pytest.raises(ParameterError, match=r"--valid-target 'y' says .* there is no such file"):
        FitOptions(valid=0.2, valid_target="y").check()
    with pytest.raises(ParameterError, match=r"--quantiles names 0\.5 twice"):
        FitOptions(loss="quantile", quantiles=(0.5, 0.9, 0.5)).check()
    FitOptions(loss="quantile", quantiles=(0.9, 0.1), valid="test.csv", valid_target="y").check()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("learning_rate", 0.1), ("schedule", "cosine"), ("warm_up", 2.0), ("momentum", 0.9), ("clip_norm", 1.0),
        ("batch_size", 32), ("l1", 0.1), ("weight_decay", 0.1), ("dropout", 0.2), ("dropout", (0.1, 0.2)),
    ],
)  # fmt: skip
def test_what_lbfgs_does_not_have_is_refused_by_name(setting: str, value: Any) -> None:
    option = f"--{setting.replace('_', '-')}"
    with pytest.raises(ParameterError, match=rf"{option} does not go with --optimizer lbfgs.* Allowed beside it: --l2"):
        FitOptions(optimizer="lbfgs", **{setting: value}).check()


def test_what_lbfgs_has_passes() -> None:
    pytest.importorskip("scipy")
    FitOptions(optimizer="lbfgs", epochs=5, time_limit=1.0, patience=2, min_delta=0.1, metric="loss", l2=1.0).check()
    FitOptions(optimizer="lbfgs", schedule="constant", warm_up=0.0, clip_norm=0.0, l1=0.0, dropout=0.0).check()


@pytest.mark.parametrize(
    ("setting", "value", "meant"),
    [
        ("activation", "rleu", "relu"),
        ("output_activation", "softmx", "softmax"),
        ("loss", "squared", "squared_error"),
        ("optimizer", "adma", "adam"),
        ("optimizer", "lbgfs", "lbfgs"),
        ("schedule", "one_cicle", "one_cycle"),
        ("metric", "acuracy", "accuracy"),
        ("initialization", "glorott", "glorot"),
        ("dtype", "float31", "float32"),
        ("task", "regresion", "regression"),
    ],
)
def test_a_name_that_does_not_exist(setting: str, value: str, meant: str) -> None:
    with pytest.raises(ParameterError, match=rf"'{value}'\. Did you mean '{meant}'\? Allowed: .*{meant}"):
        FitOptions(**{setting: value}).check()


def test_softmax_is_no_hidden_activation() -> None:
    with pytest.raises(ParameterError, match="Unknown activation 'softmax'"):
        FitOptions(activation="softmax").check()
