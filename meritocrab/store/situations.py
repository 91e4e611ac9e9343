"""Loads what a handler may look at, and says what must be asked of GitHub first.

Everything is read in the transaction that will apply the decision; what GitHub has to be asked was asked before,
outside of any transaction, and comes in as `Lookups`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from meritocrab.core import standing
from meritocrab.core.commands import (
    Blacklist,
    Broken,
    Check,
    Command,
    Override,
    Unblacklist,
    parse_commands,
)
from meritocrab.core.commands import Target as Named
from meritocrab.core.evaluation import text_digest
from meritocrab.core.events import (
    Account,
    CommentFacts,
    Event,
    OperatorFacts,
    PullRequestFacts,
    VerdictFacts,
    event_key,
    is_erased,
)
from meritocrab.core.names import ActionKind, EventKind, Role
from meritocrab.core.permissions import RoleNeed, role_needs
from meritocrab.core.policy import Policy
from meritocrab.core.situation import (
    ActionView,
    Contributor,
    EvaluationView,
    LedgerLine,
    Situation,
    Target,
    UndoneRow,
)
from meritocrab.store import accounts, evaluations, inbox, ledger, outbox, pull_requests, settings
from meritocrab.store.models import EPOCH, EvaluationRow, EventRow, LedgerRow, OutboxRow, Repository

ROLE_KEPT_FOR = timedelta(hours=1)
"""How long a looked-up role serves where nothing is done against anybody."""

HISTORY_ROLE_KEPT_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Need:
    """One question to GitHub that an event waits for."""

    kind: Literal["role", "login", "account", "editor", "pull"]
    account: Account | None = None
    login: str = ""
    id: int = 0
    node_id: str = ""


@dataclass(slots=True)
class Lookups:
    """Answers from GitHub, for one attempt to handle one event. A key that is present was answered."""

    own_account_id: int | None = None
    roles: dict[int, Role] = field(default_factory=dict)
    logins: dict[str, Account | None] = field(default_factory=dict)
    ids: dict[int, Account | None] = field(default_factory=dict)
    edited_by_other: bool | None = None
    pull_asked: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """An event with what surrounds it: its repository, the rules and the commands in its text."""

    event: Event
    row: EventRow
    repository: Repository
    policy: Policy
    commands: Sequence[Command | Broken]


def subject(event: Event, row: EventRow, repository: Repository, policy: Policy) -> Subject:
    """Put an event into its surroundings."""
    facts = event.facts
    obeyable = isinstance(facts, CommentFacts) and not event.is_history
    commands = parse_commands(facts.body) if obeyable and isinstance(facts, CommentFacts) else ()
    return Subject(event, row, repository, policy, commands)


def missing(about: Subject, known: Lookups, now: datetime) -> list[Need]:
    """What GitHub must still be asked before this event can be handled."""
    event = about.event
    needs = [
        Need("role", account=need.account)
        for need in role_needs(event, is_command=bool(about.commands))
        if _role(about, need, known, now) is None
    ]
    facts = event.facts
    if isinstance(facts, CommentFacts):
        if about.commands and facts.edited and known.edited_by_other is None:
            needs.append(Need("editor", account=event.author, node_id=facts.node_id))
        needs += _target_needs(about, known)
    if not known.pull_asked and _lacks_pull_request(event):
        needs.append(Need("pull", id=event.number or 0))
    return needs


def _lacks_pull_request(event: Event) -> bool:
    facts = event.facts
    on_issue = isinstance(facts, CommentFacts) and not facts.on_pull_request
    if on_issue or event.kind is EventKind.OPERATOR_ACTED or event.number is None:
        return False
    return pull_requests.find_row(event.repository_id, event.number) is None


def _role(about: Subject, need: RoleNeed, known: Lookups, now: datetime) -> Role | None:
    if need.account.id in known.roles:
        return known.roles[need.account.id]
    if need.fresh:
        return None
    kept_for = HISTORY_ROLE_KEPT_FOR if about.event.is_history else ROLE_KEPT_FOR
    return accounts.cached_role(about.event.repository_id, need.account.id, now - kept_for)


def _named(commands: Sequence[Command | Broken]) -> list[Named]:
    naming = (Check, Override, Blacklist, Unblacklist)
    return [command.target for command in commands if isinstance(command, naming)]


def _target_needs(about: Subject, known: Lookups) -> list[Need]:
    needs: list[Need] = []
    for named in _named(about.commands):
        if named.login is not None and named.login.lower() not in known.logins:
            needs.append(Need("login", login=named.login))
        elif named.id is not None and accounts.find(named.id) is None and named.id not in known.ids:
            needs.append(Need("account", id=named.id))
        else:
            needs += _target_role_needs(about, named, known)
    return needs


def _target_role_needs(about: Subject, named: Named, known: Lookups) -> list[Need]:
    found = _resolve(about.event, named, known)
    if len(found) != 1:
        return []
    account = accounts.find(found[0])
    if account is None or not account.holds_credit or account.id in known.roles:
        return []
    return [Need("role", account=account)]


def _resolve(event: Event, named: Named, known: Lookups) -> tuple[int, ...]:
    """The accounts a name may mean: one is certain, several are a conflict, none is nobody.

    Participants of the thread come first, then today's owner of the name, then former owners; a freed login can be
    taken by somebody else, so that two different answers are never guessed between.
    """
    if named.id is not None:
        return (named.id,) if accounts.find(named.id) or known.ids.get(named.id) else ()
    assert named.login is not None  # noqa: S101 - a target has one of the two
    owner = known.logins.get(named.login.lower())
    owners = {owner.id} if owner else set()
    here = accounts.participants(event.repository_id, event.number, named.login)
    if here:
        return tuple(sorted(here | owners))
    return tuple(sorted(owners | accounts.known_holders(named.login)))


def load(about: Subject, known: Lookups, now: datetime) -> Situation:
    """The snapshot for the handler. Call it when `missing` has nothing left."""
    event = about.event
    pull_request = pull_requests.find(event.repository_id, event.number, about.repository.full_name)
    facts = event.facts
    evaluation_id = facts.evaluation_id if isinstance(facts, VerdictFacts | OperatorFacts) else None
    action, companions = _action(event, facts) if isinstance(facts, OperatorFacts) else (None, ())
    evaluation = _evaluation(event, evaluation_id)
    author = _author(about, known, now)
    return Situation(
        author=author,
        actor=author if event.actor == event.author else _contributor(about, event.actor, known, now),
        own_account_id=known.own_account_id,
        own_reopen=_is_own_reopen(event, known),
        pull_request=pull_request,
        opened=_opened_facts(event) if event.kind is EventKind.PULL_REQUEST_READY else None,
        targets=_targets(about, known, now),
        edited_by_other=bool(known.edited_by_other),
        status_answers_today=_status_answers(event, now) if about.commands else 0,
        repeated_text=_is_repeated(about),
        evaluation=evaluation,
        pull_request_evaluations=_evaluations(event),
        undone=_undone(event, _to_undo(facts, evaluation)) if isinstance(facts, OperatorFacts) else None,
        action=action,
        companions=companions,
        paused=about.repository.paused,
        braked=about.repository.braked_at is not None,
        fraction=_fraction(event.key),
    )


def _author(about: Subject, known: Lookups, now: datetime) -> Contributor | None:
    person = _contributor(about, about.event.author, known, now)
    facts = about.event.facts
    if person is None or not isinstance(facts, OperatorFacts):
        return person
    return _with_history(about, person)


def _contributor(
    about: Subject, account: Account | None, known: Lookups, now: datetime
) -> Contributor | None:
    if account is None:
        return None
    repository_id = about.event.repository_id
    row = ledger.find_contributor(repository_id, account.id)
    role = known.roles.get(account.id)
    if role is None and account.holds_credit:
        # a maintainer's act asks GitHub nothing: the last known role counts
        by_hand = about.event.kind is EventKind.OPERATOR_ACTED
        not_before = EPOCH if by_hand else now - HISTORY_ROLE_KEPT_FOR
        role = accounts.cached_role(repository_id, account.id, not_before)
    return Contributor(
        account=account,
        role=role or Role.NONE,
        credit=row.credit if row else about.policy.starting_credit,
        blacklisted=bool(row and row.blacklisted),
    )


def _with_history(about: Subject, person: Contributor) -> Contributor:
    repository_id, account = about.event.repository_id, person.account
    lines = tuple(
        LedgerLine(row.id, row.reason, row.applied, row.after, row.occurred_at)
        for row in ledger.rows_for(repository_id, account.id, limit=5)
    )
    held = pull_requests.held_of(repository_id, account.id, about.repository.full_name)
    return Contributor(account, person.role, person.credit, person.blacklisted, held, lines)


def _targets(about: Subject, known: Lookups, now: datetime) -> dict[str, Target]:
    targets: dict[str, Target] = {}
    for named in _named(about.commands):
        found = _resolve(about.event, named, known)
        account = accounts.find(found[0]) if len(found) == 1 else None
        person = _contributor(about, account, known, now)
        if person is not None:
            targets[str(named)] = Target(contributor=_with_history(about, person))
        else:
            targets[str(named)] = Target(candidates=found)
    return targets


def _is_own_reopen(event: Event, known: Lookups) -> bool:
    if event.kind is not EventKind.PULL_REQUEST_REOPENED or event.actor is None:
        return False
    if event.actor.id != known.own_account_id:
        return False
    return outbox.was_attempted(event.repository_id, event.number or 0, ActionKind.REOPEN)


def _opened_facts(event: Event) -> PullRequestFacts | None:
    row = inbox.find(event_key(event.repository_id, EventKind.PULL_REQUEST_OPENED, event.number or 0))
    facts = inbox.to_event(row).facts if row is not None else None
    return facts if isinstance(facts, PullRequestFacts) and not is_erased(facts) else None


def _status_answers(event: Event, now: datetime) -> int:
    if event.author is None:
        return 0
    return outbox.status_answers_on(event.repository_id, event.author.id, now - timedelta(days=1))


def _is_repeated(about: Subject) -> bool:
    event, facts = about.event, about.event.facts
    if event.author is None:
        return False
    if isinstance(facts, PullRequestFacts):
        digest = text_digest(facts.title, facts.body)
    elif isinstance(facts, CommentFacts):
        digest = text_digest("", facts.body)
    else:
        return False
    return evaluations.is_repeated(event.repository_id, event.author.id, digest, f"{event.key}/evaluation")


TOUCHES_EVALUATIONS = frozenset({EventKind.PULL_REQUEST_CLOSED, EventKind.PULL_REQUEST_MERGED})


def _evaluations(event: Event) -> tuple[EvaluationView, ...]:
    if event.kind not in TOUCHES_EVALUATIONS:
        return ()
    return evaluations.of_pull_request(event.repository_id, event.number)


def _action(event: Event, facts: OperatorFacts) -> tuple[ActionView | None, tuple[ActionView, ...]]:
    """The action an act is about, and those that the same event decided about the same thread."""
    row = outbox.find(facts.action_id) if facts.action_id is not None else None
    if row is None or not _is_here(event, row):
        return None, ()
    return outbox.view(row), tuple(outbox.view(other) for other in outbox.companions(row))


def _is_here(event: Event, row: EvaluationRow | LedgerRow | OutboxRow) -> bool:
    """Ids come from outside: what belongs to another repository is nobody's business here."""
    return bool(row.repository_id == event.repository_id)


def _evaluation(event: Event, evaluation_id: int | None) -> EvaluationView | None:
    row = evaluations.find(evaluation_id)
    return evaluations.view(row) if row is not None and _is_here(event, row) else None


def _to_undo(facts: OperatorFacts, evaluation: EvaluationView | None) -> int | None:
    """The ledger row that an act is about, by its id or as what its evaluation came to."""
    return evaluation.ledger_id if evaluation is not None else facts.ledger_id


def _undone(event: Event, ledger_id: int | None) -> UndoneRow | None:
    row = ledger.find(ledger_id) if ledger_id is not None else None
    if row is None or not _is_here(event, row):
        return None
    earlier = (
        LedgerRow.select()
        .where(
            (LedgerRow.repository_id == row.repository_id)
            & (LedgerRow.account_id == row.account_id)
            & (LedgerRow.id < row.id)
        )
        .order_by(LedgerRow.id.desc())
        .first()
    )
    return UndoneRow(
        id=row.id,
        key=row.key,
        account_id=row.account_id,
        applied=row.applied,
        cap_day=row.cap_day,
        blacklisted_before=bool(earlier and earlier.blacklisted),
        blacklisted_after=row.blacklisted,
        undone=ledger.reversal_of(row) is not None,
        blacklisting_id=_automatic_blacklisting(row),
        flagged_by_id=_flagged_by(row),
    )


def _automatic_blacklisting(row: LedgerRow) -> int | None:
    followed = ledger.find_by_key(standing.blacklisting_key(row.key))
    return followed.id if followed is not None else None


def _flagged_by(row: LedgerRow) -> int | None:
    """The row that this person's blacklist flag stands on: the first after the last one without the flag."""
    mine = LedgerRow.select(LedgerRow.id).where(
        (LedgerRow.repository_id == row.repository_id) & (LedgerRow.account_id == row.account_id)
    )
    last_free = mine.where(~LedgerRow.blacklisted).order_by(LedgerRow.id.desc()).first()
    flagged = mine.where(LedgerRow.id > (last_free.id if last_free else 0)).order_by(LedgerRow.id).first()
    return flagged.id if flagged is not None else None


def _fraction(key: str) -> float:
    digest = hmac.new(settings.seed().encode(), key.encode(), hashlib.sha256).digest()
    return int.from_bytes(digest[:6]) / 2**48
