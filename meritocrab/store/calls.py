"""The books of what providers were asked: budgets, the answers that may be used again, what each call cost.

A row is written before the question goes out, with an estimate from above, so that a crash can make a budget look
more spent than it is, never less.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from peewee import fn

from meritocrab.core.budget import Spent
from meritocrab.core.names import Classification
from meritocrab.store.models import CallRow, Tombstone
from meritocrab.store.statements import find_one

Outcome = Literal["asked", "answered", "cached", "refused", "truncated", "malformed", "rejected", "failed"]

UNUSABLE: Final = ("refused", "truncated", "malformed", "rejected")
"""Outcomes that say something about the question: asking it again and again will not help."""

FREE: Final = ("cached", "failed")
"""Outcomes that use up no budget: nobody was asked, or a provider in trouble turned the question away."""

REUSED_FOR: Final = timedelta(days=30)
"""How long an answer serves for a question that is the same to a model."""

AUTHOR_WINDOW: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A question about to be asked; `tokens` and `cost` are estimates from above, `cost` None without a price."""

    evaluation_id: int
    repository_id: int
    account_id: int
    opinion: int
    provider: str
    model: str
    prompt_version: str
    digest: str
    input_tokens: int
    output_tokens: int
    cost_micros: int | None


@dataclass(frozen=True, slots=True)
class Given:
    """What came back. Tokens and cost are None where the provider does not tell and there is no price."""

    outcome: Outcome
    model: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_micros: int | None = None
    latency_ms: int | None = None
    classification: Classification | None = None
    confidence: float | None = None
    reasoning: str = ""
    raw_answer: str = ""


def open_call(wanted: Wanted, now: datetime) -> int:
    """Write down that this is asked now; returns the row's id."""
    return int(CallRow.insert(**_values(wanted), asked_at=now, outcome="asked").execute())


def close_call(call_id: int, given: Given) -> None:
    """Write down what came of it, in place of the estimate; no words about somebody who was forgotten meanwhile."""
    values = _values(given)
    asked = find_one(CallRow, id=call_id)
    if asked is not None and find_one(Tombstone, account_id=asked.account_id) is not None:
        values |= {"reasoning": "", "raw_answer": ""}
    values["classification"] = given.classification.value if given.classification else None
    if not given.model:
        del values["model"]
    CallRow.update(**values).where(CallRow.id == call_id).execute()


def _values(value: Wanted | Given) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def find_answer(wanted: Wanted, now: datetime) -> CallRow | None:
    """The newest first opinion about a question that was the same to this model, or None."""
    row: CallRow | None = (
        CallRow.select()
        .where(
            (CallRow.digest == wanted.digest)
            & (CallRow.provider == wanted.provider)
            & (CallRow.opinion == 1)
            & (CallRow.outcome == "answered")
            & (CallRow.asked_at >= now - REUSED_FOR)
        )
        .order_by(CallRow.id.desc())
        .first()
    )
    return row


def add_cached(wanted: Wanted, answer: CallRow, now: datetime) -> None:
    """Write down that an answer served once more, for nothing."""
    CallRow.insert(
        **_values(wanted)
        | {"model": answer.model, "input_tokens": 0, "output_tokens": 0, "cost_micros": 0, "latency_ms": 0},
        asked_at=now,
        outcome="cached",
        classification=answer.classification,
        confidence=answer.confidence,
        reasoning=answer.reasoning,
    ).execute()


def day_start(now: datetime) -> datetime:
    """When the budgets' day began: midnight, UTC."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def spent(repository_id: int, account_id: int, evaluation_id: int, now: datetime) -> Spent:
    """What was used today, and how many other contributions of this author were asked about within the hour."""
    here = _spent_in(repository_id, now)
    return replace(
        spent_today(now),
        repository_tokens=here.repository_tokens,
        repository_cost=here.repository_cost,
        author_questions=_author_questions(repository_id, account_id, evaluation_id, now),
    )


def spent_today(now: datetime) -> Spent:
    """What was used today over all."""
    requests, tokens, cost = _sums(CallRow.asked_at >= day_start(now))
    return Spent(requests=requests, tokens=tokens, cost=cost)


def spent_by_repository(now: datetime) -> Mapping[int, Spent]:
    """What was used today for each repository, by its id at GitHub."""
    ids = CallRow.select(CallRow.repository_id).where(CallRow.asked_at >= day_start(now)).distinct()
    return {row.repository_id: _spent_in(row.repository_id, now) for row in ids}


def _spent_in(repository_id: int, now: datetime) -> Spent:
    here = (CallRow.asked_at >= day_start(now)) & (CallRow.repository_id == repository_id)
    requests, tokens, cost = _sums(here)
    return Spent(requests=requests, repository_tokens=tokens, repository_cost=cost)


def authors_at(limit: int, now: datetime) -> int:
    """How many people have had so many contributions asked about in one repository within the hour."""
    contributions = fn.COUNT(fn.DISTINCT(CallRow.evaluation_id))
    return (
        CallRow.select(CallRow.repository_id, CallRow.account_id)
        .where((CallRow.asked_at > now - AUTHOR_WINDOW) & CallRow.outcome.not_in(FREE))
        .group_by(CallRow.repository_id, CallRow.account_id)
        .having(contributions >= limit)
        .count()
    )


def _sums(condition: Any) -> tuple[int, int, int]:
    """Questions that were not turned away, tokens and cost."""
    tokens = fn.COALESCE(CallRow.input_tokens, 0) + fn.COALESCE(CallRow.output_tokens, 0)
    row: Any = (
        CallRow.select(
            fn.COUNT(CallRow.id), fn.COALESCE(fn.SUM(tokens), 0), fn.COALESCE(fn.SUM(CallRow.cost_micros), 0)
        )
        .where(condition & CallRow.outcome.not_in(FREE))
        .tuples()
        .get()
    )
    return int(row[0]), int(row[1]), int(row[2])


def _author_questions(repository_id: int, account_id: int, evaluation_id: int, now: datetime) -> int:
    return int(
        CallRow.select(fn.COUNT(fn.DISTINCT(CallRow.evaluation_id)))
        .where(
            (CallRow.repository_id == repository_id)
            & (CallRow.account_id == account_id)
            & (CallRow.asked_at > now - AUTHOR_WINDOW)
            & (CallRow.evaluation_id != evaluation_id)
            & CallRow.outcome.not_in(FREE)
        )
        .scalar()
    )


def unusable_answers(evaluation_id: int) -> int:
    """How often this question brought an answer that is none."""
    return (
        CallRow.select()
        .where((CallRow.evaluation_id == evaluation_id) & CallRow.outcome.in_(UNUSABLE))
        .count()
    )


def of_evaluation(evaluation_id: int) -> list[CallRow]:
    """All calls about one contribution, oldest first."""
    return list(CallRow.select().where(CallRow.evaluation_id == evaluation_id).order_by(CallRow.id))


def outcomes_today(now: datetime) -> Mapping[str, int]:
    """Today's calls by outcome."""
    rows: Any = (
        CallRow.select(CallRow.outcome, fn.COUNT(CallRow.id))
        .where(CallRow.asked_at >= day_start(now))
        .group_by(CallRow.outcome)
        .tuples()
    )
    return {outcome: int(number) for outcome, number in rows}
