"""Copies everything from one database into another, of either kind, and proves that it arrived.

A backup of PostgreSQL, a restore into it and a move are this one copy: by pages out of one snapshot, into one
transaction, with ids and sequences as they were. Nothing is updated or deleted, so that the ledger's triggers stay
in force. Each table is digested while it is read and again as it arrived; both must agree, row by row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from meritocrab.store import migrations
from meritocrab.store.direct import ABOUT_ITSELF, held_version, is_empty, known_version, transaction, verify
from meritocrab.store.engines import Engine
from meritocrab.store.errors import StoreError
from meritocrab.store.migrations import Columns

PAGE = 1000
"""Rows that are in memory at a time."""

Row = tuple[Any, ...]


class CopyFailed(StoreError):  # noqa: N818 (a state, as all of the store's errors)
    """The copy is not what was copied, or there is no room for it; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy brought: rows per table, and the digests of ledger and balances, equal on both sides."""

    rows: Mapping[str, int]
    ledger: str
    balances: str


def copy(source: Engine, target: Engine) -> Copied:
    """Copy all that `source` holds into `target`, which must be empty; both are connected on this thread.

    Raises:
        CopyFailed: the target is not empty or of another version, or what arrived differs, or the ledger is wrong.
    """
    with transaction(source, writer=False), transaction(target, writer=True):
        version = _prepare(source, target)
        copied = _copy_tables(source, target, version)
        problems = verify(target).problems
        if problems:
            raise CopyFailed(
                f"the ledger of {source.location} does not add up, so that nothing was copied: {problems[0]}."
                " `meritocrab verify` lists everything."
            )
    return copied


def _prepare(source: Engine, target: Engine) -> int:
    """Bring the empty target to the source's schema version, which is returned."""
    target.serialize_migrations()
    version, there = held_version(source), known_version(target)
    if not is_empty(target):
        raise CopyFailed(
            f"{target.location} is not empty: it holds the records of another meritocrab. Give an empty database."
        )
    if there not in (0, version):
        raise CopyFailed(
            f"{source.location} has schema version {version}, but {target.location} has {there}. Run `meritocrab"
            " verify` on the older one, which brings it up to date."
        )
    for step in migrations.MIGRATIONS[there:version]:
        migrations.apply(target, step)
    return version


def _copy_tables(source: Engine, target: Engine, version: int) -> Copied:
    rows: dict[str, int] = {}
    digests: dict[str, str] = {}
    for table, columns in migrations.layout(version).items():
        flags = _flags(target, table, columns)
        sent = _Digest()
        for page in pages(source, table, columns):
            sent.take(page)
            _insert(target, table, columns, [_fit(row, flags) for row in page])
        arrived = digest(target, table, columns)
        if arrived.value != sent.value:
            raise CopyFailed(
                f"the table {table} arrived in {target.location} differently than it was read: {sent.rows} rows,"
                f" digest {sent.value}, became {arrived.rows} rows, digest {arrived.value}. Nothing was changed."
            )
        _keep_sequence(source, target, table, columns)
        rows[table], digests[table] = sent.rows, sent.value
    return Copied(rows, digests["ledger"], digests["contributors"])


class _Digest:
    """A digest of rows in order, the same whichever database they lie in."""

    def __init__(self) -> None:
        self.rows = 0
        self._hash = hashlib.sha256()

    def take(self, page: list[Row]) -> None:
        for row in page:
            # SQLite keeps flags as 0 and 1
            plain = [int(value) if isinstance(value, bool) else value for value in row]
            self._hash.update(json.dumps(plain).encode() + b"\n")
        self.rows += len(page)

    @property
    def value(self) -> str:
        """Hexadecimal SHA-256."""
        return self._hash.hexdigest()


def digest(engine: Engine, table: str, columns: Columns) -> _Digest:
    """The digest of a table, in the order of its key."""
    found = _Digest()
    for page in pages(engine, table, columns):
        found.take(page)
    return found


def pages(engine: Engine, table: str, columns: Columns) -> Iterator[list[Row]]:
    """A table's rows in the order of its key, without the settings that are about the database itself."""
    names = ", ".join(f'"{name}"' for name in columns.names)
    key = ", ".join(_ordered(engine, name) for name in columns.key)
    marks = ", ".join([engine.database.param] * len(columns.key))
    at = [columns.names.index(name) for name in columns.key]
    after: Row = ()
    while True:
        conditions = [f"({key}) > ({marks})"] if after else []
        if table == "settings":
            conditions.append(f"name NOT IN {ABOUT_ITSELF}")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        query = f'SELECT {names} FROM "{table}"{where} ORDER BY {key} LIMIT {PAGE}'  # noqa: S608
        page = [tuple(row) for row in engine.sql(query, *after).fetchall()]
        if not page:
            return
        yield page
        after = tuple(page[-1][index] for index in at)


def _ordered(engine: Engine, name: str) -> str:
    """A column that is compared byte by byte on both databases."""
    is_text = name == "name"
    return f'"{name}" COLLATE "C"' if is_text and engine.driver == "postgresql" else f'"{name}"'


def _flags(target: Engine, table: str, columns: Columns) -> tuple[bool, ...]:
    """Which columns take nothing but true and false."""
    kinds = {each.name: each.data_type for each in target.database.get_columns(table)}
    return tuple(kinds[name] == "boolean" for name in columns.names)


def _fit(row: Row, flags: tuple[bool, ...]) -> Row:
    pairs = zip(row, flags, strict=True)
    return tuple(bool(value) if flag and value is not None else value for value, flag in pairs)


def _insert(target: Engine, table: str, columns: Columns, rows: list[Row]) -> None:
    names = ", ".join(f'"{name}"' for name in columns.names)
    marks = ", ".join([target.database.param] * len(columns.names))
    try:
        target.many(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', rows)  # noqa: S608
    except Exception as error:
        if target.explain(error):
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CopyFailed(
            f"{target.location} does not take a row of the table {table}: {reason}. Nothing was changed."
        ) from error


def _keep_sequence(source: Engine, target: Engine, table: str, columns: Columns) -> None:
    """The next id of the target follows the last one that the source ever gave, even if that row is gone."""
    if "id" in columns.key and (last := source.last_id(table)) is not None:
        target.set_last_id(table, last)
