"""Backups of a database in use, and restores that leave the old state or the new one, whatever happens."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from meritocrab.daemon.lock import DaemonLock
from meritocrab.store import backups, ledger, migrations, models
from meritocrab.store.backups import BackupRefused
from meritocrab.store.database import DatabaseUnusable, LockHeld, Store
from tests.store import dying
from tests.store.everything import NOW, REPO, add_event, everything, fill

LATER = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def filled(store: Store) -> Store:
    store.write_now(fill)
    return store


def _contents(url: str) -> dict[str, list[Any]]:
    store = Store.open(url, create=False)
    try:
        assert store.read_now(ledger.verify).problems == ()
        return store.read_now(everything)
    finally:
        store.close_now()


def _settings(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Without what is about one database only."""
    return rows | {"settings": [row for row in rows["settings"] if row[0] != "daemon_lock"]}


def _add_ledger_rows(store: Store, until: threading.Event, written: list[int]) -> None:
    while not until.is_set():
        account = 10_000 + len(written)
        store.write_now(ledger.open_contributor, REPO, account, 100, NOW, enforcement=_observe())
        written.append(account)


def _observe() -> Any:
    from meritocrab.core.names import Enforcement

    return Enforcement.OBSERVE


# ---- backups


def test_a_backup_holds_everything_and_is_private(filled: Store, database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "copy.db"
    with DaemonLock(filled):
        made = backups.make(database_url, file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert made.size == file.stat().st_size
    assert (made.rows["ledger"], made.rows["events"], made.rows["reads"]) == (6, 2, 1)
    assert _contents(f"sqlite:///{file}") == _settings(filled.read_now(everything))


def test_a_backup_of_a_database_that_is_written_to_is_one_state(
    filled: Store, database_url: str, tmp_path: Path
) -> None:
    done, written = threading.Event(), list[int]()
    writer = threading.Thread(target=_add_ledger_rows, args=(filled, done, written))
    writer.start()
    try:
        made = [backups.make(database_url, tmp_path / f"{number}.db") for number in range(3)]
    finally:
        done.set()
        writer.join()
    for number, each in enumerate(made):
        rows = _contents(f"sqlite:///{tmp_path}/{number}.db")  # its ledger adds up
        assert len(rows["contributors"]) == each.rows["contributors"]


def test_a_backup_overwrites_nothing_unless_told(filled: Store, database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "copy.db"
    file.write_text("precious")
    with pytest.raises(BackupRefused, match=r"copy\.db exists already\. .*--force"):
        backups.make(database_url, file)
    assert file.read_text() == "precious"
    backups.make(database_url, file, force=True)
    assert file.read_bytes().startswith(b"SQLite format 3")
    assert [path for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_a_ledger_that_does_not_add_up_makes_no_backup(
    filled: Store, database_url: str, tmp_path: Path
) -> None:
    filled.write_now(lambda: models.ContributorRow.update(credit=99).execute())
    with pytest.raises(Exception, match="does not add up") as caught:
        backups.make(database_url, tmp_path / "copy.db")
    assert caught.value.exit_status == 1
    assert not (tmp_path / "copy.db").exists()


def test_where_nothing_can_be_written_a_backup_says_so(
    filled: Store, database_url: str, tmp_path: Path
) -> None:
    with pytest.raises(BackupRefused, match=r"cannot write the backup .*nowhere/copy\.db: No such file"):
        backups.make(database_url, tmp_path / "nowhere" / "copy.db")


def test_an_older_database_is_backed_up_as_it_is(make_database_url: Any, tmp_path: Path) -> None:
    """Before an upgrade a backup must not be the upgrade."""
    url = make_database_url(migrated=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:1])
        Store.open(url).close_now()
    made = backups.make(url, tmp_path / "copy.db")
    assert made.version == 1
    with sqlite3.connect(tmp_path / "copy.db") as copy:
        assert copy.execute("SELECT value FROM settings WHERE name = 'schema_version'").fetchone() == ("1",)
    restored = backups.restore(f"sqlite:///{tmp_path}/new/meritocrab.db", tmp_path / "copy.db", LATER)
    assert restored.version == 1
    _contents(f"sqlite:///{tmp_path}/new/meritocrab.db")


def test_a_killed_backup_leaves_no_file_of_that_name(tmp_path: Path, sqlite_url: str) -> None:
    store = Store.open(sqlite_url)
    store.write_now(fill)
    store.close_now()
    script = (
        "from meritocrab.store import backups\n"
        "count()\nbackups.make(sys.argv[2], Path(sys.argv[3]), force=True)\n"
    )
    file = tmp_path / "copy.db"
    whole: list[int] = []
    for step in (*range(1, 60, 4), 1000):
        ended = dying.run(script, step, sqlite_url, str(file))
        if file.exists():
            _contents(f"sqlite:///{file}")
            whole.append(step)
        if ended is not None:
            break
    assert file.exists()
    assert step != 1
    assert whole[0] > 1
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


# ---- restores


@pytest.fixture
def backup(filled: Store, database_url: str, tmp_path: Path) -> Path:
    """A backup after which something more happened."""
    file = tmp_path / "backup.db"
    backups.make(database_url, file)
    filled.write_now(lambda: add_event(None, "later"))
    return file


def test_a_backup_restores_into_either_database(backup: Path, make_database_url: Any) -> None:
    for migrated in (False, True):
        url = make_database_url(migrated=migrated)
        restored = backups.restore(url, backup, LATER)
        assert restored.report.ok
        assert restored.kept is None
        assert _settings(_contents(url)) == _settings(_contents(f"sqlite:///{backup}"))


def test_ids_go_on_where_they_were(backup: Path, make_database_url: Any) -> None:
    url = make_database_url(migrated=False)
    backups.restore(url, backup, LATER)
    store = Store.open(url)

    def add() -> tuple[int, int]:
        read = models.Read.create(
            repository_id=1, number=1, kind="pull", source="poll", wanted_at=NOW, next_attempt_at=NOW
        )
        return read.id, add_event(None, "new").id

    assert store.write_now(add) == (3, 3)  # the second read was deleted, and its id is not given again
    store.close_now()


def test_an_append_only_ledger_stays_one(backup: Path, make_database_url: Any) -> None:
    url = make_database_url(migrated=False)
    backups.restore(url, backup, LATER)
    store = Store.open(url)
    with pytest.raises(Exception, match="append-only"):
        store.write_now(lambda: models.LedgerRow.update(applied=1).execute())
    store.close_now()


def test_what_is_not_empty_is_not_replaced(filled: Store, database_url: str, backup: Path) -> None:
    before = filled.read_now(everything)
    filled.close_now()
    with pytest.raises(Exception, match="is not empty") as caught:
        backups.restore(database_url, backup, LATER)
    assert caught.value.exit_status == 1
    assert _contents(database_url) == before


def test_with_force_the_former_file_is_kept(tmp_path: Path) -> None:
    url = f"sqlite://{tmp_path}/state/meritocrab.db"
    store = Store.open(url)
    store.write_now(fill)
    backups.make(url, tmp_path / "backup.db")
    store.write_now(lambda: add_event(None, "later"))
    former = store.read_now(everything)
    store.close_now()
    restored = backups.restore(url, tmp_path / "backup.db", LATER, force=True)
    assert restored.kept == tmp_path / "state" / "meritocrab.db.before-20260401T000000Z"
    assert len(_contents(url)["events"]) == 2
    assert _contents(f"sqlite:///{restored.kept}") == former
    assert (tmp_path / "state" / "meritocrab.db").stat().st_mode & 0o777 == 0o600


def test_a_running_daemon_is_not_restored_under(filled: Store, database_url: str, backup: Path) -> None:
    with (
        DaemonLock(filled),
        pytest.raises(LockHeld, match=r"in use by `meritocrab run`, process \d+.* Stop that one first"),
    ):
        backups.restore(database_url, backup, LATER, force=True)


def test_a_reader_keeps_its_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite://{tmp_path}/meritocrab.db"
    store = Store.open(url)
    store.write_now(fill)
    backups.make(url, tmp_path / "backup.db")
    monkeypatch.setattr(backups, "SQLITE_WAIT_SECONDS", 0.01)
    with pytest.raises(Exception, match="another program reads the database") as caught:
        backups.restore(url, tmp_path / "backup.db", LATER, force=True)
    assert caught.value.exit_status == 75
    store.write_now(lambda: add_event(None, "later"))
    store.close_now()


def _cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def _scribble(file: Path) -> None:
    with file.open("r+b") as raw:
        raw.seek(4096 * 3)
        raw.write(b"\xff" * 8192)


def _replace(file: Path) -> None:
    file.write_text("no database at all, but some text that is longer than a header of SQLite would be" * 9)


def _from_the_future(file: Path) -> None:
    with sqlite3.connect(file) as database:
        database.execute("UPDATE settings SET value = '99' WHERE name = 'schema_version'")


def _spoil(file: Path) -> None:
    with sqlite3.connect(file) as database:
        database.execute("UPDATE contributors SET credit = 99")


@pytest.mark.parametrize(
    ("harm", "kind", "words"),
    [
        (_cut, BackupRefused, "damaged|cannot be read"),
        (_scribble, BackupRefused, "damaged|cannot be read"),
        (_replace, BackupRefused, "not a database"),
        (_from_the_future, DatabaseUnusable, "schema version 99"),
        (_spoil, BackupRefused, "does not add up"),
        (Path.unlink, BackupRefused, "there is no backup"),
    ],
)
def test_a_bad_backup_is_refused_in_words(
    backup: Path, make_database_url: Any, harm: Callable[[Path], None], kind: type[Exception], words: str
) -> None:
    harm(backup)
    url = make_database_url()
    with pytest.raises(kind, match=words):
        backups.restore(url, backup, LATER)
    assert _contents(url)["events"] == []


def test_a_damaged_database_can_be_replaced_and_is_kept(tmp_path: Path) -> None:
    url = f"sqlite://{tmp_path}/meritocrab.db"
    store = Store.open(url)
    store.write_now(fill)
    backups.make(url, tmp_path / "backup.db")
    store.close_now()
    _replace(tmp_path / "meritocrab.db")
    damaged = (tmp_path / "meritocrab.db").read_bytes()
    restored = backups.restore(url, tmp_path / "backup.db", LATER, force=True)
    assert restored.kept is not None
    assert restored.kept.read_bytes() == damaged
    assert len(_contents(url)["events"]) == 2


RESTORE = """
from datetime import datetime, UTC
from meritocrab.store import backups
count()
now = datetime(2026, 4, int(sys.argv[4]), tzinfo=UTC)
backups.restore(sys.argv[2], Path(sys.argv[3]), now, force=sys.argv[2].startswith("sqlite"))
"""


@pytest.mark.crash
def test_a_restore_that_is_killed_leaves_the_old_state_or_the_new(
    backup: Path, make_database_url: Any
) -> None:
    """Every few steps, until one goes through: the old database, or the restored one, never anything else."""
    url = make_database_url()
    store = Store.open(url)
    if store.driver == "sqlite":
        store.write_now(fill)
        store.write_now(lambda: add_event(None, "old"))
    old = store.read_now(everything)
    store.close_now()
    new = _contents(f"sqlite:///{backup}")
    assert old != new
    survived: list[bool] = []
    for day, step in enumerate(
        (1, 3, 9, 20, 35, 50, 65, 80, 95, 110, 125, 150, 180, 220, 260, 2000), start=1
    ):
        ended = dying.run(RESTORE, step, url, str(backup), str(day))
        found = _settings(_contents(url))
        assert found in (_settings(old), _settings(new)), step
        survived.append(found == _settings(old))
        if ended is not None or not survived[-1]:
            break
    assert survived[0]
    assert not survived[-1]
    assert len(survived) > 4
