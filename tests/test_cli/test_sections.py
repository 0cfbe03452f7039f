"""The help of `fit`: every option once, under its heading."""

from __future__ import annotations

import re

import click
from click.testing import CliRunner

from fastdnn.cli.fit import command
from fastdnn.cli.main import cli


def test_every_option_is_shown_once_and_arguments_are_not() -> None:
    text = CliRunner().invoke(cli, ["fit", "--help"]).stdout
    for param in command.params:
        if isinstance(param, click.Option):
            assert len(re.findall(rf"^  (-\w, )?{param.opts[-1]}(?![\w-])", text, re.MULTILINE)) == 1, param.opts
    assert not re.search(r"^  DATA\b", text.partition("Data:")[2], re.MULTILINE)


def test_headings_come_in_order_and_what_is_named_nowhere_comes_last() -> None:
    text = CliRunner().invoke(cli, ["fit", "--help"]).stdout
    headings = re.findall(r"^(\w[\w ]+):$", text, re.MULTILINE)
    assert headings[:4] == ["Data", "Network", "Loss", "Optimizer"]
    assert headings[-1] == "Other options"
    assert "--help" in text.partition("Other options:")[2]
