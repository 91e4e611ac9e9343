"""What differs between SQLite and PostgreSQL, in one place, so that the rest of the store need not know.

An engine opens connections (one per thread), says how transactions begin, turns the driver's errors into
words and holds the lock that makes us the only daemon of a database.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import peewee

from meritocrab.store.errors import (
    DatabaseMissing,
    DatabaseUnavailable,
    DatabaseUnusable,
    LockLost,
)
from meritocrab.store.exclusive import FileLock, describe

SQLITE_OLDEST = (3, 37, 0)  # STRICT tables; RETURNING is from 3.35
SQLITE_WAIT_SECONDS = 10.0
"""How long a write waits for another process (`meritocrab sync` writes beside the daemon)."""

LOCK_CLASS = 0x6D657269
"""First half of our advisory locks on PostgreSQL; the second is the schema: a database may hold several."""
MIGRATION_CLASS = LOCK_CLASS + 1
LOCK_SETTING = "daemon_lock"


class Engine(ABC):
    """One kind of database. All methods but `prepare` belong on a worker thread of the store."""

    driver: ClassVar[str]
    write_mode: ClassVar[str]
    read_mode: ClassVar[str | None]

    def __init__(self, database: peewee.Database, location: str) -> None:
        self.database = database
        self.location = location

    def sql(self, statement: str, *values: Any) -> Any:
        """Run one statement on this thread's connection, outside of what the models can say."""
        execute: Any = self.database.execute_sql  # Peewee's stubs leave it untyped
        return execute(statement, values)

    def raw(self) -> Any:
        """The driver's own connection of this thread."""
        connection: Any = self.database.connection
        return connection()

    def many(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Run one statement for each of these rows."""
        self.raw().cursor().executemany(statement, rows)

    def settle_erasure(self) -> bool:
        """See that erased texts are not left in files of ours; False when other processes hold that up."""
        return True

    @abstractmethod
    def last_id(self, table: str) -> int | None:
        """The highest id that this table ever gave out; None where there is none, or where it gives none."""

    @abstractmethod
    def set_last_id(self, table: str, last: int) -> None:
        """Let the next id follow `last`."""

    @abstractmethod
    def prepare(self, *, create: bool) -> None:
        """See that there is something to connect to.

        Raises:
            DatabaseMissing: there is no database, and `create` is False.
            DatabaseUnavailable: the file cannot be made or opened.
        """

    @abstractmethod
    def connect(self, *, writer: bool) -> None:
        """Open this thread's connection unless it is open and sound.

        Raises:
            DatabaseUnavailable: the database is not the one we opened.
            LockLost: the daemon's lock was ours and could not be taken again.
        """

    @abstractmethod
    def in_transaction(self) -> bool:
        """True when a transaction is open and can still be committed."""

    @abstractmethod
    def explain(self, error: BaseException) -> str | None:
        """Words for an error that says that the database cannot be used now; None for any other."""

    @abstractmethod
    def is_lost(self) -> bool:
        """True when this thread's connection is of no use any more."""

    @abstractmethod
    def serialize_migrations(self) -> None:
        """Make this transaction the only one that migrates."""

    @abstractmethod
    def take_lock(self, note: str) -> bool:
        """Try to become the only daemon of this database; False when somebody is."""

    @abstractmethod
    def drop_lock(self) -> None:
        """Stop being it; harmless when we are not, and possible without a connection."""

    @abstractmethod
    def lock_note(self) -> str:
        """What the holder of the lock wrote down about itself."""

    def busy_with(self) -> str | None:
        """Words for the process that holds the lock; None when nobody does. Not for the holder itself."""
        if self.take_lock(""):
            self.drop_lock()
            return None
        return describe(self.lock_note())

    def begin(self, *, writer: bool) -> None:
        """Connect if necessary and begin; an idle connection that was cut meanwhile costs no failure."""
        self.connect(writer=writer)
        mode = self.write_mode if writer else self.read_mode
        try:
            self._begin(mode)
        except peewee.PeeweeException:
            if not self.is_lost():
                raise
            self.disconnect()
            self.connect(writer=writer)
            self._begin(mode)

    def disconnect(self) -> None:
        """Close this thread's connection, in whatever state it is."""
        with contextlib.suppress(peewee.PeeweeException, OSError):
            self.database.close()

    def _begin(self, mode: str | None) -> None:
        begin: Any = self.database.begin  # the argument is the subclasses'
        begin(mode)


class SqliteEngine(Engine):
    """One file, its write-ahead log, and a lock file beside it."""

    driver = "sqlite"
    write_mode = "IMMEDIATE"  # take the write lock first: a read that turns into a write can fail half-way
    read_mode = None

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._file: os.stat_result | None = None
        self._lock = FileLock(self.path.with_name(self.path.name + ".lock"))
        # what is erased is overwritten: people may have asked for it
        pragmas = {"synchronous": "FULL", "trusted_schema": "OFF", "secure_delete": "ON"}
        database = peewee.SqliteDatabase(
            str(self.path),
            pragmas=pragmas,
            timeout=SQLITE_WAIT_SECONDS,
            autoconnect=False,
            returning_clause=True,
        )
        super().__init__(database, f"sqlite:///{self.path}")

    def prepare(self, *, create: bool) -> None:
        if sqlite3.sqlite_version_info < SQLITE_OLDEST:
            oldest = ".".join(map(str, SQLITE_OLDEST))
            raise DatabaseUnusable(
                f"SQLite {sqlite3.sqlite_version} is too old: meritocrab needs {oldest} or newer."
            )
        if not create and not self.path.exists():
            raise DatabaseMissing(
                f"there is no database at {self.path}. `meritocrab run` creates it; check `[database] url`."
            )
        self._check_vanished()
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # made here and not by SQLite, so that nobody else can read it from the first moment on
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._file = self.path.stat()
        except OSError as error:
            raise DatabaseUnavailable(f"cannot open the database {self.path}: {error.strerror}.") from error

    def connect(self, *, writer: bool) -> None:
        self._check_file()
        if not self.database.is_closed():
            return
        self.database.connect()
        if not writer:
            self.sql("PRAGMA query_only = ON")

    def settle_erasure(self) -> bool:
        # the log holds earlier states of pages until it is folded into the file
        return not self.sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]

    def last_id(self, table: str) -> int | None:
        row = self.sql("SELECT seq FROM sqlite_sequence WHERE name = ?", table).fetchone()
        return None if row is None else int(row[0])

    def set_last_id(self, table: str, last: int) -> None:
        self.sql("DELETE FROM sqlite_sequence WHERE name = ?", table)
        self.sql("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", table, last)

    def use_wal(self) -> None:
        """Switch the file to a write-ahead log; it stays so.

        SQLite does not wait here when another process does the same, so we do.
        """
        deadline = time.monotonic() + SQLITE_WAIT_SECONDS
        while True:
            try:
                mode = self.sql("PRAGMA journal_mode = WAL").fetchone()[0]
                break
            except peewee.OperationalError as error:
                if _sqlite_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        if mode != "wal":
            raise DatabaseUnusable(
                f"SQLite cannot keep a write-ahead log beside {self.path} (network file systems lack the"
                " shared memory it needs). Put the database on a local disk."
            )

    def in_transaction(self) -> bool:
        return bool(self.raw().in_transaction)

    def explain(self, error: BaseException) -> str | None:
        code = _sqlite_code(error)
        reason = None if code is None else _SQLITE_REASONS.get(code)
        return None if reason is None else f"the database {self.path} {reason}"

    def is_damaged(self, error: BaseException) -> bool:
        """True for errors that say that the file itself cannot be read as a database."""
        return _sqlite_code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

    def is_lost(self) -> bool:
        return False  # a file has no connection to lose; after an error the caller closes it anyway

    def serialize_migrations(self) -> None:
        """Nothing to do: BEGIN IMMEDIATE already keeps every other writer out."""

    def take_lock(self, note: str) -> bool:
        try:
            return self._lock.take(note)
        except OSError as error:
            raise DatabaseUnavailable(
                f"cannot make the lock file {self.path}.lock: {error.strerror}."
            ) from error

    def drop_lock(self) -> None:
        self._lock.drop()

    def lock_note(self) -> str:
        return self._lock.note()

    def _check_vanished(self) -> None:
        """An empty database in the place of one that is gone would forget everybody without a word."""
        beside = (self.path.with_name(self.path.name + suffix) for suffix in (".lock", "-wal"))
        left = [str(path) for path in beside if path.exists()]
        if left and not self.path.exists():
            raise DatabaseUnavailable(
                f"the database {self.path} is gone, but what lay beside it is still there: {', '.join(left)}."
                " Put it back, or restore a backup; to begin with an empty one, remove those files."
            )

    def _check_file(self) -> None:
        """SQLite would go on writing to a deleted file, and nobody would ever see what it wrote."""
        try:
            same = self._file is not None and os.path.samestat(self._file, self.path.stat())
        except OSError:
            same = False
        if not same:
            raise DatabaseUnavailable(
                f"the database {self.path} was moved, deleted or replaced while it was open."
                " Put it back, or restart meritocrab to use the one that is there now."
            )


_SQLITE_REASONS = {
    sqlite3.SQLITE_PERM: "may not be read or written by this user.",
    sqlite3.SQLITE_BUSY: f"is locked by another program (waited {SQLITE_WAIT_SECONDS:.0f} s).",
    sqlite3.SQLITE_LOCKED: "is locked by another program.",
    sqlite3.SQLITE_READONLY: "cannot be written: the file, its directory or its disk is read-only.",
    sqlite3.SQLITE_IOERR: "could not be read or written: the disk reports an error.",
    sqlite3.SQLITE_CORRUPT: "is damaged. Stop meritocrab, keep a copy of the file, and restore a backup.",
    sqlite3.SQLITE_FULL: "cannot grow: the disk is full.",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened.",
    sqlite3.SQLITE_PROTOCOL: "is locked by another program.",
    sqlite3.SQLITE_NOTADB: "is not a SQLite database.",
}


def _driver_error(error: BaseException) -> BaseException:
    """The driver's own error, which Peewee keeps as `orig`."""
    inner = getattr(error, "orig", None)
    return inner if isinstance(inner, BaseException) else error


def _sqlite_code(error: BaseException) -> int | None:
    """The primary result code, or None when SQLite did not give one."""
    code = getattr(_driver_error(error), "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


class PostgresqlEngine(Engine):
    """A server at the other end of a connection that may be cut at any time.

    The daemon's lock is an advisory lock of the writer's session: when that connection is cut, the server
    frees it, and a new connection writes nothing before it has taken the lock again.
    """

    driver = "postgresql"
    write_mode = "READ COMMITTED"
    read_mode = "REPEATABLE READ READ ONLY"  # one snapshot for all queries of a read

    def __init__(self, url: str) -> None:
        options = _connection_options(url)
        self._password = str(options.pop("password", "") or "")
        self._note: str | None = None
        database = peewee.PostgresqlDatabase(
            url, autoconnect=False, prefer_psycopg3=True, encoding="UTF8", **_defaults(options)
        )
        super().__init__(database, mask(url))

    def prepare(self, *, create: bool) -> None:
        """Nothing to do: databases of a server are made by its administrator."""

    def connect(self, *, writer: bool) -> None:
        if not self.database.is_closed():
            if not self.is_lost():
                return
            self.disconnect()
        self.database.connect()
        # a stuck neighbour must not stop us for good, nor the server lose a commit that it confirmed
        self.sql("SET lock_timeout = '30s'")
        self.sql(
            "SELECT set_config('synchronous_commit', 'on', false)"
            " WHERE current_setting('synchronous_commit') = 'off'"
        )
        if writer and self._note is not None:
            self._take_lock_again(self._note)

    def last_id(self, table: str) -> int | None:
        name = self._sequence(table)
        if name is None:
            return None
        last, is_called = self.sql(f"SELECT last_value, is_called FROM {name}").fetchone()  # noqa: S608
        return int(last) if is_called else None

    def set_last_id(self, table: str, last: int) -> None:
        self.sql("SELECT setval(%s::regclass, %s)", self._sequence(table), last)

    def _sequence(self, table: str) -> str | None:
        """The quoted name of what numbers this table's rows; None where they are numbered elsewhere."""
        row = self.sql("SELECT pg_get_serial_sequence(%s, 'id')", table).fetchone()
        return None if row[0] is None else str(row[0])

    def in_transaction(self) -> bool:
        from psycopg.pq import TransactionStatus

        status = self.raw().info.transaction_status
        return bool(status == TransactionStatus.INTRANS)

    def explain(self, error: BaseException) -> str | None:
        import psycopg

        cause = _driver_error(error)
        unavailable = (
            psycopg.OperationalError,
            psycopg.InterfaceError,
            psycopg.errors.ReadOnlySqlTransaction,
        )
        cut = isinstance(cause, psycopg.Error) and self.is_lost()
        if not cut and not isinstance(cause, unavailable):
            return None
        first_line = (str(cause).strip() or type(cause).__name__).splitlines()[0]
        if self._password:
            first_line = first_line.replace(self._password, "***")
        return f"the database {self.location} cannot be used at the moment: {first_line}"

    def is_lost(self) -> bool:
        return not self.database.is_closed() and bool(self.raw().closed)

    def serialize_migrations(self) -> None:
        self.sql("SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))", MIGRATION_CLASS)

    def take_lock(self, note: str) -> bool:
        if self._note is not None or not self._try_lock():
            return False
        self._note = note
        if note:
            self._write_note(note)
        return True

    def drop_lock(self) -> None:
        note, self._note = self._note, None
        if note is None or self.database.is_closed() or self.is_lost():
            return  # the server has freed the lock of a lost connection
        if note:
            self.sql("DELETE FROM settings WHERE name = %s", LOCK_SETTING)
        self.sql("SELECT pg_advisory_unlock(%s, hashtext(current_schema()))", LOCK_CLASS)

    def lock_note(self) -> str:
        query = "SELECT value FROM settings WHERE name = %s"
        row = self.sql(query, LOCK_SETTING).fetchone()
        return "" if row is None else str(row[0])

    def _try_lock(self) -> bool:
        query = "SELECT pg_try_advisory_lock(%s, hashtext(current_schema()))"
        return bool(self.sql(query, LOCK_CLASS).fetchone()[0])

    def _take_lock_again(self, note: str) -> None:
        if self._try_lock():
            self._write_note(note)
            return
        holder = describe(self.lock_note())
        self.disconnect()
        raise LockLost(
            f"the connection to the database {self.location} was cut, and {holder} works on it now."
            " Nothing is written until that process ends; stop one of the two."
        )

    def _write_note(self, note: str) -> None:
        self.sql(
            "INSERT INTO settings (name, value) VALUES (%s, %s)"
            " ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value",
            LOCK_SETTING,
            note,
        )


def _connection_options(url: str) -> dict[str, Any]:
    if importlib.util.find_spec("psycopg") is None:
        raise DatabaseUnusable(
            f"{mask(url)} needs the PostgreSQL driver, which is not installed:"
            " install `meritocrab[postgres]` instead of `meritocrab`."
        )
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ImportError as error:
        raise DatabaseUnusable(
            f"the PostgreSQL driver cannot be loaded ({error}): install `meritocrab[postgres]`."
        ) from error
    try:
        return dict(conninfo_to_dict(url))
    except ProgrammingError:
        # the driver's own message may quote a part of the password
        raise DatabaseUnusable(
            f"`[database] url` is not a valid PostgreSQL URL: {mask(url)}."
            " It reads postgresql://user:password@host:5432/name; special characters in a password are"
            " written as %XX."
        ) from None


def _defaults(given: dict[str, Any]) -> dict[str, Any]:
    """Notice a dead server within a minute; anything that the URL sets stays as it is."""
    defaults = {
        "application_name": "meritocrab",
        "connect_timeout": 10,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 60_000,  # milliseconds
    }
    return {name: value for name, value in defaults.items() if name not in given}


def mask(url: str) -> str:
    """The URL without its passwords, however oddly they are written."""
    url = re.sub(r"^([a-z+]+://[^:/@?#]*):.*@", r"\1:***@", url, flags=re.IGNORECASE | re.DOTALL)
    return re.sub(r"((?:ssl)?password=)[^&\s]*", r"\1***", url, flags=re.IGNORECASE)


def engine_for(url: str) -> Engine:
    """The engine that a database URL asks for. A SQLite path is taken as it stands, without %-decoding.

    Raises:
        DatabaseUnusable: the URL is of no known kind, or its driver is missing.
    """
    if url.startswith("sqlite:///") and ":memory:" not in url and not url.endswith("/"):
        return SqliteEngine(Path("/" + url.removeprefix("sqlite://").lstrip("/")))
    if url.startswith(("postgresql://", "postgres://")):
        return PostgresqlEngine("postgresql://" + url.partition("://")[2])
    raise DatabaseUnusable(
        f"`[database] url` is not one that meritocrab knows: {mask(url)}."
        " Use sqlite:////absolute/path/meritocrab.db or postgresql://user:password@host/name."
    )
