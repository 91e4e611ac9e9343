"""Puts one question before the provider and keeps the books: budgets first, an answer we have already, then the call.

The row of a call is written before the question goes out and completed when the answer is there, so that what was
paid for is never forgotten, whatever the answer was worth.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from weakref import WeakValueDictionary

from meritocrab.core.budget import MICROS, Budget, Price, Spent, exhausted
from meritocrab.core.cleaning import Flag
from meritocrab.core.names import Classification
from meritocrab.core.prompts import Prompt, flags_of
from meritocrab.core.question import Question
from meritocrab.evaluators.base import (
    Answer,
    Evaluator,
    EvaluatorUnavailable,
    InvalidAnswer,
    MeteredEvaluator,
    new_prompt,
)
from meritocrab.evaluators.vendor import MAX_OUTPUT_TOKENS
from meritocrab.settings import LlmSettings
from meritocrab.store import calls
from meritocrab.store.calls import Given, Wanted
from meritocrab.store.database import Store
from meritocrab.store.models import CallRow, EvaluationRow

log = logging.getLogger("meritocrab.evaluation")

CHARACTERS_PER_TOKEN = 2
"""Fewer than in any text that people write, so that the estimate errs upwards."""


class BudgetSpent(Exception):  # noqa: N818 - what happened, not whose fault it is
    """The question is not asked; `code` says which limit it would break."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Asked:
    """A contribution as it is put before the provider, with what looks like deceit in it."""

    row: EvaluationRow
    question: Question
    flags: tuple[Flag, ...]
    prompt: Prompt | None = None
    is_history: bool = False


def budget_of(llm: LlmSettings) -> Budget:
    """The limits of the configuration."""
    return Budget(
        requests=llm.max_requests_per_day,
        tokens=llm.max_tokens_per_day,
        cost=_micros(llm.max_cost_per_day),
        repository_tokens=llm.max_tokens_per_day_per_repository,
        repository_cost=_micros(llm.max_cost_per_day_per_repository),
        author_per_hour=llm.max_per_author_per_hour,
    )


def _micros(amount: float | None) -> int | None:
    return None if amount is None else round(amount * MICROS)


def price_of(llm: LlmSettings, model: str) -> Price | None:
    """What this model costs, where the price table says so."""
    found = llm.prices.get(model)
    return None if found is None else Price(*found)


class Asking:
    """One provider with its budget.

    Args:
        timeout_seconds: how long one answer may take.
    """

    def __init__(
        self,
        store: Store,
        evaluator: Evaluator,
        budget: Budget,
        price: Price | None,
        clock: Callable[[], datetime],
        *,
        timeout_seconds: float,
    ) -> None:
        self._store, self._evaluator, self._clock = store, evaluator, clock
        self.budget, self._price, self._timeout = budget, price, timeout_seconds
        self._same: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def prepare(self, row: EvaluationRow, question: Question, *, is_history: bool) -> Asked:
        """The question as it will be asked, looked through for what may steer a model.

        In a thread: a pull request of megabytes takes a second.
        """
        return await asyncio.to_thread(self._prepare, row, question, is_history)

    def _prepare(self, row: EvaluationRow, question: Question, is_history: bool) -> Asked:
        if not self._evaluator.metered:
            return Asked(row, question, flags_of(question), None, is_history)
        prompt = new_prompt(question)
        return Asked(row, question, prompt.flags, prompt, is_history)

    async def opinion(self, asked: Asked, number: int = 1) -> Answer:
        """What the provider says.

        A second opinion (`number` 2) is never taken from what was said before, and is asked without a word of other
        people: who commented first could have steered the verdict about everybody after them.

        Raises:
            BudgetSpent: it was not asked.
            EvaluatorUnavailable: no answer now.
            InvalidAnswer: an answer that is no verdict.
            TimeoutError, ValueError: the same from providers that cost nothing.
        """
        if asked.prompt is None or not isinstance(self._evaluator, MeteredEvaluator):
            async with asyncio.timeout(self._timeout):
                return await self._evaluator.evaluate(asked.question)
        prompt = asked.prompt if number == 1 else await asyncio.to_thread(new_prompt, asked.question.alone())
        wanted = self._wanted(asked, prompt, number)
        # side by side, the same question waits for the first answer to it
        async with self._same.setdefault(wanted.digest, asyncio.Lock()):
            begun = await self._store.write(self._begin, wanted, asked.is_history)
            if isinstance(begun, str):
                raise BudgetSpent(begun)
            if isinstance(begun, CallRow):
                return _answer_again(begun)
            return await self._call(self._evaluator, prompt, wanted, begun)

    def _wanted(self, asked: Asked, prompt: Prompt, number: int) -> Wanted:
        size = (len(prompt.system) + len(prompt.user)) // CHARACTERS_PER_TOKEN
        return Wanted(
            evaluation_id=asked.row.id,
            repository_id=asked.row.repository_id,
            account_id=asked.row.account_id,
            opinion=number,
            provider=self._evaluator.name,
            model=self._evaluator.model,
            prompt_version=prompt.version,
            digest=_same_question(self._evaluator.model, prompt),
            input_tokens=size,
            output_tokens=MAX_OUTPUT_TOKENS,
            cost_micros=self._cost(size, MAX_OUTPUT_TOKENS),
        )

    def _cost(self, input_tokens: int, output_tokens: int) -> int | None:
        return None if self._price is None else self._price.cost(input_tokens, output_tokens)

    def _begin(self, wanted: Wanted, is_history: bool) -> CallRow | str | int:
        """In one transaction: an earlier answer, the limit that is reached, or the id of the call that may go out."""
        now = self._clock()
        if wanted.opinion == 1 and (known := calls.find_answer(wanted, now)) is not None:
            calls.add_cached(wanted, known, now)
            return known
        spent = calls.spent(wanted.repository_id, wanted.account_id, wanted.evaluation_id, now)
        if is_history or wanted.opinion > 1:
            spent = _without_author(spent)
        code = exhausted(
            self.budget,
            spent,
            tokens=wanted.input_tokens + wanted.output_tokens,
            cost=wanted.cost_micros or 0,
        )
        return code if code is not None else calls.open_call(wanted, now)

    async def _call(
        self, evaluator: MeteredEvaluator, prompt: Prompt, wanted: Wanted, call_id: int
    ) -> Answer:
        began = time.monotonic()
        try:
            answer = await evaluator.ask(prompt)
        except InvalidAnswer as error:
            given = self._of_invalid(error, wanted)
            await self._store.write(calls.close_call, call_id, given)
            _tell(wanted, given, began)
            raise
        except EvaluatorUnavailable as error:
            given = _of_failure(error)
            if not error.maybe_paid:
                await self._store.write(calls.close_call, call_id, given)
            _tell(wanted, given, began)
            raise
        given = self._of_answer(answer, wanted)
        await self._store.write(calls.close_call, call_id, given)
        _tell(wanted, given, began)
        return answer

    def _of_answer(self, answer: Answer, wanted: Wanted) -> Given:
        given = Given(
            "answered",
            model=answer.model,
            latency_ms=round((answer.latency_seconds or 0.0) * 1000),
            classification=answer.classification,
            confidence=answer.confidence,
            reasoning=answer.reasoning,
            raw_answer=answer.raw,
        )
        return self._booked(given, answer.input_tokens, answer.output_tokens, wanted)

    def _of_invalid(self, error: InvalidAnswer, wanted: Wanted) -> Given:
        given = Given(error.kind, model=error.model, raw_answer=error.raw, reasoning=str(error))
        return self._booked(given, error.input_tokens, error.output_tokens, wanted)

    def _booked(self, given: Given, asked: int | None, said: int | None, wanted: Wanted) -> Given:
        """With what was used; the estimate stays where the provider does not tell."""
        asked = wanted.input_tokens if asked is None else asked
        said = len(given.raw_answer) // CHARACTERS_PER_TOKEN if said is None else said
        return replace(given, input_tokens=asked, output_tokens=said, cost_micros=self._cost(asked, said))


def _tell(wanted: Wanted, given: Given, began: float) -> None:
    """Into the log: how long the model took and what it used, never what it was asked or said."""
    seconds = time.monotonic() - began
    facts = {
        "provider": wanted.provider,
        "model": given.model or wanted.model,
        "opinion": wanted.opinion,
        "latency_ms": round(seconds * 1000),
        "input_tokens": given.input_tokens,
        "output_tokens": given.output_tokens,
    }
    log.info("%s %s after %.2f s", wanted.provider, given.outcome, seconds, extra=facts)


def _same_question(model: str, prompt: Prompt) -> str:
    """Equal where the same model would be shown the same: only then an answer serves again."""
    return hashlib.sha256(f"{model}\0{prompt.digest}".encode()).hexdigest()


def _of_failure(error: EvaluatorUnavailable) -> Given:
    outcome: calls.Outcome = "rejected" if error.about_question else "failed"
    return Given(outcome, input_tokens=0, output_tokens=0, cost_micros=0, reasoning=str(error))


def _without_author(spent: Spent) -> Spent:
    """A backfill is no flood, and a second opinion is no second contribution."""
    return replace(spent, author_questions=0)


def _answer_again(row: CallRow) -> Answer:
    return Answer(
        classification=Classification(row.classification) if row.classification else None,
        confidence=row.confidence or 0.0,
        reasoning=row.reasoning,
        model=row.model,
        prompt_version=row.prompt_version,
    )
