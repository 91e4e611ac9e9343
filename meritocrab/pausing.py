"""The brake for everything: a file in the state directory, and while it is there nothing is written to GitHub.

The file is the one truth. It survives crashes and restored databases, and where nothing else works it can be made by
hand: `touch paused`, `rm paused`. What stands in it is for people; an empty file brakes as well as a full one.

A brake that cannot be seen counts as pulled. A state directory that is gone or unreadable means that a disk is, and
waiting a while is always safe, while a write on GitHub cannot be taken back.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from meritocrab.durable import sync
from meritocrab.errors import MeritocrabError

FILE_NAME = "paused"
LARGEST_FILE = 4096
"""Bytes of the file that are looked at."""

_HEAD = re.compile(r"paused by (?P<by>.{1,200}) at (?P<at>[0-9T:.+-]{19,40})\Z")


class PauseFailed(MeritocrabError):  # noqa: N818 (a state, as of the store's errors)
    """The file cannot be written or removed; the message says why and what to do by hand."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Everything is paused. `by` and `since` are empty where the file does not tell (made by hand: its own time)."""

    by: str = ""
    since: datetime | None = None
    reason: str = ""


def find(state_dir: Path) -> Pause | None:
    """The pause in force, or None; whatever keeps us from looking is a pause, with that as its reason."""
    file = state_dir / FILE_NAME
    try:
        found = os.lstat(file)
    except FileNotFoundError:
        return None if state_dir.is_dir() else Pause(reason=f"there is no state directory {state_dir}")
    except OSError as error:
        return Pause(reason=f"the state directory {state_dir} cannot be looked at: {error.strerror}")
    made_at = datetime.fromtimestamp(found.st_mtime, UTC)
    return _read(file, made_at) if stat.S_ISREG(found.st_mode) else Pause(since=made_at)


def _read(file: Path, made_at: datetime) -> Pause:
    try:
        with file.open("rb") as stream:
            text = stream.read(LARGEST_FILE).decode("utf-8", "replace").strip()
    except OSError:
        return Pause(since=made_at)
    first, _, rest = text.partition("\n")
    head = _HEAD.match(first)
    since = _instant(head["at"]) if head is not None else None
    if head is None or since is None:
        return Pause(since=made_at, reason=text)
    return Pause(head["by"], since, rest.strip())


def _instant(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def pause(state_dir: Path, pause: Pause) -> bool:
    """Make the file, durably; False when there is one already, which stays as it is.

    Raises:
        PauseFailed: it cannot be made.
    """
    if os.path.lexists(state_dir / FILE_NAME):
        return False
    draft = state_dir / f".{FILE_NAME}.{os.getpid()}"
    try:
        _write(
            draft, f"paused by {pause.by} at {(pause.since or datetime.now(UTC)).isoformat()}\n{pause.reason}"
        )
        draft.replace(state_dir / FILE_NAME)
        sync(state_dir)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        text = f"{state_dir / FILE_NAME} cannot be written: {error.strerror}; make it by hand, or stop the daemon"
        raise PauseFailed(text) from None
    return True


def resume(state_dir: Path) -> bool:
    """Remove the file, durably; False when there is none.

    Raises:
        PauseFailed: it cannot be removed.
    """
    try:
        (state_dir / FILE_NAME).unlink()
        sync(state_dir)
    except FileNotFoundError:
        return False
    except OSError as error:
        text = f"{state_dir / FILE_NAME} cannot be removed: {error.strerror}; remove it by hand"
        raise PauseFailed(text) from None
    return True


def _write(file: Path, text: str) -> None:
    with file.open("w", encoding="utf-8") as stream:
        stream.write(f"{text.strip()}\n")
        stream.flush()
        os.fsync(stream.fileno())
