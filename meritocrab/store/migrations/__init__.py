"""The way from any earlier schema to the newest: plain SQL, frozen per version, one transaction for each.

The SQL is written out instead of being derived from the models, because the models move on and a database
made by an old version must still arrive at the same place. A test proves that the newest schema and the
models agree.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass

from meritocrab import __version__
from meritocrab.store.engines import Engine
from meritocrab.store.errors import DatabaseUnusable
from meritocrab.store.migrations import v0001, v0002, v0003

SCHEMA_VERSION = "schema_version"
"""The name of the row in `settings` that holds the version."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step: `statements(driver)` is the SQL that leads from `version - 1` to `version`."""

    version: int
    statements: Callable[[str], list[str]]


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, v0001.statements),
    Migration(2, v0002.statements),
    Migration(3, v0003.statements),
)


@dataclass(frozen=True, slots=True)
class Columns:
    """A table's columns in order, and those of its primary key."""

    names: tuple[str, ...]
    key: tuple[str, ...]


def layout(version: int) -> Mapping[str, Columns]:
    """The tables of a schema version, whichever database they are in."""
    with closing(sqlite3.connect(":memory:")) as empty:
        for step in MIGRATIONS[:version]:
            for statement in step.statements("sqlite"):
                empty.execute(statement)
        tables = empty.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name"
        ).fetchall()
        return {name: _columns(empty, name) for (name,) in tables}


def _columns(database: sqlite3.Connection, table: str) -> Columns:
    rows = database.execute("SELECT name, pk FROM pragma_table_info(?)", (table,)).fetchall()
    key = sorted((position, name) for name, position in rows if position)
    return Columns(tuple(name for name, _ in rows), tuple(name for _, name in key))


def version_of(engine: Engine) -> int:
    """The schema version of the connected database; 0 when it is empty."""
    if not engine.database.table_exists("settings"):
        return 0
    row = engine.sql(f"SELECT value FROM settings WHERE name = '{SCHEMA_VERSION}'").fetchone()  # noqa: S608
    return 0 if row is None else int(row[0])


def next_migration(version: int) -> Migration | None:
    """The step that follows `version`, or None when it is the newest.

    Raises:
        DatabaseUnusable: the database is newer than this program.
    """
    newest = MIGRATIONS[-1].version
    if version > newest:
        raise DatabaseUnusable(
            f"the database has schema version {version}, but meritocrab {__version__} knows only {newest}:"
            " a newer meritocrab has used it. Install that version again, or restore the backup made before"
            " the upgrade."
        )
    return next((step for step in MIGRATIONS if step.version > version), None)


def apply(engine: Engine, step: Migration) -> None:
    """Take one step inside the caller's transaction, which must be the only one that migrates."""
    for statement in step.statements(engine.driver):
        engine.sql(statement)
    # constants of ours; the two drivers mark parameters differently
    engine.sql(f"DELETE FROM settings WHERE name = '{SCHEMA_VERSION}'")  # noqa: S608
    engine.sql(f"INSERT INTO settings VALUES ('{SCHEMA_VERSION}', '{step.version}')")  # noqa: S608
