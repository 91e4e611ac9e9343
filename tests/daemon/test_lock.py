"""One daemon per database: whoever comes second is told who was first, and a dead holder is no holder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meritocrab.daemon.lock import DaemonLock
from meritocrab.store import models
from meritocrab.store.database import LockHeld, LockLost, Store

ROOT = Path(__file__).parents[2]

HOLD = """
import sys
from meritocrab.daemon.lock import DaemonLock
from meritocrab.store.database import Store
lock = DaemonLock(Store.open(sys.argv[1]))
lock.acquire("sync")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other_process(database_url: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock of the database."""
    Store.open(database_url).close_now()
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, database_url],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    yield child
    child.kill()
    child.communicate()


def test_the_second_process_is_told_who_was_first(
    other_process: subprocess.Popen[str], database_url: str
) -> None:
    store = Store.open(database_url)
    words = (
        rf"in use by `meritocrab sync`, process {other_process.pid} of user .+ on .+, since 20.*stop that one"
    )
    with pytest.raises(LockHeld, match=words) as caught:
        DaemonLock(store).acquire("run")
    assert caught.value.exit_status == 75
    assert not DaemonLock(store).try_acquire()
    store.close_now()


def test_a_killed_holder_lets_go_at_once(other_process: subprocess.Popen[str], database_url: str) -> None:
    store = Store.open(database_url)
    other_process.kill()
    other_process.wait()
    if store.driver == "postgresql":  # the server notices the closed socket a moment later
        _wait_until_free(store)
    with DaemonLock(store) as lock:
        assert lock.held
        assert f"process {os.getpid()} " in lock.holder()
    store.close_now()


def _wait_until_free(store: Store) -> None:
    import time

    lock = DaemonLock(store)
    deadline = time.monotonic() + 5
    while not lock.try_acquire():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    lock.release()


def test_release_and_take_again(store: Store, database_url: str) -> None:
    neighbour = Store.open(database_url)
    first, second = DaemonLock(store), DaemonLock(neighbour, "sync")
    first.acquire()
    assert not second.try_acquire()
    first.release()
    first.release()
    assert not first.held
    second.acquire()
    with pytest.raises(LockHeld, match="`meritocrab sync`"):
        first.acquire()
    neighbour.close_now()  # closing lets go
    first.acquire()
    first.release()


def test_one_process_holds_it_once(store: Store) -> None:
    with DaemonLock(store), pytest.raises(LockHeld):
        DaemonLock(store).acquire()


def test_the_lock_does_not_hinder_other_writers(store: Store, database_url: str) -> None:
    """`sync` fills the inbox beside a running daemon."""
    neighbour = Store.open(database_url)
    with DaemonLock(store):
        neighbour.write_now(lambda: models.Setting.insert(name="colour", value="red").execute())
    neighbour.close_now()


def test_a_lock_file_that_was_deleted_and_made_anew_counts(sqlite_store: Store, sqlite_url: str) -> None:
    path = Path(sqlite_url.removeprefix("sqlite://") + ".lock")
    with DaemonLock(sqlite_store):
        assert path.stat().st_mode & 0o777 == 0o600
    path.unlink()
    with DaemonLock(sqlite_store):
        assert path.exists()


def test_the_lock_can_be_let_go_when_the_database_is_gone(sqlite_store: Store, sqlite_url: str) -> None:
    path = Path(sqlite_url.removeprefix("sqlite://"))
    lock = DaemonLock(sqlite_store)
    lock.acquire()
    path.rename(path.with_suffix(".moved"))
    lock.release()
    path.with_suffix(".moved").rename(path)
    assert lock.try_acquire()
    sqlite_store.close_now()
    lock.release()


# ---- PostgreSQL: the lock lives and dies with the writer's connection ----


def _cut(store: Store, server: Any) -> None:
    backend = store.write_now(lambda: models.database.execute_sql("SELECT pg_backend_pid()").fetchone()[0])
    server.run("SELECT pg_terminate_backend(%s, 10000)", backend)


def _put() -> None:
    models.Setting.insert(name="colour", value="red").execute()


@pytest.mark.postgres
def test_after_a_cut_the_lock_is_held_before_anything_is_written(
    postgres_url: str, postgres_server: Any
) -> None:
    store, neighbour = Store.open(postgres_url), Store.open(postgres_url)
    with DaemonLock(store):
        _cut(store, postgres_server)
        store.write_now(_put)
        assert not DaemonLock(neighbour).try_acquire()
    neighbour.close_now()
    store.close_now()


@pytest.mark.postgres
async def test_nothing_is_written_while_another_daemon_has_taken_over(
    postgres_url: str, postgres_server: Any
) -> None:
    store, neighbour = Store.open(postgres_url), Store.open(postgres_url)
    lock, other = DaemonLock(store), DaemonLock(neighbour)
    lock.acquire()
    _cut(store, postgres_server)
    other.acquire("run")
    for _ in range(2):
        with pytest.raises(LockLost, match=r"process \d+ .* works on it now"):
            await store.write(_put)
    with pytest.raises(LockLost):
        await store.ping()
    assert (
        await store.read(lambda: models.Setting.select().where(models.Setting.name == "colour").count()) == 0
    )
    other.release()
    await store.write(_put)
    assert not other.try_acquire()
    lock.release()
    await neighbour.close()
    await store.close()


@pytest.mark.postgres
def test_a_lock_that_was_lost_can_be_let_go(postgres_url: str, postgres_server: Any) -> None:
    store, neighbour = Store.open(postgres_url), Store.open(postgres_url)
    lock, other = DaemonLock(store), DaemonLock(neighbour)
    lock.acquire()
    _cut(store, postgres_server)
    other.acquire()
    lock.release()
    store.write_now(_put)
    neighbour.close_now()
    store.close_now()
