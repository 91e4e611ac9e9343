"""What maintainers did with evaluations, and why: a reason stands with its act, which need not have moved credit."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from meritocrab.core.names import EventKind, EventState
from meritocrab.core.review import BY_HAND
from meritocrab.store import inbox
from meritocrab.store.models import EvaluationRow, EventRow

DECIDING = frozenset({"approve", "override"})


def act_facts(row: EventRow) -> Mapping[str, Any]:
    """What a maintainer's act says; nothing for other events, and where nothing can be read."""
    if row.kind != EventKind.OPERATOR_ACTED.value:
        return {}
    try:
        facts = json.loads(row.facts)
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def acts_on(rows: Iterable[EvaluationRow]) -> list[EventRow]:
    """The acts that changed something about these evaluations, oldest first; asked by person, for the index."""
    wanted = {row.id: row for row in rows}
    done = EventRow.select().where(
        EventRow.repository_id.in_(sorted({row.repository_id for row in wanted.values()}))
        & EventRow.author_id.in_(sorted({row.account_id for row in wanted.values()}))
        & (EventRow.kind == EventKind.OPERATOR_ACTED.value)
        & (EventRow.state == EventState.HANDLED.value)
        & ~EventRow.note.startswith(inbox.REFUSED)
    )
    return [act for act in done.order_by(EventRow.id) if act_facts(act).get("evaluation_id") in wanted]


def reasons(rows: Iterable[EvaluationRow]) -> dict[int, str]:
    """Why the evaluations that a maintainer decided were decided so, by id; the last decision counts."""
    found: dict[int, str] = {}
    for act in acts_on(row for row in rows if row.state in BY_HAND):
        facts = act_facts(act)
        if facts.get("act") in DECIDING:
            found[facts["evaluation_id"]] = str(facts.get("reason", ""))
    return found
