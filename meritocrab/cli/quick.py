"""One question to the daemon with click and the standard library alone: for health checks and the shell's completion.

Both are asked often and must answer at once; `attach` has the typed client for everything else.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from meritocrab.cli.main import config_path
from meritocrab.errors import MeritocrabError

if TYPE_CHECKING:
    from http.client import HTTPConnection

UNREACHABLE = 75
LARGEST_ANSWER = 1_000_000
"""Bytes; a health answer has about one thousand."""


class NoAnswer(MeritocrabError):  # noqa: N818 - a state
    """Nobody answers at the socket, or not as meritocrab does."""

    exit_status = UNREACHABLE


def find_socket(ctx: click.Context) -> Path:
    """Where the daemon listens; the configuration is read only where the environment does not tell."""
    named = os.environ.get("MERITOCRAB_API__SOCKET")
    if named:
        return Path(named).expanduser().absolute()
    from meritocrab import config

    return config.find_socket(config_path(ctx))


def ask(socket: Path, path: str, timeout_seconds: float) -> dict[str, Any]:
    """What `GET path` answers; the time is for each step of it.

    Raises:
        NoAnswer: nobody is there, or it does not answer in time, or it is somebody else.
    """
    from http.client import HTTPException

    try:
        raw = _get(socket, path, timeout_seconds)
    except TimeoutError:
        raise NoAnswer(f"the daemon at {socket} does not answer within {timeout_seconds:g} seconds") from None
    except (OSError, HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise NoAnswer(f"no daemon answers at {socket}: {reason}") from None
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise NoAnswer(f"what answers at {socket} is not meritocrab, or one of another version")
    return answer


def _get(socket: Path, path: str, timeout_seconds: float) -> bytes:
    connection = _connection(socket, timeout_seconds)
    try:
        connection.request("GET", path)
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
