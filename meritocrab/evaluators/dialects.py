"""Which form of the request a server takes, learned from what it refuses.

Servers that imitate a vendor's interface know more or less of it. The best form is tried first, and the one that is
taken is used from then on, as long as this process lives. A refusal teaches differently, by what it says:

- It is about something else (the key, the model, the length of the question, the account): no other form is tried.
- It names what it does not know, or has no such address: the best form without that is next, and no question is put
  in a form with it any more.
- It explains nothing: a guess at the form at the vendor's other address, and one at the simplest. So such a question
  is sent three times at the most where there are two addresses, else twice.

What the simplest form does not save is not the form's fault. The next questions are then sent in it alone, once
each, until one is taken: a server that refuses everything is not asked everything again, and one that refused a bad
question only is found out with the next good one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from meritocrab.evaluators.answers import Failure


@dataclass(frozen=True, slots=True)
class Dialect:
    """One form of the request.

    `door` is the address that it is sent to; `parts`, what a server may not know of it, each by the words in which
    servers name it, the most dispensable first.
    """

    name: str
    door: str
    parts: tuple[re.Pattern[str], ...] = ()


class Dialects:
    """What is known of one server: the forms that it may take, best first.

    Args:
        known: the forms that our side has, best first, the simplest last.
    """

    def __init__(self, known: Sequence[Dialect]) -> None:
        self.fit = tuple(known)
        self._is_doubtful = False

    def walk(self) -> Walk:
        """The way of one question from form to form."""
        return Walk(self, self.fit[-1 if self._is_doubtful else 0])

    def take(self, dialect: Dialect) -> None:
        """The server took this one, so there is no reason for another. In doubt it was not the best: look again."""
        if self._is_doubtful and len(self.fit) > 1 and dialect == self.fit[-1]:
            self._is_doubtful = False
        else:
            self.fit = (dialect,)

    def give_up(self, fit: Sequence[Dialect], *, is_doubtful: bool) -> None:
        """A question was not taken in any form; `fit` are those that may still be good for another one."""
        if len(self.fit) > 1:  # else one was taken meanwhile, for a question asked at the same time
            self.fit, self._is_doubtful = tuple(fit), is_doubtful


class Walk:
    """One question: `dialect` is the form to send it in now."""

    def __init__(self, dialects: Dialects, first: Dialect) -> None:
        self._dialects, self._fit = dialects, dialects.fit
        self._tried: list[Dialect] = []
        self._failures: list[Failure] = []
        self.dialect = first

    def take(self) -> None:
        """This form was taken."""
        self._dialects.take(self.dialect)

    def go_on(self, failure: Failure) -> bool:
        """This form was refused: change to the next one, or say that there is none worth a request."""
        self._tried.append(self.dialect)
        self._failures.append(failure)
        following = self._following(failure) if failure.may_be_about_form else None
        if following is None:
            self._end(failure)
            return False
        self.dialect = following
        return True

    @property
    def failure(self) -> Failure:
        """The refusal that tells most: the last one, but for addresses that are not there."""
        telling = [each for each in self._failures if not each.is_about_address]
        return (telling or self._failures)[-1]

    def _following(self, failure: Failure) -> Dialect | None:
        lacks = _lacking(self.dialect, failure)
        if lacks is not None:
            rest = tuple(each for each in self._fit if not lacks(each))
            self._fit = rest or self._fit
            return next((each for each in rest if each not in self._tried), None)
        if self.dialect == self._fit[-1]:
            return None
        return self._guess([each for each in self._fit if each not in self._tried])

    def _guess(self, untried: Sequence[Dialect]) -> Dialect:
        elsewhere = [each for each in untried if each.door != self.dialect.door]
        return elsewhere[0] if elsewhere and len(self._tried) == 1 else untried[-1]

    def _end(self, failure: Failure) -> None:
        if failure.is_about_address:
            self._dialects.give_up(self._dialects.fit, is_doubtful=False)  # all of it may be elsewhere
        else:
            self._dialects.give_up(self._fit, is_doubtful=failure.may_be_about_form)


def _lacking(dialect: Dialect, failure: Failure) -> Callable[[Dialect], bool] | None:
    """Which dialects share what this refusal says is not known; None when it does not say."""
    if failure.is_about_address:
        return lambda each: each.door == dialect.door
    named = next((part for part in dialect.parts if part.search(failure.message)), None)
    return None if named is None else lambda each: named in each.parts
