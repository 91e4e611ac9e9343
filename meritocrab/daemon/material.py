"""Gathers what a judge is shown of one contribution: from our rows, and for a model from GitHub besides.

Files and thread are as GitHub shows them now; title and text are as they were first seen, which is what counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

from meritocrab.core.comments import has_any_marker
from meritocrab.core.events import CommentFacts, Facts, PullRequestFacts, event_key, is_erased
from meritocrab.core.names import EventKind
from meritocrab.core.policy import Policy
from meritocrab.core.question import ChangedFile, Question, Subject
from meritocrab.daemon.access import Accesses, AccessUnavailable
from meritocrab.github.client import GitHubClient
from meritocrab.github.errors import Forbidden, Gone, NotFound
from meritocrab.github.payloads import CommentItem, FileItem
from meritocrab.store import accounts, evaluations, inbox, policies, pull_requests, repositories
from meritocrab.store.database import Store
from meritocrab.store.models import EvaluationRow, Repository

LATEST_COMMENTS = 20
"""So many comments before the one in question are shown at the most."""


@dataclass(frozen=True, slots=True)
class Known:
    """What our own rows say about a contribution.

    `comment_id` is GitHub's, of a comment in question; `opening_text` is what the pull request itself said.
    """

    repository: Repository
    policy: Policy
    question: Question
    number: int
    is_history: bool = False
    comment_id: int | None = None
    opening_text: str | None = None


class PolicyUnread(AccessUnavailable):
    """The repository's own rules were not read yet, and with them the notes for the judge."""


class Material:
    """The way to everything a judge may see."""

    def __init__(self, store: Store, accesses: Accesses, base_policy: policies.BasePolicy) -> None:
        self._store, self._accesses, self._base = store, accesses, base_policy

    async def known(self, row: EvaluationRow) -> Known:
        """What can be said without asking GitHub.

        Raises:
            AccessUnavailable: the repository or its rules are not known yet.
            PolicyError: its own rules do not fit the daemon's settings.
        """
        return await self._store.read(self._known, row)

    def _known(self, row: EvaluationRow) -> Known:
        repository = repositories.find_by_id(row.repository_id)
        policy = policies.in_force(repository, self._base) if repository is not None else None
        if repository is None or policy is None:
            raise PolicyUnread("the repository's policy was not read yet")
        event = inbox.find_by_id(row.event_id)
        facts = inbox.to_event(event).facts if event is not None else None
        opening = _opening_text(row)
        return Known(
            repository=repository,
            policy=policy,
            question=_question(row, _text(row, facts, opening), policy.judge_notes),
            number=row.number,
            is_history=event is not None and event.is_history,
            comment_id=event.github_id if event is not None and isinstance(facts, CommentFacts) else None,
            opening_text=opening,
        )

    async def complete(self, known: Known) -> Question:
        """The question with files or thread; what is gone on GitHub, or not for us to see, is left out.

        What other people wrote is shown only where a second opinion, without it, checks what costs credit.

        Raises:
            GitHubError: GitHub does not answer now.
            AccessUnavailable: there is no credential for this repository now.
        """
        client = self._accesses.client(known.repository.access)
        try:
            if known.question.subject == "pull_request":
                return await self._with_files(client, known)
            if not known.policy.llm.confirm_negative:
                return known.question.alone()
            return await self._with_thread(client, known)
        except (NotFound, Gone, Forbidden):
            return known.question

    async def _with_files(self, client: GitHubClient, known: Known) -> Question:
        name = known.repository.full_name
        question = known.question
        if question.additions is None:
            pull = await client.fetch_pull(name, known.number)
            question = replace(
                question,
                additions=pull.additions,
                deletions=pull.deletions,
                changed_files=pull.changed_files,
            )
        files = await client.fetch_pull_files(name, known.number)
        return replace(question, files=changed_files(files))

    async def _with_thread(self, client: GitHubClient, known: Known) -> Question:
        name = known.repository.full_name
        opening = known.opening_text
        if opening is None:
            opening = (await client.fetch_pull(name, known.number)).body
        page = await client.fetch_thread_comments(name, known.number)
        said = _before(page.items, known.comment_id)
        latest = said[-LATEST_COMMENTS:]
        return replace(known.question, thread=(opening, *latest), thread_older=len(said) - len(latest))


def _before(comments: Sequence[CommentItem], comment_id: int | None) -> list[str]:
    """The comments before this one, without our own; GitHub's ids rise with time."""
    earlier = [each for each in comments if comment_id is None or each.id < comment_id]
    return [each.body for each in earlier if not has_any_marker(each.body)]


def changed_files(items: Sequence[FileItem]) -> tuple[ChangedFile, ...]:
    """GitHub's files as a prompt shows them."""
    return tuple(
        ChangedFile(each.path, each.status, each.additions, each.deletions, each.patch) for each in items
    )


def _question(row: EvaluationRow, text: str, judge_notes: str) -> Question:
    pull_request = pull_requests.find_row(row.repository_id, row.number)
    author = accounts.find(row.account_id)
    subjects: dict[str, Subject] = {name: name for name in get_args(Subject)}
    return Question(
        evaluation_id=row.id,
        subject=subjects[row.subject],
        title=row.title,
        text=text,
        link=row.link,
        additions=pull_request.additions if pull_request else None,
        deletions=pull_request.deletions if pull_request else None,
        changed_files=pull_request.changed_files if pull_request else None,
        earlier_by_author=evaluations.earlier_by(row.repository_id, row.account_id, row.id),
        judge_notes=judge_notes,
        author_login=author.login if author is not None else "",
    )


def _text(row: EvaluationRow, facts: Facts | None, opening: str | None) -> str:
    """The whole text; of a draft that became ready that of its opening; the excerpt where nothing else is left."""
    if isinstance(facts, PullRequestFacts | CommentFacts) and not is_erased(facts):
        return facts.body
    return opening if opening is not None and row.subject == "pull_request" else row.text


def _opening_text(row: EvaluationRow) -> str | None:
    """What the pull request itself said when it was first seen; None where that was erased."""
    found = inbox.find(event_key(row.repository_id, EventKind.PULL_REQUEST_OPENED, row.number))
    facts = inbox.to_event(found).facts if found is not None else None
    return facts.body if isinstance(facts, PullRequestFacts) and not is_erased(facts) else None
