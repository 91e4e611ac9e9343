"""A quiet day with its local API, and the village after its two days."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from meritocrab.demo import village
from meritocrab.demo.github import SimulatedGitHub
from meritocrab.demo.world import World
from tests.e2e.conftest import day, github, make_day, world
from tests.e2e.world_of_people import MORNING, Day, Setup
from tests.localapi.conftest import Serve, Served, serve, served
from tests.tui.stage import CONFIRM, CREDENTIALS, live_through_the_past

__all__ = ["day", "github", "make_day", "serve", "served", "world"]


@pytest.fixture(autouse=True)
def _no_idle_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Textual's pilot guesses by the processor's time when all is done; `Stage.calm` knows."""

    async def at_once(*_: object) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr("textual.app.wait_for_idle", at_once)
    monkeypatch.setattr("textual.pilot.wait_for_idle", at_once)


@pytest.fixture(autouse=True)
def _no_word_of_a_late_wakeup() -> Iterator[None]:
    """anyio lets a socket wake a reader that was just given up, which asyncio reports; it harms nobody."""

    def is_other(record: logging.LogRecord) -> bool:
        return "Future.set_result" not in record.getMessage()

    logger = logging.getLogger("asyncio")
    logger.addFilter(is_other)
    yield
    logger.removeFilter(is_other)


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times in full are shown in the reader's own zone."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def village_github() -> Iterator[SimulatedGitHub]:
    """The village behind a port."""
    with SimulatedGitHub(village.build_world(World(MORNING))) as server:
        yield server
    assert server.errors == []


@pytest.fixture
async def village_day(village_github: SimulatedGitHub, tmp_path: Path) -> AsyncIterator[Day]:
    """The village after its two days."""
    lived = Day(village_github, tmp_path, Setup(credentials=CREDENTIALS, tables=CONFIRM))
    await live_through_the_past(lived)
    yield lived
    await lived.close()


@pytest.fixture
async def village_served(village_day: Day, serve: Serve) -> Served:
    """The local API of the village."""
    return await serve(village_day)
