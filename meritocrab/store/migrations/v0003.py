"""Version 3: who asked to be forgotten, by id alone; what an event and all that follows share in the log; since when
an evaluation waits; brakes, and what is to be told to a maintainer elsewhere."""

from __future__ import annotations

from meritocrab.store.migrations.v0001 import TYPES

SQL = """
CREATE TABLE tombstones (
  account_id {bigint} NOT NULL PRIMARY KEY,
  forgotten_at {bigint} NOT NULL
){strict};

ALTER TABLE events ADD COLUMN correlation_id TEXT NOT NULL DEFAULT '';

ALTER TABLE evaluations ADD COLUMN waits_since_at {bigint} NOT NULL DEFAULT 0;
UPDATE evaluations SET waits_since_at = created_at;

ALTER TABLE repositories ADD COLUMN braked_at {bigint};
ALTER TABLE repositories ADD COLUMN brake_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE repositories ADD COLUMN brake_released_at {bigint};
CREATE INDEX outbox_repository_id_attempted_at ON outbox (repository_id, attempted_at);

CREATE TABLE notifications (
  id {id},
  key TEXT NOT NULL,
  kind TEXT NOT NULL,
  code TEXT NOT NULL,
  repository_row_id {bigint},
  number {bigint},
  amount {integer} NOT NULL,
  created_at {bigint} NOT NULL,
  state TEXT NOT NULL,
  message TEXT NOT NULL,
  attempts {integer} NOT NULL,
  next_attempt_at {bigint} NOT NULL,
  command_at {bigint},
  url_at {bigint},
  settled_at {bigint},
  last_error TEXT NOT NULL
){strict};
CREATE UNIQUE INDEX notifications_key ON notifications (key);
CREATE INDEX notifications_state_next_attempt_at ON notifications (state, next_attempt_at);
CREATE INDEX notifications_message ON notifications (message);
"""


def statements(driver: str) -> list[str]:
    """The SQL that leads from version 2 to this one.

    Args:
        driver: `sqlite` or `postgresql`.
    """
    return [sql.strip() for sql in SQL.format_map(TYPES[driver]).split(";") if sql.strip()]
