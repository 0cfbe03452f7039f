"""Options that several benchmarks have."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable


def several(kind: str, allowed: Iterable[str]) -> Callable[[str], list[str]]:
    """The type of an option that takes names with commas between them; argparse prints the sentence about a wrong one."""
    known = tuple(allowed)

    def names(text: str) -> list[str]:
        for name in text.split(","):
            if name not in known:
                raise argparse.ArgumentTypeError(f"no {kind} '{name}'. Allowed: {', '.join(known)}.")
        return text.split(",")

    return names
