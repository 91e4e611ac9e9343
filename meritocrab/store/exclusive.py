"""Who works on a database: the mechanics of "one daemon per database", which also guards migrations.

Beside a SQLite file lies a lock file held by `flock`, which the kernel frees when its holder dies, however it
dies. PostgreSQL's part is in `engines`, because its lock must live on the connection that writes.
"""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import socket
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds a lock. `purpose` is the command (`run`, `sync`); `since` is ISO 8601, UTC."""

    purpose: str
    pid: int
    host: str
    user: str
    since: str

    @classmethod
    def me(cls, purpose: str) -> Holder:
        """This process, from now on."""
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        return cls(purpose, os.getpid(), socket.gethostname(), _user_name(), now)

    @classmethod
    def from_json(cls, note: str) -> Holder | None:
        """What a holder wrote down, or None when it did not get that far."""
        try:
            return cls(**json.loads(note))
        except (ValueError, TypeError):
            return None

    def to_json(self) -> str:
        """The note that `from_json` reads."""
        return json.dumps(asdict(self))

    def __str__(self) -> str:
        return (
            f"`meritocrab {self.purpose}`, process {self.pid} of user {self.user} on {self.host},"
            f" since {self.since}"
        )


def describe(note: str) -> str:
    """Words for whoever wrote `note`."""
    holder = Holder.from_json(note)
    return "another meritocrab" if holder is None else str(holder)


def _user_name() -> str:
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # a container's user often has no name
        return f"uid {uid}"


class FileLock:
    """An exclusive `flock` on a file that also says who holds it. The file stays when the lock is dropped:
    deleting it could let two processes lock two different files of the same name.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    @property
    def held(self) -> bool:
        """True while this object holds the lock."""
        return self._fd is not None

    def take(self, note: str) -> bool:
        """Try once; False when someone else holds it. `note` is what others will read.

        Raises:
            OSError: the lock file cannot be made or opened.
        """
        if self._fd is not None:
            return False
        while True:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(fd)
                return False
            if self._is_current(fd):
                break
            os.close(fd)
        os.ftruncate(fd, 0)
        os.pwrite(fd, note.encode(), 0)
        self._fd = fd
        return True

    def drop(self) -> None:
        """Let go; harmless when not held."""
        if self._fd is not None:
            os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None

    def note(self) -> str:
        """What the present holder wrote; empty when nobody did."""
        try:
            return self._path.read_text()
        except OSError:
            return ""

    def _is_current(self, fd: int) -> bool:
        """False when the file was deleted and made anew between our open and our lock."""
        try:
            return os.path.samestat(os.fstat(fd), self._path.stat())
        except FileNotFoundError:
            return False
