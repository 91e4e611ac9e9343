"""The tables, as Peewee models: one column per fact, so that a restart knows all that a running daemon knew.

Ids of GitHub objects are 64 bits wide; times are whole milliseconds since 1970 in UTC (both databases keep them
alike; PostgreSQL's TIMESTAMP would drop the zone). Ledger rows hold ids, numbers and codes only: names, reasons and
texts lie in tables that may be erased. The models describe the newest schema; `migrations` builds it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from peewee import (
    AutoField,
    BigIntegerField,
    BooleanField,
    CharField,
    CompositeKey,
    DatabaseProxy,
    FloatField,
    IntegerField,
    Model,
    TextField,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

database: DatabaseProxy = DatabaseProxy()


class InstantField(BigIntegerField):
    """An aware UTC `datetime`, stored as whole milliseconds since 1970."""

    def db_value(self, value: Any) -> Any:
        if isinstance(value, datetime):
            return (value - EPOCH) // timedelta(milliseconds=1)
        return value

    def python_value(self, value: Any) -> Any:
        return None if value is None else EPOCH + timedelta(milliseconds=value)


class Table(Model):  # type: ignore[misc]
    """What all tables share: the one database of this process."""

    class Meta:
        database = database
        legacy_table_names = False


class Setting(Table):
    """Facts about this installation: schema version, seed, who holds the daemon's lock."""

    name = CharField(primary_key=True)
    value = TextField()

    class Meta:
        table_name = "settings"


class Repository(Table):
    """A watched repository and how it stands: every column is what a maintainer is shown.

    `access` names the credential: `token`, `anonymous` or `installation:ID`. `github_id` is NULL until GitHub
    answered for the first time. `policy` is the last good `.meritocrab.toml` text (NULL: none was ever read).
    """

    id = AutoField()
    github_id = BigIntegerField(null=True, unique=True)
    full_name = CharField()
    name_key = CharField(unique=True)  # lower case: GitHub's names are not case-sensitive
    access = CharField()
    watched = BooleanField(default=True)
    paused = BooleanField(default=False)
    state = CharField(default="new")
    detail = TextField(default="")
    state_since_at = InstantField(null=True)
    baseline_at = InstantField(null=True)
    default_branch = CharField(null=True)
    archived = BooleanField(default=False)
    next_poll_at = InstantField(null=True, index=True)
    last_poll_at = InstantField(null=True)
    last_news_at = InstantField(null=True)
    last_net_at = InstantField(null=True)
    interval_seconds = FloatField(null=True)
    errors_in_row = IntegerField(default=0)
    last_error = TextField(default="")
    last_error_at = InstantField(null=True)
    policy_read_at = InstantField(null=True)
    policy_text = TextField(null=True)
    policy_etag = CharField(null=True)
    policy_token = CharField(null=True)
    policy_error = TextField(default="")

    class Meta:
        table_name = "repositories"


class Feed(Table):
    """How far one listing has been read. `etag` belongs to the URL of this cursor and to one token."""

    repository_id = BigIntegerField()
    name = CharField()
    cursor_at = InstantField(null=True)
    finished = BooleanField(default=False)  # sync: the walk reached the end
    etag = CharField(null=True)
    etag_token = CharField(null=True)

    class Meta:
        table_name = "feeds"
        primary_key = CompositeKey("repository_id", "name")


class Read(Table):
    """One pending read about a pull request: `pull`, `reviews` or `issue_events`, retried on its own.

    `wanted_at` is the `updated_at` that made us look (GitHub's time); a newer one renews the row.
    """

    id = AutoField()
    repository_id = BigIntegerField()
    number = BigIntegerField()
    kind = CharField()
    source = CharField()  # poll or sync
    wanted_at = InstantField()
    attempts = IntegerField(default=0)
    next_attempt_at = InstantField()
    last_error = TextField(default="")

    class Meta:
        table_name = "reads"
        indexes = (
            (("repository_id", "number", "kind"), True),
            (("source", "repository_id", "next_attempt_at"), False),
        )


class AccountRow(Table):
    """A GitHub account as last seen."""

    id = BigIntegerField(primary_key=True)
    login = CharField()
    login_key = CharField(index=True)
    type = CharField()
    seen_at = InstantField()

    class Meta:
        table_name = "accounts"


class FormerLogin(Table):
    """A name an account was seen under, now or earlier."""

    account_id = BigIntegerField()
    login_key = CharField(index=True)
    seen_at = InstantField()

    class Meta:
        table_name = "logins"
        primary_key = CompositeKey("account_id", "login_key")


class RoleRow(Table):
    """A role as last looked up."""

    repository_id = BigIntegerField()
    account_id = BigIntegerField()
    role = CharField()
    fetched_at = InstantField()

    class Meta:
        table_name = "roles"
        primary_key = CompositeKey("repository_id", "account_id")


class ContributorRow(Table):
    """One person in one repository. `credit` is the fold of the ledger, kept here for reading."""

    repository_id = BigIntegerField()
    account_id = BigIntegerField()
    credit = IntegerField()
    blacklisted = BooleanField(default=False)
    blacklisted_at = InstantField(null=True)
    first_seen_at = InstantField()

    class Meta:
        table_name = "contributors"
        primary_key = CompositeKey("repository_id", "account_id")


class PullRequestRow(Table):
    """A pull request as last seen, and what the gate made of it.

    `fingerprint` digests the list item, so that an unchanged one costs no further reads. `closed_by_us_at` is set
    when our close was delivered and cleared when it is open again.
    """

    repository_id = BigIntegerField()
    number = BigIntegerField()
    github_id = BigIntegerField(null=True)
    author_id = BigIntegerField(null=True)
    title = TextField(default="")
    state = CharField(default="open")
    draft = BooleanField(default=False)
    merged_at = InstantField(null=True)
    created_at = InstantField()
    updated_at = InstantField()
    fingerprint = CharField(default="")
    head_sha = CharField(null=True)
    additions = IntegerField(null=True)
    deletions = IntegerField(null=True)
    changed_files = IntegerField(null=True)
    gate = CharField(null=True)
    gate_at = InstantField(null=True)
    closed_by_us_at = InstantField(null=True)
    labelled = BooleanField(default=False)
    status_sha = CharField(null=True)
    touched_by_maintainer = BooleanField(default=False)
    withdrawn = BooleanField(default=False)

    class Meta:
        table_name = "pull_requests"
        primary_key = CompositeKey("repository_id", "number")
        indexes = ((("repository_id", "author_id"), False),)


class EventRow(Table):
    """The inbox: every fact once, by its key. `facts` is JSON and may be erased; the key never is."""

    id = AutoField()
    key = CharField(unique=True)
    lane = CharField()
    repository_id = BigIntegerField()
    kind = CharField()
    number = BigIntegerField(null=True)
    github_id = BigIntegerField(null=True)
    author_id = BigIntegerField(null=True)
    actor_id = BigIntegerField(null=True)
    occurred_at = InstantField()
    received_at = InstantField()
    is_history = BooleanField(default=False)
    source = CharField()  # poll, sync, evaluator or local
    facts = TextField()
    state = CharField()
    attempts = IntegerField(default=0)
    next_attempt_at = InstantField()
    last_error = TextField(default="")
    handled_at = InstantField(null=True)
    enforcement = CharField(null=True)
    note = TextField(default="")  # what was decided, in words

    class Meta:
        table_name = "events"
        indexes = (
            (("state", "lane", "id"), False),
            (("state", "next_attempt_at"), False),
            (("repository_id", "number"), False),
            (("repository_id", "author_id", "kind"), False),
        )


class LedgerRow(Table):
    """The append-only ledger: ids, numbers and codes. `applied` is what the floor and the daily cap left."""

    id = AutoField()
    key = CharField(unique=True)
    repository_id = BigIntegerField()
    account_id = BigIntegerField()
    event_id = BigIntegerField(null=True)
    evaluation_id = BigIntegerField(null=True)
    reverses_id = BigIntegerField(null=True)
    reason = CharField()
    requested = IntegerField()
    applied = IntegerField()
    before = IntegerField()
    after = IntegerField()
    blacklisted = BooleanField()  # the flag after this row
    cap_day = IntegerField(null=True)  # days since 1970, for what the daily cap bounds
    actor_kind = CharField()
    actor_id = BigIntegerField(null=True)  # GitHub account id or local uid
    number = BigIntegerField(null=True)
    enforcement = CharField()
    occurred_at = InstantField()
    appended_at = InstantField()

    class Meta:
        table_name = "ledger"
        indexes = (
            (("repository_id", "account_id", "id"), False),
            (("repository_id", "account_id", "cap_day"), False),
        )


class LedgerNote(Table):
    """Words that belong to a ledger row (a reason, a local user's name); may be erased."""

    ledger_id = BigIntegerField(primary_key=True)
    actor_name = CharField(default="")
    text = TextField(default="")

    class Meta:
        table_name = "ledger_notes"


class EvaluationRow(Table):
    """A question about one contribution and its answer. Texts may be erased; numbers and codes stay.

    `deltas` is JSON: what each class would change, by the policy in force when the contribution was made.
    """

    id = AutoField()
    key = CharField(unique=True)
    repository_id = BigIntegerField()
    event_id = BigIntegerField()
    account_id = BigIntegerField()
    number = BigIntegerField()
    subject = CharField()  # pull_request or comment
    state = CharField()
    reason = CharField(default="")  # why it waits, was voided or is limited, as a code
    spam_only = BooleanField(default=False)
    digest = CharField()  # of the normalised text: a repeated text scores once
    title = TextField(default="")
    text = TextField(default="")
    link = TextField(default="")
    deltas = TextField()
    created_at = InstantField()
    attempts = IntegerField(default=0)
    next_attempt_at = InstantField()
    lease_until_at = InstantField(null=True)
    last_error = TextField(default="")
    provider = CharField(default="")
    model = CharField(default="")
    classification = CharField(null=True)
    confidence = FloatField(null=True)
    reasoning = TextField(default="")
    decided_classification = CharField(null=True)
    proposed_delta = IntegerField(null=True)
    decided_at = InstantField(null=True)
    decided_by = CharField(default="")

    class Meta:
        table_name = "evaluations"
        indexes = (
            (("state", "next_attempt_at"), False),
            (("repository_id", "state"), False),
            (("repository_id", "account_id", "digest"), False),
            (("repository_id", "number"), False),
        )


class OutboxRow(Table):
    """An intended effect on GitHub. An `attempted_at` without a `settled_at` is ambiguous.

    `before_event_id` is the newest issue event that the relay saw before the attempt: a close by us with a higher id
    is ours.
    """

    id = AutoField()
    key = CharField(unique=True)
    repository_id = BigIntegerField()
    number = BigIntegerField()
    event_id = BigIntegerField()
    account_id = BigIntegerField(null=True)  # whom it is about
    kind = CharField()
    basis = CharField()
    after_key = CharField(null=True)  # waits until that action is settled
    target_id = BigIntegerField(null=True)  # a reaction's comment
    body = TextField(default="")
    state = CharField()
    enforcement = CharField()
    decided_at = InstantField()
    not_before_at = InstantField()
    next_attempt_at = InstantField()
    attempts = IntegerField(default=0)
    attempted_at = InstantField(null=True)
    before_event_id = BigIntegerField(null=True)
    settled_at = InstantField(null=True)
    github_id = BigIntegerField(null=True)
    reason = TextField(default="")  # why it was superseded, refused or waits

    class Meta:
        table_name = "outbox"
        indexes = (
            (("state", "next_attempt_at"), False),
            (("repository_id", "number"), False),
            (("repository_id", "account_id", "state"), False),
        )


TABLES: tuple[type[Table], ...] = (
    Setting,
    Repository,
    Feed,
    Read,
    AccountRow,
    FormerLogin,
    RoleRow,
    ContributorRow,
    PullRequestRow,
    EventRow,
    LedgerRow,
    LedgerNote,
    EvaluationRow,
    OutboxRow,
)
