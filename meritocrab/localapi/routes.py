"""The one table of paths: server, client and OpenAPI document are made from it and cannot disagree."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

from meritocrab.localapi import protocol as p

REPOSITORY = "/api/repos/{owner}/{repo}"


class Format(StrEnum):
    """How an answer is written."""

    JSON = "application/json"
    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    STREAM = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Route:
    """One path and method: what it takes and answers. `is_act` routes change something and take a request id."""

    name: str
    method: str
    path: str
    summary: str
    answer: type[p.Answer] | None = None
    query: type[p.Query] = p.NoQuery
    body: type[p.Body] | None = None
    format: Format = Format.JSON
    public: bool = False

    @property
    def is_act(self) -> bool:
        """Does it change something?"""
        return self.method == "POST"

    def at(self, **parts: str | int) -> str:
        """The path with its parts filled in, each quoted; `repository` stands for owner and repo."""
        values = dict(parts)
        if "repository" in values:
            owner, _, name = str(values.pop("repository")).partition("/")
            values |= {"owner": owner, "repo": name}
        return self.path.format(**{key: quote(str(value), safe="") for key, value in values.items()})


def _get(
    name: str, path: str, summary: str, answer: type[p.Answer], query: type[p.Query] = p.NoQuery
) -> Route:
    return Route(name, "GET", path, summary, answer, query)


def _act(name: str, path: str, summary: str, body: type[p.Body] = p.ActBody) -> Route:
    return Route(name, "POST", path, summary, p.ActAnswer, body=body)


HEALTH = Route("health", "GET", "/health", "How the daemon is; 503 when unhealthy", p.Health, public=True)
METRICS = Route("metrics", "GET", "/metrics", "Figures for Prometheus", format=Format.TEXT, public=True)
STREAM = Route(
    "stream",
    "GET",
    "/api/stream",
    "What changes, as it changes: server-sent events hello, changed, bye",
    format=Format.STREAM,
)
OPENAPI = Route("openapi", "GET", "/openapi.json", "This description")

REPOSITORIES = _get("repositories", "/api/repos", "All repositories and how they stand", p.RepositoryList)
REPOSITORY_ONE = _get("repository", REPOSITORY, "One repository", p.RepositoryItem)
POLICY = _get("policy", f"{REPOSITORY}/policy", "The rules in force, with their sources", p.PolicyAnswer)
POLL = _act("poll", f"{REPOSITORY}/poll", "Poll now")
PAUSE = _act("pause", f"{REPOSITORY}/pause", "Neither poll nor write until resumed")
RESUME = _act("resume", f"{REPOSITORY}/resume", "End a pause")

RELEASE = _act("release", f"{REPOSITORY}/release", "Set the breaker again after it fell")
PAUSE_ALL = Route(
    "pause_all",
    "POST",
    "/api/pause",
    "Write nothing to GitHub until resumed; the rest goes on",
    p.PauseAnswer,
    body=p.ActBody,
)
RESUME_ALL = Route(
    "resume_all", "POST", "/api/resume", "End the pause of everything", p.PauseAnswer, body=p.ActBody
)

ALL_EVALUATIONS = _get(
    "all_evaluations",
    "/api/evaluations",
    "Evaluations of all repositories",
    p.Page[p.EvaluationItem],
    p.EvaluationQuery,
)
ANY_EVALUATION = _get(
    "any_evaluation",
    "/api/evaluations/{id}",
    "One evaluation of whatever repository, and what deciding it would do",
    p.EvaluationDetail,
)
EVALUATIONS = _get(
    "evaluations",
    f"{REPOSITORY}/evaluations",
    "Evaluations of one repository",
    p.Page[p.EvaluationItem],
    p.EvaluationQuery,
)
EVALUATION = _get(
    "evaluation",
    f"{REPOSITORY}/evaluations/{{id}}",
    "One evaluation, and what deciding it would do",
    p.EvaluationDetail,
)
EVALUATION_FILES = _get(
    "evaluation_files",
    f"{REPOSITORY}/evaluations/{{id}}/files",
    "The files of its pull request, asked of GitHub now; 503 when it does not answer",
    p.FileList,
)
APPROVE = _act("approve", f"{REPOSITORY}/evaluations/{{id}}/approve", "Apply what is proposed")
OVERRIDE = _act(
    "override", f"{REPOSITORY}/evaluations/{{id}}/override", "Apply another class or number", p.OverrideBody
)
RECONSIDER = _act(
    "reconsider",
    f"{REPOSITORY}/evaluations/{{id}}/reconsider",
    "Take a maintainer's decision back: the item waits again",
)

CONTRIBUTORS = _get(
    "contributors",
    f"{REPOSITORY}/contributors",
    "The people of a repository",
    p.Page[p.ContributorItem],
    p.ContributorQuery,
)
CONTRIBUTOR = _get(
    "contributor", f"{REPOSITORY}/contributors/{{user}}", "One person, by login or id:N", p.ContributorDetail
)
CONTRIBUTOR_LEDGER = _get(
    "contributor_ledger",
    f"{REPOSITORY}/contributors/{{user}}/ledger",
    "One person's ledger, newest first",
    p.Page[p.LedgerItem],
    p.PageQuery,
)
ADJUST = _act("adjust", f"{REPOSITORY}/contributors/{{user}}/adjust", "Change credit by hand", p.AdjustBody)
BLACKLIST = _act("blacklist", f"{REPOSITORY}/contributors/{{user}}/blacklist", "Blacklist a person")
UNBLACKLIST = _act("unblacklist", f"{REPOSITORY}/contributors/{{user}}/unblacklist", "Lead a person back")
UNDO = _act("undo", f"{REPOSITORY}/ledger/{{id}}/undo", "Take back one row of the ledger")

EVENTS = _get(
    "events", f"{REPOSITORY}/events", "What was received, newest first", p.Page[p.EventItem], p.EventQuery
)
ACTIVITY = _get(
    "activity", "/api/activity", "Changes of credit, newest first", p.Page[p.LedgerItem], p.ActivityQuery
)
OUTBOX = _get("outbox", "/api/outbox", "Actions, newest first", p.Page[p.ActionItem], p.OutboxQuery)
CANCEL = _act("cancel", "/api/outbox/{id}/cancel", "Cancel a scheduled action")
WHY = _get(
    "why",
    "/api/why/{owner}/{repo}/{number}",
    "Everything decided about one pull request or issue",
    p.WhyAnswer,
)

REPORT = _get(
    "report",
    "/api/report",
    "What was or would have been done, beside what maintainers did",
    p.ReportAnswer,
    p.ReportQuery,
)

ROUTES: tuple[Route, ...] = (
    HEALTH,
    METRICS,
    OPENAPI,
    STREAM,
    REPOSITORIES,
    REPOSITORY_ONE,
    POLICY,
    POLL,
    PAUSE,
    RESUME,
    RELEASE,
    PAUSE_ALL,
    RESUME_ALL,
    ALL_EVALUATIONS,
    ANY_EVALUATION,
    EVALUATIONS,
    EVALUATION,
    EVALUATION_FILES,
    APPROVE,
    OVERRIDE,
    RECONSIDER,
    CONTRIBUTORS,
    CONTRIBUTOR,
    CONTRIBUTOR_LEDGER,
    ADJUST,
    BLACKLIST,
    UNBLACKLIST,
    UNDO,
    EVENTS,
    ACTIVITY,
    OUTBOX,
    CANCEL,
    WHY,
    REPORT,
)
