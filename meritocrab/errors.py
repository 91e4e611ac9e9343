"""Every error the program raises on purpose, so that a message reaches its reader and never a stack trace.

An error says what happened, where, and what to do about it, in a sentence meant for the maintainer. The
command line prints the message and exits with `exit_status`; nothing else about the error is shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar


class MeritocrabError(Exception):
    """The base of all deliberate errors; its text is a complete message for a human."""

    exit_status: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a configuration, with the place where its reader can put it right.

    `source` is a file name or the name of an environment variable, `line` counts from 1, `key` is the
    dotted path of the key as it would be written in TOML ("" for the file as a whole).
    """

    source: str
    text: str
    key: str = ""
    line: int | None = None

    def __str__(self) -> str:
        place = self.source if self.line is None else f"{self.source}:{self.line}"
        return ": ".join(part for part in (place, self.key, self.text) if part)


class ConfigError(MeritocrabError):
    """The configuration cannot be used; carries every problem at once, so that one round of edits is enough.

    The exit status is sysexits' EX_CONFIG, which the systemd unit does not restart.
    """

    exit_status: ClassVar[int] = 78

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class PolicyError(ConfigError):
    """A repository's `.meritocrab.toml` cannot be used; the last good policy stays in force."""
