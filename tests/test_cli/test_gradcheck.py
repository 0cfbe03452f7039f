"""`fastdnn gradcheck`: the table, the verdict, the exit status."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fastdnn import vocabulary
from fastdnn.cli.main import cli
from fastdnn.network import Network


def run(*args: object) -> Result:
    return CliRunner().invoke(cli, ["gradcheck", *[str(arg) for arg in args]])


@pytest.fixture
def wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradient of b[1] is twice what it should be."""
    right = Network.gradients

    def gradients(self: Network, *args: Any, **kwargs: Any) -> Any:
        dW, db = right(self, *args, **kwargs)
        return dW, [2 * db[0], *db[1:]]

    monkeypatch.setattr(Network, "gradients", gradients)


def test_a_row_for_each_parameter_and_a_verdict() -> None:
    result = run("--layers", "4,5,3", "--activation", "tanh", "--l2", 0.3, "--examples", 7)
    assert result.exit_code == 0, result.output
    text = " ".join(result.stdout.split())
    for fact in (
        "4 inputs → 5 tanh → 3 softmax, 43 parameters",
        "categorical cross entropy, l2 0.3, 7 random examples, float64",
        "every parameter",
        "1 W 5 x 4 tanh 20 0",
        "b 5 x 1 5 0",
        "2 W 3 x 5 softmax 15 0",
        "Right: ||g - n|| / (||g|| + ||n||) = ",
        "at most 1e-08.",
        "Furthest off: ",
    ):
        assert fact in text
    assert max(len(line) for line in result.stdout.splitlines()) <= 80


def test_a_wrong_gradient_ends_with_status_1(wrong: None) -> None:
    result = run("--layers", "4,5,3", "--activation", "tanh")
    assert result.exit_code == 1
    assert "WRONG: " in result.stdout
    assert "Furthest off: b[1]" in result.stdout
    assert result.stderr == ""
    assert json.loads(run("--json").stdout)["passed"] is False


def test_json_is_one_object() -> None:
    result = run("--layers", "6,4,4,1", "--activation", "relu,sigmoid", "--directions", 2, "-s", 3, "--json")
    facts = json.loads(result.stdout)
    assert result.exit_code == 0
    assert facts["network"]["activations"] == ["relu", "sigmoid", "sigmoid"]
    assert facts["network"]["loss"] == "binary_cross_entropy"
    assert (facts["passed"], facts["directions"], facts["n_checked"], facts["examples"]) == (True, 2, 12, 20)
    assert facts["relative_difference"] <= 1e-8


@pytest.mark.parametrize("activation", vocabulary.HIDDEN_ACTIVATIONS)
def test_every_activation_can_be_named(activation: str) -> None:
    assert run("--activation", activation, "--layers", "3,4,4,2").exit_code == 0


@pytest.mark.parametrize("loss", vocabulary.LOSSES)
def test_every_loss_can_be_named(loss: str) -> None:
    assert run("--loss", loss, "--layers", "3,4,2", "--activation", "tanh").exit_code == 0


@pytest.mark.parametrize(
    ("args", "words", "options"),
    [
        ("--loss huber --huber-delta 0.3", "huber (delta 0.3), ", {"delta": 0.3}),
        ("--loss quantile --quantiles 0.1,0.9", "quantile (quantiles 0.1, 0.9), ", {"quantiles": [0.1, 0.9]}),
        ("--loss quantile", "quantile (quantiles 0.5, 0.5), ", {"quantiles": [0.5, 0.5]}),
        ("--label-smoothing 0.2", "categorical cross entropy (label smoothing 0.2), ", {"label_smoothing": 0.2}),
        ("--loss binary_cross_entropy --label-smoothing 0.1", "(label smoothing 0.1), ", {"label_smoothing": 0.1}),
    ],
)
def test_losses_with_their_parameters(args: str, words: str, options: dict[str, Any]) -> None:
    common = ["--layers", "3,4,2", "--activation", "tanh", "--weighted", "--l1", 0.1, *args.split()]
    result = run(*common)
    assert result.exit_code == 0, result.output
    text = " ".join(result.stdout.split())
    assert words in text
    assert "20 weighted random examples" in text
    facts = json.loads(run(*common, "--json").stdout)
    assert (facts["network"]["loss_options"], facts["weighted"]) == (options, True)
    assert facts["relative_difference"] <= 1e-8


def test_parameters_and_weights_change_what_is_checked() -> None:
    """The worst number's own gradient shows that each option reaches the cost."""
    common = ["--layers", "3,4,2", "--activation", "tanh", "--loss", "huber", "--json"]
    found = [
        json.loads(run(*common, *more).stdout)["worst"]["analytic"]
        for more in ([], ["--huber-delta", 0.2], ["--weighted"], ["--huber-delta", 0.2, "--weighted"])
    ]
    assert len(set(found)) == 4


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["--huber-delta", "1"], "--huber-delta belongs to --loss huber, but no --loss is given."),
        (["--loss", "huber", "--huber-delta", "0"], "delta must be a number above 0 and finite, got 0.0."),
        (["--loss", "huber", "--quantiles", "0.5"], "--quantiles belongs to --loss quantile, but --loss is huber."),
        (
            ["--loss", "quantile", "--quantiles", "0.1,0.9"],
            "--quantiles has 2 numbers, one for each output, but the last of --layers, the outputs, is 3.\n  Try: --layers 4,5,2",
        ),
        (
            ["--loss", "quantile", "--quantiles", "0.1,0.5,1"],
            "Each quantile must be a number above 0 and below 1, got 1.0.",
        ),
        (["--loss", "poisson", "--label-smoothing", "0.1"], "--label-smoothing belongs to --loss binary_cross_entropy"),
        (["--label-smoothing", "1"], "label_smoothing must be a number 0 or more and below 1, got 1.0."),
        (["--layers", "5"], "--layers needs the inputs and the outputs at least"),
        (["--layers", "none"], "--layers needs the inputs and the outputs at least"),
        (["--activation", "rleu"], "Did you mean 'relu'?"),
        (["--loss", "squared"], "Unknown loss 'squared'. Did you mean 'squared_error'"),
        (["--examples", "0"], "The number of examples must be from 1 to 10,000, got 0."),
        (["--l2", "-1"], "l2 must be 0 or more, got -1.0."),
        (["--directions", "0"], "directions must be a whole number, 1 or more"),
        (["--activation", "relu,tanh"], "1 hidden layers need as many activations, got 2"),
    ],
)
def test_bad_input_is_one_sentence(args: list[str], sentence: str) -> None:
    result = run(*args)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert result.stderr.startswith("Error: ")
    assert result.stdout == ""
