"""The statements of the handling path: one row by its key, one row in, some columns of one row changed.

Peewee builds the SQL of a query anew each time, which takes many times as long as SQLite takes to run it, and
handling one event asks some twenty such questions. These are built once per shape and kept. Everything with
joins, ranges or order stays with Peewee. The functions run inside a transaction of the store, as Peewee's do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar

from peewee import AutoField, BooleanField

from meritocrab.store.models import InstantField, Table, database

T = TypeVar("T", bound=Table)

Converter = Callable[[Any], Any]


def find_one(table: type[T], *, for_update: bool = False, **key: object) -> T | None:
    """The row whose columns equal `key`, or None; a key with None in it names no row.

    `for_update` keeps it from other writers until the transaction ends (PostgreSQL only).
    """
    if None in key.values():
        return None
    statement = _select(table, tuple(key), for_update, database.param)
    found = _run(statement, _values(table, key)).fetchall()
    return _to_row(table, found[0]) if found else None


def find_all(table: type[T], **key: object) -> list[T]:
    """All rows whose columns equal `key`, in no order."""
    statement = _select(table, tuple(key), False, database.param)
    return [_to_row(table, values) for values in _run(statement, _values(table, key)).fetchall()]


def exists(table: type[Table], unlike: Mapping[str, object], **key: object) -> bool:
    """Whether there is a row whose columns equal `key`, and all of whose columns `unlike` differ from it."""
    statement = _exists(table, tuple(key), tuple(unlike), database.param)
    return bool(_run(statement, [*_values(table, key), *_values(table, unlike)]).fetchall())


def _to_row(table: type[T], values: tuple[Any, ...]) -> T:
    data = {
        name: value if value is None or convert is None else convert(value)
        for (name, convert), value in zip(_converters(table), values, strict=True)
    }
    row: Any = table(__no_default__=1, **data)
    row._dirty.clear()  # as Peewee does with what it reads
    return row  # type: ignore[no-any-return]


def insert(table: type[Table], **values: object) -> int | None:
    """Insert a row, with the columns' defaults.

    Returns:
        The id that the database gave it, or None for a table that numbers nothing.
    """
    full = _defaults(table) | values
    cursor = _run(_insert(table, tuple(full), "", database.param), _values(table, full))
    return int(cursor.fetchall()[0][0]) if _numbered(table) else None


def insert_new(table: type[Table], **values: object) -> bool:
    """Insert a row unless one with its key is there; returns whether it was inserted."""
    full = _defaults(table) | values
    ignoring = " ON CONFLICT DO NOTHING"
    cursor = _run(_insert(table, tuple(full), ignoring, database.param), _values(table, full))
    return bool(cursor.fetchall()) if _numbered(table) else bool(cursor.rowcount)


def update(table: type[Table], changes: Mapping[str, object], **key: object) -> int:
    """Set columns where `key` matches; returns how many rows that were."""
    statement = _update(table, tuple(changes), tuple(key), database.param)
    return int(_run(statement, [*_values(table, changes), *_values(table, key)]).rowcount)


def _run(statement: str, values: list[Any]) -> Any:
    execute: Any = database.execute_sql  # Peewee's stubs leave it untyped
    return execute(statement, values)


def _values(table: type[Table], values: Mapping[str, object]) -> list[Any]:
    fields: Any = table._meta.fields
    return [fields[name].db_value(value) for name, value in values.items()]


def _columns(table: type[Table], names: tuple[str, ...]) -> list[str]:
    fields: Any = table._meta.fields
    return [f'"{fields[name].column_name}"' for name in names]


def _name(table: type[Table]) -> str:
    return f'"{table._meta.table_name}"'


def _where(table: type[Table], names: tuple[str, ...], param: str) -> str:
    return " AND ".join(f"{column} = {param}" for column in _columns(table, names))


@cache
def _converters(table: type[Table]) -> tuple[tuple[str, Converter | None], ...]:
    """Each field's name and what turns its stored value into ours; both drivers give the rest as we want it."""
    fields: Any = table._meta.sorted_fields
    return tuple(
        (field.name, field.python_value if isinstance(field, InstantField | BooleanField) else None)
        for field in fields
    )


@cache
def _defaults(table: type[Table]) -> dict[str, object]:
    """What columns hold that are not named; callers must not change it."""
    fields: Any = table._meta.sorted_fields
    return {field.name: field.default for field in fields if field.default is not None}


@cache
def _numbered(table: type[Table]) -> bool:
    return isinstance(table._meta.primary_key, AutoField)


@cache
def _select(table: type[Table], key: tuple[str, ...], for_update: bool, param: str) -> str:
    names = tuple(name for name, _ in _converters(table))
    columns = ", ".join(_columns(table, names))
    lock = " FOR UPDATE" if for_update else ""
    return f"SELECT {columns} FROM {_name(table)} WHERE {_where(table, key, param)}{lock}"  # noqa: S608


@cache
def _exists(table: type[Table], key: tuple[str, ...], unlike: tuple[str, ...], param: str) -> str:
    others = "".join(f" AND {column} <> {param}" for column in _columns(table, unlike))
    return f"SELECT 1 FROM {_name(table)} WHERE {_where(table, key, param)}{others} LIMIT 1"  # noqa: S608


@cache
def _insert(table: type[Table], names: tuple[str, ...], conflict: str, param: str) -> str:
    columns, marks = ", ".join(_columns(table, names)), ", ".join([param] * len(names))
    answer = ' RETURNING "id"' if _numbered(table) else ""
    return f"INSERT INTO {_name(table)} ({columns}) VALUES ({marks}){conflict}{answer}"  # noqa: S608


@cache
def _update(table: type[Table], names: tuple[str, ...], key: tuple[str, ...], param: str) -> str:
    changes = ", ".join(f"{column} = {param}" for column in _columns(table, names))
    return f"UPDATE {_name(table)} SET {changes} WHERE {_where(table, key, param)}"  # noqa: S608
