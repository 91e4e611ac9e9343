"""Version 3: who asked to be forgotten, by id alone; what an event and all that follows share in the log."""

from __future__ import annotations

from meritocrab.store.migrations.v0001 import TYPES

SQL = """
CREATE TABLE tombstones (
  account_id {bigint} NOT NULL PRIMARY KEY,
  forgotten_at {bigint} NOT NULL
){strict};

ALTER TABLE events ADD COLUMN correlation_id TEXT NOT NULL DEFAULT '';
"""


def statements(driver: str) -> list[str]:
    """The SQL that leads from version 2 to this one.

    Args:
        driver: `sqlite` or `postgresql`.
    """
    return [sql.strip() for sql in SQL.format_map(TYPES[driver]).split(";") if sql.strip()]
