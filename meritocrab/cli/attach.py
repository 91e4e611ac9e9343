"""How the operator commands come to the running daemon, and how they show what it says.

Bodies import lazily: completion and `--help` of every command load click alone. Texts of strangers are escaped, and
JSON is written in ASCII, so that nothing from outside reaches the terminal as a control sequence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from meritocrab.cli import completing
from meritocrab.cli.main import config_option, config_path

if TYPE_CHECKING:
    from meritocrab.localapi.client import LocalClient
    from meritocrab.localapi.protocol import ActAnswer, Answer

T = TypeVar("T")
SOCKET, AS_JSON = "meritocrab.socket", "meritocrab.json"


def operator_command(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command what all of them take: `--socket`, `--config`, `--json`."""

    def keep(key: str) -> Callable[[click.Context, click.Parameter, Any], None]:
        def remember(ctx: click.Context, _: click.Parameter, value: Any) -> None:
            ctx.meta[key] = value

        return remember

    as_json = click.option(
        "--json", is_flag=True, expose_value=False, callback=keep(AS_JSON), help="Write the answer as JSON."
    )
    socket = click.option(
        "--socket",
        # whether we may use it is for us to say: with what to do about it, and a status of its own
        type=click.Path(path_type=Path, readable=False),
        expose_value=False,
        callback=keep(SOCKET),
        help="The daemon's socket. Default: as the configuration says, then the usual places.",
    )
    return as_json(socket(config_option(command)))


class RepositoryName(click.ParamType):  # type: ignore[type-arg] # only newer ones of click take them
    """A repository as GitHub names it."""

    name = "OWNER/NAME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name, if it can be one."""
        if not re.fullmatch(r"[^/#\s]+/[^/#\s]+", value):
            self.fail(f"write OWNER/NAME, not {value!r}; `meritocrab repo list` shows them", param, ctx)
        return str(value)


def _repo_option(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(
        "--repo",
        type=RepositoryName(),
        metavar="OWNER/NAME",
        help=text,
        shell_complete=completing.repositories,
    )


repo_option = _repo_option("Which repository. Needed when several are watched.")
only_repo_option = _repo_option("Only this repository.")
any_repo_option = _repo_option("Which repository. Not needed: the ids are those of all.")
repo_argument = click.argument(
    "name",
    type=RepositoryName(),
    metavar="[OWNER/NAME]",
    required=False,
    shell_complete=completing.repositories,
)
reason_option = click.option("--reason", default="", help="Why, for the record.")
limit_option = click.option(
    "--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="How many rows."
)
cursor_option = click.option("--cursor", help="Where to go on, from the end of the page before.")


def ask(ctx: click.Context, question: Callable[[LocalClient], Awaitable[T]]) -> T:
    """What the daemon answers.

    Raises:
        LocalApiError: there is no daemon, no permission, or the answer is no.
    """
    import asyncio

    from meritocrab.config import find_socket
    from meritocrab.localapi.client import LocalClient

    async def asked() -> T:
        async with LocalClient(ctx.meta.get(SOCKET) or find_socket(config_path(ctx))) as client:
            return await question(client)

    return asyncio.run(asked())


async def chosen(client: LocalClient, repo: str | None) -> str:
    """The repository that was named, or the only one that is watched.

    Raises:
        click.UsageError: several are watched, or none.
    """
    if repo is not None:
        return repo
    watched = [item.name for item in (await client.repositories()).items if item.watched]
    if len(watched) == 1:
        return watched[0]
    if not watched:
        raise click.UsageError("no repository is watched")
    shown = ", ".join(watched[:5]) + (", …" if len(watched) > 5 else "")
    raise click.UsageError(f"{len(watched)} repositories are watched; say which with --repo: {shown}")


def show(ctx: click.Context, answer: Answer, lines: Callable[[], Iterable[str]]) -> None:
    """Print an answer: as JSON if that was asked for, else these lines."""
    if ctx.meta.get(AS_JSON):
        click.echo(json.dumps(answer.model_dump(mode="json")))
        return
    for line in lines():
        click.echo(line)


def show_act(ctx: click.Context, answer: ActAnswer) -> None:
    """Print what came of an act."""
    from meritocrab.cli.tables import act_lines

    show(ctx, answer, lambda: act_lines(answer))
