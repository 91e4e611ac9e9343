"""Tells the two meanings of SIGHUP apart: "read your configuration again", and "your terminal is gone".

Without this, a daemon that somebody tries in a terminal would go on unseen after its window was closed.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass


def has_terminal() -> bool:
    """Whether this process has a terminal that still answers."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Terminal:
    """The terminal that this process belongs to.

    Attributes:
        matters: whether to end with it; False without one, and under `nohup`.
    """

    matters: bool

    @classmethod
    def of_this_process(cls) -> Terminal:
        """As it is now; ask before SIGHUP is handled."""
        return cls(has_terminal() and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN)

    def is_gone(self) -> bool:
        """Whether there was one that matters, and it was closed."""
        return self.matters and not has_terminal()
