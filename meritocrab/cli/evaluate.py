"""`meritocrab evaluate`: put one contribution before the configured judge and see what it is asked and answers.

For choosing a model, for trying out notes to the judge, and for whoever wants to know what leaves the house. It
needs no database, writes nothing anywhere, and changes nobody's credit.
"""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from meritocrab.cli import explaining
from meritocrab.cli.explaining import Outcome
from meritocrab.cli.main import config_option, config_path

if TYPE_CHECKING:
    from meritocrab.config import Config
    from meritocrab.core.question import Question
    from meritocrab.evaluators.base import Evaluator
    from meritocrab.github.client import GitHubClient

MAX_INPUT = 1_000_000

_TARGET = re.compile(r"([^/\s#]+/[^/\s#]+)#([1-9][0-9]{0,9})")


@click.command()
@click.argument("target", metavar="[OWNER/NAME#N]", required=False)
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Judge the text in this file.",
)
@click.option("--stdin", "from_stdin", is_flag=True, help="Judge the text on standard input.")
@click.option(
    "--kind",
    type=click.Choice(["pull_request", "comment"]),
    default="pull_request",
    show_default=True,
    help="What such a text is.",
)
@click.option("--title", default="", help="The title of such a text's pull request.")
@click.option("--explain", is_flag=True, help="Show each request as it is sent, and what comes back.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@config_option
@click.pass_context
def evaluate(
    context: click.Context,
    target: str | None,
    file: Path | None,
    from_stdin: bool,
    kind: str,
    title: str,
    explain: bool,
    as_json: bool,
) -> None:
    """Judge one contribution with the configured provider: a pull request on GitHub, or a text of yours.

    Nothing is written, neither to GitHub nor to the database. The contribution goes to the provider.
    """
    import asyncio

    from meritocrab.config import load_config
    from meritocrab.logs import setup_logging

    if sum((target is not None, file is not None, from_stdin)) != 1:
        raise click.UsageError("name one thing to judge: OWNER/NAME#N, --file or --stdin")
    config = load_config(config_path(context))
    setup_logging("warning", config.logging.format, config.logging.areas, config.secrets())
    place = _parse_target(target) if target is not None else None
    text = "" if place else _read(file)
    outcome = asyncio.run(_evaluate(config, place, text, kind, title))
    if as_json:
        click.echo(explaining.as_json(outcome, explain))
    else:
        for line in explaining.as_text(outcome, explain):
            click.echo(line)
    if outcome.error is not None:
        raise click.exceptions.Exit(1)


def _parse_target(target: str) -> tuple[str, int]:
    from meritocrab.settings import check_repository_name

    found = _TARGET.fullmatch(target)
    try:
        if found is None:
            raise ValueError("expected a pull request written owner/name#number")
        return check_repository_name(found[1]), int(found[2])
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="OWNER/NAME#N") from None


def _read(file: Path | None) -> str:
    try:
        data = sys.stdin.buffer.read(MAX_INPUT + 1) if file is None else file.read_bytes()
    except OSError as error:
        raise click.ClickException(f"{file}: cannot be read: {error.strerror}") from None
    if len(data) > MAX_INPUT:
        raise click.ClickException(f"the text is longer than {MAX_INPUT:,} bytes")
    return data.decode("utf-8", "replace")


async def _evaluate(
    config: Config, place: tuple[str, int] | None, text: str, kind: str, title: str
) -> Outcome:
    from meritocrab.evaluators.base import evaluator_of

    if place is not None:
        question = await _fetch_question(config, *place)
    else:
        question = _given_question(config, text, kind, title)
    evaluator = evaluator_of(config.llm)
    try:
        return await _ask(evaluator, question)
    finally:
        await evaluator.aclose()


async def _ask(evaluator: Evaluator, question: Question) -> Outcome:

    from meritocrab.evaluators.base import EvaluatorUnavailable, new_prompt
    from meritocrab.evaluators.exchanges import noting
    from meritocrab.evaluators.vendor import ModelEvaluator

    model = evaluator if isinstance(evaluator, ModelEvaluator) else None
    prompt = new_prompt(question)
    seconds = None if model is None else model.timeout_seconds
    with noting() as exchanges:
        try:
            answer = await (evaluator.evaluate(question) if model is None else model.ask(prompt))
        except (EvaluatorUnavailable, TimeoutError, ValueError) as error:
            return Outcome(evaluator.name, prompt, None, error, exchanges, seconds)
    return Outcome(evaluator.name, prompt, answer, None, exchanges, seconds)


def _given_question(config: Config, text: str, kind: str, title: str) -> Question:
    from meritocrab.core.question import Question

    notes = config.base_policy.judge_notes
    return Question(0, "comment" if kind == "comment" else "pull_request", title, text, "", judge_notes=notes)


# --- a pull request on GitHub --------------------------------------------------------------------------------


async def _fetch_question(config: Config, repository: str, number: int) -> Question:
    from meritocrab.core.question import Question
    from meritocrab.daemon.material import changed_files

    async with _client_for(config, repository) as client:
        pull = await client.fetch_pull(repository, number)
        files = await client.fetch_pull_files(repository, number)
        notes = await _judge_notes(config, client, repository)
    return Question(
        0,
        "pull_request",
        pull.title,
        pull.body,
        pull.link,
        pull.additions,
        pull.deletions,
        pull.changed_files,
        files=changed_files(files),
        judge_notes=notes,
        author_login=pull.author.login if pull.author is not None else "",
    )


@asynccontextmanager
async def _client_for(config: Config, repository: str) -> AsyncIterator[GitHubClient]:
    """The client that may read this repository, closed afterwards."""
    from meritocrab.daemon.access import build_accesses
    from meritocrab.daemon.service import local_now
    from meritocrab.store.database import Store

    # A credential's client does not touch the store: only following the watched repositories does.
    accesses = build_accesses(config, cast("Store", None), local_now)
    try:
        if config.github.auth == "app":
            yield accesses.client(await _installation_of(config, repository))
        else:
            yield accesses.client(accesses.default_access())
    finally:
        await accesses.aclose()


async def _installation_of(config: Config, repository: str) -> str:
    from meritocrab.daemon.access import AccessUnavailable
    from meritocrab.github.auth import AppKey
    from meritocrab.github.client import GitHubClient
    from meritocrab.github.connection import Options

    github = config.github
    assert github.private_key is not None  # noqa: S101 - an App's configuration has been checked
    key = AppKey(str(github.app_id), github.private_key.get_secret_value())
    async with GitHubClient(key, Options(api_url=github.api_url, timeout=github.timeout)) as app:
        for installation in await app.fetch_installations():
            if installation.suspended_at is None:
                found = await app.fetch_installation_repositories(installation.id)
                if any(each.full_name.lower() == repository.lower() for each in found):
                    return f"installation:{installation.id}"
    raise AccessUnavailable(f"the App is not installed on {repository}: install it there first")


async def _judge_notes(config: Config, client: GitHubClient, repository: str) -> str:
    """The notes for the judge in the repository's own policy, as the daemon would use them."""
    from meritocrab.core.policy import POLICY_FILE_NAME, parse_repository_policy
    from meritocrab.errors import PolicyError
    from meritocrab.github.client import FileContent

    policy = config.policy_for(repository)
    found = await client.fetch_file(repository, POLICY_FILE_NAME)
    if isinstance(found, FileContent):
        try:
            policy = parse_repository_policy(found.content, policy, POLICY_FILE_NAME).policy
        except PolicyError as error:
            click.echo(
                f"warning: the repository's policy is not used: {explaining.safe(str(error))}", err=True
            )
    return policy.judge_notes
