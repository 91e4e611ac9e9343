"""Does the database answer, does its schema fit this program, and is there room for more?"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from meritocrab.cli.backup import size
from meritocrab.cli.checks.base import Check, Examined, failure, ok, warning
from meritocrab.store import direct, migrations
from meritocrab.store.engines import SqliteEngine, mask
from meritocrab.store.errors import DatabaseMissing, StoreError

DATABASE, DISK = "database", "disk"

TIGHT_BYTES, FULL_BYTES = 1024**3, 100 * 1024**2


@dataclass(frozen=True, slots=True)
class Found:
    """A database as it was found: where, its schema's version (0: empty), and how large it is."""

    location: str
    version: int
    bytes: int


async def look_at_database(examined: Examined) -> AsyncIterator[Check]:
    """Open the database for reading, as it is: nothing is made and nothing brought forward."""
    url = examined.config.database_url
    try:
        found = await asyncio.to_thread(find_database, url)
    except DatabaseMissing:
        yield ok(DATABASE, f"{mask(url)} is not there yet; the first `meritocrab run` makes it")
        return
    except StoreError as error:
        remedy = (
            "" if url.startswith("sqlite") else "check [database] url, and that the server takes connections"
        )
        yield failure(DATABASE, str(error), remedy)
        return
    yield _fitting(found)


def find_database(url: str) -> Found:
    """Look at a database.

    Raises:
        StoreError: it is not there, does not answer, or is not one that this program may use.
    """
    with direct.opened(url) as engine:
        version = direct.known_version(engine)
        if isinstance(engine, SqliteEngine):
            return Found(engine.location, version, _file_bytes(engine.path))
        held = engine.sql("SELECT pg_database_size(current_database())").fetchone()[0]
        return Found(engine.location, version, int(held))


def _file_bytes(path: Path) -> int:
    files = (path, path.with_name(f"{path.name}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


def _fitting(found: Found) -> Check:
    newest = migrations.MIGRATIONS[-1].version
    if found.version == 0:
        return ok(DATABASE, f"{found.location} is empty; the first `meritocrab run` sets it up")
    what = f"{found.location}, schema version {found.version}, {size(found.bytes)}"
    if found.version < newest:
        remedy = "`meritocrab backup FILE`, then restart the daemon"
        return warning(
            DATABASE, f"{what}; this program has {newest}, and brings it forward at its start", remedy
        )
    return ok(DATABASE, what)


async def look_at_disk(examined: Examined) -> AsyncIterator[Check]:
    """Room where the state is kept."""
    folder = examined.state_dir
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    free = shutil.disk_usage(existing).free
    what = f"{size(free)} free at {folder}"
    if free < FULL_BYTES:
        yield failure(DISK, what, "make room: without it nothing can be recorded")
    elif free < TIGHT_BYTES:
        yield warning(
            DISK, what, "make room, or keep texts for a shorter time: [retention], `meritocrab prune`"
        )
    else:
        yield ok(DISK, what)
