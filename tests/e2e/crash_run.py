"""Trajectories: one day of the crash world each, lived through by as many daemons as it takes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meritocrab.demo.faults import ConnectionCutError
from meritocrab.demo.github import SimulatedGitHub
from meritocrab.store import ledger
from meritocrab.store.database import Store
from tests.e2e.crash_daemon import config_text
from tests.e2e.crash_points import ANSWERING, Point, Trace, changes_something, read_trace, request_label
from tests.e2e.crash_world import CHAPTERS, FastWorld, build, outcome, play

LIFE_AT_MOST_SECONDS = 180
"""A safety net: a daemon that is not done by then never will be."""


class Zygote:
    """The process that forks daemons; see `crash_daemon`."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("crash_daemon.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def live(self, order: dict[str, Any], born: Callable[[int], None]) -> int:
        """One daemon's life; returns its exit status, negative when a signal ended it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        child = self._answer()["pid"]
        born(child)
        net = threading.Timer(LIFE_AT_MOST_SECONDS, _stop, (child,))
        net.start()
        try:
            return int(self._answer()["ended"])
        finally:
            net.cancel()

    def _answer(self) -> dict[str, int]:
        assert self._process.stdout is not None
        answer: dict[str, int] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def _stop(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)


@dataclass
class Story:
    """How a trajectory went."""

    name: str
    passed: list[Point] = field(default_factory=list)
    killed: list[Point] = field(default_factory=list)
    lives: int = 0
    outcome: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


class Trajectory:
    """One day in a world of its own.

    Args:
        armed: where to kill the daemon, each once.
        faults: puts faults in force; they end with the chapter's last life, so that the day comes to an end.
        database: the URL; empty for a SQLite file.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        armed: Sequence[Point] = (),
        *,
        faults: Callable[[FastWorld], None] | None = None,
        database: str = "",
    ) -> None:
        self.story = Story(name)
        self._folder, self._armed = folder, list(armed)
        self._faults, self._database = faults, database or f"sqlite:///{folder / 'meritocrab.db'}"
        self._pid: int | None = None
        self.world = build()

    def run(self, zygote: Zygote) -> Story:
        """Live through the day."""
        self._folder.mkdir(parents=True)
        trace_path = self._folder / "trace"
        trace_path.touch()
        self._trace = Trace(trace_path, [point for point in self._armed if point.place == ANSWERING])
        self.world.after_apply = self._answering
        with SimulatedGitHub(self.world) as github:
            (self._folder / "config.toml").write_text(config_text(github.url))
            for chapter in range(len(CHAPTERS)):
                play(self.world, chapter)
                if not self._chapter(zygote):
                    break
            self.story.problems += github.errors
        self._trace.close()
        self.story.passed, self.story.killed = read_trace(trace_path)
        self._look_back()
        return self.story

    def _chapter(self, zygote: Zygote) -> bool:
        """Daemon after daemon until one has nothing left to do."""
        with self._faulty():
            while (status := self._life(zygote)) == -signal.SIGKILL:
                pass
        if status == 0 and self._faults is not None:
            # what a lagging or failing GitHub hid must be found once it has recovered
            while (status := self._life(zygote)) == -signal.SIGKILL:
                pass
        if status != 0:
            self.story.problems.append(f"a daemon ended with status {status}; see {self._folder / 'log'}")
        return status == 0

    @contextlib.contextmanager
    def _faulty(self) -> Iterator[None]:
        if self._faults is not None:
            self._faults(self.world)
        try:
            yield
        finally:
            self.world.faults.clear()

    def _life(self, zygote: Zygote) -> int:
        self.story.lives += 1
        order = {
            "config": str(self._folder / "config.toml"),
            "folder": str(self._folder),
            "database": self._database,
            "trace": str(self._folder / "trace"),
            "armed": [point for point in self._armed if point.place != ANSWERING],
        }
        try:
            return zygote.live(order, self._born)
        finally:
            self._pid = None

    def _born(self, pid: int) -> None:
        self._pid = pid

    def _answering(self, method: str, path: str, _: int) -> None:
        """GitHub has done what it was asked; whether the daemon hears of it is another matter."""
        if (
            changes_something(method)
            and self._trace.passes(ANSWERING, request_label(method, path)) is not None
        ):
            if self._pid is not None:
                os.kill(self._pid, signal.SIGKILL)
            raise ConnectionCutError

    def _look_back(self) -> None:
        store = Store.open(self._database)
        try:
            self.story.outcome = outcome(self.world, store)
            self.story.problems += store.read_now(ledger.verify).problems
        finally:
            store.close_now()


def differences(expected: Any, found: Any, where: str = "") -> list[str]:
    """In words, where two outcomes differ."""
    if isinstance(expected, dict) and isinstance(found, dict):
        keys = sorted({*expected, *found}, key=str)
        parts = (differences(expected.get(key), found.get(key), f"{where}/{key}") for key in keys)
        return [line for part in parts for line in part]
    if isinstance(expected, list) and isinstance(found, list) and expected != found:
        missing = [each for each in expected if each not in found]
        extra = [each for each in found if each not in expected]
        if missing or extra:
            return [f"{where}: missing {each}" for each in missing] + [
                f"{where}: extra {each}" for each in extra
            ]
    return [] if expected == found else [f"{where}: expected {expected!r}, found {found!r}"]
