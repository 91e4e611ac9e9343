"""What the shell completes by asking the daemon: repositories and what waits in the queue; nothing when it is away."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

PATIENCE_SECONDS = 1.0
"""Somebody has pressed a key and waits."""

WAITING = "/api/evaluations?status=pending&limit=200"


def repositories(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The repositories that were ever watched."""
    found = _items(ctx, "/api/repos")
    return _beginning(incomplete, ((str(item["name"]), str(item["state"])) for item in found))


def waiting_items(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The ids of what waits in the queue, with where each is: never a stranger's words."""
    found = _items(ctx, WAITING)
    where = ((str(item["id"]), f"{item['repository']}#{item['number']}") for item in found)
    return _beginning(incomplete, where)


def _beginning(incomplete: str, found: Iterable[tuple[str, str]]) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(value, help=text) for value, text in found if value.startswith(incomplete)]


def _items(ctx: click.Context, path: str) -> list[dict[str, Any]]:
    """The rows of a listing; none where nobody answers soon: an error has no place in a half-written line."""
    from meritocrab.cli import quick
    from meritocrab.cli.attach import SOCKET

    try:
        return list(
            quick.ask(ctx.meta.get(SOCKET) or quick.find_socket(ctx), path, PATIENCE_SECONDS)["items"]
        )
    except (quick.NoAnswer, KeyError):
        return []
