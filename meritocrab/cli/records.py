"""`meritocrab activity`, `undo`, `why` and `outbox`: what happened, why, and what is to happen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from meritocrab.cli.attach import (
    ask,
    chosen,
    cursor_option,
    limit_option,
    only_repo_option,
    operator_command,
    reason_option,
    repo_option,
    show,
    show_act,
)
from meritocrab.core.names import ActionState

if TYPE_CHECKING:
    from meritocrab.localapi.client import LocalClient
    from meritocrab.localapi.protocol import (
        ActAnswer,
        ActionItem,
        EvaluationItem,
        EventItem,
        LedgerItem,
        Page,
        PolicyValue,
        WhyAnswer,
    )

SCORES = ("pr_opened", "comment", "pr_merged", "review_submitted")
THREAD = re.compile(r"(?:(?P<repo>[^#\s]+/[^#\s]+)#|#)?(?P<number>[1-9][0-9]{0,18})")


@click.command()
@only_repo_option
@limit_option
@cursor_option
@operator_command
@click.pass_context
def activity(ctx: click.Context, repo: str | None, limit: int, cursor: str | None) -> None:
    """What changed anybody's credit, newest first, with who and why."""
    page = ask(ctx, lambda client: client.activity(repo, limit=limit, cursor=cursor))
    show(ctx, page, lambda: _activity_lines(page))


def _activity_lines(page: Page[LedgerItem]) -> Iterator[str]:
    from meritocrab.cli.tables import ledger_table, more

    yield from ledger_table(page.items, repository=True, person=True)
    yield from more(len(page.items), page.total, page.next)


@click.command()
@click.argument("row_id", metavar="ID", type=int)
@reason_option
@repo_option
@operator_command
@click.pass_context
def undo(ctx: click.Context, row_id: int, reason: str, repo: str | None) -> None:
    """Take back one row of the ledger, by the id that `activity` shows."""

    async def act(client: LocalClient) -> ActAnswer:
        return await client.undo(await chosen(client, repo), row_id, reason=reason)

    show_act(ctx, ask(ctx, act))


# ---- why


@click.command()
@click.argument("thread", metavar="OWNER/NAME#N")
@operator_command
@click.pass_context
def why(ctx: click.Context, thread: str) -> None:
    """Everything that was decided about one pull request or issue, and on what ground.

    Where only one repository is watched, the number alone will do.
    """
    named = THREAD.fullmatch(thread)
    if named is None:
        raise click.UsageError(f"write OWNER/NAME#N, not {thread!r}")

    async def find(client: LocalClient) -> WhyAnswer:
        return await client.why(await chosen(client, named["repo"]), int(named["number"]))

    answer = ask(ctx, find)
    show(ctx, answer, lambda: _why_lines(answer))


def _why_lines(answer: WhyAnswer) -> Iterator[str]:
    from meritocrab.cli.tables import cell, ledger_table, moment

    pull = answer.pull_request
    yield f"{cell(answer.repository)}#{answer.number}" + (f": {cell(pull.title)}" if pull is not None else "")
    if pull is not None:
        state = "merged" if pull.merged else pull.state
        yield f"{cell(state)}; gate {cell(pull.gate)}, {moment(answer.gate_at)}"
    if answer.author is not None:
        flag = ", blacklisted" if answer.author.blacklisted else ""
        yield f"by @{cell(answer.author.account.login)}, credit now {answer.author.credit}{flag}"
    yield from _rule_lines(answer.policy)
    yield from _section("events", _event_lines(answer))
    yield from _section("verdicts", _verdict_lines(answer))
    yield from _section("scores, by the rules of their time", _score_lines(answer))
    yield from _section("ledger", ledger_table(answer.ledger, person=True))
    yield from _section("actions", _action_table(answer.actions))


def _rule_lines(rules: tuple[PolicyValue, ...]) -> Iterator[str]:
    """The rules of today, which need not be those that decided; scores by class, one line for each kind."""
    by_table: dict[str, list[str]] = {}
    for each in rules:
        table, _, key = each.key.partition(".")
        if table in SCORES:
            by_table.setdefault(f"  {table}", []).append(f"{key} {_rule(each)}")
        else:
            by_table.setdefault("rules now", []).append(f"{each.key} {_rule(each)}")
    for title, values in by_table.items():
        yield f"{title}: {', '.join(values)}"


def _rule(rule: PolicyValue) -> str:
    from meritocrab.cli.tables import cell

    value = ", ".join(rule.value) if isinstance(rule.value, list) else rule.value
    return cell(value) + ("" if rule.source == "default" else f" ({cell(rule.source)})")


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    for index, line in enumerate(lines):
        if index == 0:
            yield ""
            yield f"{title}:"
        yield line


def _event_lines(answer: WhyAnswer) -> Iterator[str]:
    from meritocrab.cli.tables import table

    rows = (
        (
            event.occurred_at,
            f"{event.act} by {event.by}" if event.act else event.kind,
            event.actor.login if event.actor is not None else None,
            event.state,
            event.enforcement,
            _event_note(event),
        )
        for event in answer.events
    )
    return table(("when", "what", "actor", "state", "enforcement", "note"), rows)


def _event_note(event: EventItem) -> str:
    """What was decided, and what a maintainer gave for it."""
    return "; ".join(text for text in (event.note or event.last_error, event.reason) if text)


def _verdict_lines(answer: WhyAnswer) -> Iterator[str]:
    from meritocrab.cli.tables import signed, table
    from meritocrab.localapi.words import subject

    rows = (
        (
            item.id,
            subject(item.subject),
            item.classification,
            item.confidence,
            signed(item.proposed_delta),
            item.status,
            _who_or_why(item),
            item.reasoning,
        )
        for item in answer.evaluations
    )
    return table(("id", "about", "class", "confidence", "change", "status", "by/why", "reasoning"), rows)


def _score_lines(answer: WhyAnswer) -> Iterator[str]:
    """What each class would change, as it was when the contribution was made."""
    for item in answer.evaluations:
        if not item.deltas:
            continue
        scores = ", ".join(f"{name} {delta:+d}" for name, delta in item.deltas.items())
        yield f"{item.id}: {scores}; {_since(item.policy, answer.fingerprint)}"


def _since(then: str, now: str) -> str:
    if not then:
        return "whether the rules changed since is not known"
    return "the rules are still the same" if then == now else "the rules changed since"


def _who_or_why(item: EvaluationItem) -> str:
    """Who decided and what for; what it waits for while nobody has."""
    from meritocrab.localapi.words import queue_reason

    if not item.decided_by:
        return queue_reason(item.reason)
    return f"decided by {item.decided_by}" + (f": {item.decided_reason}" if item.decided_reason else "")


# ---- outbox


@click.group()
def outbox() -> None:
    """What the daemon wants to write, wrote, or would have written on GitHub."""


@outbox.command("list")
@click.option(
    "--state",
    type=click.Choice([state.value for state in ActionState]),
    help="Only this state, such as scheduled or observed.",
)
@only_repo_option
@limit_option
@cursor_option
@operator_command
@click.pass_context
def list_actions(
    ctx: click.Context, state: str | None, repo: str | None, limit: int, cursor: str | None
) -> None:
    """Actions, newest first."""
    wanted = ActionState(state) if state is not None else None
    page = ask(ctx, lambda client: client.outbox(repo, state=wanted, limit=limit, cursor=cursor))
    show(ctx, page, lambda: _outbox_lines(page))


def _outbox_lines(page: Page[ActionItem]) -> Iterator[str]:
    from meritocrab.cli.tables import more

    yield from _action_table(page.items)
    yield from more(len(page.items), page.total, page.next)


def _action_table(items: tuple[ActionItem, ...]) -> Iterator[str]:
    from meritocrab.cli.tables import table

    head = ("id", "thread", "what", "ground", "state", "decided", "not before", "reason")
    rows = (
        (
            item.id,
            f"{item.repository}#{item.number}",
            item.kind,
            item.basis,
            item.state,
            item.decided_at,
            item.not_before_at,
            item.reason,
        )
        for item in items
    )
    return table(head, rows)


@outbox.command("cancel")
@click.argument("action_id", metavar="ID", type=int)
@reason_option
@operator_command
@click.pass_context
def cancel(ctx: click.Context, action_id: int, reason: str) -> None:
    """Cancel a scheduled action, together with those that belong to it."""
    show_act(ctx, ask(ctx, lambda client: client.cancel(action_id, reason=reason)))
