"""The schema: what the migrations build is what the models say, and versions are never mixed up."""

from __future__ import annotations

from typing import Any

import pytest

from meritocrab.daemon.lock import DaemonLock
from meritocrab.store import migrations, models
from meritocrab.store.database import DatabaseUnusable, LockHeld, Store
from meritocrab.store.migrations import Migration


def _schema() -> dict[str, Any]:
    """What the connected database looks like, apart from names of indexes and defaults."""
    database = models.database
    return {
        table: {
            "columns": {c.name: (c.data_type, c.null, c.primary_key) for c in database.get_columns(table)},
            "order": [c.name for c in database.get_columns(table)],
            "key": database.get_primary_keys(table),
            "indexes": sorted(
                (tuple(index.columns), index.unique)
                for index in database.get_indexes(table)
                if not index.name.startswith("sqlite_autoindex") and not index.name.endswith("_pkey")
            ),
        }
        for table in database.get_tables()
        if not table.startswith("sqlite_")
    }


def _create_from_models() -> None:
    for table in models.TABLES:
        models.database.execute_sql(f"DROP TABLE {table._meta.table_name}")
    models.database.create_tables(models.TABLES, safe=False)


def test_models_and_migrations_agree(make_database_url: Any) -> None:
    """Two databases, one built by the migrations and one by the models, look the same."""
    migrated, modelled = Store.open(make_database_url()), Store.open(make_database_url())
    modelled.write_now(_create_from_models)
    assert migrated.read_now(_schema) == modelled.read_now(_schema)
    migrated.close_now()
    modelled.close_now()


def test_an_empty_database_gets_the_newest_schema(make_database_url: Any) -> None:
    opened = Store.open(make_database_url(migrated=False))
    version = opened.read_now(lambda: models.Setting.get_by_id("schema_version").value)
    assert version == str(migrations.MIGRATIONS[-1].version)
    opened.close_now()


NEXT = migrations.MIGRATIONS[-1].version + 1


def _next(*statements: str) -> tuple[Migration, ...]:
    return (*migrations.MIGRATIONS, Migration(NEXT, lambda driver: list(statements)))


ADD_COLUMN = "ALTER TABLE repositories ADD COLUMN motto TEXT"


def _version() -> str:
    return str(models.Setting.get_by_id("schema_version").value)


def _repository_columns() -> list[str]:
    return [column.name for column in models.database.get_columns("repositories")]


def test_an_old_database_goes_forward(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Store.open(database_url).close_now()
    monkeypatch.setattr(migrations, "MIGRATIONS", _next(ADD_COLUMN))
    store = Store.open(database_url)
    assert store.read_now(_version) == str(NEXT)
    assert "motto" in store.read_now(_repository_columns)
    store.close_now()
    Store.open(database_url).close_now()


def test_a_migration_that_fails_changes_nothing(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Store.open(database_url).close_now()
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", _next(ADD_COLUMN, "DROP TABLE nonsense"))
        with pytest.raises(
            DatabaseUnusable,
            match=rf"from schema version {NEXT - 1} to {NEXT}: .*nonsense.*Nothing was changed",
        ):
            Store.open(database_url)
    store = Store.open(database_url)
    assert store.read_now(_version) == str(NEXT - 1)
    assert "motto" not in store.read_now(_repository_columns)
    store.close_now()


def test_a_newer_database_is_refused_in_words(database_url: str) -> None:
    store = Store.open(database_url)
    store.write_now(lambda: models.Setting.update(value="99").execute())
    store.close_now()
    with pytest.raises(
        DatabaseUnusable, match=rf"schema version 99, but meritocrab .* knows only {NEXT - 1}"
    ) as caught:
        Store.open(database_url)
    assert caught.value.exit_status == 78


def test_nothing_is_migrated_under_a_running_daemon(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = Store.open(database_url)
    with DaemonLock(running), monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", _next(ADD_COLUMN))
        with pytest.raises(LockHeld, match=r"older meritocrab uses it: `meritocrab run`, process \d+"):
            Store.open(database_url)
    assert running.read_now(_version) == str(NEXT - 1)
    running.close_now()


def test_a_strangers_database_is_left_alone(make_database_url: Any) -> None:
    url = make_database_url()
    store = Store.open(url)
    store.write_now(lambda: models.database.execute_sql("DROP TABLE settings"))
    store.close_now()
    with pytest.raises(DatabaseUnusable, match=r"from schema version 0 to 1: .*already exists"):
        Store.open(url)
