"""What is held about one person: shown in full, or erased for good.

Forgetting takes names, texts, reasons and notes, and leaves a tombstone with the id. Ledger rows hold ids and numbers
only; they stay, so that every balance can still be proven, and so does a ban. Everything runs in the caller's one
transaction, beside a running daemon: whatever it files later meets the tombstone.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from meritocrab.core.events import without_texts
from meritocrab.core.names import (
    ActionBasis,
    ActionKind,
    ActionState,
    ActorKind,
    EvaluationState,
    EventKind,
    EventState,
)
from meritocrab.store import accounts, inbox
from meritocrab.store.errors import StoreError
from meritocrab.store.export import iso
from meritocrab.store.models import (
    AccountRow,
    CallRow,
    ContributorRow,
    EvaluationRow,
    EventRow,
    FormerLogin,
    LedgerNote,
    LedgerRow,
    OutboxRow,
    PullRequestRow,
    RoleRow,
    Table,
    Tombstone,
)
from meritocrab.store.statements import find_one, insert_new, update

FORGOTTEN = "forgotten"
"""Why an evaluation or an action ended, and what stands where a name stood."""

SETTLED_EVALUATIONS = (
    EvaluationState.AUTO_APPLIED.value,
    EvaluationState.APPROVED.value,
    EvaluationState.OVERRIDDEN.value,
    EvaluationState.UNJUDGED.value,
    EvaluationState.VOIDED.value,
    EvaluationState.EXPIRED.value,
)

_DONE = (EventState.HANDLED.value, EventState.RECORDED.value)


class PersonUnknown(StoreError):  # noqa: N818 (a state, as all of the store's errors)
    """Nobody of this name is known, or several are; the message says which ids."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was erased: rows per table. `under_way` counts messages whose sending is not settled yet."""

    erased: Mapping[str, int]
    under_way: int


def resolve(who: str) -> int:
    """The account id that `@login` (today's or a former one) or `id:N` names.

    Raises:
        PersonUnknown: nothing is held about such a person, or the name belonged to several.
    """
    number = re.fullmatch(r"id:([1-9][0-9]{0,17})", who)
    found = [int(number[1])] if number else sorted(accounts.known_holders(who.removeprefix("@")))
    if len(found) > 1:
        ids = ", ".join(f"id:{each}" for each in found)
        raise PersonUnknown(f"{who} is or was the name of several accounts: use one of {ids}.")
    if not found or find_one(AccountRow, id=found[0]) is None:
        raise PersonUnknown(f"nothing is held about {who}. Write @login, or id:N with GitHub's account id.")
    return found[0]


# ---- everything that is held


def records(account_id: int) -> dict[str, Any]:
    """Everything held about one person, by table, as plain values; texts of others that mention them are not theirs."""
    return {
        table._meta.table_name: [_plain(row) for row in table.select().where(condition).dicts()]
        for table, condition in _about(account_id)
    }


def _about(account_id: int) -> Iterable[tuple[type[Table], Any]]:
    by_github = (LedgerRow.actor_kind == ActorKind.GITHUB.value) & (LedgerRow.actor_id == account_id)
    mine = LedgerRow.select(LedgerRow.id).where(LedgerRow.account_id == account_id)
    yield AccountRow, AccountRow.id == account_id
    yield FormerLogin, FormerLogin.account_id == account_id
    yield Tombstone, Tombstone.account_id == account_id
    yield RoleRow, RoleRow.account_id == account_id
    yield ContributorRow, ContributorRow.account_id == account_id
    yield LedgerRow, (LedgerRow.account_id == account_id) | by_github
    yield LedgerNote, LedgerNote.ledger_id.in_(mine)
    yield PullRequestRow, PullRequestRow.author_id == account_id
    yield EventRow, (EventRow.author_id == account_id) | (EventRow.actor_id == account_id)
    yield EvaluationRow, EvaluationRow.account_id == account_id
    yield CallRow, CallRow.account_id == account_id
    yield OutboxRow, OutboxRow.account_id == account_id


def _plain(row: Any) -> dict[str, Any]:
    values = {name: iso(value) if isinstance(value, datetime) else value for name, value in row.items()}
    return values | {name: json.loads(row[name]) for name in ("facts", "deltas", "flags") if row.get(name)}


# ---- forgetting


def forget(account_id: int, now: datetime) -> Forgotten:
    """Erase all words about a person, and keep it so; repeating it is harmless and erases what came to be since."""
    erased: Counter[str] = Counter()
    names = _names(account_id)
    insert_new(Tombstone, account_id=account_id, forgotten_at=now)
    _forget_names(account_id, now, erased)
    _forget_contributions(account_id, erased)
    _forget_actions(account_id, now, erased)
    _forget_notes(account_id, erased)
    for name in names:
        _forget_mentions(name, erased)
    return Forgotten({table: rows for table, rows in sorted(erased.items()) if rows}, _under_way(account_id))


def _names(account_id: int) -> set[str]:
    former = FormerLogin.select(FormerLogin.login_key).where(FormerLogin.account_id == account_id)
    today = find_one(AccountRow, id=account_id)
    return {row.login_key for row in former} | ({today.login_key} if today and today.login else set())


def _forget_names(account_id: int, now: datetime, erased: Counter[str]) -> None:
    named = (AccountRow.id == account_id) & (AccountRow.login != "")
    erased["accounts"] += AccountRow.update(login="", login_key="", seen_at=now).where(named).execute()
    for table in (FormerLogin, RoleRow):
        gone = table.delete().where(table.account_id == account_id).execute()
        erased[table._meta.table_name] += gone


def _forget_contributions(account_id: int, erased: Counter[str]) -> None:
    titled = (PullRequestRow.author_id == account_id) & (PullRequestRow.title != "")
    erased["pull_requests"] += PullRequestRow.update(title="").where(titled).execute()
    for row in EventRow.select().where(EventRow.author_id == account_id):
        erased["events"] += erase_event(row)
    mine = EvaluationRow.account_id == account_id
    erased["evaluations"] += (
        EvaluationRow.update(
            title="", text="", link="", reasoning="", last_error="", digest="", flags="[]", decided_by=""
        )
        .where(mine & ((EvaluationRow.digest != "") | (EvaluationRow.text != "")))
        .execute()
    )
    EvaluationRow.update(
        state=EvaluationState.VOIDED.value, reason=FORGOTTEN, lease_until_at=None, folded_into=None
    ).where(mine & EvaluationRow.state.not_in(SETTLED_EVALUATIONS)).execute()
    erased["calls"] += (
        CallRow.update(reasoning="", raw_answer="", digest="")
        .where((CallRow.account_id == account_id) & (CallRow.digest != ""))
        .execute()
    )


def erased_facts(row: EventRow) -> str:
    """An event's facts without their texts, as their column holds them."""
    return inbox.to_json(without_texts(inbox.to_event(row).facts))


def erase_event(row: EventRow, *, words: bool = True) -> int:
    """Empty the texts of one event, and with `words` what was decided about it; returns 1 if there were any."""
    facts = erased_facts(row)
    note, last_error = ("", "") if words else (row.note, row.last_error)
    if (facts, note, last_error) == (row.facts, row.note, row.last_error):
        return 0
    return update(EventRow, {"facts": facts, "note": note, "last_error": last_error}, id=row.id)


def _forget_actions(account_id: int, now: datetime, erased: Counter[str]) -> None:
    """Messages about the person go; what a ban or a release still has to do carries no name and goes on."""
    mine = OutboxRow.account_id == account_id
    unsent = (OutboxRow.state == ActionState.SCHEDULED.value) & OutboxRow.attempted_at.is_null()
    told = (OutboxRow.kind == ActionKind.COMMENT.value) & (OutboxRow.basis != ActionBasis.BLACKLISTED.value)
    OutboxRow.update(state=ActionState.SUPERSEDED.value, settled_at=now, reason=FORGOTTEN).where(
        mine & unsent & (told | (OutboxRow.basis == ActionBasis.DENIED.value))
    ).execute()
    erased["outbox"] += _empty_messages(mine)


def _empty_messages(which: Any) -> int:
    settled = which & (OutboxRow.state != ActionState.SCHEDULED.value)
    full = (OutboxRow.kind == ActionKind.COMMENT.value) & (OutboxRow.body != "")
    return int(OutboxRow.update(body="").where(settled & full).execute())


def _under_way(account_id: int) -> int:
    return (
        OutboxRow.select()
        .where(
            (OutboxRow.account_id == account_id)
            & (OutboxRow.state == ActionState.SCHEDULED.value)
            & (OutboxRow.kind == ActionKind.COMMENT.value)
            & (OutboxRow.basis != ActionBasis.BLACKLISTED.value)
        )
        .count()
    )


def _forget_notes(account_id: int, erased: Counter[str]) -> None:
    """The reasons for what was done to the person, also where they were first written: in somebody's command."""
    mine = LedgerRow.select(LedgerRow.id).where(LedgerRow.account_id == account_id)
    noted = LedgerNote.ledger_id.in_(mine) & (LedgerNote.text != "")
    erased["ledger_notes"] += LedgerNote.update(text="").where(noted).execute()
    behind = LedgerRow.select(LedgerRow.event_id).where(
        (LedgerRow.account_id == account_id) & LedgerRow.event_id.is_null(False)
    )
    commands = (EventRow.kind == EventKind.COMMENT_CREATED.value) & EventRow.id.in_(behind)
    for row in EventRow.select().where(commands):
        erased["events"] += erase_event(row)
    erased["outbox"] += _empty_messages(OutboxRow.event_id.in_(behind))


def _forget_mentions(name: str, erased: Counter[str]) -> None:
    """Take the name out of our own sentences, and `@name` out of what others wrote and was dealt with."""
    end = r"(?![A-Za-z0-9-])"
    word = re.compile(rf"(?<![A-Za-z0-9-])@?{re.escape(name)}{end}", re.IGNORECASE)
    mention = re.compile(rf"@{re.escape(name)}{end}", re.IGNORECASE)
    done = EventRow.state.in_(_DONE)
    settled = OutboxRow.state != ActionState.SCHEDULED.value
    judged = EvaluationRow.state.in_(SETTLED_EVALUATIONS)
    for column, pattern, which in (
        (EventRow.note, word, done),
        (EventRow.last_error, word, done),
        (EventRow.facts, mention, done),
        (OutboxRow.reason, word, settled),
        (OutboxRow.body, mention, settled),
        (LedgerNote.text, mention, None),
        (PullRequestRow.title, mention, None),
        (EvaluationRow.title, mention, judged),
        (EvaluationRow.text, mention, judged),
        (EvaluationRow.reasoning, mention, judged),
    ):
        erased["mentions"] += _replace(column, pattern, which, name)


def _replace(column: Any, pattern: re.Pattern[str], which: Any, name: str) -> int:
    table = column.model
    key = [field.name for field in table._meta.get_primary_keys()]
    query = table.select().where(column.contains(name))
    changed = 0
    for row in query if which is None else query.where(which):
        text = getattr(row, column.name)
        if (new := pattern.sub(f"[{FORGOTTEN}]", text)) != text:
            changed += update(table, {column.name: new}, **{part: getattr(row, part) for part in key})
    return changed
