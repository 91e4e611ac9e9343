"""What watching costs: requests of idle polls, and how all of it grows with the number of repositories."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from meritocrab.demo.github import SimulatedGitHub
from meritocrab.demo.world import World
from meritocrab.store.models import Repository
from tests.benchmarks.workshop import (
    Parts,
    configure_app,
    cpu_seconds,
    daemon,
    new_world,
    repository_names,
    resident_megabytes,
    spending,
)
from tests.e2e.history_support import Installation


async def idle_polls(folder: Path, polls: int) -> list[str]:
    """Requests of polls a minute apart while nothing happens, and while people only give stars."""
    lines = []
    for name, disturb in (("idle", _nothing), ("idle, stars change", _star)):
        names = repository_names(1)
        world = new_world(names)
        with SimulatedGitHub(world) as github:
            parts = Parts(world, Installation(folder / name).configure(github, names))
            await parts.begin()
            listings, nets = await _count(parts, polls, disturb)
            await parts.end()
        lines.append(
            _per_poll(name, listings, polls)
            + f"; net: {len(nets)} requests, {sum(nets)} counted, in {polls} minutes"
        )
    return lines


def _nothing(_: World) -> None:
    pass


def _star(world: World) -> None:
    name = repository_names(1)[0]
    world.set_stars(name, world.repository(name).stars + 1)


async def _count(parts: Parts, polls: int, disturb: Callable[[World], None]) -> tuple[list[bool], list[bool]]:
    """For each request, whether it was counted: of the listings, and of the net that looks for reviews."""
    before = parts.world.mark()
    for _ in range(polls):
        parts.world.advance(minutes=1)
        disturb(parts.world)
        await parts.poll_all()
    records = parts.world.requests_since(before)
    nets = [record for record in records if record.path.endswith("/pulls")]
    return [record.counted_against_quota for record in records if record not in nets], [
        record.counted_against_quota for record in nets
    ]


def _per_poll(name: str, counted: list[bool], polls: int) -> str:
    return f"{name}: {len(counted) / polls:.2f} requests a poll, {sum(counted) / polls:.2f} of them counted"


async def app_hour(folder: Path, hours: int) -> list[str]:
    """With an App each token lives an hour, and its ETags with it."""
    world = new_world(repository_names(1))
    with SimulatedGitHub(world) as github:
        parts = Parts(world, configure_app(world, github, folder / "app"))
        await parts.begin()
        before = parts.world.mark()
        listings, _ = await _count(parts, 60 * hours, _nothing)
        await parts.end()
        tokens = world.count(before, path="/access_tokens")
    full = sum(listings) - tokens
    return [f"App: {full / hours:.1f} full answers an hour for two URLs, {tokens / hours:.1f} tokens an hour"]


async def growth(folder: Path, counts: tuple[int, ...], seconds: float) -> list[str]:
    """CPU of an idle poll, requests a minute as scheduled, and a real daemon's memory."""
    lines = []
    for count in counts:
        names = repository_names(count)
        world = new_world(names)
        with SimulatedGitHub(world) as github:
            installation = Installation(folder / f"grown-{count}").configure(github, names)
            parts = Parts(world, installation)
            await parts.begin()
            with spending(github) as spent:
                await parts.poll_all()
            each = parts.store.read_now(_requests_a_minute)
            await parts.end()
            megabytes, busy = _watch(world, installation, seconds)
        lines.append(
            f"{count} repositories: {spent.cpu / count * 1000:.1f} ms CPU a poll, {each:.1f} requests a minute, "
            f"{megabytes:.0f} MB resident, {busy:.1%} of one core"
        )
    return lines


def _requests_a_minute() -> float:
    """Two listings a poll, at the interval that each row names."""
    rows = Repository.select().where(Repository.watched)
    return float(sum(2 * 60 / float(row.interval_seconds or 60) for row in rows))


def _watch(world: World, installation: Installation, seconds: float) -> tuple[float, float]:
    world.follow_real_time()
    with daemon(installation) as (process, _):
        time.sleep(seconds / 2)
        began, cpu = time.perf_counter(), cpu_seconds(process)
        time.sleep(seconds)
        busy = (cpu_seconds(process) - cpu) / (time.perf_counter() - began)
        return resident_megabytes(process), busy
