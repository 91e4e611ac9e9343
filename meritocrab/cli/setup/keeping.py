"""Where everything is kept: the database is opened at once, and left as it is."""

from __future__ import annotations

import asyncio
import os
from urllib.parse import quote, urlsplit, urlunsplit

import click

from meritocrab.cli.checks.storage import find_database
from meritocrab.cli.setup.session import Secret, Session, Unfit, choose
from meritocrab.config import masked_url
from meritocrab.core.toml_errors import Places, validate
from meritocrab.logs import register_secret
from meritocrab.settings import DatabaseSettings
from meritocrab.store.errors import DatabaseMissing

KINDS = ("sqlite", "postgresql")


def settle_database(session: Session) -> None:
    """Which database, and where."""
    answers = session.answers
    given = answers.database or answers.database_url or answers.database_secret
    if given is None and not session.asking:
        return
    if given is not None:
        session.settle(given, lambda: given, lambda _: _verify(session))
        return
    present = session.present.database_url if session.present else ""
    if session.present is not None:
        click.echo(f"Database: {masked_url(present)}")
        if click.confirm("Keep it?", default=True):
            return
    session.settle(None, lambda: _ask(session, present), lambda _: _verify(session))


def _ask(session: Session, present: str) -> str:
    answers = session.answers
    answers.database_url, answers.database_secret = None, None
    default = "postgresql" if present.startswith("postgres") else "sqlite"
    answers.database = choose("Database", KINDS, default)
    if answers.database == "postgresql":
        answers.database_url = click.prompt("Address, without password, as postgresql://USER@HOST:5432/NAME")
        password = click.prompt(
            "Password (is not shown; empty: none)", default="", hide_input=True, show_default=False
        )
        _put_aside(session, password)
    return answers.database


def _put_aside(session: Session, password: str) -> None:
    """An address with a password becomes a secret, however it came in."""
    answers = session.answers
    url = answers.database_url or ""
    if password:
        register_secret(password)
        url = _with_password(url, password)
    if masked_url(url) != url:
        answers.database_url, answers.database_secret = None, Secret(url)


def _with_password(url: str, password: str) -> str:
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if not at:
        raise Unfit("an address with a password names its user: postgresql://USER@HOST:5432/NAME")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}:{quote(password, safe='')}@{host}"))


def url_of(session: Session) -> str:
    """The address that the answers lead to."""
    answers = session.answers
    url = answers.database_secret.value if answers.database_secret else answers.database_url
    if url is None:
        return f"sqlite:///{session.state_dir / 'meritocrab.db'}"
    validate(DatabaseSettings, {"url": url}, Places("answer", "", {}))
    file = url.removeprefix("sqlite:///")
    return f"sqlite:///{session.state_dir / file}" if file != url and not file.startswith("/") else url


def _verify(session: Session) -> str:
    url = url_of(session)

    async def look() -> str:
        try:
            found = await asyncio.to_thread(find_database, url)
        except DatabaseMissing:
            return _can_be_made(url)
        return f"{found.location} answers" + (
            f", schema version {found.version}" if found.version else ", and is empty"
        )

    return session.look(look)


def _can_be_made(url: str) -> str:
    from meritocrab.store.engines import SqliteEngine, engine_for

    engine = engine_for(url)
    assert isinstance(engine, SqliteEngine)  # noqa: S101 - only a file can be missing
    folder = next(each for each in engine.path.parents if each.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Unfit(f"{engine.path} cannot be made: you may not write to {folder}")
    return f"the first run makes {engine.path}"
