"""Ctrl-C: the first ends the work in an orderly way, the second ends the process at once."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_INTERRUPTED = 130
_SHOW_CURSOR = "\x1b[?25h"


class SecondInterruptExits:
    """Within this context the first SIGINT raises KeyboardInterrupt, and every later one exits with status 130.

    Training turns the first into an early end. The second is for whom even that takes too long.
    A model file is replaced in one rename, so it is never left half written.
    """

    def __init__(self) -> None:
        self._interrupts = 0
        self._held = False
        self._before: Any = None

    def __enter__(self) -> SecondInterruptExits:
        self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """A first interrupt in this block is let pass: what is being saved is what it would have saved."""
        self._held = True
        try:
            yield
        finally:
            self._held = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._interrupts += 1
        if self._interrupts == 1:
            if self._held:
                return
            raise KeyboardInterrupt
        cursor = _SHOW_CURSOR if sys.stderr.isatty() else ""
        os.write(2, f"{cursor}\nStopped at once; nothing more was written.\n".encode())
        os._exit(_INTERRUPTED)
