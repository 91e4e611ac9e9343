"""The tables, as Peewee models: one column per fact, so that a restart knows all that a running daemon knew.

Ids are 64 bits wide; times are whole milliseconds since 1970 in UTC (both databases keep them alike;
PostgreSQL's TIMESTAMP would drop the zone); all words are TEXT (a VARCHAR's limit would bind on PostgreSQL
only). Ledger rows hold ids, numbers and codes only: names, reasons and texts lie in tables that may be
erased. The models describe the newest schema; `migrations` builds it, and a test proves that both agree.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

from peewee import (
    BigAutoField,
    BigIntegerField,
    BooleanField,
    CompositeKey,
    DatabaseProxy,
    DoubleField,
    IntegerField,
    Model,
    TextField,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ThreadDatabase(DatabaseProxy):
    """The database of the store that the running thread works for; None on any other thread.

    So two stores can be open in one process, and a query run outside a transaction of its store fails at once
    instead of opening a connection of its own.
    """

    __slots__ = ("_local",)

    def __init__(self) -> None:
        object.__setattr__(self, "_local", threading.local())
        object.__setattr__(self, "_callbacks", [])

    @property
    def obj(self) -> Any:
        """The bound database, or None."""
        return getattr(self._local, "database", None)

    def initialize(self, obj: Any) -> None:
        """Bind `obj` (a Peewee database) on the calling thread."""
        self._local.database = obj


database = ThreadDatabase()


class InstantField(BigIntegerField):
    """An aware UTC `datetime`, stored as whole milliseconds since 1970."""

    def db_value(self, value: Any) -> Any:
        if isinstance(value, datetime):
            return (value - EPOCH) // timedelta(milliseconds=1)
        return value

    def python_value(self, value: Any) -> Any:
        return None if value is None else EPOCH + timedelta(milliseconds=value)


class Table(Model):
    """What all tables share: the one database of this process."""

    class Meta:
        database = database
        legacy_table_names = False


class Setting(Table):
    """Facts about this installation: schema version, seed, who holds the daemon's lock."""

    name = TextField(primary_key=True)
    value = TextField()

    class Meta:
        table_name = "settings"


class Repository(Table):
    """A watched repository and how it stands: every column is what a maintainer is shown.

    `access` names the credential: `token`, `anonymous` or `installation:ID`. `github_id` is NULL until GitHub
    answered for the first time. `policy` is the last good `.meritocrab.toml` text (NULL: none was ever read).
    """

    id = BigAutoField()
    github_id = BigIntegerField(null=True, unique=True)
    full_name = TextField()
    name_key = TextField(unique=True)  # lower case: GitHub's names are not case-sensitive
    access = TextField()
    watched = BooleanField(default=True)
    paused = BooleanField(default=False)
    state = TextField(default="new")
    detail = TextField(default="")
    state_since_at = InstantField(null=True)
    baseline_at = InstantField(null=True)
    default_branch = TextField(null=True)
    archived = BooleanField(default=False)
    next_poll_at = InstantField(null=True, index=True)
    last_poll_at = InstantField(null=True)
    last_news_at = InstantField(null=True)
    last_net_at = InstantField(null=True)
    interval_seconds = DoubleField(null=True)
    errors_in_row = IntegerField(default=0)
    last_error = TextField(default="")
    last_error_at = InstantField(null=True)
    policy_read_at = InstantField(null=True)
    policy_text = TextField(null=True)
    policy_etag = TextField(null=True)
    policy_token = TextField(null=True)
    policy_error = TextField(default="")
    braked_at = InstantField(null=True)  # since when the breaker keeps it at observe
    brake_reason = TextField(default="")
    brake_released_at = InstantField(null=True)  # closes from before do not count any more

    class Meta:
        table_name = "repositories"


class Feed(Table):
    """How far one listing has been read. `etag` belongs to the URL of this cursor and to one token."""

    repository_id = BigIntegerField()
    name = TextField()
    cursor_at = InstantField(null=True)
    finished = BooleanField(default=False)  # sync: the walk reached the end
    etag = TextField(null=True)
    etag_token = TextField(null=True)

    class Meta:
        table_name = "feeds"
        primary_key = CompositeKey("repository_id", "name")


class Read(Table):
    """One pending read about a pull request: `pull`, `reviews` or `issue_events`, retried on its own.

    `wanted_at` is the `updated_at` that made us look (GitHub's time); a newer one renews the row.
    """

    id = BigAutoField()
    repository_id = BigIntegerField()
    number = BigIntegerField()
    kind = TextField()
    source = TextField()  # poll or sync
    wanted_at = InstantField()
    attempts = IntegerField(default=0)
    next_attempt_at = InstantField()
    last_error = TextField(default="")

    class Meta:
        table_name = "reads"
        indexes = (
            (("repository_id", "number", "kind", "source"), True),
            (("source", "repository_id", "next_attempt_at"), False),
        )


class AccountRow(Table):
    """A GitHub account as last seen; without a login once it was forgotten."""

    id = BigIntegerField(primary_key=True)
    login = TextField()
    login_key = TextField(index=True)
    type = TextField()
    seen_at = InstantField()

    class Meta:
        table_name = "accounts"


class FormerLogin(Table):
    """A name an account was seen under, now or earlier."""

    account_id = BigIntegerField()
    login_key = TextField(index=True)
    seen_at = InstantField()

    class Meta:
        table_name = "logins"
        primary_key = CompositeKey("account_id", "login_key")


class Tombstone(Table):
    """Somebody who was forgotten: of what they do only ids are kept from now on, and it is never scored."""

    account_id = BigIntegerField(primary_key=True)
    forgotten_at = InstantField()

    class Meta:
        table_name = "tombstones"


class RoleRow(Table):
    """A role as last looked up."""

    repository_id = BigIntegerField()
    account_id = BigIntegerField()
    role = TextField()
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

    `fingerprint` digests the list item, so that an unchanged one costs no further reads. `closed_by_us_at` is
    set when our close was delivered and cleared when it is open again.
    """

    repository_id = BigIntegerField()
    number = BigIntegerField()
    github_id = BigIntegerField(null=True)
    author_id = BigIntegerField(null=True)
    title = TextField(default="")
    state = TextField(default="open")
    draft = BooleanField(default=False)
    merged_at = InstantField(null=True)
    created_at = InstantField()
    updated_at = InstantField()
    fingerprint = TextField(default="")
    head_sha = TextField(null=True)
    additions = IntegerField(null=True)
    deletions = IntegerField(null=True)
    changed_files = IntegerField(null=True)
    gate = TextField(null=True)
    gate_at = InstantField(null=True)
    closed_by_us_at = InstantField(null=True)
    labelled = BooleanField(default=False)
    status_sha = TextField(null=True)
    touched_by_maintainer = BooleanField(default=False)
    withdrawn = BooleanField(default=False)

    class Meta:
        table_name = "pull_requests"
        primary_key = CompositeKey("repository_id", "number")
        indexes = ((("repository_id", "author_id"), False),)


class EventRow(Table):
    """The inbox: every fact once, by its key. `facts` is JSON and may be erased; the key never is."""

    id = BigAutoField()
    key = TextField(unique=True)
    lane = TextField()
    repository_id = BigIntegerField()
    kind = TextField()
    number = BigIntegerField(null=True)
    github_id = BigIntegerField(null=True)
    author_id = BigIntegerField(null=True)
    actor_id = BigIntegerField(null=True)
    occurred_at = InstantField()
    received_at = InstantField()
    is_history = BooleanField(default=False)
    source = TextField()  # poll, sync, evaluator or local
    facts = TextField()
    state = TextField()
    attempts = IntegerField(default=0)
    next_attempt_at = InstantField()
    last_error = TextField(default="")
    handled_at = InstantField(null=True)
    enforcement = TextField(null=True)
    note = TextField(default="")  # what was decided, in words
    correlation_id = TextField(default="")  # in the log, of what it came with and led to

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

    id = BigAutoField()
    key = TextField(unique=True)
    repository_id = BigIntegerField()
    account_id = BigIntegerField()
    event_id = BigIntegerField(null=True)
    evaluation_id = BigIntegerField(null=True)
    reverses_id = BigIntegerField(null=True)
    reason = TextField()
    requested = IntegerField()
    applied = IntegerField()
    before = IntegerField()
    after = IntegerField()
    blacklisted = BooleanField()  # the flag after this row
    cap_day = IntegerField(null=True)  # days since 1970, for what the daily cap bounds
    actor_kind = TextField()
    actor_id = BigIntegerField(null=True)  # GitHub account id or local uid
    number = BigIntegerField(null=True)
    enforcement = TextField()
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
    actor_name = TextField(default="")
    text = TextField(default="")

    class Meta:
        table_name = "ledger_notes"


class EvaluationRow(Table):
    """A question about one contribution and its answer. Texts may be erased; numbers and codes stay.

    `deltas` is JSON: what each class would change, by the policy in force when the contribution was made; `policy`
    is that policy's fingerprint. `flags` is a JSON list of what looked like deceit, in words. `folded_into` names
    the item of the review queue that stands for this one, too. `waits_since_at` is when it last began to wait for a
    provider or for a human.
    """

    id = BigAutoField()
    key = TextField(unique=True)
    repository_id = BigIntegerField()
    event_id = BigIntegerField()
    account_id = BigIntegerField()
    number = BigIntegerField()
    subject = TextField()  # pull_request or comment
    state = TextField()
    reason = TextField(default="")  # why it waits, was voided or is limited, as a code
    spam_only = BooleanField(default=False)
    digest = TextField()  # of the normalised text: a repeated text scores once
    title = TextField(default="")
    text = TextField(default="")
    link = TextField(default="")
    deltas = TextField()
    created_at = InstantField()
    attempts = IntegerField(default=0)
    next_attempt_at = InstantField()
    lease_until_at = InstantField(null=True)
    last_error = TextField(default="")
    provider = TextField(default="")
    model = TextField(default="")
    classification = TextField(null=True)
    confidence = DoubleField(null=True)
    reasoning = TextField(default="")
    decided_classification = TextField(null=True)
    proposed_delta = IntegerField(null=True)
    decided_at = InstantField(null=True)
    decided_by = TextField(default="")
    flags = TextField(default="[]")
    policy = TextField(default="")
    folded_into = BigIntegerField(null=True, index=True)
    waits_since_at = InstantField()

    class Meta:
        table_name = "evaluations"
        indexes = (
            (("state", "next_attempt_at"), False),
            (("repository_id", "state"), False),
            (("repository_id", "account_id", "digest"), False),
            (("repository_id", "number"), False),
        )


class CallRow(Table):
    """One question to a provider that costs something, written before it is asked: the books of the budgets.

    While `outcome` is `asked` (also after a crash or a time-out), the tokens and the cost are an estimate from above.
    `digest` is the same where a model would be shown the same; `opinion` is 2 for a second opinion. Money is in
    millionths of the price table's currency, NULL where the price is not known.
    """

    id = BigAutoField()
    evaluation_id = BigIntegerField(index=True)
    repository_id = BigIntegerField()
    account_id = BigIntegerField()
    opinion = IntegerField()
    provider = TextField()
    model = TextField()
    prompt_version = TextField()
    digest = TextField(index=True)
    asked_at = InstantField(index=True)
    outcome = TextField()
    input_tokens = BigIntegerField(null=True)
    output_tokens = BigIntegerField(null=True)
    cost_micros = BigIntegerField(null=True)
    latency_ms = BigIntegerField(null=True)
    classification = TextField(null=True)
    confidence = DoubleField(null=True)
    reasoning = TextField(default="")
    raw_answer = TextField(default="")

    class Meta:
        table_name = "calls"
        indexes = ((("repository_id", "account_id", "asked_at"), False),)


class ProviderRow(Table):
    """How a provider does: until when nothing is asked of it and why, and how often in a row it failed."""

    name = TextField(primary_key=True)
    paused_until_at = InstantField(null=True)
    reason = TextField(default="")
    failures_in_row = IntegerField(default=0)
    answered_at = InstantField(null=True)
    failed_at = InstantField(null=True)

    class Meta:
        table_name = "providers"


class OutboxRow(Table):
    """An intended effect on GitHub. An `attempted_at` without a `settled_at` is ambiguous.

    `before_event_id` is the newest issue event that the relay saw before the attempt: a close by us with a
    higher id is ours.
    """

    id = BigAutoField()
    key = TextField(unique=True)
    repository_id = BigIntegerField()
    number = BigIntegerField()
    event_id = BigIntegerField()
    account_id = BigIntegerField(null=True)  # whom it is about
    kind = TextField()
    basis = TextField()
    after_key = TextField(null=True)  # waits until that action is settled
    target_id = BigIntegerField(null=True)  # a reaction's comment
    body = TextField(default="")
    state = TextField()
    enforcement = TextField()
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
            (("repository_id", "attempted_at"), False),
        )


class NotificationRow(Table):
    """One thing that a maintainer is to be told elsewhere: ids and codes only, names are looked up when it is sent.

    Rows that go out as one message share `message`, given when they are claimed, so that a message that is sent once
    more after a crash says the same under the same id. `repository_row_id` is our own id, since one that GitHub never
    answered for has no other; `amount` is a number that belongs to the code.
    """

    id = BigAutoField()
    key = TextField(unique=True)
    kind = TextField()  # queue, close, error or breaker
    code = TextField(default="")
    repository_row_id = BigIntegerField(null=True)
    number = BigIntegerField(null=True)
    amount = IntegerField(default=0)
    created_at = InstantField()
    state = TextField(default="waiting")
    message = TextField(default="", index=True)
    attempts = IntegerField(default=0)
    next_attempt_at = InstantField()
    command_at = InstantField(null=True)  # when the command took it
    url_at = InstantField(null=True)  # when the address took it
    settled_at = InstantField(null=True)
    last_error = TextField(default="")

    class Meta:
        table_name = "notifications"
        indexes = ((("state", "next_attempt_at"), False),)


TABLES: tuple[type[Table], ...] = (
    Setting,
    Repository,
    Feed,
    Read,
    AccountRow,
    FormerLogin,
    Tombstone,
    RoleRow,
    ContributorRow,
    PullRequestRow,
    EventRow,
    LedgerRow,
    LedgerNote,
    EvaluationRow,
    CallRow,
    ProviderRow,
    OutboxRow,
    NotificationRow,
)
