"""The words that options understand."""

from __future__ import annotations

from typing import Any

import click
import pytest

from fastdnn.cli._options import FractionOrFile, LayersType, check_order
from fastdnn.cli._training_options import DurationType, SharesType
from fastdnn.errors import ParameterError


@pytest.mark.parametrize(
    ("text", "widths"),
    [
        ("none", ()),
        ("None", ()),
        ("128", (128,)),
        ("128,64", (128, 64)),
        ("256x3", (256, 256, 256)),
        ("256X2, 10", (256, 256, 10)),
    ],
)
def test_layers(text: str, widths: tuple[int, ...]) -> None:
    assert LayersType().convert(text, None, None) == widths


@pytest.mark.parametrize(
    "text", ["", "abc", "128,,64", "x3", "256x", "-5", "12.5", "256*3", "0", "128,0", "256x101", "99999999"]
)
def test_layers_that_are_none(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"hidden layers|list of layers|range"):
        LayersType().convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "value"), [("0.2", 0.2), ("1e-1", 0.1), ("test.csv", "test.csv"), ("t10k.gz", "t10k.gz")]
)
def test_fraction_or_file(text: str, value: Any) -> None:
    assert FractionOrFile().convert(text, None, None) == value


def test_model_and_data_in_the_wrong_order_are_noticed() -> None:
    with pytest.raises(ParameterError, match="comes before the data") as caught:
        check_order("new.csv", "m.fdnn", "predict")
    assert caught.value.hint == "fastdnn predict m.fdnn new.csv"
    check_order("m.fdnn", "new.csv", "predict")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30.0), ("5m", 300.0), ("1h", 3600.0), ("1.5H", 5400.0), (" 0.5 s ", 0.5), (".5m", 30.0), ("2.s", 2.0)],
)
def test_durations(text: str, seconds: float) -> None:
    assert DurationType().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["30", "", "s", "1d", "-5s", "0s", "1h30m", "1e3s", "nan s", "10 minutes"])
def test_durations_that_are_none(text: str) -> None:
    with pytest.raises(
        click.BadParameter, match=r"is not a time\. Allowed: a number above 0 with its unit, as 30s, 5m"
    ):
        DurationType().convert(text, None, None)


@pytest.mark.parametrize(("text", "shares"), [("0.2", 0.2), ("0", 0.0), ("0.1,0.5, 0.5", (0.1, 0.5, 0.5))])
def test_shares(text: str, shares: Any) -> None:
    assert SharesType().convert(text, None, None) == shares


@pytest.mark.parametrize("text", ["", "0.1,", "0.1;0.2", "a fifth"])
def test_shares_that_are_none(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a list of shares"):
        SharesType().convert(text, None, None)
