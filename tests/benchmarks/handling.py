"""How fast events are handled, beside bare sqlite3 that writes the very same rows in the same transactions."""

from __future__ import annotations

import re
import resource
import shutil
import sqlite3
import time
from contextlib import closing
from datetime import timedelta
from itertools import groupby
from pathlib import Path

from meritocrab.core.names import EventState, Role
from meritocrab.daemon.sync import Sync
from meritocrab.demo.github import SimulatedGitHub
from meritocrab.demo.history import HistoryPlayer
from meritocrab.demo.world import World
from meritocrab.store import accounts, models
from meritocrab.store.models import AccountRow, EventRow
from tests.benchmarks.workshop import Parts, new_world, repository_names, spending
from tests.e2e.history_support import ARCHIVE, NO_ARCHIVE, TOKEN, Installation

WRITE = re.compile(r"\s*(BEGIN|COMMIT|ROLLBACK|INSERT|UPDATE|DELETE)", re.IGNORECASE)


async def handled_events(folder: Path, pulls: int) -> list[str]:
    """Handle a full inbox once to see what is written, once for the time, and write the same without us."""
    name = repository_names(1)[0]
    world = new_world([name])
    for number in range(pulls):
        _contribute(world, name, number)
    with SimulatedGitHub(world) as github:
        filed = Installation(folder / "filed").configure(github, [name])
        waiting = await _fill_inbox(Parts(world, filed), name)
        traced, timed, bare = (_copy(filed, folder / kind) for kind in ("traced", "timed", "bare"))
        _, statements = await _handle(Parts(world, traced), trace=True)
        with spending() as ours:
            seconds, _ = await _handle(Parts(world, timed), trace=False)
    with spending() as theirs:
        floor = _replay(bare.database, statements)
    return [
        f"{waiting / seconds:.0f} events a second; bare sqlite3, same writes and synchronous=FULL: "
        f"{waiting / floor:.0f}; {seconds / floor:.1f} times its time (aim: 4)",
        f"{ours.cpu / waiting * 1000:.2f} ms CPU an event, bare sqlite3 {theirs.cpu / waiting * 1000:.2f} ms",
    ]


def _contribute(world: World, name: str, number: int) -> None:
    author, reviewer = f"author-{number % 20}", f"reviewer-{number % 7}"
    pull = world.open_pull(name, author, title=f"Change {number}", body=f"It makes part {number} better.")
    world.comment(name, pull, reviewer, f"Have you thought of part {number + 1}?")
    world.comment(name, pull, author, f"I have, and of part {number + 2}.")
    world.review(name, pull, reviewer, "APPROVED", "Well done.")
    world.merge(name, pull, "keeper")


async def _fill_inbox(parts: Parts, name: str) -> int:
    """File all history, with everybody's role known; returns how many events wait."""
    await parts.begin()
    service = parts.service
    await Sync(parts.store, service.accesses, service.poller, parts.world.now, lambda _: None).fetch(
        name, None
    )
    waiting = await parts.store.write(_know_roles, parts)
    await parts.end()
    return waiting


def _know_roles(parts: Parts) -> int:
    row = EventRow.select().first()
    for account in AccountRow.select():
        accounts.store_role(row.repository_id, account.id, Role.NONE, parts.world.now())
    return int(EventRow.select().where(EventRow.state == EventState.WAITING.value).count())


def _copy(source: Installation, folder: Path) -> Installation:
    folder.mkdir()
    target = Installation(folder)
    target.config.write_text(source.config.read_text().replace(str(source.database), str(target.database)))
    shutil.copy(source.database, target.database)
    return target


async def _handle(parts: Parts, *, trace: bool) -> tuple[float, list[str]]:
    """Handle all that waits; returns the seconds it took and, if asked for, the statements that wrote."""
    written: list[str] = []

    def listen() -> None:
        models.database.connection().set_trace_callback(written.append if trace else None)

    await parts.service.accesses.own_account_id("token")
    await parts.store.write(listen)
    began = time.perf_counter()
    await parts.service.processor.step()
    seconds = time.perf_counter() - began
    await parts.end()
    statements = (statement for statement in written if WRITE.match(statement))
    return seconds, [statement for statement, _ in groupby(statements)]  # told twice where a trigger looks


def _replay(database: Path, statements: list[str]) -> float:
    """Run the statements as they are; values are part of them, so nothing is bound or converted."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        first = next(i for i, statement in enumerate(statements) if statement.startswith("BEGIN"))
        began = time.perf_counter()
        for statement in statements[first:]:
            connection.execute(statement).fetchall()
        return time.perf_counter() - began


def backfill(folder: Path) -> list[str]:
    """Requests and time of `sync` on a real repository's history."""
    if not ARCHIVE.exists():
        return [NO_ARCHIVE]
    player = HistoryPlayer(ARCHIVE, "octo/plot-0")
    world = World(player.last_at + timedelta(days=1))
    player.advance(world, to=player.last_at)
    world.set_role("octo/plot-0", "keeper", "admin")
    world.add_token(TOKEN, "keeper")
    with SimulatedGitHub(world) as github:
        installation = Installation(folder / "backfill").configure(github, ["octo/plot-0"])
        began, cpu = time.perf_counter(), _children_cpu()
        done = installation.run("sync", "octo/plot-0", "--json", "--quiet", timeout=600)
        seconds, cpu = time.perf_counter() - began, _children_cpu() - cpu
    if done.status:
        raise RuntimeError(done.err)
    total, counted = world.count(), world.count(counted=True)
    events = done.result["handled"]
    return [f"{events} events from {total} requests ({counted} counted) in {seconds:.1f} s, {cpu:.1f} s CPU"]


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
