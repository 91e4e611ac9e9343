"""A fresh world behind a port and a day in it; afterwards nothing may have broken on either side."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from meritocrab.demo.github import SimulatedGitHub
from meritocrab.demo.world import World
from meritocrab.store import ledger
from tests.e2e.house import House
from tests.e2e.world_of_people import Day, Setup, doubled, new_world

MakeDay = Callable[..., Day]


@pytest.fixture
def world() -> World:
    """People of every role around one repository."""
    return new_world()


@pytest.fixture
def github(world: World) -> Iterator[SimulatedGitHub]:
    """The world behind a port; the server itself must not have failed."""
    with SimulatedGitHub(world) as server:
        yield server
    assert server.errors == []


@pytest.fixture
async def make_day(
    github: SimulatedGitHub, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[MakeDay]:
    """Makes the story's day; keyword arguments are those of `Setup`, and `database_url`, `skew`.

    At the end the ledger must add up, nothing may have been said twice, and (unless the test takes the records
    away with `caplog.clear()`) nothing may have failed by our own fault.
    """
    days: list[Day] = []

    def make(database_url: str = "", **setup: Any) -> Day:
        skew = {"skew": setup.pop("skew")} if "skew" in setup else {}
        day = Day(github, tmp_path, replace(Setup(), **setup), database_url, **skew)
        days.append(day)
        return day

    with caplog.at_level(logging.WARNING, "meritocrab"):
        yield make
    for day in days:
        report = await day.store.read(ledger.verify)
        await day.close()
        assert report.problems == ()
        assert list(doubled(day)) == []
    crashed = [record for when in ("setup", "call") for record in caplog.get_records(when) if record.exc_info]
    assert [record.getMessage() for record in crashed] == []


@pytest.fixture
async def day(make_day: MakeDay) -> Day:
    """A day with enforcement `close`, after the first look."""
    day = make_day()
    await day.begin()
    return day


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A house whose daemon is not started yet, and a GitHub whose clock runs."""
    with SimulatedGitHub(new_world(None)) as server:
        house = House(tmp_path, server)
        yield house
        house.kill()
    assert server.errors == []


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def either_url(request: pytest.FixtureRequest) -> str:
    """Empty for the usual SQLite file; else the address of a new database on a real PostgreSQL server."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def day_on_both(either_url: str, make_day: MakeDay) -> Day:
    """The same day, once on either database."""
    day = make_day(either_url)
    await day.begin()
    return day
