"""The socket that the daemon listens on: bound by us, with modes of our choosing, or handed over by systemd."""

from __future__ import annotations

import contextlib
import os
import pwd
import socket
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from meritocrab.localapi.errors import SocketUnusable

SOCKET_MODE = 0o660
DIRECTORY_MODE = 0o750
FIRST_PASSED_FD = 3
LONGEST_PATH = 107
"""Bytes that the kernel takes as the path of a socket."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end: the kernel says so, not the request."""

    uid: int
    user: str

    @property
    def actor(self) -> str:
        """As the ledger shows it."""
        return f"local:{self.user}"


def peer_of(connection: socket.socket) -> Peer | None:
    """The other end's user; None where the system does not tell."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None or connection.family != socket.AF_UNIX:
        return None
    _, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("3i")))
    return Peer(uid, user_name(uid))


def user_name(uid: int) -> str:
    """The user's name, or the number where there is none (as in many containers)."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def passed_socket(environ: Mapping[str, str], pid: int) -> socket.socket | None:
    """The listening socket that systemd opened for us (`LISTEN_FDS`); None when it did not.

    Raises:
        SocketUnusable: what was handed over is not one Unix stream socket.
    """
    if environ.get("LISTEN_PID") != str(pid) or not environ.get("LISTEN_FDS", "").isdigit():
        return None
    count = int(environ["LISTEN_FDS"])
    if count == 0:
        return None
    if count > 1:
        raise SocketUnusable(f"systemd handed over {count} sockets; the socket unit must name just one")
    try:
        passed = socket.socket(fileno=FIRST_PASSED_FD)
    except OSError as error:
        raise SocketUnusable(f"LISTEN_FDS is set, but there is no socket: {error.strerror}") from None
    if passed.family != socket.AF_UNIX or passed.type != socket.SOCK_STREAM:
        passed.detach()
        raise SocketUnusable("systemd handed over a socket that is not a Unix stream socket")
    os.set_inheritable(FIRST_PASSED_FD, False)
    passed.setblocking(False)
    return passed


def bind_socket(path: Path) -> socket.socket:
    """A listening socket at `path`, mode 0660, in a directory that is made with mode 0750 where it is missing.

    Raises:
        SocketUnusable: somebody listens there, or nobody may.
    """
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise SocketUnusable(
            f"the path of the socket is longer than {LONGEST_PATH} bytes: {path}; set a shorter `[api] socket`"
        )
    try:
        _make_directory(path.parent)
        _remove_stale(path)
        return _bind(path)
    except OSError as error:
        raise SocketUnusable(
            f"cannot listen at {path}: {error.strerror or error}; set `[api] socket` to another place"
        ) from error


def _make_directory(folder: Path) -> None:
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(DIRECTORY_MODE)


def _bind(path: Path) -> socket.socket:
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        bound.bind(os.fspath(path))
        path.chmod(SOCKET_MODE)  # before `listen`: until then nobody can connect
        bound.listen(128)
        bound.setblocking(False)
    except BaseException:
        bound.close()
        raise
    return bound


def _remove_stale(path: Path) -> None:
    """Take away what a killed daemon left; never what somebody listens on, nor what is no socket."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise SocketUnusable(f"{path} is in the way: it is not a socket. Remove it, or set `[api] socket`.")
    if _is_alive(path):
        raise SocketUnusable(
            f"another program listens at {path}, most likely a second meritocrab; stop it, or set `[api] socket`"
        )
    path.unlink(missing_ok=True)


def _is_alive(path: Path) -> bool:
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as probe:
        probe.setblocking(False)
        try:
            probe.connect(os.fspath(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except BlockingIOError:  # its queue is full
            return True
    return True


def is_in_place(path: Path, bound: os.stat_result) -> bool:
    """Whether the file at `path` is the socket that we bound, so that others can find us."""
    try:
        return os.path.samestat(path.lstat(), bound)
    except OSError:
        return False


def remove_socket(path: Path, bound: os.stat_result | None) -> None:
    """Take the file away at the end, if it is still ours."""
    with contextlib.suppress(OSError):
        if bound is not None and is_in_place(path, bound):
            path.unlink()
