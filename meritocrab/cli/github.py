"""How setting up and looking for faults come to GitHub: one client for a credential, with short time limits."""

from __future__ import annotations

from datetime import datetime

from meritocrab.github.auth import Anonymous, AppKey, Credential, PersonalToken
from meritocrab.github.client import GitHubClient
from meritocrab.github.connection import Options
from meritocrab.github.payloads import RepositoryItem, TokenItem
from meritocrab.settings import GithubSettings

LOOK_SECONDS = 15.0
"""For one answer; whoever waits sits in front of it."""


def credential_of(github: GithubSettings) -> Credential:
    """In whose name these settings ask; their secrets must have been read.

    Raises:
        Unauthorized: the token or the key cannot be one.
    """
    if github.app_id is not None and github.private_key is not None:
        return AppKey(str(github.app_id), github.private_key.get_secret_value())
    if github.token is not None:
        return PersonalToken(github.token.get_secret_value())
    return Anonymous()


def client_for(credential: Credential, api_url: str, timeout_seconds: float = LOOK_SECONDS) -> GitHubClient:
    """The client of a credential. Close it."""
    limit = min(timeout_seconds, LOOK_SECONDS)
    return GitHubClient(credential, Options(api_url=api_url, timeout=limit, deadline=2 * limit))


def token_words(token: TokenItem) -> str:
    """Whose a token is and of which kind."""
    scopes = ", ".join(sorted(token.scopes or ())) or "none"
    kind = "fine-grained" if token.scopes is None else f"classic, scopes: {scopes}"
    until = "" if token.expires_at is None else f", good until {token.expires_at:%Y-%m-%d}"
    return f"@{token.owner.login} ({kind}{until})"


def role_words(repository: RepositoryItem) -> str:
    """What we may do in a repository, by the highest of our flags."""
    names = {"admin": "admin", "maintain": "maintain", "push": "write", "triage": "triage"}
    return next((word for flag, word in names.items() if flag in repository.permissions), "read")


def days_left(token: TokenItem, now: datetime) -> int | None:
    """Whole days until a token ends; None when it does not, or GitHub does not tell."""
    return None if token.expires_at is None else (token.expires_at - now).days
