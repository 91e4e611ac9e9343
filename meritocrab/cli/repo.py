"""`meritocrab repo`: how the repositories stand, and a word to the poller."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from meritocrab.cli.attach import ask, chosen, operator_command, reason_option, repo_argument, show, show_act

if TYPE_CHECKING:
    from meritocrab.localapi.client import LocalClient
    from meritocrab.localapi.protocol import ActAnswer, RepositoryItem, RepositoryList


@click.group()
def repo() -> None:
    """The repositories that the daemon watches."""


@repo.command("list")
@operator_command
@click.pass_context
def list_repositories(ctx: click.Context) -> None:
    """All repositories and how they stand."""
    found = ask(ctx, lambda client: client.repositories())
    show(ctx, found, lambda: _lines(found))


def _lines(found: RepositoryList) -> Iterator[str]:
    from meritocrab.cli.tables import table

    head = (
        "name",
        "state",
        "enforcement",
        "last poll",
        "next poll",
        "review",
        "held",
        "actions",
        "people",
        "detail",
    )
    rows = (
        (
            item.name,
            _state(item),
            item.enforcement,
            item.last_poll_at,
            item.next_poll_at,
            item.review,
            item.open_held,
            item.outbox_scheduled,
            item.contributors,
            item.brake_reason or item.detail or item.last_error or item.policy_error,
        )
        for item in found.items
    )
    yield from table(head, rows)
    if not found.items:
        yield "no repositories"


def _state(item: RepositoryItem) -> str:
    from meritocrab.localapi.words import repository_state

    state = repository_state(item.state)
    if not item.watched:
        return f"{state}, not watched"
    state = f"{state}, paused" if item.paused else state
    return f"{state}, braked" if item.braked_at is not None else state


@repo.command("poll")
@repo_argument
@operator_command
@click.pass_context
def poll(ctx: click.Context, name: str | None) -> None:
    """Poll a repository now."""

    async def act(client: LocalClient) -> ActAnswer:
        return await client.poll(await chosen(client, name))

    show_act(ctx, ask(ctx, act))


@repo.command("pause")
@repo_argument
@reason_option
@operator_command
@click.pass_context
def pause(ctx: click.Context, name: str | None, reason: str) -> None:
    """Neither poll a repository nor write to it until it is resumed."""

    async def act(client: LocalClient) -> ActAnswer:
        return await client.pause(await chosen(client, name), reason=reason)

    show_act(ctx, ask(ctx, act))


@repo.command("resume")
@repo_argument
@reason_option
@operator_command
@click.pass_context
def resume(ctx: click.Context, name: str | None, reason: str) -> None:
    """End a pause."""

    async def act(client: LocalClient) -> ActAnswer:
        return await client.resume(await chosen(client, name), reason=reason)

    show_act(ctx, ask(ctx, act))


@repo.command("release")
@repo_argument
@reason_option
@operator_command
@click.pass_context
def release(ctx: click.Context, name: str | None, reason: str) -> None:
    """Set the breaker again after it fell: the repository is no longer kept at observe.

    What it held back is not made up for; closes of the hour before do not count any more.
    """

    async def act(client: LocalClient) -> ActAnswer:
        return await client.release(await chosen(client, name), reason=reason)

    show_act(ctx, ask(ctx, act))
