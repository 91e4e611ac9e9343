"""Databases that earlier versions left behind: each goes forward with every row, or stays exactly as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from meritocrab.store import ledger, migrations, models
from meritocrab.store.database import DatabaseUnusable, Store
from meritocrab.store.direct import opened
from meritocrab.store.migrations import Migration
from tests.store import released
from tests.store.everything import add_event, everything

VERSIONS = [step.version for step in migrations.MIGRATIONS]
RELEASED = json.loads(released.DIGESTS.read_text())


def _raw(url: str, version: int) -> dict[str, list[tuple[Any, ...]]]:
    with opened(url) as engine:
        return released.rows_of(engine, version)


@pytest.fixture
def old_database(make_database_url: Any) -> Callable[[int], str]:
    """A function that makes the database that a version left behind."""

    def make(version: int) -> str:
        url: str = make_database_url(migrated=False)
        released.load(url, version)
        return url

    return make


@pytest.mark.parametrize("version", VERSIONS)
def test_every_row_goes_forward(old_database: Callable[[int], str], version: int) -> None:
    url = old_database(version)
    before = _raw(url, version)
    assert [table for table, rows in before.items() if not rows] == []
    store = Store.open(url)
    assert _raw(url, version) == before
    assert store.read_now(ledger.verify).ok
    assert store.read_now(ledger.verify).rows == 6
    assert sum(len(rows) for rows in store.read_now(everything).values()) > 30  # the models can read it all
    store.close_now()


@pytest.mark.parametrize("version", VERSIONS)
def test_the_ledger_stays_append_only_and_ids_go_on(old_database: Callable[[int], str], version: int) -> None:
    store = Store.open(old_database(version))
    for change in (
        lambda: models.LedgerRow.update(applied=0).execute(),
        lambda: models.LedgerRow.delete().execute(),
    ):
        with pytest.raises(Exception, match="append-only"):
            store.write_now(change)
    assert store.write_now(lambda: add_event(None, "new").id) == 3
    store.close_now()


@pytest.mark.parametrize("version", VERSIONS[:-1])
def test_a_step_that_fails_leaves_the_old_version(
    old_database: Callable[[int], str], version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = old_database(version)
    before = _raw(url, version)
    step = migrations.MIGRATIONS[version]

    def broken(driver: str) -> list[str]:
        return [*step.statements(driver), "INSERT INTO nonsense VALUES (1)"]

    with monkeypatch.context() as patch:
        steps = (*migrations.MIGRATIONS[:version], Migration(step.version, broken))
        patch.setattr(migrations, "MIGRATIONS", steps)
        with pytest.raises(
            DatabaseUnusable, match=rf"from schema version {version} to {version + 1}: .*nonsense"
        ):
            Store.open(url)
        assert _raw(url, version) == before
        with opened(url) as engine:
            assert migrations.version_of(engine) == version
    Store.open(url).close_now()


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_an_older_program_refuses_a_newer_database(
    old_database: Callable[[int], str], version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = old_database(version)
    before = _raw(url, version)
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[: version - 1])
        with pytest.raises(
            DatabaseUnusable, match=f"schema version {version}, but .* knows only {version - 1}"
        ):
            Store.open(url)
    assert _raw(url, version) == before


def test_the_dump_of_the_newest_version_is_what_the_migrations_build(
    old_database: Callable[[int], str], make_database_url: Any
) -> None:
    newest = VERSIONS[-1]
    built = Store.open(make_database_url())
    dumped = Store.open(old_database(newest))

    def columns() -> dict[str, list[Any]]:
        return {
            table._meta.table_name: models.database.get_columns(table._meta.table_name)
            for table in models.TABLES
        }

    assert built.read_now(columns) == dumped.read_now(columns)
    built.close_now()
    dumped.close_now()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_released_step_never_changes(version: int) -> None:
    """A database that took a step cannot take it again: what is to change is changed by the next version.

    A version is released by writing its digest into `released/digests.json`, beside its dumps.
    """
    digest = released.sql_digest(migrations.MIGRATIONS[version - 1])
    assert RELEASED.get(str(version), digest) == digest
    for driver in released.DRIVERS:
        assert released.dump_of(version, driver).exists()


def test_nothing_between_released_versions_is_unreleased() -> None:
    assert [int(version) for version in RELEASED] == VERSIONS[: len(RELEASED)]
