"""Asks the provider: claims queued questions under a lease, stores each answer as an event, puts back what failed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import get_args

from meritocrab.core.events import VerdictFacts
from meritocrab.core.schedule import retry_delay
from meritocrab.evaluators.base import Answer, Evaluator, EvaluatorUnavailable, Question, Subject
from meritocrab.logs import log_context
from meritocrab.store import evaluations, pull_requests
from meritocrab.store.database import Store
from meritocrab.store.models import EvaluationRow

log = logging.getLogger("meritocrab.evaluation")

LEASE = timedelta(minutes=10)
FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 10.0, 3600.0
PAUSE_SECONDS = 600.0


class Evaluation:
    """The evaluation queue's worker.

    Args:
        limit: questions asked side by side.
        timeout_seconds: how long one answer may take.
    """

    def __init__(
        self,
        store: Store,
        evaluator: Evaluator,
        clock: Callable[[], datetime],
        *,
        limit: int,
        timeout_seconds: float,
        judged: Callable[[], None] = lambda: None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store, self._evaluator, self._clock = store, evaluator, clock
        self._limit, self._timeout = limit, timeout_seconds
        self._judged, self._stopping = judged, stopping
        self.paused_until: datetime | None = None
        self.pause_reason = ""

    async def step(self) -> datetime | None:
        """Ask everything that is due; returns when the next question is."""
        while not self._stopping():
            now = self._clock()
            if self.paused_until is not None and now < self.paused_until:
                return self.paused_until
            self.paused_until, self.pause_reason = None, ""
            rows = await self._store.write(evaluations.claim, now, now + LEASE, self._limit)
            if not rows:
                break
            await asyncio.gather(*(self._one(row) for row in rows))
            self._judged()
        return await self._store.read(evaluations.next_due_at)

    async def _one(self, row: EvaluationRow) -> None:
        with log_context(evaluation=row.id):
            started = self._clock()
            try:
                question = await self._store.read(_question, row)
                async with asyncio.timeout(self._timeout):
                    answer = await self._evaluator.evaluate(question)
            except EvaluatorUnavailable as error:
                await self._unavailable(row, error)
            except (TimeoutError, ValueError) as error:
                reason = str(error) or f"no answer within {self._timeout:.0f} s"
                await self._put_back(row, reason, None)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.exception("the provider %s failed on evaluation %d", self._evaluator.name, row.id)
                await self._put_back(row, f"{type(error).__name__}: {error}", None)
            else:
                seconds = (self._clock() - started).total_seconds()
                await self._record(row, answer, seconds)

    async def _record(self, row: EvaluationRow, answer: Answer, seconds: float) -> None:
        facts = VerdictFacts(
            evaluation_id=row.id,
            provider=self._evaluator.name,
            classification=answer.classification,
            confidence=float(answer.confidence),
            reasoning=answer.reasoning,
            advisory=answer.advisory,
        )
        await self._store.write(evaluations.record_verdict, row.id, facts, answer.model, self._clock())
        log.info(
            "evaluation %d: %s (confidence %.2f) by %s in %.2f s",
            row.id,
            answer.classification or "nothing to say",
            answer.confidence,
            self._evaluator.name,
            seconds,
        )

    async def _unavailable(self, row: EvaluationRow, error: EvaluatorUnavailable) -> None:
        if error.pause:
            seconds = error.retry_after_seconds or PAUSE_SECONDS
            self.paused_until = self._clock() + timedelta(seconds=seconds)
            self.pause_reason = str(error)
            log.warning("the provider %s is paused: %s", self._evaluator.name, error)
        await self._put_back(row, str(error), error.retry_after_seconds)

    async def _put_back(self, row: EvaluationRow, reason: str, after_seconds: float | None) -> None:
        """Later and later; the question is never dropped and nobody is penalised."""
        fraction = (row.id * 0.618034) % 1  # spreads retries without chance
        delay = retry_delay(
            row.attempts + 1, base=FIRST_RETRY_SECONDS, maximum=LONGEST_RETRY_SECONDS, fraction=fraction
        )
        until = self._clock() + timedelta(seconds=max(delay, after_seconds or 0.0))
        log.warning("evaluation %d waits: %s", row.id, reason)
        await self._store.write(evaluations.put_back, row.id, until=until, error=reason)


def _question(row: EvaluationRow) -> Question:
    pull_request = pull_requests.find_row(row.repository_id, row.number)
    subjects = {name: name for name in get_args(Subject)}
    return Question(
        evaluation_id=row.id,
        subject=subjects[row.subject],
        title=row.title,
        text=row.text,
        link=row.link,
        additions=pull_request.additions if pull_request else None,
        deletions=pull_request.deletions if pull_request else None,
        changed_files=pull_request.changed_files if pull_request else None,
        earlier_by_author=evaluations.earlier_by(row.repository_id, row.account_id, row.id),
    )
