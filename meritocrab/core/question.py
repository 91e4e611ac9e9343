"""One contribution as it is put before a judge: what there is to see of it, whoever judges."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """One file of a pull request. `patch` is GitHub's: hunks without file headers, empty for binary files."""

    path: str
    status: str = "modified"
    additions: int = 0
    deletions: int = 0
    patch: str = ""


Subject = Literal["pull_request", "comment"]


@dataclass(frozen=True, slots=True)
class Question:
    """One contribution to judge. Title and text are untrusted; `title` of a comment is its pull request's.

    `additions`, `deletions` and `changed_files` are None where GitHub did not tell; `earlier_by_author`
    counts what the author contributed to this repository before (models are not told). `thread` holds, for a
    comment, the pull request's own text and then the latest comments before it, oldest first; `thread_older` counts
    the comments before those. `author_login` is there to be blotted out of what a model sees.
    """

    evaluation_id: int
    subject: Subject
    title: str
    text: str
    link: str
    additions: int | None = None
    deletions: int | None = None
    changed_files: int | None = None
    earlier_by_author: int = 0
    files: tuple[ChangedFile, ...] = ()
    thread: tuple[str, ...] = ()
    thread_older: int = 0
    judge_notes: str = ""
    author_login: str = ""

    def alone(self) -> Question:
        """The same contribution without a word of other people: nothing they wrote can have steered the verdict."""
        if self.subject == "pull_request":
            return self
        return replace(self, title="", thread=(), thread_older=0)
