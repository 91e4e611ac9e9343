"""The async way in to the database: one thread that writes, a few that read, each call one transaction.

Peewee is synchronous and its connections belong to threads. A single writer thread needs no lock between
transactions, keeps the event loop free, and is the same code for both databases; whoever wants something done
passes a plain function, which runs inside one transaction and sees the models bound to this store.

Rules for those functions: no network, no waiting, no `await`; return plain values, not lazy queries; do not
catch a database error and go on (on PostgreSQL the transaction is dead by then, and the commit is refused).
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

import peewee

from meritocrab.store import migrations, models, settings
from meritocrab.store.engines import Engine, SqliteEngine, engine_for
from meritocrab.store.errors import (
    DatabaseMissing,
    DatabaseUnavailable,
    DatabaseUnusable,
    LockHeld,
    LockLost,
    StoreError,
)

__all__ = [
    "DatabaseMissing",
    "DatabaseUnavailable",
    "DatabaseUnusable",
    "LockHeld",
    "LockLost",
    "Store",
    "StoreError",
]

READERS = 2

P = ParamSpec("P")
T = TypeVar("T")


class Store:
    """An open database. Made by `Store.open`; several may be open in one process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._database = engine.database
        self._closed = False
        self._trouble = ""
        bind = functools.partial(models.database.initialize, engine.database)
        self._writer = ThreadPoolExecutor(1, "store-writer", initializer=bind)
        self._readers = ThreadPoolExecutor(READERS, "store-reader", initializer=bind)

    @classmethod
    def open(cls, url: str, *, create: bool = True) -> Store:
        """Open the database at `url` and bring its schema up to date. Blocks; call it off the event loop.

        Args:
            url: `sqlite:////absolute/path.db` or `postgresql://…`.
            create: make a SQLite file (and its directory, readable for this user only) that is not there.

        Raises:
            DatabaseMissing: there is no file and `create` is False.
            DatabaseUnusable: wrong URL, missing driver, a newer schema, or a migration that failed.
            DatabaseUnavailable: the database cannot be reached, read or written.
            LockHeld: the schema is old, and a running daemon works with it.
        """
        engine = engine_for(url)
        engine.prepare(create=create)
        store = cls(engine)
        try:
            store._on_writer(store._migrate).result()
        except BaseException:
            store.close_now()
            raise
        return store

    @property
    def driver(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._engine.driver

    @property
    def location(self) -> str:
        """The URL with its password masked, fit to be shown."""
        return self._engine.location

    @property
    def trouble(self) -> str:
        """Why the last write could not be committed, in words; empty when it could."""
        return self._trouble

    async def write(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `fn` in one transaction on the writer thread; an exception rolls back and is raised here.

        A caller that is cancelled learns of it only when the matter is settled: a transaction that has begun
        is carried to its end, one that has not begun never will. (A second cancellation does not wait.)

        Raises:
            DatabaseUnavailable: the database cannot be used now; the next call tries again.
            LockLost: another daemon took over while our connection was cut.
        """
        return await _settled(self._in_transaction(True, fn, *args, **kwargs))

    async def read(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `fn` on a reader thread; all its queries see one snapshot, and none can write.

        Raises:
            DatabaseUnavailable: the database cannot be used now; the next call tries again.
        """
        return await asyncio.wrap_future(self._in_transaction(False, fn, *args, **kwargs))

    def write_now(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`write` for callers without an event loop; blocks."""
        return self._in_transaction(True, fn, *args, **kwargs).result()

    def read_now(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`read` for callers without an event loop; blocks."""
        return self._in_transaction(False, fn, *args, **kwargs).result()

    async def recover(self) -> None:
        """After a write that failed, prove that something can be written again; at once when none did.

        Whoever is about to ask others for what must be written down calls this first.

        Raises:
            DatabaseUnavailable: nothing can be written yet.
        """
        if self._trouble:
            await self.write(settings.put, "proof_of_writing", secrets.token_hex(8))

    async def ping(self) -> None:
        """Prove that the writer thread lives and that its database answers.

        Raises:
            DatabaseUnavailable: it does not, with the reason (a database error is an answer, too).
        """
        await _settled(self._on_writer(self._probe))

    async def close(self) -> None:
        """Finish what is queued, close every connection, end the threads. Harmless when repeated."""
        await asyncio.to_thread(self.close_now)

    def close_now(self) -> None:
        """`close` for callers without an event loop."""
        if self._closed:
            return
        self._closed = True
        self._writer.submit(self._close_writer)
        # the barrier holds each reader thread until all are there, so that each closes its own connection
        together = threading.Barrier(READERS)
        for _ in range(READERS):
            self._readers.submit(self._close_reader, together)
        self._writer.shutdown()
        self._readers.shutdown()

    def settle_erasure_now(self) -> bool:
        """Fold SQLite's log into the file, so that no earlier state of an erased text is left in it. Blocks.

        Returns:
            False when another process still needs the log; its next checkpoint does it.
        """
        return self._on_writer(self._engine.settle_erasure).result()

    def take_lock(self, note: str) -> bool:
        """Try to become the only daemon of this database (see `daemon.lock`, which everybody should use).

        Args:
            note: what other processes are told about the holder.

        Returns:
            False when somebody else holds the lock, or this store does already.

        Raises:
            DatabaseUnavailable: the database or the lock file cannot be used.
        """
        return self._on_writer(self._engine.take_lock, note).result()

    def drop_lock(self) -> None:
        """Stop being the only daemon; harmless when this store is not."""
        if not self._closed:
            with contextlib.suppress(DatabaseUnavailable):  # a lost connection has freed the lock
                self._writer.submit(self._guarded, self._engine.drop_lock).result()

    def lock_note(self) -> str:
        """What the present holder wrote down about itself.

        Raises:
            DatabaseUnavailable: the database cannot be used now.
        """
        return self._on_writer(self._engine.lock_note).result()

    # ---- on the worker threads ----

    def _transact(self, fn: Callable[[], T], *, writer: bool) -> T:
        """One transaction on the calling worker thread: all of `fn`, or nothing of it."""
        self._engine.begin(writer=writer)
        transaction = self._database.transaction()
        state: Any = self._database  # so that `atomic()` inside `fn` is a savepoint
        state.push_transaction(transaction)
        try:
            result = fn()
            if writer:
                self._commit()
            else:
                self._rollback()
        except BaseException:
            self._rollback()
            raise
        finally:
            state.pop_transaction()
        return result

    def _commit(self) -> None:
        if not self._engine.in_transaction():
            # PostgreSQL would answer COMMIT by rolling back, without an error
            raise StoreError("an error was swallowed inside a transaction; nothing of it was written.")
        self._database.commit()

    def _rollback(self) -> None:
        # what matters is the error that led here; a dead connection has rolled back by itself
        with contextlib.suppress(peewee.PeeweeException):
            self._database.rollback()

    def _guarded(self, work: Callable[[], T]) -> T:
        """Run `work`, with the drivers' errors in words, and a useless connection thrown away."""
        try:
            return work()
        except Exception as error:
            words = self._engine.explain(error)
            if words is None:
                raise
            if self.driver == "sqlite" or self._engine.is_lost():
                self._engine.disconnect()
            raise DatabaseUnavailable(words) from error

    def _noted(self, work: Callable[[], T]) -> T:
        """Run a write, and remember whether the database took it."""
        try:
            result = self._guarded(work)
        except DatabaseUnavailable as error:
            self._trouble = str(error)
            raise
        self._trouble = ""
        return result

    def _migrate(self) -> None:
        if isinstance(self._engine, SqliteEngine):
            self._engine.use_wal()
        while self._transact(self._migrate_one, writer=True):
            pass

    def _migrate_one(self) -> bool:
        """Take one step; False when there is none left."""
        self._engine.serialize_migrations()
        version = migrations.version_of(self._engine)
        step = migrations.next_migration(version)
        if step is None:
            return False
        if version and (holder := self._engine.busy_with()):
            raise LockHeld(
                f"the database {self.location} must be brought from schema version {version} to"
                f" {step.version}, but an older meritocrab uses it: {holder}. Restart that one first."
            )
        try:
            migrations.apply(self._engine, step)
        except peewee.PeeweeException as error:
            if self._engine.explain(error):
                raise
            raise DatabaseUnusable(
                f"cannot bring the database {self.location} from schema version {version} to {step.version}:"
                f" {error}. Nothing was changed."
            ) from error
        return True

    def _probe(self) -> None:
        self._engine.sql("SELECT name FROM settings LIMIT 1").fetchone()

    def _close_writer(self) -> None:
        with contextlib.suppress(Exception):  # the lock goes with the connection at the latest
            self._engine.drop_lock()
        self._engine.disconnect()

    def _close_reader(self, together: threading.Barrier) -> None:
        together.wait()
        self._engine.disconnect()

    # ---- handing work over ----

    def _in_transaction(self, writer: bool, fn: Callable[..., T], *args: Any, **kwargs: Any) -> Future[T]:
        self._check_caller()
        # logs written inside the transaction carry the caller's correlation id
        work = functools.partial(contextvars.copy_context().run, fn, *args, **kwargs)
        transact = functools.partial(self._transact, work, writer=writer)
        if writer:
            return self._writer.submit(self._noted, transact)
        return self._readers.submit(self._guarded, transact)

    def _on_writer(self, fn: Callable[..., T], *args: Any) -> Future[T]:
        """Run `fn` on the writer thread, connected, outside of a transaction."""
        self._check_caller()

        def connected() -> T:
            self._engine.connect(writer=True)
            return fn(*args)

        return self._writer.submit(self._guarded, connected)

    def _check_caller(self) -> None:
        if self._closed:
            raise StoreError("the database is closed.")
        if models.database.obj is self._database:
            raise RuntimeError("a transaction cannot wait for another one: call the function directly")


async def _settled(future: Future[T]) -> T:
    """The future's result; a cancelled caller waits until it can no longer happen behind his back."""
    waiter = asyncio.wrap_future(future)
    try:
        return await asyncio.shield(waiter)
    except asyncio.CancelledError:
        if not future.cancel():
            with contextlib.suppress(Exception):
                await asyncio.shield(waiter)
        raise
