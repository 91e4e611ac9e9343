"""How GitHub is reached, and which repositories are watched there: each answer is looked at on GitHub at once."""

from __future__ import annotations

import click

from meritocrab.cli.github import client_for, credential_of, role_words, token_words
from meritocrab.cli.setup.session import Secret, Session, Unfit, ask_file, ask_secret, choose, say
from meritocrab.core.toml_errors import Places, validate
from meritocrab.github.client import GitHubClient
from meritocrab.github.errors import GitHubError, Moved
from meritocrab.github.payloads import RepositoryItem
from meritocrab.settings import GithubSettings, check_repository_name

AUTHS = ("token", "app", "none")
FOR_NOBODY = "without credentials: public repositories only, 60 requests an hour, nothing is written"


def settle_access(session: Session) -> None:
    """In whose name GitHub is asked."""
    answers, present = session.answers, session.present
    given = answers.auth or (None if session.asking else _present_auth(session))
    if given is None:
        click.echo("GitHub is reached with a personal token, as a GitHub App, or without credentials.")
        default = _present_auth(session) or "token"
        given = choose("How", AUTHS, default)
        if given == _present_auth(session) and click.confirm("Keep the present one?", default=True):
            given = "present"
    if given == "present" or (answers.auth is None and not session.asking):
        assert present is not None  # noqa: S101 - that is where it came from
        update = {"api_url": _settings(session, {}).api_url}
        session.github = present.github.model_copy(update=update)
        say(session.look(lambda: _whose(session.github)))
        return
    answers.auth = given
    {"token": _settle_token, "app": _settle_app, "none": _settle_nobody}[given](session)


def _present_auth(session: Session) -> str | None:
    if session.present is None or session.present.github.auth == "anonymous":
        return "none" if session.present is not None and session.present.github.repositories else None
    return session.present.github.auth


def _settings(session: Session, values: dict[str, object]) -> GithubSettings:
    """How GitHub is reached by these values; raises `ConfigError` where they cannot be."""
    api_url = session.answers.api_url or (session.present.github.api_url if session.present else None)
    given = {**values, **({"api_url": api_url} if api_url else {})}
    return validate(GithubSettings, given, Places("answer", "", {}))


def _settle_token(session: Session) -> None:
    def verify(secret: Secret) -> str:
        # the list of repositories comes later; some name is needed for the rest to be judged
        session.github = _settings(session, {"token": secret.value, "repositories": ("later/on",)})
        return session.look(lambda: _whose(session.github))

    token = session.answers.token
    session.answers.token = session.settle(token, lambda: ask_secret("the token", "the token"), verify)


def _settle_app(session: Session) -> None:
    answers = session.answers

    def ask() -> tuple[int, Secret]:
        number = answers.app_id or click.prompt("The App's id (a number)", type=click.IntRange(1))
        return number, answers.key or ask_file("the App's private key")

    def verify(found: tuple[int, Secret]) -> str:
        values: dict[str, object] = {"app_id": found[0], "private_key": found[1].value}
        session.github = _settings(session, values)
        return session.look(lambda: _whose(session.github))

    given = (answers.app_id, answers.key) if answers.app_id and answers.key else None
    answers.app_id, answers.key = session.settle(given, ask, verify)


def _settle_nobody(session: Session) -> None:
    session.github = _settings(session, {})
    say(session.look(lambda: _whose(session.github)))


async def _whose(github: GithubSettings) -> str:
    """Who we are to GitHub."""
    async with client_for(credential_of(github), github.api_url, github.timeout) as client:
        if github.auth == "token":
            return f"GitHub knows it as {token_words(await client.fetch_token())}"
        if github.auth == "app":
            return await _installed(client)
        await client.fetch_quota()
        return FOR_NOBODY


async def _installed(client: GitHubClient) -> str:
    app = await client.fetch_app()
    found = await client.fetch_installations()
    if not found:
        raise Unfit(f"the App {app.slug} is installed nowhere: install it on an account first")
    where = ", ".join(each.account.login if each.account else str(each.id) for each in found)
    return f"GitHub knows it as the App {app.slug}, installed on {where}"


# --- repositories


def settle_repositories(session: Session) -> None:
    """What is watched."""
    answers = session.answers
    if answers.repositories is None and not session.asking:
        return
    if answers.repositories is None:
        answers.repositories = _asked(session)
        return
    for name in answers.repositories:
        say(_verify_repository(session, name))


def _asked(session: Session) -> tuple[str, ...] | None:
    kept = session.present.github.repositories if session.present else ()
    if kept:
        click.echo(f"Watched: {', '.join(kept)}")
    elif session.github.auth == "app" and click.confirm(
        "Watch all that the App is installed on?", default=True
    ):
        return ()
    if kept and not click.confirm("Keep these?", default=True):
        kept = ()
    names = list(kept)
    for name in kept:
        _doubt(session, name)
    while True:
        name = click.prompt("Repository, as owner/name (empty: no more)", default="", show_default=False)
        if name:
            _add(session, names, name)
        elif names:
            return tuple(names)
        else:
            say("! name one at least")


def _doubt(session: Session, name: str) -> None:
    try:
        say(_verify_repository(session, name))
    except Unfit as error:
        say(f"! {error}")


def _add(session: Session, names: list[str], name: str) -> None:
    if name.lower() in (each.lower() for each in names):
        return
    try:
        say(_verify_repository(session, name))
        names.append(name)
    except Unfit as error:
        say(f"! {error}")


def _verify_repository(session: Session, name: str) -> str:
    """What GitHub says of a repository; raises `Unfit`."""
    try:
        check_repository_name(name)
    except ValueError as error:
        raise Unfit(f"{name}: {error}") from None
    return session.look(lambda: _repository(session.github, name))


async def _repository(github: GithubSettings, name: str) -> str:
    async with client_for(credential_of(github), github.api_url, github.timeout) as client:
        if github.auth == "app":
            return await _covered(client, name)
        try:
            found = await client.fetch_repository(name)
        except Moved:
            raise Unfit(f"{name} was renamed or moved on GitHub; write its new name") from None
        except GitHubError as error:
            raise Unfit(str(error)) from None
        role = "" if client.is_anonymous else f", our role is {role_words(found)}"
        return f"{found.full_name}: {'private' if found.private else 'public'}{role}{_blind(found, client)}"


def _blind(found: RepositoryItem, client: GitHubClient) -> str:
    if client.is_anonymous or "push" in found.permissions:
        return ""
    return "; without the role write GitHub shows no roles, and nobody is gated"


async def _covered(client: GitHubClient, name: str) -> str:
    for installation in await client.fetch_installations():
        if installation.suspended_at is None:
            for found in await client.fetch_installation_repositories(installation.id):
                if found.full_name.lower() == name.lower():
                    return f"{found.full_name}: the App is installed there"
    raise Unfit(f"the App is not installed on {name}: add it to an installation on GitHub first")
