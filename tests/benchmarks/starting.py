"""How long a start takes, and what a daemon weighs that has nothing to do."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

from meritocrab.demo.github import SimulatedGitHub
from tests.benchmarks.workshop import (
    daemon,
    median_milliseconds,
    new_world,
    repository_names,
    resident_megabytes,
)
from tests.e2e.history_support import Installation


def help_text(times: int) -> list[str]:
    """`meritocrab --help`, beside an interpreter that does nothing."""
    environment = Installation(Path()).environment()
    ours = median_milliseconds([sys.executable, "-m", "meritocrab", "--help"], times, environment)
    bare = median_milliseconds([sys.executable, "-c", "pass"], times, environment)
    return [f"--help: {ours:.0f} ms (aim: 150), {ours / bare:.1f} times a bare interpreter ({bare:.0f} ms)"]


def daemon_start(folder: Path, repositories: int, times: int, idle_seconds: float) -> list[str]:
    """From the start of the process until it holds the lock and says so; then its memory when all was polled."""
    names = repository_names(repositories)
    world = new_world(names)
    world.follow_real_time()
    taken = []
    with SimulatedGitHub(world) as github:
        installation = Installation(folder / "start").configure(github, names)
        for _ in range(times):
            with daemon(installation) as (_, seconds):
                taken.append(seconds)
        with daemon(installation) as (process, _):
            _await_polls(world.count, repositories)
            time.sleep(idle_seconds)
            megabytes = resident_megabytes(process)
    return [
        f"daemon ready after {statistics.median(taken):.2f} s (first start, with a new database: {taken[0]:.2f}; "
        "aim: 1)",
        f"{megabytes:.0f} MB resident when idle with {repositories} repositories (aim: 90)",
    ]


def _await_polls(count, repositories: int) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + 120
    while count(path="/issues/comments") < repositories:
        if time.monotonic() > deadline:
            raise RuntimeError("not every repository was polled within two minutes")
        time.sleep(0.1)
