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
    from meritocrab.cli.setup.session import Session

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

    from meritocrab.cli.setup.options import answers_of, check_enough
    from meritocrab.cli.setup.session import Session
    from meritocrab.config import find_state_dir

    logging.getLogger("meritocrab").addHandler(logging.NullHandler())
    asking = sys.stdin.isatty() and sys.stdout.isatty() and not yes
    path = _target(config_path(ctx))
    text, present = _present(path)
    answers = answers_of(options)
    session = Session(present, find_state_dir(), asking, not no_check, answers)
    if not asking:
        check_enough(session, yes or dry_run)
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
