"""What maintainers order, and what came of it."""

from __future__ import annotations

import unicodedata
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from meritocrab.core.names import Classification
from meritocrab.localapi.protocol.base import LARGEST_DELTA, REQUEST_ID, Answer, Body
from meritocrab.localapi.protocol.health import PauseHealth
from meritocrab.localapi.protocol.parts import LedgerItem, Person


def _plain_text(text: str) -> str:
    """No control characters (a database refuses some, a terminal obeys others) but tabs and line breaks."""
    if any(unicodedata.category(char) in ("Cc", "Cs") and char not in "\t\n" for char in text):
        raise ValueError("must not hold control characters")
    return text


RequestId = Annotated[str, StringConstraints(pattern=REQUEST_ID)]
Reason = Annotated[
    str, StringConstraints(max_length=2000, strip_whitespace=True), AfterValidator(_plain_text)
]
Delta = Annotated[int, Field(strict=True, ge=-LARGEST_DELTA, le=LARGEST_DELTA)]


class ActBody(Body):
    """What every act may say: why, and an id under which repeating it is harmless."""

    reason: Reason = ""
    request_id: RequestId | None = None


class OverrideBody(ActBody):
    """Another verdict: by class or by number."""

    classification: Classification | None = None
    delta: Delta | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> OverrideBody:
        if (self.classification is None) == (self.delta is None):
            raise ValueError("give either classification or delta")
        return self


class AdjustBody(ActBody):
    """A change of credit by hand."""

    delta: Delta

    @model_validator(mode="after")
    def _not_nothing(self) -> AdjustBody:
        if self.delta == 0:
            raise ValueError("delta must not be 0")
        return self


class ActStatus(StrEnum):
    """`done`: handled, as told. `accepted`: in the inbox, handled as soon as possible."""

    DONE = "done"
    ACCEPTED = "accepted"


class ActAnswer(Answer):
    """What came of an act. `credit` and `blacklisted` are the person's after it, where it is about one."""

    status: ActStatus
    act: str
    event_id: int
    request_id: str
    repository: str
    actor: str
    note: str = ""
    account: Person | None = None
    credit: int | None = None
    blacklisted: bool | None = None
    ledger: tuple[LedgerItem, ...] = ()


class PauseAnswer(Answer):
    """How it stands with the pause of everything after an act. `changed` is False where it was so already.

    `at_rest` is False when a write that had begun before was still without an answer from GitHub.
    """

    paused: PauseHealth | None
    changed: bool
    at_rest: bool = True
    actor: str
