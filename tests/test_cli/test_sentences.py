"""The words of `fit` and `inspect` for settings and ends of a run that the other tests do not reach."""

from __future__ import annotations

from fastdnn.cli._sentences import settings_line, training_line

NETWORK = {"loss": "squared_error", "dtype": "float32"}
OLD = {
    "optimizer": "adam", "learning_rate": 0.001, "epochs": 50, "batch_size": 32, "patience": 10, "l2": 2.0, "seed": 0,
    "threads": None,
}  # fmt: skip
TRAINING = {"epochs": 7, "best_epoch": 4, "seconds": 2.0, "samples_per_s": 1000.0, "threads": 1}


def test_settings_of_a_model_of_version_0_1() -> None:
    said = settings_line(OLD, NETWORK)
    assert said == "squared error, adam 0.001, batches of 32, at most 50 epochs, l2 2, float32, seed 0"


def test_settings_without_a_number_of_epochs() -> None:
    said = settings_line(OLD | {"epochs": None, "time_limit": 90.0, "dropout": [0.0, 0.5]}, NETWORK)
    assert "at most 1 min 30 s" in said
    assert "epoch" not in said
    assert "dropout 0,0.5" in said


def test_the_reason_of_a_callback_is_told_in_its_own_words() -> None:
    training = TRAINING | {"stopped_by": "valid_loss is nan at {3}"}
    assert training_line(training, OLD).startswith("7 epochs (valid_loss is nan at {3}), best 4; 2.0 s")
    training = TRAINING | {"stopped_by": "patience"}
    assert training_line(training, OLD).startswith("7 epochs (no better for 10 epochs), best 4")
