"""How quickly the terminal UI is there and answers to keys, seen from a real terminal, and what it weighs."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import sqlite3
import statistics
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from meritocrab.demo.github import SimulatedGitHub
from tests.benchmarks.workshop import daemon, new_world, repository_names, resident_megabytes
from tests.e2e.history_support import Installation
from tests.tui.crowd import insert_crowd

COLUMNS, LINES = 140, 40
PATIENCE_SECONDS = 60.0
QUIET_SECONDS = 0.3


class Terminal:
    """A program in a terminal: what it writes, and when."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        ours, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        environment = {**environment, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            command, stdin=its, stdout=its, stderr=its, env=environment, text=True
        )
        os.close(its)
        self._terminal = ours

    def until(self, text: str) -> float:
        """When the terminal shows this text."""
        heard, deadline = b"", time.perf_counter() + PATIENCE_SECONDS
        while text.encode() not in heard:
            heard += self._read(max(0.0, deadline - time.perf_counter()))
            if time.perf_counter() > deadline:
                raise RuntimeError(f"{text} never came to the screen")
        return time.perf_counter()

    def quiet(self) -> None:
        """Until nothing is written any more."""
        while self._read(QUIET_SECONDS):
            continue

    def press(self, keys: str, text: str) -> float:
        """Milliseconds from a key to this text on the screen."""
        self.quiet()
        began = time.perf_counter()
        os.write(self._terminal, keys.encode())
        return (self.until(text) - began) * 1000

    def _read(self, seconds: float) -> bytes:
        ready, _, _ = select.select([self._terminal], [], [], seconds)
        return os.read(self._terminal, 65_536) if ready else b""

    def close(self) -> None:
        """End the program."""
        self.process.terminate()
        self.process.wait(30)
        os.close(self._terminal)


@contextmanager
def _terminal_ui(installation: Installation) -> Iterator[Terminal]:
    command = [sys.executable, "-m", "meritocrab", "tui", "--config", str(installation.config)]
    terminal = Terminal(command, installation.environment())
    try:
        yield terminal
    finally:
        terminal.close()


def terminal_ui(folder: Path, people: int, times: int) -> list[str]:
    """First picture, key to screen in a list of so many people, and memory."""
    (name,) = repository_names(1)
    world = new_world([name])
    world.follow_real_time()
    with SimulatedGitHub(world) as github:
        socket = f'[api]\nsocket = "{folder}/run.sock"\n'
        installation = Installation(folder / "screen").configure(github, [name], extra=socket)
        with daemon(installation):
            _settle(installation.database, people)
            return _figures(installation, people, times)


def _settle(database: Path, people: int) -> None:
    """Wait for the first poll, which tells the repository's id; then let the people in."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with closing(sqlite3.connect(database)) as db:
            found = db.execute("SELECT github_id FROM repositories WHERE last_poll_at IS NOT NULL").fetchone()
        if found and found[0]:
            insert_crowd(database, found[0], datetime.now(UTC), people)
            return
        time.sleep(0.1)
    raise RuntimeError("the repository was not polled")


def _figures(installation: Installation, people: int, times: int) -> list[str]:
    first, whole, down, end, search = [], [], [], [], []
    for _ in range(times):
        with _terminal_ui(installation) as terminal:
            first.append(terminal.until("meritocrab") - terminal.began)
            whole.append(terminal.until("healthy") - terminal.began)
            terminal.press("3", "person-")
            down.append(terminal.press("\x1b[B", "person-"))
            down.append(terminal.press("\x1b[6~", "person-"))
            end.append(terminal.press("\x1b[F", f"person-{people - 1:06}"))
            terminal.press("/", "search")
            search.append(terminal.press("p", "person-"))
            megabytes = resident_megabytes(terminal.process)
    return [
        f"first picture after {statistics.median(first) * 1000:.0f} ms, with the daemon's state after "
        f"{statistics.median(whole) * 1000:.0f} ms (aim: 500)",
        f"{people:,} people: a key to the screen in {statistics.median(down):.0f} ms (aim: 50), to the last page in "
        f"{statistics.median(end):.0f} ms, a search in {statistics.median(search):.0f} ms",
        f"{megabytes:.0f} MB resident",
    ]
