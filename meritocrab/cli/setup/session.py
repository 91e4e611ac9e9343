"""What has been answered so far, and how a question is put: asked, checked at once, asked again if it does not fit."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import click

from meritocrab.config import Config
from meritocrab.config_sources import MAX_SECRET_BYTES, read_bounded
from meritocrab.errors import MeritocrabError
from meritocrab.logs import escaped, redact, register_secret
from meritocrab.settings import GithubSettings

T = TypeVar("T")

STDIN = "-"


class Unfit(MeritocrabError):  # noqa: N818 - a state of an answer
    """An answer that cannot be used, and why."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret, and the file that holds it already ("" for one that was typed and has yet to be written)."""

    value: str = field(repr=False)
    file: str = ""


@dataclass
class Answers:
    """The answers; None for what was not asked and stays as it is. `auth` "none" is without credentials."""

    api_url: str | None = None
    auth: str | None = None
    token: Secret | None = None
    app_id: int | None = None
    key: Secret | None = None
    repositories: tuple[str, ...] | None = None
    provider: str | None = None
    model: str | None = None
    base_url: str | None = None
    llm_key: Secret | None = None
    database: str | None = None
    database_url: str | None = None
    database_secret: Secret | None = None


@dataclass
class Session:
    """One call of `meritocrab init`.

    `present` is the configuration as it is, None for a new one; `github` is how GitHub is reached by the answers so
    far. Without `asking` nothing is asked, without `checking` nothing is looked at.
    """

    present: Config | None
    state_dir: Path
    asking: bool
    checking: bool
    answers: Answers
    github: GithubSettings = field(default_factory=GithubSettings)

    def settle(self, given: T | None, ask: Callable[[], T], verify: Callable[[T], str]) -> T:
        """The answer that was given, or one that is asked for until it fits; says what was found.

        Raises:
            MeritocrabError: the given one does not fit.
        """
        if given is not None:
            say(verify(given))
            return given
        while True:
            try:
                answer = ask()
                words = verify(answer)
            except MeritocrabError as error:
                say(f"! {error}")
                continue
            say(words)
            return answer

    def look(self, looking: Callable[[], Coroutine[Any, Any, str]]) -> str:
        """What was found, in words; nothing is looked at with `--no-check`."""
        return asyncio.run(looking()) if self.checking else ""


def say(words: str) -> None:
    """A line about the last answer; an empty one is left out."""
    if words:
        click.echo(f"  {escaped(redact(words), keep=chr(10))}")


def choose(question: str, choices: tuple[str, ...], default: str) -> str:
    """One of several words."""
    found: str = click.prompt(question, type=click.Choice(choices), default=default)
    return found


def ask_secret(what: str, name: str) -> Secret:
    """A secret: typed without being shown, or the file that holds it."""
    file = click.prompt(f"File that holds {what} (empty: type it in)", default="", show_default=False)
    if file:
        return secret_in(file)
    typed: str = click.prompt(f"{what[0].upper()}{what[1:]} (is not shown)", hide_input=True)
    return _known(Secret(typed.strip()), name)


def ask_file(what: str) -> Secret:
    """The file that holds a secret of several lines, which cannot be typed."""
    return secret_in(click.prompt(f"File that holds {what}"))


def secret_in(file: str) -> Secret:
    """The secret in a file, or on standard input for `-`.

    Raises:
        Unfit: the file cannot be read, or is empty.
    """
    if file == STDIN:
        return _known(Secret(sys.stdin.read(MAX_SECRET_BYTES).strip()), "standard input")
    path = Path(os.path.abspath(Path(file).expanduser()))  # noqa: PTH100 - a link is to stay a link
    try:
        value = read_bounded(path, MAX_SECRET_BYTES).strip()
    except ValueError as error:
        raise Unfit(f"{path}: {error}") from None
    # what a shell hands over in a pipe is gone the next time: it is kept like one from standard input
    return _known(Secret(value, str(path) if path.is_file() else ""), str(path))


def _known(secret: Secret, name: str) -> Secret:
    """The secret, which no line shows from now on."""
    if not secret.value:
        raise Unfit(f"{name} is empty")
    register_secret(secret.value)
    return secret
