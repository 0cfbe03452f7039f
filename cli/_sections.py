"""Help of a command with many options, under headings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

REST = "Other options"


class SectionedCommand(click.Command):
    """A command whose help lists its options in sections.

    Parameters
    ----------
    sections : heading -> names of the parameters under it, in the order to show them. Options named nowhere come last,
        under REST.
    """

    def __init__(self, *args: Any, sections: Mapping[str, Sequence[str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sections = sections

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections; click calls this."""
        left = {param.name: param for param in self.get_params(ctx) if isinstance(param, click.Option)}
        for heading, names in self.sections.items():
            _write(heading, [left.pop(name) for name in names], ctx, formatter)
        _write(REST, list(left.values()), ctx, formatter)


def _write(heading: str, params: Sequence[click.Parameter], ctx: click.Context, formatter: click.HelpFormatter) -> None:
    records = [record for record in (param.get_help_record(ctx) for param in params) if record is not None]
    if records:
        with formatter.section(heading):
            formatter.write_dl(records)
