"""What the options of `meritocrab init` answer, and what is still missing where nothing can be asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from meritocrab.cli.setup.session import STDIN, Answers, Session, secret_in
from meritocrab.config import masked_url


def answers_of(options: dict[str, Any]) -> Answers:
    """What the options answer.

    Raises:
        click.UsageError: they contradict each other, or one shows a secret.
    """
    files = {
        key: options[key] for key in ("token_file", "private_key_path", "api_key_file", "database_url_file")
    }
    if sum(file == STDIN for file in files.values()) > 1:
        raise click.UsageError("standard input holds one secret only")
    auth = _auth(options)
    _check_shown(options["database"])
    secrets = {key: None if file is None else secret_in(file) for key, file in files.items()}
    database = options["database"]
    url = None if database in (None, "sqlite") else database
    named = tuple(dict.fromkeys(options["repositories"])) or (() if options["all_repositories"] else None)
    return Answers(
        api_url=options["api_url"],
        auth=auth,
        token=secrets["token_file"],
        app_id=options["app_id"],
        key=secrets["private_key_path"],
        repositories=named,
        provider=options["provider"],
        model=options["model"],
        base_url=options["base_url"],
        llm_key=secrets["api_key_file"],
        database="sqlite" if database == "sqlite" else None,
        database_url=url,
        database_secret=secrets["database_url_file"],
    )


def _auth(options: dict[str, Any]) -> str | None:
    given = {
        "token": options["token_file"] is not None,
        "app": options["app_id"] is not None or options["private_key_path"] is not None,
        "none": options["no_credentials"],
    }
    named = [auth for auth, is_given in given.items() if is_given]
    if len(named) > 1:
        raise click.UsageError("choose one of --token-file, --app-id and --no-credentials")
    if options["all_repositories"] and options["repositories"]:
        raise click.UsageError("choose one of --repository and --all-repositories")
    return named[0] if named else None


def _check_shown(database: str | None) -> None:
    if database is not None and masked_url(database) != database:
        raise click.UsageError(
            "an argument shows its password to everybody on this machine; use --database-url-file"
        )


def check_enough(session: Session, may_write: bool) -> None:
    """Without a terminal nothing can be asked: say all that is missing.

    Raises:
        click.UsageError: something is.
    """
    missing = list(_missing(session))
    if not may_write:
        missing.append("--yes")
    if missing:
        raise click.UsageError(
            f"nothing is asked without a terminal or with --yes; give {', '.join(missing)}"
        )


def _missing(session: Session) -> Iterator[str]:
    answers, present = session.answers, session.present
    auth = answers.auth or (present.github.auth if present else None)
    if auth is None:
        yield "--token-file (or --app-id with --private-key-path, or --no-credentials)"
    if answers.auth == "app" and answers.app_id is None:
        yield "--app-id"
    if answers.auth == "app" and answers.key is None:
        yield "--private-key-path"
    named = bool(answers.repositories) or bool(present and present.github.repositories)
    if not named and auth != "app":
        yield "--repository"
