"""Databases as they are: opened on the calling thread, without bringing their schema forward.

For what works on whole databases: backups, restores and moves. Everything else goes through `database.Store`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import peewee

from meritocrab.store import ledger, migrations, models
from meritocrab.store.engines import Engine, engine_for
from meritocrab.store.errors import DatabaseUnavailable, DatabaseUnusable, LockHeld
from meritocrab.store.exclusive import Holder, describe
from meritocrab.store.ledger import VerifyReport

ABOUT_ITSELF = ("schema_version", "daemon_lock")
"""Settings that are about one database and not about what it holds."""


@contextmanager
def opened(url: str, *, writer: bool = False, create: bool = False) -> Iterator[Engine]:
    """An engine that is connected on this thread for the length of the block.

    Raises:
        DatabaseMissing: there is no file and `create` is False.
        DatabaseUnusable: wrong URL or missing driver.
        DatabaseUnavailable: the database cannot be used now; also for what fails inside the block.
    """
    engine = engine_for(url)
    engine.prepare(create=create)
    try:
        with in_words(engine):
            engine.connect(writer=writer)
            yield engine
    finally:
        engine.disconnect()


@contextmanager
def in_words(engine: Engine) -> Iterator[None]:
    """Turn the driver's errors about this database into `DatabaseUnavailable`."""
    try:
        yield
    except Exception as error:
        words = engine.explain(error)
        if words is None:
            raise
        raise DatabaseUnavailable(words) from error


@contextmanager
def transaction(engine: Engine, *, writer: bool) -> Iterator[None]:
    """All of the block or nothing of it; what only reads sees one snapshot."""
    engine.begin(writer=writer)
    try:
        yield
        if writer:
            engine.database.commit()
        else:
            engine.database.rollback()
    except BaseException:
        # what matters is the error that led here; a dead connection has rolled back by itself
        with suppress(peewee.PeeweeException):
            engine.database.rollback()
        raise


@contextmanager
def alone(engine: Engine, purpose: str) -> Iterator[None]:
    """Hold the daemon's lock, so that nobody handles or delivers meanwhile.

    Raises:
        LockHeld: a daemon works on this database; the message says which.
    """
    # on PostgreSQL a note is a row, and a database that is only read is to stay as it was
    note = Holder.me(purpose).to_json() if engine.driver == "sqlite" else ""
    if not engine.take_lock(note):
        raise LockHeld(
            f"{engine.location} is in use by {describe(engine.lock_note())}. Stop that one first"
            f" (`systemctl stop meritocrab`), then run `meritocrab {purpose}` again."
        )
    try:
        yield
    finally:
        engine.drop_lock()


def known_version(engine: Engine) -> int:
    """The schema version, 0 for a database without any table of ours.

    Raises:
        DatabaseUnusable: it is newer than this program.
    """
    version = migrations.version_of(engine)
    migrations.next_migration(version)
    return version


def held_version(engine: Engine) -> int:
    """The schema version of a database that must hold something.

    Raises:
        DatabaseUnusable: it is newer than this program, or not meritocrab's.
    """
    version = known_version(engine)
    if version == 0:
        raise DatabaseUnusable(f"{engine.location} holds nothing of meritocrab.")
    return version


def is_empty(engine: Engine) -> bool:
    """Whether there is nothing in it that could be lost: no table of ours, or none with a row."""
    version = known_version(engine)
    if version == 0:
        return True
    kept = ", ".join(f"'{name}'" for name in ABOUT_ITSELF)
    others = f" WHERE name NOT IN ({kept})"
    return not any(
        engine.sql(f"SELECT 1 FROM {table}{others if table == 'settings' else ''} LIMIT 1").fetchone()  # noqa: S608
        for table in migrations.layout(version)
    )


def verify(engine: Engine) -> VerifyReport:
    """Fold the ledger of this database, in the caller's transaction if there is one."""
    models.database.initialize(engine.database)
    try:
        return ledger.verify()
    finally:
        models.database.initialize(None)
