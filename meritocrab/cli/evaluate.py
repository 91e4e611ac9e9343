"""`meritocrab evaluate`: put one contribution before the configured judge and see what it is asked and answers.

For choosing a model, for trying out notes to the judge, and for whoever wants to know what leaves the house. It
needs no database, writes nothing anywhere, and changes nobody's credit.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import click

from meritocrab.cli.main import config_option, config_path

if TYPE_CHECKING:
    from meritocrab.config import Config
    from meritocrab.core.prompts import Prompt
    from meritocrab.evaluators.base import Answer, Evaluator, Question
    from meritocrab.evaluators.exchanges import Exchange
    from meritocrab.github.client import GitHubClient

MAX_INPUT = 1_000_000

_TARGET = re.compile(r"([^/\s#]+/[^/\s#]+)#([1-9][0-9]{0,9})")


class Outcome(NamedTuple):
    """What was asked, and what became of it: an answer, or why there is none.

    `exchanges` are the requests that were made for it, several where the server did not take the first form;
    `timeout_seconds` is None for providers that make none.
    """

    provider: str
    prompt: Prompt
    answer: Answer | None
    error: Exception | None
    exchanges: Sequence[Exchange] = ()
    timeout_seconds: float | None = None


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
    lines = _as_json(outcome, explain) if as_json else _as_text(outcome, explain)
    for line in lines:
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
    from meritocrab.core.prompts import build_prompt
    from meritocrab.evaluators.base import EvaluatorUnavailable
    from meritocrab.evaluators.exchanges import noting
    from meritocrab.evaluators.vendor import ModelEvaluator

    model = evaluator if isinstance(evaluator, ModelEvaluator) else None
    prompt = build_prompt(question, "not-sent") if model is None else model.prepare(question)
    seconds = None if model is None else model.timeout_seconds
    with noting() as exchanges:
        try:
            answer = await (evaluator.evaluate(question) if model is None else model.ask(prompt))
        except (EvaluatorUnavailable, TimeoutError, ValueError) as error:
            return Outcome(evaluator.name, prompt, None, error, exchanges, seconds)
    return Outcome(evaluator.name, prompt, answer, None, exchanges, seconds)


def _given_question(config: Config, text: str, kind: str, title: str) -> Question:
    from meritocrab.evaluators.base import Question

    notes = config.base_policy.judge_notes
    return Question(0, "comment" if kind == "comment" else "pull_request", title, text, "", judge_notes=notes)


# --- a pull request on GitHub --------------------------------------------------------------------------------


async def _fetch_question(config: Config, repository: str, number: int) -> Question:
    from meritocrab.daemon.material import changed_files
    from meritocrab.evaluators.base import Question

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
            click.echo(f"warning: the repository's policy is not used: {_safe(str(error))}", err=True)
    return policy.judge_notes


# --- what is shown --------------------------------------------------------------------------------------------


def _as_text(outcome: Outcome, explain: bool) -> Iterator[str]:
    if explain:
        yield from _explained(outcome)
    answer = outcome.answer
    if answer is None:
        yield f"no verdict from {outcome.provider}: {_safe(_error(outcome))}"
    else:
        yield _verdict(answer)
        yield _safe(answer.reasoning)
        yield f"by {outcome.provider}, model {_safe(answer.model)}{_costs(answer)}"
    if outcome.prompt.flags:
        yield f"flagged: {'; '.join(map(str, outcome.prompt.flags))}"
    if outcome.prompt.cut:
        yield f"cut: {'; '.join(outcome.prompt.cut)}"


def _verdict(answer: Answer) -> str:
    if answer.classification is None:
        return "nothing to say"
    advisory = ", a suspicion only: never applied by itself" if answer.advisory else ""
    return f"{answer.classification.value} (confidence {answer.confidence:.2f}{advisory})"


def _error(outcome: Outcome) -> str:
    return str(outcome.error) or "no answer in time"


def _costs(answer: Answer) -> str:
    took = "" if answer.latency_seconds is None else f", {answer.latency_seconds:.1f} s"
    return _tokens(answer.input_tokens, answer.output_tokens) + took


def _tokens(asked: int | None, said: int | None) -> str:
    counts = ((asked, "in"), (said, "out"))
    return "".join(f", {count:,} tokens {way}" for count, way in counts if count is not None)


def _as_json(outcome: Outcome, explain: bool) -> Iterator[str]:
    values: dict[str, Any] = {"provider": outcome.provider}
    if outcome.answer is not None:
        values |= {key: value for key, value in asdict(outcome.answer).items() if key != "raw"}
    values |= {
        "error": None if outcome.error is None else _error(outcome),
        "flags": [flag._asdict() for flag in outcome.prompt.flags],
        "cut": list(outcome.prompt.cut),
    }
    if explain:
        values["explain"] = _explanation(outcome)
    yield json.dumps(values)  # in ASCII: no control sequence reaches the terminal


def _safe(text: str) -> str:
    """Strangers' text for a terminal: no control sequences, only line breaks."""
    from meritocrab.logs import escaped

    return escaped(text, keep="\n")


# --- what went out, and what came back ------------------------------------------------------------------------


def _explained(outcome: Outcome) -> Iterator[str]:
    if outcome.exchanges:
        yield from _exchanges(outcome)
    else:
        yield from _unsent(outcome)
    yield "====="


def _unsent(outcome: Outcome) -> Iterator[str]:
    from meritocrab.core.prompts import ANSWER_SCHEMA

    nothing = "sends nothing anywhere" if outcome.timeout_seconds is None else "was sent nothing"
    yield f"The provider {outcome.provider} {nothing}; a model would be sent this:"
    yield f"===== system (prompt version {outcome.prompt.version})"
    yield _safe(outcome.prompt.system)
    yield "===== user"
    yield _safe(outcome.prompt.user)
    yield "===== schema of the answer"
    yield json.dumps(ANSWER_SCHEMA, indent=1)


def _exchanges(outcome: Outcome) -> Iterator[str]:
    shown: dict[str, str] = {}
    for number, exchange in enumerate(outcome.exchanges, start=1):
        where = f"{exchange.method} {_safe(exchange.address)}"
        yield f"===== request {number} of {len(outcome.exchanges)}: {where}"
        yield (
            f"model {_safe(str(exchange.request.get('model')))}, dialect {exchange.dialect}, "
            f"prompt version {outcome.prompt.version}, {_limits(exchange.request, outcome)}"
        )
        yield from _request(exchange.request, f"request {number}", shown)
        yield from _came_back(exchange, outcome)
    if words := _words(outcome):
        yield f"===== the model's words{_bounded(words)}"
        yield _safe(words)


def _limits(request: Mapping[str, Any], outcome: Outcome) -> str:
    most = next((request[key] for key in ("max_output_tokens", "max_tokens") if key in request), None)
    tokens = "" if most is None else f"at most {most:,} tokens out, "
    return f"{tokens}at most {outcome.timeout_seconds:g} s for all requests"


def _request(request: Mapping[str, Any], name: str, shown: dict[str, str]) -> Iterator[str]:
    """Its texts as a reader wants them, then the rest as it is; `shown` are texts of earlier requests."""
    texts = dict(_texts(request))
    for key, text in texts.items():
        yield f"===== {name}, {key} ({len(text):,} characters)"
        yield f"(as in {shown[text]})" if text in shown else _safe(text)
        shown.setdefault(text, name)
    yield f"===== {name}, all but these texts"
    rest = {key: value for key, value in request.items() if key not in (*texts, "messages")}
    yield json.dumps(rest, indent=1)


def _texts(request: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from ((key, request[key]) for key in ("system", "instructions", "input") if key in request)
    for number, message in enumerate(request.get("messages", ()), start=1):
        yield f"message {number}, {message['role']}", message["content"]


def _came_back(exchange: Exchange, outcome: Outcome) -> Iterator[str]:
    if exchange.status is None:
        yield f"===== no answer: {_safe(_error(outcome))}"
        return
    answer = _answer(exchange)
    size, tokens = answer["answer_characters"], _tokens(answer["input_tokens"], answer["output_tokens"])
    cut = f", the first {len(answer['answer']):,} of {size:,} characters" if answer["is_cut"] else ""
    masked = ", secrets and e-mail addresses masked" if answer["is_masked"] else ""
    yield f"===== what came back: status {exchange.status}{tokens}{cut}{masked}"
    yield _safe(answer["answer"]) or "(an empty answer)"


def _answer(exchange: Exchange) -> dict[str, Any]:
    """An answer as it came, but bounded, and without secrets: servers quote the key that they refuse."""
    from meritocrab.evaluators.answers import MAX_RAW, tokens
    from meritocrab.evaluators.base import InvalidAnswer
    from meritocrab.evaluators.vendor import read_body
    from meritocrab.logs import redact

    try:
        asked, said = tokens(read_body(exchange.answer))
    except InvalidAnswer:
        asked = said = None
    text = redact(exchange.answer)
    return {
        "status": exchange.status,
        "answer": text[:MAX_RAW],
        "answer_characters": len(text),
        "is_cut": len(text) > MAX_RAW,
        "is_masked": text != exchange.answer,
        "input_tokens": asked,
        "output_tokens": said,
    }


def _words(outcome: Outcome) -> str:
    said = outcome.answer if outcome.answer is not None else outcome.error
    return str(getattr(said, "raw", ""))


def _bounded(words: str) -> str:
    from meritocrab.evaluators.answers import MAX_RAW

    return f", their first {MAX_RAW:,} characters" if len(words) >= MAX_RAW else ""


def _explanation(outcome: Outcome) -> dict[str, Any]:
    """The same as values: the prompt as it was built, and the requests, which may hold more, as they were made."""
    from meritocrab.core.prompts import ANSWER_SCHEMA

    prompt = outcome.prompt
    return {
        "sent": _was_sent(outcome),
        "prompt_version": prompt.version,
        "system": prompt.system,
        "user": prompt.user,
        "schema": ANSWER_SCHEMA,
        "timeout_seconds": outcome.timeout_seconds,
        "requests": [{**asdict(each), **_answer(each)} for each in outcome.exchanges],
        "raw": _words(outcome),
    }


def _was_sent(outcome: Outcome) -> bool:
    """Whether anything left: without an answer, the connection may not even have been made."""
    answered = any(exchange.status is not None for exchange in outcome.exchanges)
    return answered or bool(getattr(outcome.error, "maybe_paid", False))
