"""Many people at once, written straight into SQLite, as if they had been there for years."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

from tests.e2e.world_of_people import Day

FIRST_ID, LAST_ID = 5_000_000, 9_999_999
BANNED_EVERY = 100


def settle_crowd(day: Day, number: int, people: Sequence[tuple[int, str]] = ()) -> None:
    """`insert_crowd` into the day's repository."""
    repository = day.row().github_id
    assert repository is not None
    insert_crowd(day.folder / "meritocrab.db", repository, day.now(), number, people)


def insert_crowd(
    database: Path, repository: int, at: datetime, number: int, people: Sequence[tuple[int, str]] = ()
) -> None:
    """So many people with credits from 0 to 199; every hundredth is blacklisted. `people` come besides."""
    now = int(at.timestamp() * 1000)
    everybody = [(FIRST_ID + count, f"person-{count:06}") for count in range(number)] + list(people)
    with closing(sqlite3.connect(database)) as db, db:
        accounts, contributors = _insert(db, "accounts"), _insert(db, "contributors")
        db.executemany(
            accounts,
            (
                {"id": id_, "login": login, "login_key": login, "type": "User", "seen_at": now}
                for id_, login in everybody
            ),
        )
        db.executemany(
            contributors,
            (
                {
                    "repository_id": repository,
                    "account_id": id_,
                    "credit": id_ % 200,
                    "blacklisted": int(id_ % BANNED_EVERY == 0),
                    "blacklisted_at": now if id_ % BANNED_EVERY == 0 else None,
                    "first_seen_at": now,
                }
                for id_, _ in everybody
            ),
        )


def dismiss_crowd(day: Day) -> None:
    """They were never there."""
    with closing(sqlite3.connect(day.folder / "meritocrab.db")) as db, db:
        db.execute("DELETE FROM contributors WHERE account_id BETWEEN ? AND ?", (FIRST_ID, LAST_ID))
        db.execute("DELETE FROM accounts WHERE id BETWEEN ? AND ?", (FIRST_ID, LAST_ID))


COLUMNS = {
    "accounts": ("id", "login", "login_key", "type", "seen_at"),
    "contributors": (
        "repository_id",
        "account_id",
        "credit",
        "blacklisted",
        "blacklisted_at",
        "first_seen_at",
    ),
}


def _insert(db: sqlite3.Connection, table: str) -> str:
    names = COLUMNS[table]
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(':' + name for name in names)})"
