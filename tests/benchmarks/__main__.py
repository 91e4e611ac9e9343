"""`python -m tests.benchmarks [NAME …]`: print figures about speed, size and requests. Run it on a quiet machine."""

from __future__ import annotations

import asyncio
import inspect
import logging
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.benchmarks import asking, handling, judging, polling, screen, starting

Figures = list[str]
Benchmark = Callable[[Path], Figures | Awaitable[Figures]]

BENCHMARKS: dict[str, Benchmark] = {
    "idle": lambda folder: polling.idle_polls(folder, 60),
    "app": lambda folder: polling.app_hour(folder, 3),
    "handling": lambda folder: handling.handled_events(folder, 300),
    "judging": lambda folder: judging.judged_questions(folder, 200),
    "memory": judging.provider_memory,
    "asking": lambda folder: asking.local_api(folder, 1000, 1000),
    "help": lambda folder: starting.help_text(11),
    "start": lambda folder: starting.daemon_start(folder, 30, 5, 10.0),
    "growth": lambda folder: polling.growth(folder, (1, 10, 100), 20.0),
    "thousand": lambda folder: polling.growth(folder, (1000,), 60.0),
    "screen": lambda folder: screen.terminal_ui(folder, 100_000, 7),
    "backfill": handling.backfill,
}

TINY: dict[str, Benchmark] = {
    "idle": lambda folder: polling.idle_polls(folder, 3),
    "app": lambda folder: polling.app_hour(folder, 1),
    "handling": lambda folder: handling.handled_events(folder, 4),
    "judging": lambda folder: judging.judged_questions(folder, 2),
    "memory": judging.provider_memory,
    "asking": lambda folder: asking.local_api(folder, 60, 10),
    "help": lambda folder: starting.help_text(1),
    "start": lambda folder: starting.daemon_start(folder, 2, 1, 0.0),
    "growth": lambda folder: polling.growth(folder, (2,), 0.2),
    "screen": lambda folder: screen.terminal_ui(folder, 300, 1),
}
"""Nearly all of them with the least of everything: whether they still run."""


def figures(benchmark: Benchmark) -> Figures:
    """What a benchmark measured, in a folder of its own that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="meritocrab-benchmark-") as folder:
        found = benchmark(Path(folder))
        return asyncio.run(_awaited(found)) if inspect.isawaitable(found) else found


async def _awaited(found: Awaitable[Figures]) -> Figures:
    return await found


def main(names: list[str]) -> int:
    """Run all benchmarks, or the named ones."""
    if unknown := set(names) - set(BENCHMARKS):
        sys.stderr.write(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}\n")
        return 2
    logging.disable(logging.CRITICAL)
    for name in names or BENCHMARKS:
        for line in figures(BENCHMARKS[name]):
            sys.stdout.write(f"{name:>9}  {line}\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
