"""The systemd units of this installation: what is to be written where, and what stands in the way."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

SYSTEM_FOLDER = Path("/etc/systemd/system")
SYSTEM_UNITS = ("meritocrab.service", "meritocrab.socket")
USER_UNITS = ("user/meritocrab.service",)
HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108 - names, no files of ours
"""What the system's unit does not see (`ProtectHome=`, `PrivateTmp=`)."""

DIGEST = "# written by `meritocrab service install`; sha256 of what follows: "


class Condition(StrEnum):
    """How the place of a unit is."""

    FREE = "free"
    SAME = "same"
    OURS = "ours"  # an older one of ours, as we wrote it
    CHANGED = "changed"  # by somebody


@dataclass(frozen=True, slots=True)
class Unit:
    """One file to be written."""

    path: Path
    text: str
    condition: Condition


def user_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where a user's own units lie."""
    home = environ.get("XDG_CONFIG_HOME", "")
    base = Path(home) if home.startswith("/") else Path.home() / ".config"
    return base / "systemd" / "user"


def units(names: Iterable[str], folder: Path, program: tuple[str, ...]) -> tuple[Unit, ...]:
    """What would be written to `folder`, for a daemon that is started by `program`."""
    found = []
    for name in names:
        text = sealed(with_program(_source().joinpath(*name.split("/")).read_text("utf-8"), program))
        path = folder / Path(name).name
        found.append(Unit(path, text, condition(_present(path), text)))
    return tuple(found)


def _source() -> Traversable:
    """The units as they are delivered: in the package, or beside it when it runs from its sources."""
    packaged = resources.files("meritocrab") / "data" / "systemd"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "systemd"


def _present(path: Path) -> str | None:
    try:
        return path.read_text("utf-8", errors="replace")
    except FileNotFoundError:
        return None


def with_program(text: str, program: tuple[str, ...]) -> str:
    """The unit with the command that starts the daemon put in."""
    command = " ".join(quoted(word) for word in (*program, "run"))
    return re.sub(r"(?m)^ExecStart=.*$", lambda _: f"ExecStart={command}", text)


def quoted(word: str) -> str:
    """A word of a command line as systemd reads it."""
    word = word.replace("\\", "\\\\").replace("%", "%%").replace("$", "$$").replace('"', '\\"')
    return f'"{word}"' if re.search(r"[\s;']", word) else word


def sealed(text: str) -> str:
    """The text under a line from which a later installation can tell whether somebody changed it."""
    return f"{DIGEST}{_digest(text)}\n{text}"


def condition(present: str | None, wanted: str) -> Condition:
    """How a place is that holds `present` (None: nothing) and is to hold `wanted`."""
    if present is None:
        return Condition.FREE
    if present == wanted:
        return Condition.SAME
    first, _, rest = present.partition("\n")
    return Condition.OURS if first == DIGEST + _digest(rest) else Condition.CHANGED


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def this_program() -> tuple[str, ...]:
    """The command that starts this very installation."""
    script = Path(sys.executable).parent / "meritocrab"
    return (str(script),) if script.exists() else (sys.executable, "-m", "meritocrab")


def out_of_sight(paths: Iterable[Path]) -> Iterator[Path]:
    """Those of the paths that the system's unit cannot see, wherever links lead."""
    for path in paths:
        if any(each.is_relative_to(hidden) for each in (path, path.resolve()) for hidden in HIDDEN):
            yield path


def parts_of_this_program() -> tuple[Path, ...]:
    """What must be in sight for this installation to run: its environment, its Python, its code."""
    return tuple(dict.fromkeys((Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parents[1])))


def write(unit: Unit) -> None:
    """Put a unit in its place at one stroke, readable for all; its folder is made where it is missing.

    Raises:
        OSError: it cannot be written.
    """
    unit.path.parent.mkdir(parents=True, exist_ok=True)
    beside = unit.path.with_name(f".{unit.path.name}.new")
    beside.write_text(unit.text, "utf-8")
    beside.chmod(0o644)
    beside.replace(unit.path)


def may_write(folder: Path) -> bool:
    """May this user write there, or make it?"""
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    return existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
