"""Decisions on their way to the daemon and back: items leave the list at once, and return if they must."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from meritocrab.localapi.client import LocalApiError, Refused
from meritocrab.localapi.protocol import ActAnswer, ActStatus, EvaluationItem, Topic
from meritocrab.tui import words
from meritocrab.tui.board import Decided
from meritocrab.tui.screens.view import View

Call = Callable[[], Awaitable[ActAnswer]]


class Decisions:
    """Sends decisions and takes them back; several made at once are one step.

    Args:
        view: the screen that decides.
        refill: shows its queue again.
    """

    def __init__(self, view: View, refill: Callable[[], None]) -> None:
        self._view, self._refill = view, refill

    def send(
        self, items: Sequence[EvaluationItem], word: str, call: Callable[[EvaluationItem], Call]
    ) -> None:
        """Decide these; `word` is how the decision is called."""
        self._view.ui.board.deciding |= {item.id for item in items}
        self._refill()
        self._view.ui.run_worker(self._carry_out(items, word, call), group="acts", exit_on_error=False)

    async def _carry_out(
        self, items: Sequence[EvaluationItem], word: str, call: Callable[[EvaluationItem], Call]
    ) -> None:
        answers = await asyncio.gather(*(_answer(call(item)) for item in items))
        both = list(zip(items, answers, strict=True))
        done = [(item, answer) for item, answer in both if isinstance(answer, ActAnswer)]
        if done:
            self._view.ui.board.decisions.append(
                tuple(Decided(item.repository, f"{word}: {_about(item)}", item.id) for item, _ in done)
            )
            self._view.ui.tell(self._said(word, done))
        for item, error in both:
            if isinstance(error, LocalApiError):
                self._not_decided(item, error)

    def _said(self, word: str, done: Sequence[tuple[EvaluationItem, ActAnswer]]) -> str:
        item, answer = done[0]
        if len(done) == 1:
            return f"{_about(item)}: {word}{_outcome(answer)}{self._unveiled(item)}"
        applied = sum(_applied(answer) for _, answer in done)
        return f"{word}: {words.counted(len(done), 'item')}, {words.signed(applied)} in all; u undoes them"

    def _unveiled(self, item: EvaluationItem) -> str:
        """In blind mode the verdict is told afterwards."""
        if not self._view.ui.blind or item.classification is None:
            return ""
        return (
            f" · the verdict was {words.verdict(item.classification).word} {words.percent(item.confidence)}"
        )

    def _not_decided(self, item: EvaluationItem, error: LocalApiError) -> None:
        if isinstance(error, Refused) and (error.is_conflict or error.is_missing):
            self._view.ui.tell(f"{_about(item)}: somebody was first ({error})", "warning")
            self._view.ui.ask([Topic.EVALUATIONS])
        else:
            self._view.ui.board.deciding.discard(item.id)
            self._view.ui.tell(f"#{item.number} is not decided: {error}", "error")
            self._refill()

    def undo(self) -> None:
        """Take the last step back: its items wait again."""
        decisions = self._view.ui.board.decisions
        if decisions:
            self._view.ui.run_worker(self._undo(decisions.pop()), group="acts", exit_on_error=False)
        else:
            self._view.ui.tell("nothing to undo: no decision of this session is left", "warning")

    async def _undo(self, step: Sequence[Decided]) -> None:
        """The last one first, so that credit goes back the way it came."""
        undone: list[str] = []
        left: list[Decided] = []
        wrong = ""
        for last in reversed(step):
            call = partial(self._view.ui.client.reconsider, last.repository, last.evaluation_id)
            answer = await _answer(call)
            if isinstance(answer, ActAnswer):
                self._view.ui.board.deciding.discard(last.evaluation_id)
                undone.append(f"{last.what}{_outcome(answer)}")
            else:
                wrong = f"{last.what} is not undone: {answer}"
                if not isinstance(answer, Refused):
                    left.insert(0, last)  # the daemon was away: it can be tried again
        if left:
            self._view.ui.board.decisions.append(tuple(left))
        if undone:
            waits = "it waits" if len(undone) == 1 else f"{words.counted(len(undone), 'item')} wait"
            self._view.ui.tell(f"undone, and {waits} again: {'; '.join(reversed(undone))}")
        if wrong:
            self._view.ui.tell(wrong, "error")


async def _answer(call: Call) -> ActAnswer | LocalApiError:
    try:
        return await call()
    except LocalApiError as error:
        return error


def _about(item: EvaluationItem) -> str:
    return f"#{item.number} of @{item.author.login}"


def _applied(answer: ActAnswer) -> int:
    return sum(row.applied for row in answer.ledger if row.reason != "opening")


def _outcome(answer: ActAnswer) -> str:
    """What came of an act, behind its name."""
    if answer.status is ActStatus.ACCEPTED:
        return " (accepted; it is done as soon as the daemon comes to it)"
    if not answer.ledger:
        return ""
    banned = ", blacklisted" if answer.blacklisted else ""
    credit = f" → {answer.credit:,}" if answer.credit is not None else ""
    return f" {words.signed(_applied(answer))}{credit}{banned}"
