"""A program that believes to sit at a terminal: prompts are waited for and answered, as a person would."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60.0

Answers = tuple[tuple[str, str | bytes], ...]
"""What to wait for, and what to type then; bytes are sent as they are (such as Ctrl-C)."""


def at_terminal(
    arguments: tuple[str, ...], answers: Answers, environment: Mapping[str, str]
) -> tuple[int, str]:
    """Exit status and all that stood on the screen."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "meritocrab", *arguments]
    process = subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**environment, "PYTHONPATH": str(ROOT), "COLUMNS": "80"},
        start_new_session=True,
    )
    os.close(theirs)
    screen, seen = _Screen(ours), 0
    try:
        for wanted, typed in answers:
            seen = screen.wait(wanted, seen)
            os.write(ours, typed if isinstance(typed, bytes) else f"{typed}\n".encode())
        screen.rest()
        return process.wait(PATIENCE_SECONDS), screen.text
    finally:
        process.kill()
        process.wait()
        os.close(ours)


class _Screen:
    def __init__(self, descriptor: int) -> None:
        self._descriptor, self.text = descriptor, ""

    def wait(self, wanted: str, start: int) -> int:
        """Until these words stand there after `start`; returns where they end."""
        while not (found := re.search(wanted, self.text[start:])):
            assert self._read(), f"never saw {wanted!r} in:\n{self.text}"
        return start + found.end()

    def rest(self) -> None:
        while self._read():
            pass

    def _read(self) -> bool:
        deadline = time.monotonic() + PATIENCE_SECONDS
        ready, _, _ = select.select([self._descriptor], [], [], max(0.0, deadline - time.monotonic()))
        try:
            data = os.read(self._descriptor, 65_536) if ready else b""
        except OSError:  # the other end is closed
            data = b""
        self.text += data.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(data)
