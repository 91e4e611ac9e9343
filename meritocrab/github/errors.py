"""What can go wrong at the door to GitHub, as values: each error names the repository state it stands for.

A caller decides by class (`except RateLimited`) or by the three attributes every error has: the state to
show, when it makes sense to try again, and, for a write, whether it may have happened. Messages are for the
maintainer: what was asked, what GitHub said, what to do. They hold a method and a path, never a query, a
header or a token.
"""
# ruff: noqa: N818  (the classes are named after what happened, as in GitHub's own words)

from __future__ import annotations

import re
from datetime import datetime
from typing import ClassVar

from meritocrab.core.names import RepositoryState
from meritocrab.errors import MeritocrabError

_REPOSITORY_BY_ID = re.compile(r"/repositories/(\d{1,19})(?:[/?#]|$)")


class GitHubError(MeritocrabError):
    """A request to GitHub that brought no usable answer.

    Attributes:
        state: how a repository stands when this is all we know about it.
        retry_at: earliest sensible next try, by the local clock (aware UTC), or None when nobody said.
        applied: for a write, False when it certainly did not happen, None when it may have; of no meaning
            for reads.
    """

    default_state: ClassVar[RepositoryState] = RepositoryState.GITHUB_ERROR

    def __init__(
        self,
        message: str,
        *,
        state: RepositoryState | None = None,
        retry_at: datetime | None = None,
        applied: bool | None = False,
    ) -> None:
        super().__init__(message)
        self.state: RepositoryState = self.default_state if state is None else state
        self.retry_at: datetime | None = retry_at
        self.applied: bool | None = applied


class RateLimited(GitHubError):
    """A primary or secondary limit is in force; `retry_at` is always set. Nothing was applied."""

    default_state = RepositoryState.RATE_LIMITED


class Unauthorized(GitHubError):
    """401: GitHub does not accept the token or the App's key."""

    default_state = RepositoryState.UNAUTHORIZED


class Suspended(GitHubError):
    """403: the App's installation, or the account behind the token, is suspended."""

    default_state = RepositoryState.SUSPENDED


class Forbidden(GitHubError):
    """403 (or 451): the token is good but may not do this."""

    default_state = RepositoryState.FORBIDDEN


class NotFound(GitHubError):
    """404: it does not exist, or the token may not know that it does."""

    default_state = RepositoryState.NOT_FOUND


class Gone(GitHubError):
    """410: it was deleted, or the feature is switched off in the repository."""

    default_state = RepositoryState.NOT_FOUND


class Moved(GitHubError):
    """A redirect: the repository was renamed or transferred.

    Redirects are never followed by themselves, because a token must not travel to an address somebody else
    chose. `location` is GitHub's text; `repository_id` is the id in it, if it has one, which leads to the new
    name. An issue that was transferred answers so too, with the id of the repository it went to.
    """

    default_state = RepositoryState.RENAMED

    def __init__(self, message: str, location: str) -> None:
        super().__init__(message)
        self.location: str = location
        found = _REPOSITORY_BY_ID.search(location)
        self.repository_id: int | None = int(found.group(1)) if found else None


class Refused(GitHubError):
    """GitHub's definite no to this one request: a locked thread, an archived repository, a 422. Retrying is
    vain.

    `reason` is GitHub's own message. The state is `archived` for an archived repository; otherwise it says
    nothing about the repository.
    """

    def __init__(self, message: str, reason: str, *, state: RepositoryState | None = None) -> None:
        super().__init__(message, state=state)
        self.reason: str = reason


class ServerTrouble(GitHubError):
    """5xx: GitHub failed. A write may have happened all the same."""

    default_state = RepositoryState.GITHUB_ERROR


class Unreachable(GitHubError):
    """No answer: no name, no connection, a time-out or a cut line."""

    default_state = RepositoryState.UNREACHABLE


class BadAnswer(GitHubError):
    """An answer that cannot be read: truncated, not JSON, not from GitHub, or not of the documented shape."""

    default_state = RepositoryState.BAD_ANSWER
