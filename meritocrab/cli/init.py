"""`meritocrab init`: asks a few questions, checks each answer at once, and writes a commented configuration.

A file that is there keeps its comments and all that was not asked. Secrets go to files of their own that nobody else
can read; none is ever an argument, shown, or part of the configuration.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from meritocrab.cli.main import config_option, config_path

if TYPE_CHECKING:
    from meritocrab.cli.setup.session import Answers, Session

SECRET = click.Path(path_type=str, allow_dash=True)
FROM_STDIN = '"-" reads it from standard input and keeps it beside the configuration.'


@click.command()
@click.option("--token-file", type=SECRET, help=f"The file with a personal access token; {FROM_STDIN}")
@click.option("--app-id", type=click.IntRange(1), help="The numeric id of a GitHub App.")
@click.option("--private-key-path", type=SECRET, help=f"The file with the App's private key; {FROM_STDIN}")
@click.option("--no-credentials", is_flag=True, help="Watch public repositories without a credential.")
@click.option("--api-url", metavar="URL", help="GitHub's REST interface, for an Enterprise server.")
@click.option(
    "--repository", "repositories", multiple=True, metavar="OWNER/NAME", help="What to watch; several times."
)
@click.option("--all-repositories", is_flag=True, help="Watch all that the App is installed on.")
@click.option("--provider", type=click.Choice(["heuristic", "claude", "openai"]), help="Who judges.")
@click.option("--model", metavar="NAME", help="The provider's model.")
@click.option("--api-key-file", type=SECRET, help=f"The file with the provider's key; {FROM_STDIN}")
@click.option("--base-url", metavar="URL", help="The address of a model server of your own.")
@click.option("--database", metavar="URL", help='"sqlite", or an address without a password.')
@click.option(
    "--database-url-file", type=SECRET, help=f"The file with an address with a password; {FROM_STDIN}"
)
@click.option("--yes", is_flag=True, help="Ask nothing, and write.")
@click.option("--dry-run", is_flag=True, help="Only show what would be written.")
@click.option("--no-check", is_flag=True, help="Do not look at GitHub, provider and database.")
@config_option
@click.pass_context
def init(ctx: click.Context, /, yes: bool, dry_run: bool, no_check: bool, **options: Any) -> None:
    """Set meritocrab up, or change its set-up.

    Asks how GitHub is reached, what to watch, who judges and where everything is kept, and looks at each answer at
    once. In a file that is there, comments stay, and so does all that is not asked. Options answer questions
    beforehand; with --yes nothing is asked. A new configuration only observes: it writes nothing to GitHub.
    """
    import logging

    from meritocrab.cli.setup.session import Session
    from meritocrab.config import find_state_dir

    logging.getLogger("meritocrab").addHandler(logging.NullHandler())
    asking = sys.stdin.isatty() and sys.stdout.isatty() and not yes
    path = _target(config_path(ctx))
    text, present = _present(path)
    answers = _answers(options)
    session = Session(present, find_state_dir(), asking, not no_check, answers)
    if not asking:
        _check_enough(session, yes or dry_run)
    click.echo(f"{'Changes' if text else 'Begins'} {path}\n")
    _settle(session)
    _finish(session, path, text, dry_run)


def _target(named: Path | None) -> Path:
    """The file that every other command would read."""
    from meritocrab.config_sources import find_config_file, usual_places

    return (find_config_file(named) or next(usual_places(os.environ))).absolute()


def _present(path: Path) -> tuple[str, Any]:
    """The text that is there ("": none) and the configuration it makes; None where the answers are to mend it.

    Raises:
        ConfigError: it cannot be read, or something is wrong in it that is not asked here.
    """
    from meritocrab.config import load_config
    from meritocrab.config_sources import exists, read_config
    from meritocrab.core.toml_errors import parse_toml
    from meritocrab.errors import ConfigError
    from meritocrab.logs import register_secret

    if not exists(path):
        return "", None
    text = read_config(path)
    _register_secrets(parse_toml(text, str(path)))
    try:
        config = load_config(path)
    except ConfigError as error:
        if any(each.key.partition(".")[0] not in ("github", "llm", "database") for each in error.problems):
            raise
        click.echo(f"{error}\n\nThe answers can mend that.\n", err=True)
        return text, None
    for secret in config.secrets():
        register_secret(secret)
    return text, config


def _register_secrets(values: dict[str, Any]) -> None:
    """Let no line show a secret that stands in the file."""
    from meritocrab.logs import register_secret
    from meritocrab.settings import SECRET_FILES

    for secret in SECRET_FILES:
        table = values.get(secret.table)
        value = table.get(secret.key) if isinstance(table, dict) else None
        if isinstance(value, str):
            register_secret(value)


def _answers(options: dict[str, Any]) -> Answers:
    """What the options answer.

    Raises:
        click.UsageError: they contradict each other, or one shows a secret.
    """
    from meritocrab.cli.setup.session import STDIN, Answers, secret_in

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
    from meritocrab.config import masked_url

    if database is not None and masked_url(database) != database:
        raise click.UsageError(
            "an argument shows its password to everybody on this machine; use --database-url-file"
        )


def _check_enough(session: Session, may_write: bool) -> None:
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


def _settle(session: Session) -> None:
    """Answer by answer, in the order in which they build on each other."""
    from meritocrab.cli.setup.access import settle_access, settle_repositories
    from meritocrab.cli.setup.judge import settle_provider
    from meritocrab.cli.setup.keeping import settle_database

    settle_access(session)
    settle_repositories(session)
    settle_provider(session)
    settle_database(session)


def _finish(session: Session, path: Path, text: str, dry_run: bool) -> None:
    """Show what changes, ask, write, and say how to go on."""
    from meritocrab.cli.setup.changes import changes, unwritten
    from meritocrab.cli.setup.document import begun, edited
    from meritocrab.cli.setup.writing import write
    from meritocrab.config import load_config

    secrets = unwritten(session.answers)

    def text_for(names: dict[str, str]) -> str:
        return edited(text or begun(), changes(session, names))

    new = text_for({name: name for name in secrets})
    if new == text and not secrets:
        click.echo("\nNothing to change.")
        return
    _show(path, text, new, secrets)
    if dry_run:
        click.echo("\nNothing was written.")
        return
    if session.asking:
        click.confirm("\nWrite this?", default=True, abort=True)
    write(path, text_for, secrets, load_config, before=text)
    click.echo(f"\nWrote {path}.\n\nNext:")
    for line in _next(path):
        click.echo(f"  {line}")


def _show(path: Path, text: str, new: str, secrets: Iterable[str]) -> None:
    """The changes, with secrets masked."""
    import difflib

    from meritocrab.logs import escaped, redact

    click.echo("")
    before = str(path) if text else "(nothing)"
    for line in difflib.unified_diff(
        text.splitlines(), new.splitlines(), before, str(path), n=1, lineterm=""
    ):
        click.echo(escaped(redact(line)))
    for name in secrets:
        file = path.resolve().parent / name
        click.echo(f"{'replaces' if file.exists() else 'new file'}: {file}, readable for nobody else")


def _next(path: Path) -> Iterator[str]:
    from meritocrab.config_sources import find_config_file

    found = find_config_file(None)
    named = "" if found is not None and found.absolute() == path else f" --config {path}"
    steps = {
        f"meritocrab doctor{named}": "looks whether everything is in place",
        f"meritocrab run{named}": "starts it, here in the foreground",
        "meritocrab service install": "puts the systemd units in place",
    }
    widest = max(map(len, steps))
    for command, what in steps.items():
        yield f"{command:<{widest}}  {what}"
    yield 'It only observes. `enforcement` in the file says how far it goes: "label", "hold", "close".'
