"""Databases as released versions left them, as SQL, and how they are written down and loaded.

`vNNNN.sqlite.sql` and `vNNNN.postgresql.sql` hold the schema and rows of invented people in every table; they are never
changed once their version is released. `python -m tests.store.released` writes those that are not there yet.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

from meritocrab.store import migrations
from meritocrab.store.database import Store
from meritocrab.store.direct import opened, transaction
from meritocrab.store.engines import Engine
from meritocrab.store.transfer import pages
from tests.store.everything import fill

FOLDER = Path(__file__).parent
DIGESTS = FOLDER / "digests.json"
BETWEEN = "\n--\n"
"""What stands between two statements: bodies of triggers hold semicolons."""

DRIVERS = ("sqlite", "postgresql")


def dump_of(version: int, driver: str) -> Path:
    """The file of a version for one kind of database."""
    return FOLDER / f"v{version:04}.{driver}.sql"


def load(url: str, version: int) -> None:
    """Make the empty database at `url` what that version left behind."""
    with opened(url, writer=True, create=True) as engine, transaction(engine, writer=True):
        for statement in dump_of(version, engine.driver).read_text().split(BETWEEN):
            engine.sql(statement.strip())


def rows_of(engine: Engine, version: int) -> dict[str, list[tuple[Any, ...]]]:
    """All rows, with the tables and columns of that version, the same on both kinds of database."""
    return {
        table: [
            tuple(int(value) if isinstance(value, bool) else value for value in row)
            for page in pages(engine, table, columns)
            for row in page
        ]
        for table, columns in migrations.layout(version).items()
    }


def sql_digest(step: migrations.Migration) -> str:
    """A digest of the SQL that this step runs on either database."""
    statements = {driver: step.statements(driver) for driver in DRIVERS}
    return hashlib.sha256(json.dumps(statements).encode()).hexdigest()


def _write(version: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite://{folder}/newest.db"
        store = Store.open(url)
        store.write_now(fill)
        store.close_now()
        with opened(url) as engine:
            rows = rows_of(engine, version)
            last = {table: engine.last_id(table) for table in rows}
    for driver in DRIVERS:
        if not dump_of(version, driver).exists():
            statements = [*_schema(version, driver), *_inserts(version, driver, rows), *_ids(driver, last)]
            dump_of(version, driver).write_text(BETWEEN.join(statements) + "\n")


def _schema(version: int, driver: str) -> list[str]:
    return [sql for step in migrations.MIGRATIONS[:version] for sql in step.statements(driver)]


def _inserts(version: int, driver: str, rows: dict[str, list[tuple[Any, ...]]]) -> list[str]:
    flags = _flag_columns()
    statements = [f"INSERT INTO settings VALUES ('schema_version', '{version}')"]
    for table, columns in migrations.layout(version).items():
        names = ", ".join(columns.names)
        for row in rows[table]:
            values = (
                _literal(bool(value) if driver == "postgresql" and (table, name) in flags else value)
                for name, value in zip(columns.names, row, strict=True)
            )
            statements.append(f"INSERT INTO {table} ({names}) VALUES ({', '.join(values)})")
    return statements


def _flag_columns() -> set[tuple[str, str]]:
    from peewee import BooleanField

    from meritocrab.store.models import TABLES

    return {
        (table._meta.table_name, field.column_name)
        for table in TABLES
        for field in table._meta.sorted_fields
        if isinstance(field, BooleanField)
    }


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).upper()
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)


def _ids(driver: str, last: dict[str, int | None]) -> list[str]:
    found = {table: number for table, number in last.items() if number is not None}
    if driver == "sqlite":
        return [
            f"UPDATE sqlite_sequence SET seq = {number} WHERE name = '{table}'"
            for table, number in found.items()
        ]
    return [
        f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {number})" for table, number in found.items()
    ]


def main() -> None:
    """Write what is missing."""
    for step in migrations.MIGRATIONS:
        _write(step.version)
