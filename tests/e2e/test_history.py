"""Years of a real repository: read at once by `sync`, killed in between, and lived through by the daemon."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from meritocrab.config import load_config
from meritocrab.daemon.service import Service
from meritocrab.demo.github import SimulatedGitHub
from meritocrab.demo.history import HistoryPlayer
from meritocrab.demo.world import World
from meritocrab.store import inbox, repositories
from meritocrab.store.database import Store
from tests.e2e.history_support import (
    ARCHIVE,
    NO_ARCHIVE,
    TOKEN,
    Installation,
    Json,
    LeftBehind,
    busiest_reviewers,
    expected_events,
    kill_at,
    kill_when,
    read_archive,
)

pytestmark = pytest.mark.skipif(not ARCHIVE.exists(), reason=NO_ARCHIVE)

REPO = "octo/crab"
ROLES = ("admin", "maintain", "write", "triage")
SLICES = 50
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def records() -> list[Json]:
    return read_archive()


def new_world(records: list[Json], player: HistoryPlayer, start: datetime) -> World:
    """The repository before its first issue, and some of the later people with a role already."""
    world = World(start)
    world.rate_limit = 10**6
    player.advance(world, to=player.first_at - DAY)
    for person, role in zip(busiest_reviewers(records, len(ROLES)), ROLES, strict=True):
        world.import_account(person["id"], person["login"], person["type"], person["node_id"])
        world.set_role(REPO, person["login"], role)
    world.set_role(REPO, "keeper", "admin")
    world.add_token(TOKEN, "keeper")
    return world


@dataclass(frozen=True)
class Synced:
    """A world whose history was read by `sync`, and what came of it."""

    world: World
    github: SimulatedGitHub
    installation: Installation
    until: datetime
    left: LeftBehind


def sync(installation: Installation) -> Json:
    done = installation.run("sync", REPO, "--json", "--quiet")
    assert done.status == 0, done.err
    return done.result


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


def kinds_of(events: list[Json]) -> Counter[str]:
    on = {True: " on pull", False: " on issue", None: ""}
    return Counter(row["kind"] + on[row["on_pull_request"]] for row in events)


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
    for request in (2, 6, 25, 40, 300):
        kill_at(whole.world, installation, request, "sync", REPO, "--quiet")
    for count in (1, 1500, 4000):
        kill_when(installation, partial(has_handled, installation, count), "sync", REPO, "--quiet")
    sync(installation)
    assert installation.left_behind() == whole.left
    assert installation.run("verify").status == 0


# ---- the daemon lives through it ------------------------------------------------------------------


class Life:
    """The daemon's parts, driven by hand on the world's own clock."""

    def __init__(self, world: World, installation: Installation) -> None:
        config = load_config(installation.config, {"STATE_DIRECTORY": str(installation.folder)})
        self.world = world
        self.store = Store.open(config.database_url)
        self.service = Service(config, self.store, clock=world.now)
        # our own limit is per real minute, and here years pass in seconds
        self.service.accesses.client("token")._pace.points_per_minute = 10**9

    async def begin(self) -> None:
        await self.service.accesses.step()
        await self.step()

    async def step(self) -> None:
        """One poll, and all work that it makes."""
        row = await self.store.read(repositories.find, REPO)
        assert row is not None
        outcome = await self.service.poller.poll(row.id)
        assert outcome.error is None
        await self.service.processor.step()
        await self.service.evaluation.step()
        await self.service.processor.step()
        await self.service.relay.step()

    async def settle(self) -> None:
        """Poll until nothing is left to read or to handle; some reads are repeated a moment later."""
        for _ in range(40):
            await self.step()
            if not await self.store.read(self._open_work):
                return
            self.world.advance(seconds=15)
        raise AssertionError("the daemon does not come to rest")

    def _open_work(self) -> int:
        row = repositories.find(REPO)
        assert row is not None
        assert row.github_id is not None
        return repositories.pending_reads(row.github_id, "poll") + inbox.counts().get("waiting", 0)

    async def end(self) -> None:
        await self.service.evaluator.aclose()
        await self.service.accesses.aclose()
        await self.store.close()


async def live_through(world: World, player: HistoryPlayer, life: Life) -> None:
    await life.begin()
    for cut in player.cuts(SLICES):
        world.set_time(max(cut, world.now()))
        player.advance(world, to=cut)
        await life.settle()


async def test_living_through_it_and_reading_it_afterwards_give_one_ledger(
    records: list[Json], tmp_path: Path
) -> None:
    player = HistoryPlayer(ARCHIVE, REPO)
    world = new_world(records, player, player.first_at - DAY)
    with SimulatedGitHub(world) as github:
        daemon = Installation(tmp_path / "daemon").configure(github, [REPO])
        life = Life(world, daemon)
        await live_through(world, player, life)
        await life.end()
        world.advance(days=1)
        late = Installation(tmp_path / "late").configure(github, [REPO])
        sync(late)
        lived, read = daemon.left_behind(), late.left_behind()
        expected, seen = expected_events(records, player.last_at), kinds_of(daemon.export("events"))
        assert {kind: seen[kind] for kind in expected} == expected
        assert lived.requested == read.requested
        assert lived.balances == read.balances
        assert daemon.run("verify").status == late.run("verify").status == 0
        assert world.writes == []
        assert github.errors == []
