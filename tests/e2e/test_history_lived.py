"""The first years of a real repository: living through them gives the ledger that reading them afterwards gives."""

from __future__ import annotations

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
    DAY,
    NO_ARCHIVE,
    REPO,
    Installation,
    expected_events,
    kinds_of,
    new_world,
    read_archive,
    sync,
)

pytestmark = pytest.mark.skipif(not ARCHIVE.exists(), reason=NO_ARCHIVE)

SLICES, LIVED = 50, 10
"""Into how many parts the history is cut, and how many of them are lived through: they take the longest of all."""


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
    for cut in player.cuts(SLICES)[:LIVED]:
        world.set_time(max(cut, world.now()))
        player.advance(world, to=cut)
        await life.settle()


async def test_living_through_it_and_reading_it_afterwards_give_one_ledger(tmp_path: Path) -> None:
    records = read_archive()
    player = HistoryPlayer(ARCHIVE, REPO)
    until = player.cuts(SLICES)[LIVED - 1]
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
        expected, seen = expected_events(records, until), kinds_of(daemon.export("events"))
        assert {kind: seen[kind] for kind in expected} == expected
        assert lived.requested == read.requested
        assert lived.balances == read.balances
        assert daemon.run("verify").status == late.run("verify").status == 0
        assert world.writes == []
        assert github.errors == []
