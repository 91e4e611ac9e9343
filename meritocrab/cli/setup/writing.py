"""Puts a configuration and its secrets in their places: all of it or nothing, and never readable for others."""

from __future__ import annotations

import contextlib
import grp
import os
import secrets as chance
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from meritocrab.config_sources import read_config
from meritocrab.durable import sync
from meritocrab.errors import ConfigError, MeritocrabError, Problem

SYSTEM_GROUP = "meritocrab"
"""The group of the system's daemon, which reads what root has written."""


class CannotWrite(MeritocrabError):  # noqa: N818 - a state
    """A file cannot be put in its place; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a file is to be, and who may read it; -1 leaves the user or the group as it comes."""

    uid: int
    gid: int
    mode: int


def owner_of(path: Path, *, secret: bool = False) -> Owner:
    """As the file is there, or as a new one is to be: for this user alone, root's also for the daemon's group.

    A secret is never for everybody, whatever its file allowed before.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return _owner_of_new()
    return Owner(found.st_uid, found.st_gid, found.st_mode & (0o640 if secret else 0o777))


def _owner_of_new() -> Owner:
    if os.geteuid() == 0:
        with contextlib.suppress(KeyError):
            return Owner(0, grp.getgrnam(SYSTEM_GROUP).gr_gid, 0o640)
    return Owner(-1, -1, 0o600)


@dataclass(frozen=True, slots=True)
class Staged:
    """A file that lies complete beside its place."""

    beside: Path
    path: Path


def write(
    path: Path,
    text_for: Callable[[dict[str, str]], str],
    secrets: Mapping[str, str],
    check: Callable[[Path], object],
    *,
    before: str,
) -> None:
    """Write the secrets (name: value) beside `path`, and then it.

    Args:
        path: the configuration; a link is followed and stays one.
        text_for: its text, when the secrets lie under these names.
        secrets: what is to be written beside it.
        check: is called with a file of the same text before anything takes its place, and raises `ConfigError`.
        before: the text that is to be replaced, "" for none.

    Raises:
        ConfigError: what would be written cannot be used.
        CannotWrite: the disk, or its rights, do not allow it, or somebody else changed the file meanwhile.
    """
    real = path.resolve()
    try:
        with _folder(real.parent), contextlib.ExitStack() as stack:
            staged = [
                stack.enter_context(_staged(path_of, f"{value}\n", secret=True))
                for path_of, value in ((real.parent / name, value) for name, value in secrets.items())
            ]
            trial = text_for({name: each.beside.name for name, each in zip(secrets, staged, strict=True)})
            with _staged(real, trial) as tried:
                _checked(check, tried.beside, path)
            final = stack.enter_context(_staged(real, text_for({name: name for name in secrets})))
            _check_same(real, before)
            for each in (*staged, final):
                each.beside.replace(each.path)
            sync(real.parent)
    except OSError as error:
        raise CannotWrite(f"{error.filename or real}: {error.strerror}. Nothing was changed.") from None


def _check_same(path: Path, before: str) -> None:
    now = read_config(path) if path.exists() else ""
    if now != before:
        raise CannotWrite(f"{path} was changed meanwhile. Nothing was written; call this again.")


def _checked(check: Callable[[Path], object], trial: Path, path: Path) -> None:
    try:
        check(trial)
    except ConfigError as error:
        problems = [
            Problem(str(path), each.text, each.key, each.line) if each.source == str(trial) else each
            for each in error.problems
        ]
        raise ConfigError(problems) from None


@contextlib.contextmanager
def _folder(folder: Path) -> Iterator[None]:
    """The folder, made where it is missing, and taken away again if nothing comes of it."""
    mode = 0o700 if _owner_of_new().gid == -1 else 0o755
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(mode=mode, parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for each in made:
            with contextlib.suppress(OSError):
                each.rmdir()
        raise


@contextlib.contextmanager
def _staged(path: Path, text: str, *, secret: bool = False) -> Iterator[Staged]:
    """The text in a file beside `path`, with the rights that `path` has or is to have; it does not stay there."""
    owner = owner_of(path, secret=secret)
    beside = path.with_name(f".{path.name}.{chance.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            if (owner.uid, owner.gid) != (-1, -1):
                os.fchown(descriptor, owner.uid, owner.gid)
            os.fchmod(descriptor, owner.mode)
            os.fsync(descriptor)
        yield Staged(beside, path)
    finally:
        beside.unlink(missing_ok=True)
