"""Version 1: the first schema. Once released it is frozen: changes are made by the next version."""

from __future__ import annotations

TYPES = {
    "sqlite": {
        # AUTOINCREMENT never hands out the id of a row that was deleted
        "id": "INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT",
        "integer": "INTEGER",
        "bigint": "INTEGER",
        "flag": "INTEGER",
        "real": "REAL",
        "strict": " STRICT",  # a wrong type is an error, as it is on PostgreSQL
    },
    "postgresql": {
        "id": "BIGSERIAL PRIMARY KEY",
        "integer": "INTEGER",
        "bigint": "BIGINT",
        "flag": "BOOLEAN",
        "real": "DOUBLE PRECISION",
        "strict": "",
    },
}

TABLES = """
CREATE TABLE settings (
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
){strict};

CREATE TABLE repositories (
  id {id},
  github_id {bigint},
  full_name TEXT NOT NULL,
  name_key TEXT NOT NULL,
  access TEXT NOT NULL,
  watched {flag} NOT NULL,
  paused {flag} NOT NULL,
  state TEXT NOT NULL,
  detail TEXT NOT NULL,
  state_since_at {bigint},
  baseline_at {bigint},
  default_branch TEXT,
  archived {flag} NOT NULL,
  next_poll_at {bigint},
  last_poll_at {bigint},
  last_news_at {bigint},
  last_net_at {bigint},
  interval_seconds {real},
  errors_in_row {integer} NOT NULL,
  last_error TEXT NOT NULL,
  last_error_at {bigint},
  policy_read_at {bigint},
  policy_text TEXT,
  policy_etag TEXT,
  policy_token TEXT,
  policy_error TEXT NOT NULL
){strict};
CREATE UNIQUE INDEX repositories_github_id ON repositories (github_id);
CREATE UNIQUE INDEX repositories_name_key ON repositories (name_key);
CREATE INDEX repositories_next_poll_at ON repositories (next_poll_at);

CREATE TABLE feeds (
  repository_id {bigint} NOT NULL,
  name TEXT NOT NULL,
  cursor_at {bigint},
  finished {flag} NOT NULL,
  etag TEXT,
  etag_token TEXT,
  PRIMARY KEY (repository_id, name)
){strict};

CREATE TABLE reads (
  id {id},
  repository_id {bigint} NOT NULL,
  number {bigint} NOT NULL,
  kind TEXT NOT NULL,
  source TEXT NOT NULL,
  wanted_at {bigint} NOT NULL,
  attempts {integer} NOT NULL,
  next_attempt_at {bigint} NOT NULL,
  last_error TEXT NOT NULL
){strict};
CREATE UNIQUE INDEX reads_repository_id_number_kind_source ON reads (repository_id, number, kind, source);
CREATE INDEX reads_source_repository_id_next_attempt_at ON reads (source, repository_id, next_attempt_at);

CREATE TABLE accounts (
  id {bigint} NOT NULL PRIMARY KEY,
  login TEXT NOT NULL,
  login_key TEXT NOT NULL,
  type TEXT NOT NULL,
  seen_at {bigint} NOT NULL
){strict};
CREATE INDEX accounts_login_key ON accounts (login_key);

CREATE TABLE logins (
  account_id {bigint} NOT NULL,
  login_key TEXT NOT NULL,
  seen_at {bigint} NOT NULL,
  PRIMARY KEY (account_id, login_key)
){strict};
CREATE INDEX logins_login_key ON logins (login_key);

CREATE TABLE roles (
  repository_id {bigint} NOT NULL,
  account_id {bigint} NOT NULL,
  role TEXT NOT NULL,
  fetched_at {bigint} NOT NULL,
  PRIMARY KEY (repository_id, account_id)
){strict};

CREATE TABLE contributors (
  repository_id {bigint} NOT NULL,
  account_id {bigint} NOT NULL,
  credit {integer} NOT NULL,
  blacklisted {flag} NOT NULL,
  blacklisted_at {bigint},
  first_seen_at {bigint} NOT NULL,
  PRIMARY KEY (repository_id, account_id),
  CHECK (credit >= 0)
){strict};

CREATE TABLE pull_requests (
  repository_id {bigint} NOT NULL,
  number {bigint} NOT NULL,
  github_id {bigint},
  author_id {bigint},
  title TEXT NOT NULL,
  state TEXT NOT NULL,
  draft {flag} NOT NULL,
  merged_at {bigint},
  created_at {bigint} NOT NULL,
  updated_at {bigint} NOT NULL,
  fingerprint TEXT NOT NULL,
  head_sha TEXT,
  additions {integer},
  deletions {integer},
  changed_files {integer},
  gate TEXT,
  gate_at {bigint},
  closed_by_us_at {bigint},
  labelled {flag} NOT NULL,
  status_sha TEXT,
  touched_by_maintainer {flag} NOT NULL,
  withdrawn {flag} NOT NULL,
  PRIMARY KEY (repository_id, number)
){strict};
CREATE INDEX pull_requests_repository_id_author_id ON pull_requests (repository_id, author_id);

CREATE TABLE events (
  id {id},
  key TEXT NOT NULL,
  lane TEXT NOT NULL,
  repository_id {bigint} NOT NULL,
  kind TEXT NOT NULL,
  number {bigint},
  github_id {bigint},
  author_id {bigint},
  actor_id {bigint},
  occurred_at {bigint} NOT NULL,
  received_at {bigint} NOT NULL,
  is_history {flag} NOT NULL,
  source TEXT NOT NULL,
  facts TEXT NOT NULL,
  state TEXT NOT NULL,
  attempts {integer} NOT NULL,
  next_attempt_at {bigint} NOT NULL,
  last_error TEXT NOT NULL,
  handled_at {bigint},
  enforcement TEXT,
  note TEXT NOT NULL
){strict};
CREATE UNIQUE INDEX events_key ON events (key);
CREATE INDEX events_state_lane_id ON events (state, lane, id);
CREATE INDEX events_state_next_attempt_at ON events (state, next_attempt_at);
CREATE INDEX events_repository_id_number ON events (repository_id, number);
CREATE INDEX events_repository_id_author_id_kind ON events (repository_id, author_id, kind);

CREATE TABLE ledger (
  id {id},
  key TEXT NOT NULL,
  repository_id {bigint} NOT NULL,
  account_id {bigint} NOT NULL,
  event_id {bigint},
  evaluation_id {bigint},
  reverses_id {bigint},
  reason TEXT NOT NULL,
  requested {integer} NOT NULL,
  applied {integer} NOT NULL,
  before {integer} NOT NULL,
  after {integer} NOT NULL,
  blacklisted {flag} NOT NULL,
  cap_day {integer},
  actor_kind TEXT NOT NULL,
  actor_id {bigint},
  number {bigint},
  enforcement TEXT NOT NULL,
  occurred_at {bigint} NOT NULL,
  appended_at {bigint} NOT NULL,
  CHECK (id > 0),
  CHECK (before >= 0),
  CHECK (after >= 0),
  CHECK (after = before + applied),
  CHECK ((requested >= 0 AND applied BETWEEN 0 AND requested)
    OR (requested < 0 AND applied BETWEEN requested AND 0)),
  CHECK (reason <> 'opening' OR (before = 0 AND applied = requested AND requested >= 0))
){strict};
CREATE UNIQUE INDEX ledger_key ON ledger (key);
CREATE INDEX ledger_repository_id_account_id_id ON ledger (repository_id, account_id, id);
CREATE INDEX ledger_repository_id_account_id_cap_day ON ledger (repository_id, account_id, cap_day);

CREATE TABLE ledger_notes (
  ledger_id {bigint} NOT NULL PRIMARY KEY,
  actor_name TEXT NOT NULL,
  text TEXT NOT NULL
){strict};

CREATE TABLE evaluations (
  id {id},
  key TEXT NOT NULL,
  repository_id {bigint} NOT NULL,
  event_id {bigint} NOT NULL,
  account_id {bigint} NOT NULL,
  number {bigint} NOT NULL,
  subject TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  spam_only {flag} NOT NULL,
  digest TEXT NOT NULL,
  title TEXT NOT NULL,
  text TEXT NOT NULL,
  link TEXT NOT NULL,
  deltas TEXT NOT NULL,
  created_at {bigint} NOT NULL,
  attempts {integer} NOT NULL,
  next_attempt_at {bigint} NOT NULL,
  lease_until_at {bigint},
  last_error TEXT NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  classification TEXT,
  confidence {real},
  reasoning TEXT NOT NULL,
  decided_classification TEXT,
  proposed_delta {integer},
  decided_at {bigint},
  decided_by TEXT NOT NULL,
  CHECK (confidence BETWEEN 0 AND 1)
){strict};
CREATE UNIQUE INDEX evaluations_key ON evaluations (key);
CREATE INDEX evaluations_state_next_attempt_at ON evaluations (state, next_attempt_at);
CREATE INDEX evaluations_repository_id_state ON evaluations (repository_id, state);
CREATE INDEX evaluations_repository_id_account_id_digest ON evaluations (repository_id, account_id, digest);
CREATE INDEX evaluations_repository_id_number ON evaluations (repository_id, number);

CREATE TABLE outbox (
  id {id},
  key TEXT NOT NULL,
  repository_id {bigint} NOT NULL,
  number {bigint} NOT NULL,
  event_id {bigint} NOT NULL,
  account_id {bigint},
  kind TEXT NOT NULL,
  basis TEXT NOT NULL,
  after_key TEXT,
  target_id {bigint},
  body TEXT NOT NULL,
  state TEXT NOT NULL,
  enforcement TEXT NOT NULL,
  decided_at {bigint} NOT NULL,
  not_before_at {bigint} NOT NULL,
  next_attempt_at {bigint} NOT NULL,
  attempts {integer} NOT NULL,
  attempted_at {bigint},
  before_event_id {bigint},
  settled_at {bigint},
  github_id {bigint},
  reason TEXT NOT NULL
){strict};
CREATE UNIQUE INDEX outbox_key ON outbox (key);
CREATE INDEX outbox_state_next_attempt_at ON outbox (state, next_attempt_at);
CREATE INDEX outbox_repository_id_number ON outbox (repository_id, number);
CREATE INDEX outbox_repository_id_account_id_state ON outbox (repository_id, account_id, state);
"""

APPEND_ONLY = {
    "sqlite": (
        """
        CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: no row is ever changed'); END
        """,
        """
        CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: no row is ever deleted'); END
        """,
        # INSERT OR REPLACE deletes without firing the trigger above; a BEFORE trigger sees it coming
        """
        CREATE TRIGGER ledger_no_replace BEFORE INSERT ON ledger
        WHEN EXISTS (SELECT 1 FROM ledger WHERE id = NEW.id OR key = NEW.key)
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: this row exists already'); END
        """,
    ),
    "postgresql": (
        """
        CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $body$
        BEGIN
          RAISE EXCEPTION USING
            ERRCODE = 'integrity_constraint_violation',
            MESSAGE = 'the ledger is append-only: no row is ever changed or deleted';
        END
        $body$
        """,
        """
        CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger
        FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()
        """,
        # ALWAYS: also for sessions that call themselves a replica
        "ALTER TABLE ledger ENABLE ALWAYS TRIGGER ledger_append_only",
    ),
}


def statements(driver: str) -> list[str]:
    """The SQL that builds this version in an empty database.

    Args:
        driver: `sqlite` or `postgresql`.
    """
    tables = TABLES.format_map(TYPES[driver]).split(";")
    return [sql.strip() for sql in (*tables, *APPEND_ONLY[driver]) if sql.strip()]
