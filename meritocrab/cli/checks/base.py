"""What a check is, what it is given, and how checks are run so that a broken one stops none of the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from meritocrab.config import Config
from meritocrab.errors import ConfigError, MeritocrabError
from meritocrab.github.client import GitHubClient
from meritocrab.logs import redact

LONGEST_SECONDS = 60.0
"""For one check with all its lines; each request has a shorter limit of its own."""


class Status(StrEnum):
    """How a line came out, worst last. `skipped`: it could not be known, or does not apply here."""

    OK = "ok"
    SKIPPED = "skipped"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Check:
    """One line: what was looked at, how it is in a sentence, and what to do about it ("" where nothing is)."""

    name: str
    status: Status
    what: str
    remedy: str = ""


def ok(name: str, what: str) -> Check:
    """All is well."""
    return Check(name, Status.OK, what)


def skipped(name: str, what: str, remedy: str = "") -> Check:
    """It could not be known, or does not apply here."""
    return Check(name, Status.SKIPPED, what, remedy)


def warning(name: str, what: str, remedy: str = "") -> Check:
    """It works, but not as it could."""
    return Check(name, Status.WARNING, what, remedy)


def failure(name: str, what: str, remedy: str = "") -> Check:
    """Something will not work."""
    return Check(name, Status.FAILURE, what, remedy)


@dataclass
class Examined:
    """The installation under examination.

    Attributes:
        loaded: its configuration, or what is wrong with it.
        state_dir: where it keeps its things.
        socket: where a client looks for the daemon.
        github: the client of its credential; None without a configuration or a usable credential.
    """

    loaded: Config | ConfigError
    state_dir: Path
    socket: Path
    github: GitHubClient | None = field(default=None)

    @property
    def config(self) -> Config:
        """The configuration, for checks that are not run without one."""
        assert isinstance(self.loaded, Config)  # noqa: S101 - `examine` sees to it
        return self.loaded

    @property
    def client(self) -> GitHubClient:
        """The client of GitHub, for checks that are not run without a configuration."""
        assert self.github is not None  # noqa: S101 - built for every configuration that can be used
        return self.github


@dataclass(frozen=True, slots=True)
class Kind:
    """A group of lines about one thing; `look` is not called without a configuration unless it needs none."""

    name: str
    look: Callable[[Examined], AsyncIterator[Check]]
    needs_config: bool = True


async def examine(kinds: Iterable[Kind], examined: Examined) -> AsyncIterator[Check]:
    """All lines, each group as soon as it is done."""
    for kind in kinds:
        if kind.needs_config and isinstance(examined.loaded, ConfigError):
            yield skipped(kind.name, "not looked at: the configuration cannot be used")
            continue
        for check in await _looked(kind, examined):
            yield check


async def _looked(kind: Kind, examined: Examined) -> list[Check]:
    found: list[Check] = []
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            async for check in kind.look(examined):
                found.append(check)
    except TimeoutError:
        found.append(failure(kind.name, f"no answer within {LONGEST_SECONDS:.0f} seconds"))
    except MeritocrabError as error:
        found.append(failure(kind.name, str(error)))
    except Exception as error:  # noqa: BLE001 - a check that breaks is a line of its own and ends no other
        found.append(
            failure(kind.name, f"this check broke off ({type(error).__name__}: {redact(str(error))})")
        )
    return found


def worst(checks: Iterable[Check]) -> Status:
    """The worst status there is; `ok` where nothing is worse than skipped."""
    order = list(Status)
    found = max((check.status for check in checks), key=order.index, default=Status.OK)
    return Status.OK if found is Status.SKIPPED else found


def counted(checks: Iterable[Check]) -> Iterator[str]:
    """Words for how many lines of each status there are, worst first."""
    statuses = [check.status for check in checks]
    words = {Status.FAILURE: ("failure", "failures"), Status.WARNING: ("warning", "warnings")}
    for status in reversed(Status):
        number = statuses.count(status)
        one, many = words.get(status, (status.value, status.value))
        if number:
            yield f"{number} {one if number == 1 else many}"
