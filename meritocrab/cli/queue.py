"""`meritocrab queue`: the review queue, one item or many at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

import click

from meritocrab.cli.attach import (
    any_repo_option,
    ask,
    cursor_option,
    limit_option,
    only_repo_option,
    operator_command,
    reason_option,
    show,
    show_act,
)
from meritocrab.cli.completing import waiting_items
from meritocrab.core.names import Classification, EvaluationState

if TYPE_CHECKING:
    from meritocrab.localapi.client import LocalClient
    from meritocrab.localapi.protocol import ActAnswer, EvaluationDetail, EvaluationItem, Forecast, Page

CLASSES = [each.value for each in Classification]
waiting_argument = click.argument(
    "item_ids", metavar="ID...", type=int, nargs=-1, required=True, shell_complete=waiting_items
)


@click.group()
def queue() -> None:
    """What waits for a maintainer's decision."""


@queue.command("list")
@click.option(
    "--status",
    type=click.Choice(["all", *(state.value for state in EvaluationState)]),
    default="pending",
    show_default=True,
    help="Which state; `all` shows every one.",
)
@only_repo_option
@limit_option
@cursor_option
@operator_command
@click.pass_context
def list_items(ctx: click.Context, status: str, repo: str | None, limit: int, cursor: str | None) -> None:
    """Items of all repositories (or one), oldest first."""
    wanted = None if status == "all" else EvaluationState(status)
    page = ask(ctx, lambda client: client.evaluations(repo, status=wanted, limit=limit, cursor=cursor))
    show(ctx, page, lambda: _page_lines(page))


def _page_lines(page: Page[EvaluationItem]) -> Iterator[str]:
    from meritocrab.cli.tables import more, signed, table
    from meritocrab.localapi.words import subject

    head = ("id", "repository", "#", "by", "credit", "kind", "verdict", "change", "status", "title")
    rows = (
        (
            item.id,
            item.repository,
            item.number or None,
            f"@{item.author.login}",
            item.credit,
            subject(item.subject),
            _verdict(item),
            signed(item.proposed_delta),
            item.status,
            item.title,
        )
        for item in page.items
    )
    yield from table(head, rows, widest=50)
    yield from more(len(page.items), page.total, page.next)


def _verdict(item: EvaluationItem) -> str:
    from meritocrab.localapi.words import queue_reason

    if item.classification is None or item.confidence is None:
        return queue_reason(item.reason)
    return f"{item.classification} {item.confidence:.2f}"


@queue.command("show")
@click.argument("item_id", metavar="ID", type=int, shell_complete=waiting_items)
@any_repo_option
@operator_command
@click.pass_context
def show_item(ctx: click.Context, item_id: int, repo: str | None) -> None:
    """One item: the contribution, its author, the verdict, and what deciding would do."""
    item = ask(ctx, lambda client: client.evaluation(repo, item_id))
    show(ctx, item, lambda: _item_lines(item))


def _item_lines(item: EvaluationDetail) -> Iterator[str]:
    from meritocrab.cli.tables import cell, ledger_table, moment
    from meritocrab.localapi.words import queue_reason, subject

    why = f" ({cell(queue_reason(item.reason))})" if item.reason else ""
    where = f"{cell(item.repository)}#{item.number}" if item.number else cell(item.repository)
    yield f"{item.id}: {cell(subject(item.subject))} {where}, {item.status}{why}"
    yield f"{cell(item.link)}, {moment(item.created_at)}" if item.link else moment(item.created_at)
    flag = ", blacklisted" if item.blacklisted else ""
    yield f"by @{cell(item.author.login)} (id {item.author.id}), role {cell(item.role)}, credit {item.credit}{flag}"
    yield from _section(_contribution_lines(item))
    yield from _section(_verdict_lines(item))
    yield from _section(_choice_lines(item))
    yield from _section(ledger_table(item.history))


def _section(lines: Iterator[str]) -> Iterator[str]:
    """These lines below an empty one; nothing where there are none."""
    for index, line in enumerate(lines):
        if index == 0:
            yield ""
        yield line


def _contribution_lines(item: EvaluationDetail) -> Iterator[str]:
    from meritocrab.cli.tables import paragraph

    if item.title:
        yield from paragraph(item.title)
    if item.text:
        yield from paragraph(item.text, "    ")


def _verdict_lines(item: EvaluationDetail) -> Iterator[str]:
    from meritocrab.cli.tables import cell, moment, paragraph

    if item.classification is not None and item.confidence is not None:
        yield f"{cell(item.provider)} ({cell(item.model)}): {item.classification}, confidence {item.confidence:.2f}"
        yield from paragraph(item.reasoning)
    for warning in item.flags:
        yield f"  ! {cell(warning)}"
    if item.folded:
        yield f"{item.folded} more by the same author wait behind this one"
    if item.decided_by:
        why = f": {cell(item.decided_reason)}" if item.decided_reason else ""
        yield f"decided by {cell(item.decided_by)}, {moment(item.decided_at)}{why}"


def _choice_lines(item: EvaluationDetail) -> Iterator[str]:
    """What each decision would do, while one can be made."""
    from meritocrab.core.standing import BLACKLIST_PROPOSAL

    if item.approve is not None:
        yield f"approve       {_forecast(item.approve)}"
        if item.subject == BLACKLIST_PROPOSAL:
            yield "acceptable    leaves it as it is"
    for name, forecast in item.forecasts.items():
        yield f"{name:<12}  {_forecast(forecast)}"


def _forecast(forecast: Forecast) -> str:
    words = [f"{forecast.applied:+d} -> {forecast.credit_after}"]
    if forecast.applied != forecast.delta:
        words.append(f"{forecast.delta:+d} within floor and daily cap")
    if forecast.blacklists:
        words.append("blacklists")
    if forecast.proposes_blacklist:
        words.append("proposes to blacklist")
    if forecast.below_threshold:
        words.append("below the threshold")
    if forecast.reopens:
        words.append("frees " + ", ".join(f"#{number}" for number in forecast.reopens))
    return "; ".join(words)


@queue.command("approve")
@waiting_argument
@reason_option
@any_repo_option
@operator_command
@click.pass_context
def approve(ctx: click.Context, item_ids: tuple[int, ...], reason: str, repo: str | None) -> None:
    """Apply what is proposed, for one item or several."""

    async def act(client: LocalClient, name: str, item_id: int) -> ActAnswer:
        return await client.approve(name, item_id, reason=reason)

    _decide(ctx, item_ids, repo, act)


@queue.command("override")
@waiting_argument
@click.option(
    "--class",
    "class_name",
    type=click.Choice(CLASSES),
    help="The class that it is.",
)
@click.option("--delta", type=int, help="The change of credit instead.")
@reason_option
@any_repo_option
@operator_command
@click.pass_context
def override(
    ctx: click.Context,
    item_ids: tuple[int, ...],
    class_name: str | None,
    delta: int | None,
    reason: str,
    repo: str | None,
) -> None:
    """Apply another class or another number, for one item or several."""
    if (class_name is None) == (delta is None):
        raise click.UsageError("give either --class or --delta")
    classification = Classification(class_name) if class_name is not None else None

    async def act(client: LocalClient, name: str, item_id: int) -> ActAnswer:
        return await client.override(name, item_id, classification=classification, delta=delta, reason=reason)

    _decide(ctx, item_ids, repo, act)


@queue.command("reconsider")
@click.argument("item_ids", metavar="ID...", type=int, nargs=-1, required=True)
@reason_option
@any_repo_option
@operator_command
@click.pass_context
def reconsider(ctx: click.Context, item_ids: tuple[int, ...], reason: str, repo: str | None) -> None:
    """Take a maintainer's decision back: its change of credit is undone, and the item waits again."""

    async def act(client: LocalClient, name: str, item_id: int) -> ActAnswer:
        return await client.reconsider(name, item_id, reason=reason)

    _decide(ctx, item_ids, repo, act)


Act = Callable[["LocalClient", str, int], Awaitable["ActAnswer"]]


def _decide(ctx: click.Context, item_ids: tuple[int, ...], repo: str | None, act: Act) -> None:
    """Every item in turn; one that is refused is told and does not stop the others."""
    from meritocrab.localapi.client import Refused
    from meritocrab.logs import escaped

    async def decide(client: LocalClient) -> list[ActAnswer | Refused]:
        found: list[ActAnswer | Refused] = []
        for item_id in item_ids:
            try:
                name = repo or (await client.evaluation(None, item_id)).repository
                found.append(await act(client, name, item_id))
            except Refused as refusal:
                found.append(refusal)
        return found

    worst = 0
    for item_id, answer in zip(item_ids, ask(ctx, decide), strict=True):
        if isinstance(answer, Refused):
            click.echo(f"meritocrab: {item_id}: {escaped(str(answer))}", err=True)
            worst = max(worst, answer.exit_status)
        else:
            show_act(ctx, answer)
    ctx.exit(worst)
