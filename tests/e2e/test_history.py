"""Years of a real repository, read at once by `sync`, and by one that is killed in between."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from meritocrab.demo.github import SimulatedGitHub
from meritocrab.demo.history import HistoryPlayer
from meritocrab.demo.world import World
from tests.e2e.history_support import (
    ARCHIVE,
    DAY,
    NO_ARCHIVE,
    REPO,
    Installation,
    Json,
    LeftBehind,
    expected_events,
    kill_at,
    kill_when,
    kinds_of,
    new_world,
    read_archive,
    sync,
)

pytestmark = pytest.mark.skipif(not ARCHIVE.exists(), reason=NO_ARCHIVE)


@pytest.fixture(scope="module")
def records() -> list[Json]:
    return read_archive()


@dataclass(frozen=True)
class Synced:
    """A world whose history was read by `sync`, and what came of it."""

    world: World
    github: SimulatedGitHub
    installation: Installation
    until: datetime
    left: LeftBehind


@pytest.fixture(scope="module")
def whole(records: list[Json], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synced]:
    """All of the history, read by the real command line."""
    player = HistoryPlayer(ARCHIVE, REPO)
    world = new_world(records, player, player.last_at + DAY)
    player.advance(world, to=player.last_at)
    with SimulatedGitHub(world) as github:
        installation = Installation(tmp_path_factory.mktemp("whole")).configure(github, [REPO])
        result = sync(installation)
        assert result["handled"] == result["new_events"]
        yield Synced(world, github, installation, player.last_at, installation.left_behind())
        assert world.writes == []
        assert github.errors == []


def test_each_fact_is_one_event(whole: Synced, records: list[Json]) -> None:
    exported = whole.installation.export("events")
    assert kinds_of(exported) == expected_events(records, whole.until)
    assert len({row["key"] for row in exported}) == len(exported)
    assert {(row["state"], row["source"], row["is_history"]) for row in exported} == {
        ("handled", "sync", True)
    }


def test_the_ledger_of_the_history_adds_up(whole: Synced) -> None:
    done = whole.installation.run("verify", "--json")
    assert (done.status, done.result["problems"]) == (0, [])
    assert done.result["rows"] == whole.left.ledger.total() > 500


def test_a_second_sync_changes_nothing(whole: Synced) -> None:
    before = whole.world.mark()
    result = sync(whole.installation)
    assert (result["new_events"], result["handled"]) == (0, 0)
    assert whole.installation.left_behind() == whole.left
    assert whole.world.mark() - before < 15  # it goes on from where it stood


def has_handled(installation: Installation, count: int) -> bool:
    """Whether so many events are handled, as another process sees it."""
    with closing(sqlite3.connect(installation.database)) as database:
        found = database.execute("SELECT count(*) FROM events WHERE state = 'handled'").fetchone()
    return int(found[0]) >= count


def test_a_killed_sync_ends_where_an_undisturbed_one_does(whole: Synced, tmp_path: Path) -> None:
    installation = Installation(tmp_path).configure(whole.github, [REPO])
    for request in (2, 300):
        kill_at(whole.world, installation, request, "sync", REPO, "--quiet")
    kill_when(installation, partial(has_handled, installation, 2500), "sync", REPO, "--quiet")
    sync(installation)
    assert installation.left_behind() == whole.left
    assert installation.run("verify").status == 0
