"""`meritocrab health`: one question over the socket, answered as an exit status.

Made for those who ask every half minute, such as a container's health check: nothing but click and the standard
library is imported when the socket is named, by `--socket` or `$MERITOCRAB_API__SOCKET`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from meritocrab.cli.main import config_option
from meritocrab.cli.quick import UNREACHABLE, NoAnswer, ask, find_socket

DEGRADED, UNHEALTHY = 1, 2


@click.command()
# without `readable=False` click would end with 2, which here means unhealthy
@click.option("--socket", type=click.Path(path_type=Path, readable=False), help="The daemon's socket.")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Write the daemon's whole answer.")
@click.option("--quiet", is_flag=True, help="Write nothing; only the exit status speaks.")
@click.option("--degraded-ok", is_flag=True, help="Exit with 0 when degraded, too: for a container.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1, max=300),
    default=5.0,
    show_default=True,
    help="Seconds to wait for each step of the answer.",
)
@click.pass_context
def health(
    ctx: click.Context, socket: Path | None, as_json: bool, quiet: bool, degraded_ok: bool, timeout: float
) -> None:
    """Whether the running daemon is well.

    Exits with 0 when it is healthy, 1 when degraded (it works, but GitHub, the provider or an event needs a look),
    2 when unhealthy (its database does not answer), 75 when nobody answers. A restart mends neither an outage of
    GitHub nor a spent budget: where an exit status other than 0 restarts the daemon, use --degraded-ok.
    """
    try:
        answer = _health(socket or find_socket(ctx), timeout)
    except NoAnswer:
        if quiet:
            ctx.exit(UNREACHABLE)
        raise
    if not quiet:
        click.echo(json.dumps(answer) if as_json else _words(answer))
    ctx.exit(exit_status(str(answer["status"]), degraded_ok))


def _health(socket: Path, timeout_seconds: float) -> Mapping[str, Any]:
    answer = ask(socket, "/health", timeout_seconds)
    if "status" not in answer:
        raise NoAnswer(f"what answers at {socket} is not meritocrab, or one of another version")
    return answer


def exit_status(status: str, degraded_ok: bool) -> int:
    """What the process says to whoever started it; an unknown word is not taken for health."""
    if status == "degraded":
        return 0 if degraded_ok else DEGRADED
    return 0 if status == "healthy" else UNHEALTHY


def _words(answer: Mapping[str, Any]) -> str:
    from meritocrab.logs import escaped

    reasons = [f"  ! {each}" for each in answer.get("reasons") or ()]
    return escaped("\n".join([str(answer["status"]), *reasons]), keep="\n")
