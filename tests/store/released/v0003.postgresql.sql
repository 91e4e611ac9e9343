CREATE TABLE settings (
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
)
--
CREATE TABLE repositories (
  id BIGSERIAL PRIMARY KEY,
  github_id BIGINT,
  full_name TEXT NOT NULL,
  name_key TEXT NOT NULL,
  access TEXT NOT NULL,
  watched BOOLEAN NOT NULL,
  paused BOOLEAN NOT NULL,
  state TEXT NOT NULL,
  detail TEXT NOT NULL,
  state_since_at BIGINT,
  baseline_at BIGINT,
  default_branch TEXT,
  archived BOOLEAN NOT NULL,
  next_poll_at BIGINT,
  last_poll_at BIGINT,
  last_news_at BIGINT,
  last_net_at BIGINT,
  interval_seconds DOUBLE PRECISION,
  errors_in_row INTEGER NOT NULL,
  last_error TEXT NOT NULL,
  last_error_at BIGINT,
  policy_read_at BIGINT,
  policy_text TEXT,
  policy_etag TEXT,
  policy_token TEXT,
  policy_error TEXT NOT NULL
)
--
CREATE UNIQUE INDEX repositories_github_id ON repositories (github_id)
--
CREATE UNIQUE INDEX repositories_name_key ON repositories (name_key)
--
CREATE INDEX repositories_next_poll_at ON repositories (next_poll_at)
--
CREATE TABLE feeds (
  repository_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  cursor_at BIGINT,
  finished BOOLEAN NOT NULL,
  etag TEXT,
  etag_token TEXT,
  PRIMARY KEY (repository_id, name)
)
--
CREATE TABLE reads (
  id BIGSERIAL PRIMARY KEY,
  repository_id BIGINT NOT NULL,
  number BIGINT NOT NULL,
  kind TEXT NOT NULL,
  source TEXT NOT NULL,
  wanted_at BIGINT NOT NULL,
  attempts INTEGER NOT NULL,
  next_attempt_at BIGINT NOT NULL,
  last_error TEXT NOT NULL
)
--
CREATE UNIQUE INDEX reads_repository_id_number_kind_source ON reads (repository_id, number, kind, source)
--
CREATE INDEX reads_source_repository_id_next_attempt_at ON reads (source, repository_id, next_attempt_at)
--
CREATE TABLE accounts (
  id BIGINT NOT NULL PRIMARY KEY,
  login TEXT NOT NULL,
  login_key TEXT NOT NULL,
  type TEXT NOT NULL,
  seen_at BIGINT NOT NULL
)
--
CREATE INDEX accounts_login_key ON accounts (login_key)
--
CREATE TABLE logins (
  account_id BIGINT NOT NULL,
  login_key TEXT NOT NULL,
  seen_at BIGINT NOT NULL,
  PRIMARY KEY (account_id, login_key)
)
--
CREATE INDEX logins_login_key ON logins (login_key)
--
CREATE TABLE roles (
  repository_id BIGINT NOT NULL,
  account_id BIGINT NOT NULL,
  role TEXT NOT NULL,
  fetched_at BIGINT NOT NULL,
  PRIMARY KEY (repository_id, account_id)
)
--
CREATE TABLE contributors (
  repository_id BIGINT NOT NULL,
  account_id BIGINT NOT NULL,
  credit INTEGER NOT NULL,
  blacklisted BOOLEAN NOT NULL,
  blacklisted_at BIGINT,
  first_seen_at BIGINT NOT NULL,
  PRIMARY KEY (repository_id, account_id),
  CHECK (credit >= 0)
)
--
CREATE TABLE pull_requests (
  repository_id BIGINT NOT NULL,
  number BIGINT NOT NULL,
  github_id BIGINT,
  author_id BIGINT,
  title TEXT NOT NULL,
  state TEXT NOT NULL,
  draft BOOLEAN NOT NULL,
  merged_at BIGINT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  fingerprint TEXT NOT NULL,
  head_sha TEXT,
  additions INTEGER,
  deletions INTEGER,
  changed_files INTEGER,
  gate TEXT,
  gate_at BIGINT,
  closed_by_us_at BIGINT,
  labelled BOOLEAN NOT NULL,
  status_sha TEXT,
  touched_by_maintainer BOOLEAN NOT NULL,
  withdrawn BOOLEAN NOT NULL,
  PRIMARY KEY (repository_id, number)
)
--
CREATE INDEX pull_requests_repository_id_author_id ON pull_requests (repository_id, author_id)
--
CREATE TABLE events (
  id BIGSERIAL PRIMARY KEY,
  key TEXT NOT NULL,
  lane TEXT NOT NULL,
  repository_id BIGINT NOT NULL,
  kind TEXT NOT NULL,
  number BIGINT,
  github_id BIGINT,
  author_id BIGINT,
  actor_id BIGINT,
  occurred_at BIGINT NOT NULL,
  received_at BIGINT NOT NULL,
  is_history BOOLEAN NOT NULL,
  source TEXT NOT NULL,
  facts TEXT NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  next_attempt_at BIGINT NOT NULL,
  last_error TEXT NOT NULL,
  handled_at BIGINT,
  enforcement TEXT,
  note TEXT NOT NULL
)
--
CREATE UNIQUE INDEX events_key ON events (key)
--
CREATE INDEX events_state_lane_id ON events (state, lane, id)
--
CREATE INDEX events_state_next_attempt_at ON events (state, next_attempt_at)
--
CREATE INDEX events_repository_id_number ON events (repository_id, number)
--
CREATE INDEX events_repository_id_author_id_kind ON events (repository_id, author_id, kind)
--
CREATE TABLE ledger (
  id BIGSERIAL PRIMARY KEY,
  key TEXT NOT NULL,
  repository_id BIGINT NOT NULL,
  account_id BIGINT NOT NULL,
  event_id BIGINT,
  evaluation_id BIGINT,
  reverses_id BIGINT,
  reason TEXT NOT NULL,
  requested INTEGER NOT NULL,
  applied INTEGER NOT NULL,
  before INTEGER NOT NULL,
  after INTEGER NOT NULL,
  blacklisted BOOLEAN NOT NULL,
  cap_day INTEGER,
  actor_kind TEXT NOT NULL,
  actor_id BIGINT,
  number BIGINT,
  enforcement TEXT NOT NULL,
  occurred_at BIGINT NOT NULL,
  appended_at BIGINT NOT NULL,
  CHECK (id > 0),
  CHECK (before >= 0),
  CHECK (after >= 0),
  CHECK (after = before + applied),
  CHECK ((requested >= 0 AND applied BETWEEN 0 AND requested)
    OR (requested < 0 AND applied BETWEEN requested AND 0)),
  CHECK (reason <> 'opening' OR (before = 0 AND applied = requested AND requested >= 0))
)
--
CREATE UNIQUE INDEX ledger_key ON ledger (key)
--
CREATE INDEX ledger_repository_id_account_id_id ON ledger (repository_id, account_id, id)
--
CREATE INDEX ledger_repository_id_account_id_cap_day ON ledger (repository_id, account_id, cap_day)
--
CREATE TABLE ledger_notes (
  ledger_id BIGINT NOT NULL PRIMARY KEY,
  actor_name TEXT NOT NULL,
  text TEXT NOT NULL
)
--
CREATE TABLE evaluations (
  id BIGSERIAL PRIMARY KEY,
  key TEXT NOT NULL,
  repository_id BIGINT NOT NULL,
  event_id BIGINT NOT NULL,
  account_id BIGINT NOT NULL,
  number BIGINT NOT NULL,
  subject TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  spam_only BOOLEAN NOT NULL,
  digest TEXT NOT NULL,
  title TEXT NOT NULL,
  text TEXT NOT NULL,
  link TEXT NOT NULL,
  deltas TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  attempts INTEGER NOT NULL,
  next_attempt_at BIGINT NOT NULL,
  lease_until_at BIGINT,
  last_error TEXT NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  classification TEXT,
  confidence DOUBLE PRECISION,
  reasoning TEXT NOT NULL,
  decided_classification TEXT,
  proposed_delta INTEGER,
  decided_at BIGINT,
  decided_by TEXT NOT NULL,
  CHECK (confidence BETWEEN 0 AND 1)
)
--
CREATE UNIQUE INDEX evaluations_key ON evaluations (key)
--
CREATE INDEX evaluations_state_next_attempt_at ON evaluations (state, next_attempt_at)
--
CREATE INDEX evaluations_repository_id_state ON evaluations (repository_id, state)
--
CREATE INDEX evaluations_repository_id_account_id_digest ON evaluations (repository_id, account_id, digest)
--
CREATE INDEX evaluations_repository_id_number ON evaluations (repository_id, number)
--
CREATE TABLE outbox (
  id BIGSERIAL PRIMARY KEY,
  key TEXT NOT NULL,
  repository_id BIGINT NOT NULL,
  number BIGINT NOT NULL,
  event_id BIGINT NOT NULL,
  account_id BIGINT,
  kind TEXT NOT NULL,
  basis TEXT NOT NULL,
  after_key TEXT,
  target_id BIGINT,
  body TEXT NOT NULL,
  state TEXT NOT NULL,
  enforcement TEXT NOT NULL,
  decided_at BIGINT NOT NULL,
  not_before_at BIGINT NOT NULL,
  next_attempt_at BIGINT NOT NULL,
  attempts INTEGER NOT NULL,
  attempted_at BIGINT,
  before_event_id BIGINT,
  settled_at BIGINT,
  github_id BIGINT,
  reason TEXT NOT NULL
)
--
CREATE UNIQUE INDEX outbox_key ON outbox (key)
--
CREATE INDEX outbox_state_next_attempt_at ON outbox (state, next_attempt_at)
--
CREATE INDEX outbox_repository_id_number ON outbox (repository_id, number)
--
CREATE INDEX outbox_repository_id_account_id_state ON outbox (repository_id, account_id, state)
--
CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $body$
        BEGIN
          RAISE EXCEPTION USING
            ERRCODE = 'integrity_constraint_violation',
            MESSAGE = 'the ledger is append-only: no row is ever changed or deleted';
        END
        $body$
--
CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger
        FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()
--
ALTER TABLE ledger ENABLE ALWAYS TRIGGER ledger_append_only
--
ALTER TABLE evaluations ADD COLUMN flags TEXT NOT NULL DEFAULT '[]'
--
ALTER TABLE evaluations ADD COLUMN policy TEXT NOT NULL DEFAULT ''
--
ALTER TABLE evaluations ADD COLUMN folded_into BIGINT
--
CREATE INDEX evaluations_folded_into ON evaluations (folded_into)
--
CREATE TABLE calls (
  id BIGSERIAL PRIMARY KEY,
  evaluation_id BIGINT NOT NULL,
  repository_id BIGINT NOT NULL,
  account_id BIGINT NOT NULL,
  opinion INTEGER NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  prompt_version TEXT NOT NULL,
  digest TEXT NOT NULL,
  asked_at BIGINT NOT NULL,
  outcome TEXT NOT NULL,
  input_tokens BIGINT,
  output_tokens BIGINT,
  cost_micros BIGINT,
  latency_ms BIGINT,
  classification TEXT,
  confidence DOUBLE PRECISION,
  reasoning TEXT NOT NULL,
  raw_answer TEXT NOT NULL,
  CHECK (confidence BETWEEN 0 AND 1)
)
--
CREATE INDEX calls_asked_at ON calls (asked_at)
--
CREATE INDEX calls_repository_id_account_id_asked_at ON calls (repository_id, account_id, asked_at)
--
CREATE INDEX calls_digest ON calls (digest)
--
CREATE INDEX calls_evaluation_id ON calls (evaluation_id)
--
CREATE TABLE providers (
  name TEXT NOT NULL PRIMARY KEY,
  paused_until_at BIGINT,
  reason TEXT NOT NULL,
  failures_in_row INTEGER NOT NULL,
  answered_at BIGINT,
  failed_at BIGINT
)
--
CREATE TABLE tombstones (
  account_id BIGINT NOT NULL PRIMARY KEY,
  forgotten_at BIGINT NOT NULL
)
--
ALTER TABLE events ADD COLUMN correlation_id TEXT NOT NULL DEFAULT ''
--
ALTER TABLE evaluations ADD COLUMN waits_since_at BIGINT NOT NULL DEFAULT 0
--
UPDATE evaluations SET waits_since_at = created_at
--
ALTER TABLE repositories ADD COLUMN braked_at BIGINT
--
ALTER TABLE repositories ADD COLUMN brake_reason TEXT NOT NULL DEFAULT ''
--
ALTER TABLE repositories ADD COLUMN brake_released_at BIGINT
--
CREATE INDEX outbox_repository_id_attempted_at ON outbox (repository_id, attempted_at)
--
CREATE TABLE notifications (
  id BIGSERIAL PRIMARY KEY,
  key TEXT NOT NULL,
  kind TEXT NOT NULL,
  code TEXT NOT NULL,
  repository_row_id BIGINT,
  number BIGINT,
  amount INTEGER NOT NULL,
  created_at BIGINT NOT NULL,
  state TEXT NOT NULL,
  message TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  next_attempt_at BIGINT NOT NULL,
  command_at BIGINT,
  url_at BIGINT,
  settled_at BIGINT,
  last_error TEXT NOT NULL
)
--
CREATE UNIQUE INDEX notifications_key ON notifications (key)
--
CREATE INDEX notifications_state_next_attempt_at ON notifications (state, next_attempt_at)
--
CREATE INDEX notifications_message ON notifications (message)
--
INSERT INTO settings VALUES ('schema_version', '3')
--
INSERT INTO accounts (id, login, login_key, type, seen_at) VALUES (8, 'til', 'til', 'User', 1772366400123)
--
INSERT INTO accounts (id, login, login_key, type, seen_at) VALUES (7000000007, 'rosa', 'rosa', 'User', 1772366400123)
--
INSERT INTO calls (id, evaluation_id, repository_id, account_id, opinion, provider, model, prompt_version, digest, asked_at, outcome, input_tokens, output_tokens, cost_micros, latency_ms, classification, confidence, reasoning, raw_answer) VALUES (1, 1, 5350000001, 7000000007, 1, 'claude', 'm', '1', 'digest of rosa', 1772366400123, 'answered', NULL, NULL, NULL, NULL, NULL, NULL, 'rosa knows', 'raw about rosa')
--
INSERT INTO calls (id, evaluation_id, repository_id, account_id, opinion, provider, model, prompt_version, digest, asked_at, outcome, input_tokens, output_tokens, cost_micros, latency_ms, classification, confidence, reasoning, raw_answer) VALUES (2, 2, 5350000001, 8, 1, 'claude', 'm', '1', 'digest of til', 1772366400123, 'answered', NULL, NULL, NULL, NULL, NULL, NULL, 'til knows', 'raw about til')
--
INSERT INTO contributors (repository_id, account_id, credit, blacklisted, blacklisted_at, first_seen_at) VALUES (5350000001, 8, 0, TRUE, 1772366401123, 1772366400123)
--
INSERT INTO contributors (repository_id, account_id, credit, blacklisted, blacklisted_at, first_seen_at) VALUES (5350000001, 7000000007, 0, TRUE, 1772366401123, 1772366400123)
--
INSERT INTO evaluations (id, key, repository_id, event_id, account_id, number, subject, state, reason, spam_only, digest, title, text, link, deltas, created_at, attempts, next_attempt_at, lease_until_at, last_error, provider, model, classification, confidence, reasoning, decided_classification, proposed_delta, decided_at, decided_by, flags, policy, folded_into, waits_since_at) VALUES (1, '5350000001/pull_request_opened/7000000007/evaluation', 5350000001, 1, 7000000007, 7000000007, 'pull_request', 'auto_applied', '', FALSE, 'digest of rosa', 'rosa''s change', 'Grüße – 漢字 🦀 ''quoted'' "twice"', 'https://github.example/octo/garden/pull/1', '{"high": 15}', 1772366400123, 0, 1772366400123, NULL, '', '', '', NULL, 0.30000000000000004, 'rosa knows', NULL, NULL, 1772366400123, '', '[]', '', NULL, 1772366400123)
--
INSERT INTO evaluations (id, key, repository_id, event_id, account_id, number, subject, state, reason, spam_only, digest, title, text, link, deltas, created_at, attempts, next_attempt_at, lease_until_at, last_error, provider, model, classification, confidence, reasoning, decided_classification, proposed_delta, decided_at, decided_by, flags, policy, folded_into, waits_since_at) VALUES (2, '5350000001/pull_request_opened/8/evaluation', 5350000001, 2, 8, 8, 'pull_request', 'auto_applied', '', FALSE, 'digest of til', 'til''s change', 'Grüße – 漢字 🦀 ''quoted'' "twice"', 'https://github.example/octo/garden/pull/1', '{"high": 15}', 1772366400123, 0, 1772366400123, NULL, '', '', '', NULL, 0.30000000000000004, 'til knows', NULL, NULL, 1772366400123, '', '[]', '', NULL, 1772366400123)
--
INSERT INTO events (id, key, lane, repository_id, kind, number, github_id, author_id, actor_id, occurred_at, received_at, is_history, source, facts, state, attempts, next_attempt_at, last_error, handled_at, enforcement, note, correlation_id) VALUES (1, '5350000001/pull_request_opened/7000000007', '5350000001#7000000007', 5350000001, 'pull_request_opened', 7000000007, NULL, 7000000007, 7000000007, 1772366400123, 1772366400123, FALSE, 'poll', '{"title": "rosa''s change", "body": "Hello", "link": "https://github.example/1", "draft": false}', 'handled', 0, 1772366400123, '', 1772366400123, NULL, 'gate: admitted', '')
--
INSERT INTO events (id, key, lane, repository_id, kind, number, github_id, author_id, actor_id, occurred_at, received_at, is_history, source, facts, state, attempts, next_attempt_at, last_error, handled_at, enforcement, note, correlation_id) VALUES (2, '5350000001/pull_request_opened/8', '5350000001#8', 5350000001, 'pull_request_opened', 8, NULL, 8, 8, 1772366400123, 1772366400123, FALSE, 'poll', '{"title": "til''s change", "body": "Hello", "link": "https://github.example/1", "draft": false}', 'handled', 0, 1772366400123, '', 1772366400123, NULL, 'gate: admitted', '')
--
INSERT INTO feeds (repository_id, name, cursor_at, finished, etag, etag_token) VALUES (5350000001, 'Comments', NULL, FALSE, 'W/"1"', NULL)
--
INSERT INTO feeds (repository_id, name, cursor_at, finished, etag, etag_token) VALUES (5350000001, 'issues', 1772366400123, TRUE, NULL, NULL)
--
INSERT INTO ledger (id, key, repository_id, account_id, event_id, evaluation_id, reverses_id, reason, requested, applied, before, after, blacklisted, cap_day, actor_kind, actor_id, number, enforcement, occurred_at, appended_at) VALUES (1, '5350000001/opening/7000000007', 5350000001, 7000000007, NULL, NULL, NULL, 'opening', 100, 100, 0, 100, FALSE, NULL, 'system', NULL, NULL, 'observe', 1772366400123, 1772366400123)
--
INSERT INTO ledger (id, key, repository_id, account_id, event_id, evaluation_id, reverses_id, reason, requested, applied, before, after, blacklisted, cap_day, actor_kind, actor_id, number, enforcement, occurred_at, appended_at) VALUES (2, '5350000001/test/7000000007/0', 5350000001, 7000000007, 1, 1, NULL, 'override', 15, 15, 100, 115, FALSE, NULL, 'local', 1000, NULL, 'close', 1772366400123, 1772366400123)
--
INSERT INTO ledger (id, key, repository_id, account_id, event_id, evaluation_id, reverses_id, reason, requested, applied, before, after, blacklisted, cap_day, actor_kind, actor_id, number, enforcement, occurred_at, appended_at) VALUES (3, '5350000001/test/7000000007/1', 5350000001, 7000000007, 1, 1, NULL, 'blacklisted', -500, -115, 115, 0, TRUE, NULL, 'local', 1000, NULL, 'close', 1772366400123, 1772366401123)
--
INSERT INTO ledger (id, key, repository_id, account_id, event_id, evaluation_id, reverses_id, reason, requested, applied, before, after, blacklisted, cap_day, actor_kind, actor_id, number, enforcement, occurred_at, appended_at) VALUES (4, '5350000001/opening/8', 5350000001, 8, NULL, NULL, NULL, 'opening', 100, 100, 0, 100, FALSE, NULL, 'system', NULL, NULL, 'observe', 1772366400123, 1772366400123)
--
INSERT INTO ledger (id, key, repository_id, account_id, event_id, evaluation_id, reverses_id, reason, requested, applied, before, after, blacklisted, cap_day, actor_kind, actor_id, number, enforcement, occurred_at, appended_at) VALUES (5, '5350000001/test/8/0', 5350000001, 8, 2, 2, NULL, 'override', 15, 15, 100, 115, FALSE, NULL, 'local', 1000, NULL, 'close', 1772366400123, 1772366400123)
--
INSERT INTO ledger (id, key, repository_id, account_id, event_id, evaluation_id, reverses_id, reason, requested, applied, before, after, blacklisted, cap_day, actor_kind, actor_id, number, enforcement, occurred_at, appended_at) VALUES (6, '5350000001/test/8/1', 5350000001, 8, 2, 2, NULL, 'blacklisted', -500, -115, 115, 0, TRUE, NULL, 'local', 1000, NULL, 'close', 1772366400123, 1772366401123)
--
INSERT INTO ledger_notes (ledger_id, actor_name, text) VALUES (2, 'ada', 'because of rosa')
--
INSERT INTO ledger_notes (ledger_id, actor_name, text) VALUES (3, 'ada', 'because of rosa')
--
INSERT INTO ledger_notes (ledger_id, actor_name, text) VALUES (5, 'ada', 'because of til')
--
INSERT INTO ledger_notes (ledger_id, actor_name, text) VALUES (6, 'ada', 'because of til')
--
INSERT INTO logins (account_id, login_key, seen_at) VALUES (8, 'til', 1772366400123)
--
INSERT INTO logins (account_id, login_key, seen_at) VALUES (7000000007, 'rosa', 1772366400123)
--
INSERT INTO notifications (id, key, kind, code, repository_row_id, number, amount, created_at, state, message, attempts, next_attempt_at, command_at, url_at, settled_at, last_error) VALUES (1, 'close/1', 'close', '', 1, 1, 0, 1772366400123, 'sent', 'close-1', 0, 1772366400123, NULL, 1772366400123, 1772366400123, '')
--
INSERT INTO outbox (id, key, repository_id, number, event_id, account_id, kind, basis, after_key, target_id, body, state, enforcement, decided_at, not_before_at, next_attempt_at, attempts, attempted_at, before_event_id, settled_at, github_id, reason) VALUES (1, '5350000001/pull_request_opened/7000000007/comment', 5350000001, 7000000007, 1, 7000000007, 'comment', 'denied', NULL, NULL, 'Thank you, rosa.', 'delivered', 'close', 1772366400123, 1772366400123, 1772366400123, 0, 1772366400123, NULL, 1772366400123, NULL, '')
--
INSERT INTO outbox (id, key, repository_id, number, event_id, account_id, kind, basis, after_key, target_id, body, state, enforcement, decided_at, not_before_at, next_attempt_at, attempts, attempted_at, before_event_id, settled_at, github_id, reason) VALUES (2, '5350000001/pull_request_opened/8/comment', 5350000001, 8, 2, 8, 'comment', 'denied', NULL, NULL, 'Thank you, til.', 'delivered', 'close', 1772366400123, 1772366400123, 1772366400123, 0, 1772366400123, NULL, 1772366400123, NULL, '')
--
INSERT INTO providers (name, paused_until_at, reason, failures_in_row, answered_at, failed_at) VALUES ('Zed', NULL, '', 0, NULL, NULL)
--
INSERT INTO providers (name, paused_until_at, reason, failures_in_row, answered_at, failed_at) VALUES ('claude', NULL, '', 1, NULL, NULL)
--
INSERT INTO pull_requests (repository_id, number, github_id, author_id, title, state, draft, merged_at, created_at, updated_at, fingerprint, head_sha, additions, deletions, changed_files, gate, gate_at, closed_by_us_at, labelled, status_sha, touched_by_maintainer, withdrawn) VALUES (5350000001, 8, NULL, 8, 'til''s change', 'closed', TRUE, NULL, 1772366400123, 1772366400123, '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, FALSE, NULL, FALSE, FALSE)
--
INSERT INTO pull_requests (repository_id, number, github_id, author_id, title, state, draft, merged_at, created_at, updated_at, fingerprint, head_sha, additions, deletions, changed_files, gate, gate_at, closed_by_us_at, labelled, status_sha, touched_by_maintainer, withdrawn) VALUES (5350000001, 7000000007, NULL, 7000000007, 'rosa''s change', 'closed', TRUE, NULL, 1772366400123, 1772366400123, '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, FALSE, NULL, FALSE, FALSE)
--
INSERT INTO reads (id, repository_id, number, kind, source, wanted_at, attempts, next_attempt_at, last_error) VALUES (1, 5350000001, 1, 'pull', 'poll', 1772366400123, 0, 1772366400123, '')
--
INSERT INTO repositories (id, github_id, full_name, name_key, access, watched, paused, state, detail, state_since_at, baseline_at, default_branch, archived, next_poll_at, last_poll_at, last_news_at, last_net_at, interval_seconds, errors_in_row, last_error, last_error_at, policy_read_at, policy_text, policy_etag, policy_token, policy_error, braked_at, brake_reason, brake_released_at) VALUES (1, 5350000001, 'octo/garden', 'octo/garden', 'token', TRUE, FALSE, 'new', '', NULL, NULL, NULL, FALSE, NULL, NULL, NULL, NULL, NULL, 0, '', NULL, NULL, NULL, NULL, NULL, '', 1772366400123, 'the breaker fell', NULL)
--
INSERT INTO roles (repository_id, account_id, role, fetched_at) VALUES (5350000001, 8, 'none', 1772366400123)
--
INSERT INTO roles (repository_id, account_id, role, fetched_at) VALUES (5350000001, 7000000007, 'none', 1772366400123)
--
INSERT INTO settings (name, value) VALUES ('seed', '00ff')
--
INSERT INTO tombstones (account_id, forgotten_at) VALUES (9, 1772366400123)
--
SELECT setval(pg_get_serial_sequence('calls', 'id'), 2)
--
SELECT setval(pg_get_serial_sequence('evaluations', 'id'), 2)
--
SELECT setval(pg_get_serial_sequence('events', 'id'), 2)
--
SELECT setval(pg_get_serial_sequence('ledger', 'id'), 6)
--
SELECT setval(pg_get_serial_sequence('notifications', 'id'), 1)
--
SELECT setval(pg_get_serial_sequence('outbox', 'id'), 2)
--
SELECT setval(pg_get_serial_sequence('reads', 'id'), 2)
--
SELECT setval(pg_get_serial_sequence('repositories', 'id'), 1)
