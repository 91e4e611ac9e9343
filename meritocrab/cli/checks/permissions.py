"""What the daemon needs to be allowed on GitHub, and what each missing permission disables. Pure.

Sources, by the titles of GitHub's documentation pages: "Permissions required for GitHub Apps", "Permissions required
for fine-grained personal access tokens", "Scopes for OAuth apps".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from meritocrab.core.names import Enforcement

_LEVELS = ("read", "write", "admin")
_MARKING = frozenset({Enforcement.LABEL, Enforcement.HOLD, Enforcement.CLOSE})
_ALWAYS = frozenset(Enforcement)


@dataclass(frozen=True, slots=True)
class Need:
    """One permission: GitHub's key and level, the name in its settings, what is lost without, and who needs it."""

    permission: str
    level: str
    shown: str
    disables: str
    needed_by: frozenset[Enforcement]
    for_answers: bool = False

    @property
    def words(self) -> str:
        """As GitHub's settings page has it."""
        return f"{self.shown}: {'read and write' if self.level == 'write' else 'read'}"


NEEDS = (
    Need("metadata", "read", "Metadata", "roles cannot be looked up, so nobody is gated", _ALWAYS),
    Need(
        "contents",
        "read",
        "Contents",
        "`.meritocrab.toml` of private repositories cannot be read, and their events wait",
        _ALWAYS,
    ),
    Need("issues", "read", "Issues", "comments and `/credit` commands are not seen", _ALWAYS),
    Need(
        "pull_requests", "read", "Pull requests", "pull requests are not seen, so nothing is gated", _ALWAYS
    ),
    Need(
        "issues",
        "write",
        "Issues",
        "commands in comments on issues get no answer",
        _MARKING,
        for_answers=True,
    ),
    Need(
        "pull_requests",
        "write",
        "Pull requests",
        'pull requests cannot be commented on, labelled or closed (enforcement "label", "hold", "close")',
        _MARKING,
        for_answers=True,
    ),
    Need(
        "statuses",
        "write",
        "Commit statuses",
        'no pending commit status can be set (enforcement "hold")',
        frozenset({Enforcement.HOLD}),
    ),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the configuration makes of permissions: the enforcements in force, and whether commands are answered."""

    enforcements: frozenset[Enforcement]
    answers: bool

    @property
    def writes(self) -> bool:
        """Is anything written at all?"""
        return self.answers or bool(self.enforcements & _MARKING)

    def needs(self, need: Need) -> bool:
        """Is this permission needed as things stand?"""
        return bool(self.enforcements & need.needed_by) or (self.answers and need.for_answers)


def missing(granted: Iterable[str]) -> Iterator[Need]:
    """The needs that these permissions (`scope:level`) do not meet; of one permission only the first."""
    levels = dict(each.split(":", 1) for each in granted if ":" in each)
    seen: set[str] = set()
    for need in NEEDS:
        has = levels.get(need.permission)
        rank = _LEVELS.index(has) if has in _LEVELS else -1
        if rank < _LEVELS.index(need.level) and need.permission not in seen:
            seen.add(need.permission)
            yield need


def all_words() -> str:
    """All that a token should have, in the words of GitHub's settings page."""
    highest = {need.permission: need.words for need in NEEDS if need.permission != "metadata"}
    return ", ".join(highest.values())
