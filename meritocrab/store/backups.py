"""Backups: one SQLite file with everything in it, whichever database it comes from, and the way back.

A backup of SQLite is made by SQLite's online backup, one of PostgreSQL by a copy out of one snapshot; both while the
daemon runs. No file counts as a backup before it was read again and its ledger added up. A restore is prepared
beside the database, migrated and proven there, and takes its place in one step: a kill leaves the old state or the
new one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import peewee

from meritocrab.durable import sync
from meritocrab.store import ledger, migrations, transfer
from meritocrab.store.database import Store
from meritocrab.store.direct import alone, held_version, in_words, is_empty, opened, transaction, verify
from meritocrab.store.engines import SQLITE_WAIT_SECONDS, Engine, SqliteEngine, engine_for
from meritocrab.store.errors import DatabaseUnavailable, StoreError
from meritocrab.store.ledger import VerifyReport


class BackupRefused(StoreError):  # noqa: N818 (a state, as all of the store's errors)
    """No backup was made, or none was restored; nothing was changed, and the message says what to do."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made and read again: rows per table, and its size in bytes."""

    rows: dict[str, int]
    size: int
    version: int


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back. `kept` is where the former database lies now; `version` is the backup's schema version."""

    report: VerifyReport
    version: int
    kept: Path | None


def make(url: str, file: Path, *, force: bool = False) -> Backup:
    """Write everything in the database at `url` to `file` (mode 0600); safe beside a running daemon.

    Args:
        force: replace a file that is there, once the new one is proven.

    Raises:
        BackupRefused: the file is there, cannot be written, or what was written is not sound.
        StoreError: the database is not there, newer than this program, or cannot be read now.
    """
    file = file.absolute()
    with opened(url) as source, _partial(file, force=force) as partial:
        with transaction(source, writer=False):
            version = held_version(source)
        if isinstance(source, SqliteEngine):
            with closing(sqlite3.connect(partial)) as target:
                source.raw().backup(
                    target
                )  # all pages in one step: one state of a database that is written to
        else:
            with opened(f"sqlite:///{partial}", writer=True) as target_engine:
                transfer.copy(source, target_engine)
        rows = _settle(partial, file)
    return Backup(rows, file.stat().st_size, version)


@contextmanager
def _partial(file: Path, *, force: bool) -> Iterator[Path]:
    """A file beside `file` that takes its place when the block ends well."""
    _refuse_existing(file, force)
    partial = file.with_name(f".{file.name}.partial")
    try:
        with _claimed(partial):
            yield partial
            sync(partial)
            _refuse_existing(file, force)  # what came there meanwhile
            partial.replace(file)
            sync(file.parent)
    except OSError as error:
        raise BackupRefused(f"cannot write the backup {file}: {error.strerror or error}.") from error
    finally:
        _remove(partial)


def _refuse_existing(file: Path, force: bool) -> None:
    if file.exists() and not (force and file.is_file()):
        raise BackupRefused(f"{file} exists already. Choose another name, or replace it with --force.")


@contextmanager
def _claimed(partial: Path) -> Iterator[None]:
    """An empty file, readable for this user only, that no other backup writes to at the same time."""
    fd = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(fd, 0)  # what a killed backup left behind
        yield
    except BlockingIOError:
        raise BackupRefused(f"another backup is being written to {partial} at this moment.") from None
    finally:
        os.close(fd)


def _remove(database: Path) -> None:
    """Remove a database file of ours with what SQLite keeps beside it."""
    for suffix in ("", "-journal", "-wal", "-shm"):
        with contextlib.suppress(OSError):
            database.with_name(database.name + suffix).unlink()


def _settle(partial: Path, file: Path) -> dict[str, int]:
    """Make one plain file of it and prove that it is sound; returns its rows per table."""
    with closing(sqlite3.connect(partial)) as database:
        database.execute("PRAGMA journal_mode = DELETE")
    with opened(f"sqlite:///{partial}") as engine:
        damage = _damage(engine)
        if damage:
            raise BackupRefused(
                f"the copy is damaged, so that no backup was written to {file}: {damage}. If the database itself"
                " is damaged, restore an earlier backup."
            )
        problems = verify(engine).problems
        if problems:
            raise BackupRefused(
                f"the ledger does not add up, so that no backup was written to {file}: {problems[0]}."
                " `meritocrab verify` lists everything."
            )
        tables = migrations.layout(held_version(engine))
        return {
            table: int(engine.sql(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608
            for table in tables
        }


def _damage(engine: Engine) -> str:
    """What SQLite finds wrong with a file; empty when it is sound."""
    try:
        found = engine.sql("PRAGMA integrity_check(1)").fetchone()[0]
    except peewee.DatabaseError as error:
        return str(error)
    return "" if found == "ok" else str(found)


# ---- the way back


def restore(url: str, file: Path, now: datetime, *, force: bool = False) -> Restored:
    """Put a backup in the place of the database at `url`, brought to the newest schema; nobody may work on it.

    Args:
        now: names the file that keeps the former database.
        force: also when the database holds something; a SQLite file is kept beside the new one.

    Raises:
        BackupRefused: the backup is missing or damaged, or the database is not empty.
        DatabaseUnusable: the backup comes from a newer version.
        LockHeld: a daemon works on the database.
    """
    target = engine_for(url)
    target.prepare(create=True)
    try:
        with in_words(target):
            if isinstance(target, SqliteEngine):
                return _into_file(target, file, now, force=force)
            target.connect(writer=True)
            return _into_server(target, file)
    finally:
        target.disconnect()


def _into_file(target: SqliteEngine, file: Path, now: datetime, *, force: bool) -> Restored:
    staged = target.path.with_name(f".{target.path.name}.restoring")
    with alone(target, "restore"):
        try:
            _remove(staged)  # what a killed restore left behind
            keep = _holds_something(target)
            if keep and not force:
                raise BackupRefused(
                    f"the database {target.path} is not empty. With --force it is kept under another name, and"
                    " the backup takes its place."
                )
            version, report = _stage(file, staged)
            return Restored(report, version, _swap(target, staged, now, keep=keep))
        except OSError as error:
            raise BackupRefused(f"cannot restore to {target.path}: {error.strerror or error}.") from error
        finally:
            _remove(staged)


def _into_server(target: Engine, file: Path) -> Restored:
    with alone(target, "restore"), tempfile.TemporaryDirectory(prefix="meritocrab-") as folder:
        staged = Path(folder) / "restoring.db"
        version, report = _stage(file, staged)
        with opened(f"sqlite:///{staged}") as source:
            transfer.copy(source, target)
    return Restored(report, version, None)


def _stage(file: Path, staged: Path) -> tuple[int, VerifyReport]:
    """Copy the backup to `staged`, prove it, and bring it forward; returns its version as it was."""
    os.close(os.open(staged, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    _copy_backup(file, staged)
    url = f"sqlite:///{staged}"
    with opened(url) as engine:
        damage = _damage(engine)
        if damage:
            raise BackupRefused(f"the backup {file} is damaged and was not restored: {damage}.")
        version = held_version(engine)
    store = Store.open(url, create=False)
    try:
        report = store.read_now(ledger.verify)
    finally:
        store.close_now()
    if report.problems:
        raise BackupRefused(
            f"the ledger in the backup {file} does not add up, so that it was not restored: {report.problems[0]}."
        )
    with closing(sqlite3.connect(staged)) as database:
        database.execute("PRAGMA journal_mode = DELETE")
    sync(staged)
    return version, report


def _copy_backup(file: Path, staged: Path) -> None:
    if not file.is_file():
        raise BackupRefused(f"there is no backup {file}.")
    try:
        with (
            closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(staged)) as copy,
        ):
            source.backup(copy)
    except sqlite3.DatabaseError as error:
        raise BackupRefused(f"{file} cannot be read as a backup: {error}.") from error


def _holds_something(target: SqliteEngine) -> bool:
    """True also for what cannot be read any more: nothing is thrown away."""
    try:
        target.connect(writer=True)
        return not is_empty(target)
    except peewee.DatabaseError as error:
        if target.is_damaged(error):
            return True
        raise


def _swap(target: SqliteEngine, staged: Path, now: datetime, *, keep: bool) -> Path | None:
    """Let `staged` be the database from one moment to the next; returns where the former one is kept."""
    path = target.path
    kept = path.with_name(f"{path.name}.before-{now:%Y%m%dT%H%M%SZ}") if keep else None
    target.disconnect()
    with _untouched(path) as damaged:
        if kept is not None:
            os.link(path, kept)
        if damaged:
            _keep_log(path, kept)
        staged.replace(path)
        sync(path.parent)
    return kept


@contextmanager
def _untouched(path: Path) -> Iterator[bool]:
    """Keep every other process off the file, with its log folded in: a log must not meet another database's file.

    Yields whether the file is damaged, so that its log cannot be folded in.
    """
    with closing(sqlite3.connect(path, timeout=SQLITE_WAIT_SECONDS, isolation_level=None)) as database:
        try:
            database.execute("PRAGMA journal_mode = DELETE")
            database.execute("BEGIN EXCLUSIVE")
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise DatabaseUnavailable(
                    f"another program reads the database {path} at this moment. Try again when it has ended."
                ) from error
            damaged = True
        else:
            damaged = False
        yield damaged


def _keep_log(path: Path, kept: Path | None) -> None:
    """Put the log of a damaged database beside its file, and away from the new one."""
    log = path.with_name(path.name + "-wal")
    if kept is not None and log.exists():
        os.link(log, kept.with_name(kept.name + "-wal"))
    for suffix in ("-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
