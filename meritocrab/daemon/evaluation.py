"""Asks the provider: claims queued questions under a lease, stores each answer as an event, puts back what failed.

Nothing is dropped: a question waits for the provider, or for a human where the provider cannot help, or until it is
too old for anybody to care. How the provider does is a row, too.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from meritocrab.core.cleaning import needs_human
from meritocrab.core.evaluation import NO_USABLE_ANSWER, Limits, needs_second_opinion
from meritocrab.core.events import VerdictFacts
from meritocrab.core.names import Classification
from meritocrab.core.policy import Policy
from meritocrab.core.schedule import retry_delay
from meritocrab.daemon.access import AccessUnavailable
from meritocrab.daemon.asking import Asked, Asking, BudgetSpent
from meritocrab.daemon.material import Material
from meritocrab.errors import PolicyError
from meritocrab.evaluators.base import Answer, Evaluator, EvaluatorUnavailable, InvalidAnswer
from meritocrab.github.errors import GitHubError
from meritocrab.logs import log_context
from meritocrab.store import calls, evaluations, inbox, providers
from meritocrab.store.database import Store, StoreError
from meritocrab.store.models import EvaluationRow

log = logging.getLogger("meritocrab.evaluation")

FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 10.0, 3600.0
PAUSE_SECONDS = 600.0

LEASE = timedelta(minutes=30)
"""Longer than two opinions may take; it frees the question again if this process dies."""

UNUSABLE_AT_MOST = 3
"""So many answers that are none, and a human has to judge."""

OWN_FAILURES_AT_MOST = 5
"""So many tries that failed by our own fault, and a human has to judge."""

LONGEST_ERROR = 300
"""Characters kept of an error of ours."""

FAILURES_BEFORE_PAUSE = 3
"""So many failures of the provider in a row, and every question waits instead of trying its luck."""

EXPIRE_EVERY = timedelta(minutes=10)


class Evaluation:
    """The evaluation queue's worker.

    Args:
        limit: questions asked side by side.
        expire_after: the age at which an item that nobody decided expires.
        age_clock: the time by which that age is reckoned, None while nobody can be sure of it.
    """

    def __init__(
        self,
        store: Store,
        evaluator: Evaluator,
        material: Material,
        asking: Asking,
        clock: Callable[[], datetime],
        *,
        limit: int,
        expire_after: timedelta,
        age_clock: Callable[[], datetime | None] | None = None,
        judged: Callable[[], None] = lambda: None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store, self._evaluator, self._clock = store, evaluator, clock
        self._material, self._asking = material, asking
        self._limit, self._expire_after = limit, expire_after
        self._judged, self._stopping = judged, stopping
        self._age_clock = age_clock or clock
        self._expired_at: datetime | None = None
        self._begun = False

    async def begin(self) -> None:
        """Before the first question: nothing can be running, and a new start may come with a new key."""
        await self._store.write(self._begin)
        self._begun = True

    def _begin(self) -> None:
        evaluations.release_all_leases(self._clock())
        providers.clear_pause(self._evaluator.name)

    async def step(self) -> datetime | None:
        """Ask everything that is due; returns when the next question is."""
        if not self._begun:
            await self.begin()
        await self._expire()
        while not self._stopping():
            now = self._clock()
            paused_until = await self._store.read(self._paused_until)
            if paused_until is not None and now < paused_until:
                return paused_until
            rows = await self._store.write(evaluations.claim, now, now + LEASE, self._limit)
            if not rows:
                break
            ended = await asyncio.gather(*(self._one(row) for row in rows), return_exceptions=True)
            self._judged()
            for error in ended:
                if error is not None:
                    raise error
        return await self._store.read(evaluations.next_due_at)

    def _paused_until(self) -> datetime | None:
        row = providers.find(self._evaluator.name)
        return row.paused_until_at if row is not None else None

    async def _expire(self) -> None:
        now = self._clock()
        if self._expired_at is not None and self._expired_at <= now < self._expired_at + EXPIRE_EVERY:
            return
        age_now = self._age_clock()
        if age_now is None:
            return
        expired = await self._store.write(evaluations.expire, age_now - self._expire_after, now)
        self._expired_at = now
        if expired:
            log.warning("%d items of the review queue expired: nobody decided about them", expired)

    async def _one(self, row: EvaluationRow) -> None:
        found = await self._store.read(inbox.correlation_of, row.event_id)
        with log_context(evaluation=row.id, event_id=row.event_id, correlation_id=found):
            try:
                await self._judge(row)
            except (GitHubError, AccessUnavailable, PolicyError) as error:
                await self._put_back(row, str(error), getattr(error, "retry_at", None))
            except InvalidAnswer as error:
                await self._unusable(row, str(error))
            except EvaluatorUnavailable as error:
                await self._unavailable(row, error)
            except TimeoutError as error:
                await self._put_back(row, str(error) or "no answer in time", None)
            except StoreError:
                raise
            except Exception as error:
                log.exception("evaluation %d failed by our own fault", row.id)
                await self._failed(row, f"{type(error).__name__}: {error}"[:LONGEST_ERROR])

    async def _judge(self, row: EvaluationRow) -> None:
        known = await self._material.known(row)
        metered = self._evaluator.metered
        question = await self._material.complete(known) if metered else known.question
        asked = await self._asking.prepare(row, question, is_history=known.is_history)
        try:
            answer = await self._asking.opinion(asked)
        except BudgetSpent as spent:
            await self._unasked(asked, spent.code)
            return
        confirmed = await self._confirm(asked, answer, known.policy)
        await self._record(asked, answer, confirmed)

    async def _confirm(self, asked: Asked, answer: Answer, policy: Policy) -> bool | None:
        """Whether a second opinion agrees, where one is needed; None without one."""
        row = asked.row
        limits = Limits(
            threshold=policy.llm.confidence,
            deltas={Classification(name): delta for name, delta in json.loads(row.deltas).items()},
            spam_only=row.spam_only,
            confirm_negative=policy.llm.confirm_negative,
        )
        if not needs_second_opinion(
            limits,
            classification=answer.classification,
            confidence=answer.confidence,
            advisory=answer.advisory,
            flagged=needs_human(asked.flags),
        ):
            return None
        try:
            second = await self._asking.opinion(asked, 2)
        except (BudgetSpent, InvalidAnswer) as error:
            log.warning("no second opinion about evaluation %d: %s", row.id, error)
            return None
        return second.classification is answer.classification and second.confidence >= limits.threshold

    async def _record(self, asked: Asked, answer: Answer, confirmed: bool | None) -> None:
        facts = VerdictFacts(
            evaluation_id=asked.row.id,
            provider=self._evaluator.name,
            classification=answer.classification,
            confidence=float(answer.confidence),
            reasoning=answer.reasoning,
            advisory=answer.advisory,
            flagged=needs_human(asked.flags),
            confirmed=confirmed,
        )
        await self._store.write(self._keep, facts, answer.model, [str(flag) for flag in asked.flags])
        log.info(
            "evaluation %d: %s (confidence %.2f) by %s",
            asked.row.id,
            answer.classification or "nothing to say",
            answer.confidence,
            self._evaluator.name,
        )

    def _keep(self, facts: VerdictFacts, model: str, flags: list[str]) -> None:
        now = self._clock()
        evaluations.record_verdict(facts.evaluation_id, facts, model, flags, now)
        if self._evaluator.metered:
            providers.answered(self._evaluator.name, now)

    async def _unasked(self, asked: Asked, code: str) -> None:
        row = asked.row
        if asked.is_history:
            text = f"the budget is spent ({code}); the next `sync --evaluate` takes it up again"
            await self._store.write(evaluations.put_off, row.id, error=text)
            return
        log.warning("evaluation %d is left to a human: %s", row.id, code)
        await self._to_human(row, code, "not asked: a limit is reached", [str(flag) for flag in asked.flags])

    async def _to_human(self, row: EvaluationRow, reason: str, error: str, flags: list[str]) -> None:
        now = self._clock()
        await self._store.write(
            evaluations.leave_to_human, row.id, reason=reason, error=error, flags=flags, now=now
        )

    async def _unusable(self, row: EvaluationRow, reason: str) -> None:
        """The provider works, but not on this: a human judges when it has failed often enough."""
        if self._evaluator.metered:
            await self._store.write(providers.answered, self._evaluator.name, self._clock())
        if await self._store.read(calls.unusable_answers, row.id) >= UNUSABLE_AT_MOST:
            log.warning("evaluation %d is left to a human: %s", row.id, reason)
            await self._to_human(row, NO_USABLE_ANSWER, reason, [])
        else:
            await self._put_back(row, reason, None)

    async def _failed(self, row: EvaluationRow, error: str) -> None:
        """Each try may be paid for, so that a human judges before there are many."""
        if row.attempts + 1 >= OWN_FAILURES_AT_MOST:
            await self._to_human(row, NO_USABLE_ANSWER, error, [])
        else:
            await self._put_back(row, error, None)

    async def _unavailable(self, row: EvaluationRow, error: EvaluatorUnavailable) -> None:
        if error.about_question:
            await self._unusable(row, str(error))
            return
        now = self._clock()
        failures = await self._store.write(providers.failed, self._evaluator.name, str(error), now)
        seconds = _pause_seconds(error, failures)
        wanted = now + timedelta(seconds=error.retry_after_seconds or 0.0)
        if seconds:
            until = now + timedelta(seconds=seconds)
            await self._store.write(providers.pause, self._evaluator.name, until, now)
            log.warning("the provider %s is paused until %s: %s", self._evaluator.name, until, error)
        # a pause is the provider's: when it ends, or is cleared by a restart, the question is due
        await self._put_back(row, str(error), None if seconds else wanted)

    async def _put_back(self, row: EvaluationRow, reason: str, not_before: datetime | None) -> None:
        """Later and later; the question is never dropped and nobody is penalised."""
        fraction = (row.id * 0.618034) % 1  # spreads retries without chance
        delay = retry_delay(
            row.attempts + 1, base=FIRST_RETRY_SECONDS, maximum=LONGEST_RETRY_SECONDS, fraction=fraction
        )
        until = self._clock() + timedelta(seconds=delay)
        log.warning("evaluation %d waits: %s", row.id, reason)
        await self._store.write(
            evaluations.put_back, row.id, until=max(until, not_before or until), error=reason
        )


def _pause_seconds(error: EvaluatorUnavailable, failures: int) -> float:
    """How long every question waits after this failure; 0 when only this one does."""
    told = error.retry_after_seconds or (PAUSE_SECONDS if error.pause else 0.0)
    if failures < FAILURES_BEFORE_PAUSE:
        return told if error.pause else 0.0
    backing_off = retry_delay(
        failures - FAILURES_BEFORE_PAUSE + 1, base=FIRST_RETRY_SECONDS, maximum=PAUSE_SECONDS, fraction=0.5
    )
    return max(backing_off, told)
