"""From one database to the other and back: every row, id and sequence, proven on both sides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from meritocrab.daemon.lock import DaemonLock
from meritocrab.store import ledger, migrations, models, moving, transfer
from meritocrab.store.database import LockHeld, Store
from meritocrab.store.moving import MoveRefused
from meritocrab.store.transfer import CopyFailed
from tests.store import dying
from tests.store.everything import NOW, add_event, everything, fill


@pytest.fixture(
    params=[
        ("sqlite", "sqlite"),
        pytest.param(("sqlite", "postgresql"), marks=pytest.mark.postgres),
        pytest.param(("postgresql", "sqlite"), marks=pytest.mark.postgres),
        pytest.param(("postgresql", "postgresql"), marks=pytest.mark.postgres),
    ]
)
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A filled database and an empty one without any table, of every pair of kinds."""
    made: list[str] = []

    def make(kind: str, name: str) -> str:
        if kind == "sqlite":
            return f"sqlite://{tmp_path}/{name}/meritocrab.db"
        made.append(request.getfixturevalue("postgres_server").create(migrated=False))
        return made[-1]

    source, target = make(request.param[0], "from"), make(request.param[1], "to")
    store = Store.open(source)
    store.write_now(fill)
    store.close_now()
    yield source, target
    for url in made:
        request.getfixturevalue("postgres_server").drop(url)


def _contents(url: str) -> dict[str, list[Any]]:
    store = Store.open(url)
    try:
        assert store.read_now(ledger.verify).ok
        return store.read_now(everything)
    finally:
        store.close_now()


def _in(url: str, change: Callable[[], Any]) -> Any:
    store = Store.open(url)
    try:
        return store.write_now(change)
    finally:
        store.close_now()


def test_everything_arrives_and_the_source_stays(urls: tuple[str, str]) -> None:
    source, target = urls
    before = _contents(source)
    copied = moving.move(source, target)
    assert (copied.rows["ledger"], copied.rows["events"]) == (6, 2)
    assert len(copied.ledger) == len(copied.balances) == 64
    assert _contents(target) == before
    assert _contents(source) == before


def test_ids_and_triggers_go_with_it(urls: tuple[str, str]) -> None:
    _, target = urls
    moving.move(*urls)

    def add() -> tuple[int, int]:
        read = models.Read.create(
            repository_id=1, number=1, kind="pull", source="poll", wanted_at=NOW, next_attempt_at=NOW
        )
        return read.id, add_event(None, "new").id

    assert _in(target, add) == (3, 3)
    with pytest.raises(Exception, match="append-only"):
        _in(target, lambda: models.LedgerRow.delete().execute())


def test_many_pages(urls: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "PAGE", 2)
    source, target = urls
    _in(source, lambda: [add_event(None, f"more/{number}") for number in range(7)])
    assert moving.move(source, target).rows["events"] == 9
    assert _contents(target) == _contents(source)


def test_a_target_with_records_is_refused(urls: tuple[str, str]) -> None:
    source, target = urls
    moving.move(source, target)
    with pytest.raises(CopyFailed, match="is not empty"):
        moving.move(source, target)
    assert _contents(target) == _contents(source)


def test_a_prepared_but_empty_target_will_do(urls: tuple[str, str]) -> None:
    source, target = urls
    Store.open(target).close_now()
    moving.move(source, target)
    assert _contents(target) == _contents(source)


@pytest.mark.parametrize("which", [0, 1])
def test_nothing_moves_under_a_running_daemon(urls: tuple[str, str], which: int) -> None:
    running = Store.open(urls[which])
    with DaemonLock(running), pytest.raises(LockHeld, match=r"in use by `meritocrab run`, process"):
        moving.move(*urls)
    running.close_now()


def test_an_older_source_keeps_its_version(
    make_database_url: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = make_database_url(migrated=False), f"sqlite://{tmp_path}/to.db"
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:2])
        Store.open(source).close_now()
    moving.move(source, target)
    _contents(target)  # opening brings it forward
    newer = make_database_url()
    Store.open(newer).close_now()
    with pytest.raises(CopyFailed, match=r"has schema version 2, but .* has 3\. Run `meritocrab verify`"):
        moving.move(source, newer)


def test_a_ledger_that_does_not_add_up_is_not_moved(urls: tuple[str, str]) -> None:
    source, target = urls
    _in(source, lambda: models.ContributorRow.update(credit=99).execute())
    with pytest.raises(CopyFailed, match="does not add up"):
        moving.move(source, target)
    assert _contents(target)["events"] == []


@pytest.mark.parametrize(
    ("sent", "arrived", "words"),
    [
        ("00ff", "00fe", "the table settings arrived in .* differently than it was read"),
        (15, 14, "does not take a row of the table ledger: "),
    ],
)
def test_what_arrives_differently_is_noticed(
    urls: tuple[str, str], monkeypatch: pytest.MonkeyPatch, sent: Any, arrived: Any, words: str
) -> None:
    source, target = urls
    fit = transfer._fit

    def spoil(row: tuple[Any, ...], flags: tuple[bool, ...]) -> tuple[Any, ...]:
        return tuple(arrived if value == sent else value for value in fit(row, flags))

    monkeypatch.setattr(transfer, "_fit", spoil)
    with pytest.raises(CopyFailed, match=words):
        moving.move(source, target)
    assert _contents(target)["events"] == []


def test_a_database_is_not_moved_onto_itself(sqlite_url: str) -> None:
    Store.open(sqlite_url).close_now()
    with pytest.raises(MoveRefused, match="is the present database already"):
        moving.move(sqlite_url, sqlite_url)


MOVE = """
from meritocrab.store import moving
count()
moving.move(sys.argv[2], sys.argv[3])
"""


@pytest.mark.crash
def test_a_move_that_is_killed_can_be_done_again(urls: tuple[str, str]) -> None:
    source, target = urls
    before = _contents(source)
    killed = 0
    for step in (1, 10, 30, 60, 90, 120, 150, 200, 1000):
        ended = dying.run(MOVE, step, source, target)
        assert _contents(source) == before
        found = _contents(target)
        if found == before:
            break
        assert ended is None
        assert not any(rows for table, rows in found.items() if table != "settings"), step
        killed += 1
    assert found == before
    assert killed >= 4
