"""The way in to the database: whole transactions or nothing, whatever happens to the caller."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from meritocrab.store import models
from meritocrab.store.database import (
    DatabaseMissing,
    DatabaseUnavailable,
    DatabaseUnusable,
    Store,
    StoreError,
)
from meritocrab.store.engines import mask
from meritocrab.store.models import Setting

ROOT = Path(__file__).parents[2]


def _put(name: str, value: str = "x") -> str:
    Setting.insert(name=name, value=value).execute()
    return name


def _get(name: str) -> str | None:
    row = Setting.get_or_none(Setting.name == name)
    return None if row is None else str(row.value)


def _put_and_fail(name: str) -> None:
    _put(name)
    raise ValueError("after the write")


async def test_a_write_is_seen_by_the_next_read(store: Store) -> None:
    assert await store.write(_put, "colour", value="red") == "colour"
    assert await store.read(_get, "colour") == "red"


async def test_an_exception_rolls_back_and_reaches_the_caller(store: Store) -> None:
    with pytest.raises(ValueError, match="after the write"):
        await store.write(_put_and_fail, "colour")
    assert await store.read(_get, "colour") is None
    await store.write(_put, "colour")


def test_the_twins_without_a_loop_work_from_any_thread(store: Store) -> None:
    threads = [threading.Thread(target=store.write_now, args=(_put, f"n{i}")) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [store.read_now(_get, f"n{i}") for i in range(8)] == ["x"] * 8


async def test_a_read_cannot_write(store: Store) -> None:
    with pytest.raises(Exception, match=r"read-?only"):
        await store.read(_put, "colour")
    assert await store.read(_get, "colour") is None


async def test_a_read_sees_one_snapshot(store: Store) -> None:
    began, written = threading.Event(), threading.Event()

    def look_twice() -> tuple[str | None, str | None]:
        first = _get("colour")
        began.set()
        written.wait(5)
        return first, _get("colour")

    reading = asyncio.ensure_future(store.read(look_twice))
    await asyncio.to_thread(began.wait, 5)
    await store.write(_put, "colour")
    written.set()
    assert await reading == (None, None)


async def test_a_nested_atomic_block_is_a_savepoint(store: Store) -> None:
    def outer() -> None:
        _put("kept")
        try:
            with models.database.atomic():
                _put("undone")
                raise KeyError
        except KeyError:
            pass

    await store.write(outer)
    assert await store.read(_get, "kept") == "x"
    assert await store.read(_get, "undone") is None


async def test_inserting_again_gives_no_id_on_either_database(store: Store) -> None:
    def insert() -> Any:
        values = {"id": 7, "login": "a", "login_key": "a", "type": "User", "seen_at": 0}
        return models.AccountRow.insert(**values).on_conflict_ignore().execute()

    assert await store.write(insert) == 7
    assert await store.write(insert) is None


async def test_a_transaction_cannot_wait_for_another(store: Store) -> None:
    with pytest.raises(RuntimeError, match="call the function directly"):
        await store.write(lambda: store.read_now(_get, "colour"))


def test_a_query_outside_of_a_transaction_fails(store: Store) -> None:
    with pytest.raises(AttributeError):
        _get("colour")


async def test_a_caller_that_is_cancelled_leaves_a_whole_transaction(store: Store) -> None:
    """It is told only when the transaction that had begun is settled."""
    began, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        _put("first")
        began.set()
        go_on.wait(5)
        _put("second")

    task = asyncio.create_task(store.write(slow))
    await asyncio.to_thread(began.wait, 5)
    task.cancel()
    await asyncio.sleep(0.02)
    assert not task.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [await store.read(_get, name) for name in ("first", "second")] == ["x", "x"]


async def test_a_caller_that_is_cancelled_in_the_queue_changes_nothing(store: Store) -> None:
    go_on = threading.Event()
    first = asyncio.create_task(store.write(go_on.wait, 5))
    second = asyncio.create_task(store.write(_put, "never"))
    await asyncio.sleep(0.01)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    go_on.set()
    await first
    assert await store.read(_get, "never") is None


async def test_a_swallowed_database_error_never_passes_for_a_commit(store: Store) -> None:
    """PostgreSQL rolls such a transaction back without an error; the caller must hear of it."""

    def swallow() -> None:
        _put("before")
        try:
            _put("before")
        except Exception:  # noqa: BLE001
            return

    try:
        await store.write(swallow)
    except StoreError:
        assert store.driver == "postgresql"
        assert await store.read(_get, "before") is None
    else:
        assert await store.read(_get, "before") == "x"


async def test_ping_answers_and_a_closed_store_says_so(store: Store) -> None:
    await store.ping()
    await store.close()
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.write(_put, "colour")


async def test_two_stores_of_one_process_stay_apart(store: Store, make_database_url: Any) -> None:
    other = Store.open(make_database_url())
    await store.write(_put, "colour", "red")
    await other.write(_put, "colour", "blue")
    assert (await store.read(_get, "colour"), await other.read(_get, "colour")) == ("red", "blue")
    await other.close()


def test_reopening_keeps_what_was_written(store: Store, database_url: str) -> None:
    store.write_now(_put, "colour")
    store.close_now()
    again = Store.open(database_url, create=False)
    assert again.read_now(_get, "colour") == "x"
    again.close_now()


def _python(code: str, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, **options)


WRITE_100 = """
import sys
from meritocrab.store.database import Store
from meritocrab.store.models import Setting
store = Store.open(sys.argv[1])
for i in range(100):
    store.write_now(lambda: Setting.insert(name=f"{sys.argv[2]}{i}", value="").execute())
store.close_now()
"""


def test_processes_open_and_write_one_new_database_together(make_database_url: Any) -> None:
    """Migrations and writes of several processes at once: all arrive, none fails."""
    url = make_database_url(migrated=False)
    children = [_python(WRITE_100, url, letter) for letter in "abc"]
    assert [child.wait(60) for child in children] == [0, 0, 0]
    store = Store.open(url)
    assert store.read_now(lambda: Setting.select().where(Setting.name ** "_%").count()) == 300 + 1
    store.close_now()


KILLED_AT_COMMIT = """
import os, signal, sys
from meritocrab.store.database import Store
from meritocrab.store.models import Setting
store, commit = Store.open(sys.argv[1]), Store._commit

def die(self):
    if sys.argv[2] == "after":
        commit(self)
    os.kill(os.getpid(), signal.SIGKILL)

Store._commit = die
store.write_now(lambda: [Setting.insert(name=name, value="x").execute() for name in "ab"])
"""


@pytest.mark.parametrize(("moment", "kept"), [("before", None), ("after", "x")])
def test_a_process_killed_at_the_commit_wrote_all_or_nothing(
    database_url: str, moment: str, kept: str | None
) -> None:
    child = _python(KILLED_AT_COMMIT, database_url, moment)
    assert child.wait(60) == -9
    store = Store.open(database_url)
    assert [store.read_now(_get, name) for name in "ab"] == [kept, kept]
    store.close_now()


# ---- SQLite ----


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        store = Store.open(f"sqlite://{tmp_path}/new/meritocrab.db")
    finally:
        os.umask(old)
    store.write_now(_put, "colour")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").iterdir()}
    assert modes["meritocrab.db"] == modes["meritocrab.db-wal"] == 0o600
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    store.close_now()


def test_commits_survive_a_power_cut(sqlite_store: Store) -> None:
    """FULL: the write-ahead log is synchronised at each commit."""
    pragma = models.database
    assert sqlite_store.write_now(lambda: (pragma.synchronous, pragma.journal_mode)) == (2, "wal")


def test_a_missing_file_is_not_made_for_a_reader(sqlite_url: str, tmp_path: Path) -> None:
    with pytest.raises(DatabaseMissing, match=r"there is no database at .*meritocrab\.db"):
        Store.open(sqlite_url, create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("dear diary, " * 1000)
    with pytest.raises(DatabaseUnavailable, match="is not a SQLite database"):
        Store.open(f"sqlite://{path}")


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseUnavailable, match="cannot open the database"):
        Store.open(f"sqlite://{tmp_path}/file/meritocrab.db")


def test_a_database_locked_by_another_program(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    import sqlite3

    path = sqlite_store.location.removeprefix("sqlite:///")
    sqlite_store.write_now(lambda: models.database.execute_sql("PRAGMA busy_timeout = 10"))
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseUnavailable, match="is locked by another program"):
        sqlite_store.write_now(_put, "colour")
    assert sqlite_store.read_now(_get, "colour") is None
    blocker.execute("ROLLBACK")
    blocker.close()
    sqlite_store.write_now(_put, "colour")
    assert sqlite_store.read_now(_get, "colour") == "x"


def test_a_full_disk(sqlite_store: Store) -> None:
    def fill() -> None:
        models.database.execute_sql(f"PRAGMA max_page_count = {models.database.pragma('page_count')}")
        for i in range(1000):
            _put(f"page{i}", "x" * 4000)

    with pytest.raises(DatabaseUnavailable, match="the disk is full"):
        sqlite_store.write_now(fill)
    assert sqlite_store.read_now(_get, "page0") is None
    sqlite_store.write_now(_put, "page0")  # a new connection, without the limit


async def test_a_file_that_is_deleted_while_open_is_noticed(sqlite_store: Store) -> None:
    """SQLite itself would go on writing into nothing."""
    path = Path(sqlite_store.location.removeprefix("sqlite:///"))
    path.rename(path.with_suffix(".moved"))
    for attempt in (
        sqlite_store.write(_put, "colour"),
        sqlite_store.read(_get, "colour"),
        sqlite_store.ping(),
    ):
        with pytest.raises(DatabaseUnavailable, match="moved, deleted or replaced"):
            await attempt
    assert not path.exists()
    path.with_suffix(".moved").rename(path)
    await sqlite_store.write(_put, "colour")


# ---- URLs ----


@pytest.mark.parametrize(
    "url",
    ["", "meritocrab.db", "sqlite://meritocrab.db", "sqlite:///:memory:", "mysql://root:secret@host/db"],
)
def test_a_url_of_no_known_kind(url: str) -> None:
    with pytest.raises(DatabaseUnusable, match=r"Use sqlite:////absolute/path") as caught:
        Store.open(url)
    assert "secret" not in str(caught.value)
    assert caught.value.exit_status == 78


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DatabaseUnusable, match=r"meritocrab\[postgres\]"):
        Store.open("postgresql://user:secret@host/name")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:s3cret@host:5432/name",
        "postgresql://user:s3c#r@et@host/name",
        "postgresql://user:s3c/ret?@host/name?sslmode=require",
        "postgresql://host/name?user=me&password=s3cret&sslpassword=s3cret",
        "postgresql://:s3cret@/name?host=/run/postgresql",
    ],
)
def test_passwords_are_masked_however_they_are_written(url: str) -> None:
    assert "s3c" not in mask(url)
    assert "et" not in mask(url).replace("require", "").replace("postgresql", "")


def test_an_invalid_postgresql_url_does_not_show_its_password() -> None:
    with pytest.raises(DatabaseUnusable, match="not a valid PostgreSQL URL") as caught:
        Store.open("postgresql://user:50%zz@host/name")
    assert "50%" not in str(caught.value)


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(DatabaseUnavailable, match="cannot be used at the moment") as caught:
        Store.open("postgresql://user:s3cret@127.0.0.1:1/name?connect_timeout=2")
    assert "s3cret" not in str(caught.value)
    assert "***" in str(caught.value)


# ---- PostgreSQL ----


def _backend() -> int:
    return int(models.database.execute_sql("SELECT pg_backend_pid()").fetchone()[0])


@pytest.mark.postgres
async def test_a_connection_cut_inside_a_transaction(postgres_url: str, postgres_server: Any) -> None:
    store = Store.open(postgres_url)

    def cut_in_the_middle() -> None:
        _put("before")
        postgres_server.run("SELECT pg_terminate_backend(%s, 10000)", _backend())
        _put("after")

    with pytest.raises(DatabaseUnavailable, match="cannot be used at the moment"):
        await store.write(cut_in_the_middle)
    assert await store.read(_get, "before") is None
    await store.write(_put, "before")
    await store.close()


@pytest.mark.postgres
async def test_an_idle_connection_that_was_cut_costs_nothing(postgres_url: str, postgres_server: Any) -> None:
    store = Store.open(postgres_url)
    for use in (store.write, store.read):
        postgres_server.run("SELECT pg_terminate_backend(%s, 10000)", await use(_backend))
        await use(_get, "colour")
    postgres_server.run("SELECT pg_terminate_backend(%s, 10000)", await store.write(_backend))
    await store.close()


@pytest.mark.postgres
async def test_a_deadlock_keeps_the_connection(postgres_url: str) -> None:
    """An error that leaves the connection sound must not cost the lock that lives on it."""
    store = Store.open(postgres_url)
    backend = await store.write(_backend)

    def fail() -> None:
        models.database.execute_sql("SET LOCAL statement_timeout = 1")
        models.database.execute_sql("SELECT pg_sleep(1)")

    with pytest.raises(DatabaseUnavailable):
        await store.write(fail)
    assert await store.write(_backend) == backend
    await store.close()


@pytest.mark.postgres
def test_confirmed_commits_are_durable_whatever_the_server_defaults_to(
    postgres_url: str, postgres_server: Any
) -> None:
    name = postgres_url.partition("?")[0].rpartition("/")[2]
    postgres_server.run(f"ALTER DATABASE {name} SET synchronous_commit = off")
    store = Store.open(postgres_url)
    shown = store.write_now(lambda: models.database.execute_sql("SHOW synchronous_commit").fetchone()[0])
    assert shown == "on"
    store.close_now()
