"""`meritocrab pause` and `resume`: the brake, for everything or for one repository."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from meritocrab.cli.attach import (
    AS_JSON,
    SOCKET,
    ask,
    operator_command,
    reason_option,
    repo_argument,
    show,
    show_act,
)
from meritocrab.errors import MeritocrabError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from meritocrab.localapi.client import LocalClient
    from meritocrab.localapi.protocol import PauseAnswer

NOT_PAUSED = 3
"""The exit status of a conflict, as for a single repository."""


class NothingPaused(MeritocrabError):  # noqa: N818 - a state
    """There is no pause to be ended."""

    exit_status = NOT_PAUSED


@click.command()
@repo_argument
@click.option("--all", "everything", is_flag=True, help="Everything: nothing at all is written to GitHub.")
@reason_option
@operator_command
@click.pass_context
def pause(ctx: click.Context, name: str | None, everything: bool, reason: str) -> None:
    """Write nothing to GitHub until resumed.

    With --all, polling and judging go on, and what is decided waits; it is dropped when it is a day old. It works
    without a daemon, too: a file named `paused` in the state directory is all there is to it. With OWNER/NAME that one
    repository is neither polled nor written to, as by `meritocrab repo pause`.
    """
    if everything == (name is not None):
        raise click.UsageError("say what: --all, or OWNER/NAME")
    if name is not None:
        show_act(ctx, ask(ctx, lambda client: client.pause(name, reason=reason)))
        return
    found = _ask_or_do(
        ctx, lambda client: client.pause_all(reason=reason), lambda folder: _pull(folder, reason)
    )
    if found is not None:
        show(ctx, found, lambda: _paused_lines(found))


@click.command()
@repo_argument
@click.option("--all", "everything", is_flag=True, help="Everything; this is what is meant without a name.")
@reason_option
@operator_command
@click.pass_context
def resume(ctx: click.Context, name: str | None, everything: bool, reason: str) -> None:
    """End a pause: of everything, or of one repository. Exits with 3 when it was not paused."""
    from meritocrab.logs import escaped

    if everything and name is not None:
        raise click.UsageError("say either --all or OWNER/NAME")
    if name is not None:
        show_act(ctx, ask(ctx, lambda client: client.resume(name, reason=reason)))
        return
    found = _ask_or_do(ctx, lambda client: client.resume_all(reason=reason), _let_go)
    if found is None:
        return
    if not found.changed and not ctx.meta.get(AS_JSON):
        raise NothingPaused(_not_resumed(found))
    show(ctx, found, lambda: [f"everything goes on, resumed by {escaped(found.actor)}"])
    ctx.exit(0 if found.changed else NOT_PAUSED)


def _ask_or_do(
    ctx: click.Context,
    question: Callable[[LocalClient], Awaitable[PauseAnswer]],
    by_hand: Callable[[Path], str],
) -> PauseAnswer | None:
    """What the daemon answers; without one, the file is made or removed here, and said so."""
    from meritocrab.config import find_state_dir
    from meritocrab.localapi.client import NoDaemon

    try:
        return ask(ctx, question)
    except NoDaemon as error:
        folder = find_state_dir()
        if ctx.meta.get(SOCKET) is not None or not folder.is_dir():
            raise NoDaemon(f"{error} Nor is there a state directory of its to be used: {_advice()}") from None
        said = by_hand(folder)
        click.echo(json.dumps({"daemon": False, "said": said}) if ctx.meta.get(AS_JSON) else said)
        return None


def _advice() -> str:
    return "set STATE_DIRECTORY to the daemon's, or make the file `paused` there by hand"


def _pull(folder: Path, reason: str) -> str:
    import getpass
    from datetime import UTC, datetime

    from meritocrab import pausing

    made = pausing.pause(folder, pausing.Pause(f"local:{getpass.getuser()}", datetime.now(UTC), reason))
    done = "wrote" if made else "there is already"
    return (
        f"no daemon answers; {done} {folder / pausing.FILE_NAME}: while it is there, a daemon with this state"
        " directory writes nothing to GitHub"
    )


def _let_go(folder: Path) -> str:
    from meritocrab import pausing

    file = folder / pausing.FILE_NAME
    if not pausing.resume(folder):
        raise NothingPaused(f"no daemon answers, and there is no {file}")
    return f"no daemon answers; removed {file}"


def _paused_lines(found: PauseAnswer) -> Iterator[str]:
    from meritocrab.cli.tables import moment
    from meritocrab.logs import escaped

    if found.changed:
        yield f"everything is paused by {escaped(found.actor)}: nothing is written to GitHub until `meritocrab resume`"
    elif found.paused is not None:
        by = f" by {escaped(found.paused.by)}" if found.paused.by else ""
        yield f"everything is paused already{by}, since {moment(found.paused.since)}"
    if not found.at_rest:
        yield "  ! a write that had begun before has no answer from GitHub yet"


def _not_resumed(found: PauseAnswer) -> str:
    if found.paused is not None:
        return f"still paused: {found.paused.reason}"
    return "nothing was paused as a whole; `meritocrab repo list` shows single repositories"
