"""Version 2: what a verdict cost and how it came about: calls of models, states of providers, flags, folded items."""

from __future__ import annotations

from meritocrab.store.migrations.v0001 import TYPES

SQL = """
ALTER TABLE evaluations ADD COLUMN flags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE evaluations ADD COLUMN policy TEXT NOT NULL DEFAULT '';
ALTER TABLE evaluations ADD COLUMN folded_into {bigint};
CREATE INDEX evaluations_folded_into ON evaluations (folded_into);

CREATE TABLE calls (
  id {id},
  evaluation_id {bigint} NOT NULL,
  repository_id {bigint} NOT NULL,
  account_id {bigint} NOT NULL,
  opinion {integer} NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  prompt_version TEXT NOT NULL,
  digest TEXT NOT NULL,
  asked_at {bigint} NOT NULL,
  outcome TEXT NOT NULL,
  input_tokens {bigint},
  output_tokens {bigint},
  cost_micros {bigint},
  latency_ms {bigint},
  classification TEXT,
  confidence {real},
  reasoning TEXT NOT NULL,
  raw_answer TEXT NOT NULL,
  CHECK (confidence BETWEEN 0 AND 1)
){strict};
CREATE INDEX calls_asked_at ON calls (asked_at);
CREATE INDEX calls_repository_id_account_id_asked_at ON calls (repository_id, account_id, asked_at);
CREATE INDEX calls_digest ON calls (digest);
CREATE INDEX calls_evaluation_id ON calls (evaluation_id);

CREATE TABLE providers (
  name TEXT NOT NULL PRIMARY KEY,
  paused_until_at {bigint},
  reason TEXT NOT NULL,
  failures_in_row {integer} NOT NULL,
  answered_at {bigint},
  failed_at {bigint}
){strict};
"""


def statements(driver: str) -> list[str]:
    """The SQL that leads from version 1 to this one.

    Args:
        driver: `sqlite` or `postgresql`.
    """
    return [sql.strip() for sql in SQL.format_map(TYPES[driver]).split(";") if sql.strip()]
