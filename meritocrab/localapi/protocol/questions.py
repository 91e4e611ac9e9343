"""What may stand behind the question mark of an address."""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from meritocrab.core.names import ActionState, EvaluationState, EventState
from meritocrab.localapi.protocol.base import LARGEST_PAGE


class Query(BaseModel):
    """What may stand behind the question mark of an address."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NoQuery(Query):
    """Nothing may."""


class ReportQuery(Query):
    """From when on (with its zone; a week back without it), of one repository or all."""

    since: AwareDatetime | None = None
    repo: str | None = None


class PageQuery(Query):
    """Which page: `cursor` from the page before, `limit` rows at most."""

    cursor: str | None = None
    limit: int = Field(default=50, ge=1, le=LARGEST_PAGE)


class EvaluationSort(StrEnum):
    """By age."""

    OLDEST = "created"
    NEWEST = "-created"


class EvaluationQuery(PageQuery):
    """Evaluations of one status (all without it), oldest first."""

    status: EvaluationState | None = None
    sort: EvaluationSort = EvaluationSort.OLDEST


class ContributorSort(StrEnum):
    """A minus sign reverses the order."""

    LOGIN = "login"
    LOGIN_REVERSED = "-login"
    CREDIT = "credit"
    CREDIT_REVERSED = "-credit"
    SEEN = "seen"
    SEEN_REVERSED = "-seen"


class ContributorQuery(PageQuery):
    """Contributors whose login begins with `search` (in any case), or one by `id:N`."""

    search: str = Field(default="", max_length=100)
    sort: ContributorSort = ContributorSort.LOGIN
    blacklisted: bool | None = None


class EventQuery(PageQuery):
    """Events of one state (all without it), newest first."""

    state: EventState | None = None


class ActivityQuery(PageQuery):
    """Changes of credit, newest first, of one repository or all."""

    repo: str | None = None


class OutboxQuery(PageQuery):
    """Actions of one state (all without it), newest first, of one repository or all."""

    state: ActionState | None = None
    repo: str | None = None
