"""`meritocrab health`: one question over the socket, answered as an exit status.

Made for those who ask every half minute, such as a container's health check: nothing but click and the standard
library is imported when the socket is named, by `--socket` or `$MERITOCRAB_API__SOCKET`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from meritocrab.cli.main import config_option, config_path
from meritocrab.errors import MeritocrabError

if TYPE_CHECKING:
    from http.client import HTTPConnection

DEGRADED, UNHEALTHY, UNREACHABLE = 1, 2, 75
LARGEST_ANSWER = 1_000_000
"""Bytes; a health answer has about one thousand."""


class NoAnswer(MeritocrabError):  # noqa: N818 - a state
    """Nobody answers at the socket, or not as meritocrab does."""

    exit_status = UNREACHABLE


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
        answer = ask(socket or _socket(ctx), timeout)
    except NoAnswer:
        if quiet:
            ctx.exit(UNREACHABLE)
        raise
    if not quiet:
        click.echo(json.dumps(answer) if as_json else _words(answer))
    ctx.exit(exit_status(str(answer["status"]), degraded_ok))


def _socket(ctx: click.Context) -> Path:
    named = os.environ.get("MERITOCRAB_API__SOCKET")
    if named:
        return Path(named).expanduser().absolute()
    from meritocrab.config import find_socket

    return find_socket(config_path(ctx))


def exit_status(status: str, degraded_ok: bool) -> int:
    """What the process says to whoever started it; an unknown word is not taken for health."""
    if status == "degraded":
        return 0 if degraded_ok else DEGRADED
    return 0 if status == "healthy" else UNHEALTHY


def ask(socket: Path, timeout_seconds: float) -> Mapping[str, Any]:
    """What `GET /health` answers.

    Raises:
        NoAnswer: nobody is there, or it does not answer in time, or it is somebody else.
    """
    from http.client import HTTPException

    try:
        raw = _get(socket, timeout_seconds)
    except TimeoutError:
        raise NoAnswer(f"the daemon at {socket} does not answer within {timeout_seconds:g} seconds") from None
    except (OSError, HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise NoAnswer(f"no daemon answers at {socket}: {reason}") from None
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict) or "status" not in answer:
        raise NoAnswer(f"what answers at {socket} is not meritocrab, or one of another version")
    return answer


def _get(socket: Path, timeout_seconds: float) -> bytes:
    connection = _connection(socket, timeout_seconds)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().read(LARGEST_ANSWER)
    finally:
        connection.close()


def _connection(path: Path, timeout_seconds: float) -> HTTPConnection:
    import socket
    from http.client import HTTPConnection

    connection = HTTPConnection("localhost", timeout=timeout_seconds)
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.settimeout(timeout_seconds)
    try:
        connection.sock.connect(os.fspath(path))
    except OSError:
        connection.close()
        raise
    return connection


def _words(answer: Mapping[str, Any]) -> str:
    from meritocrab.logs import escaped

    reasons = [f"  ! {each}" for each in answer.get("reasons") or ()]
    return escaped("\n".join([str(answer["status"]), *reasons]), keep="\n")
