"""Is the configuration right, and who may read what it names?"""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from meritocrab.cli.checks.base import Check, Examined, failure, ok, warning
from meritocrab.config import Config, masked_url
from meritocrab.errors import ConfigError
from meritocrab.settings import SECRET_FILES, SecretFile

NAME = "configuration"
FILES = "files"


async def look_at_configuration(examined: Examined) -> AsyncIterator[Check]:
    """Every problem of the configuration, or what it says and its doubts."""
    loaded = examined.loaded
    if isinstance(loaded, ConfigError):
        for problem in loaded.problems:
            yield failure(NAME, str(problem), "mend it; `meritocrab config check` looks again")
        return
    where = loaded.path or "no file, the defaults are in use"
    yield ok(NAME, f"{where}; enforcement {highest(loaded)}")
    if loaded.github.auth != "app" and not loaded.github.repositories:
        yield failure(NAME, "no repository is named: there is nothing to watch", "`meritocrab init`")
    secrets = [f"{file}: " for file in _secret_files(loaded)]
    for doubt in loaded.warnings:
        if not any(doubt.startswith(start) for start in secrets):  # the files have lines of their own
            yield warning(NAME, doubt)


def highest(config: Config) -> str:
    """How far the daemon may go anywhere."""
    policies = (config.base_policy, *config.repository_policies.values())
    return max((policy.enforcement for policy in policies), key=lambda each: each.rank).value


async def look_at_files(examined: Examined) -> AsyncIterator[Check]:
    """Secrets and evidence are for their owner alone."""
    config = examined.config
    found = [*_secrets(config), *_state(examined.state_dir), *_socket_folder(examined.socket)]
    for check in found:
        yield check
    if not found:
        yield ok(FILES, "secrets and evidence are readable for nobody else")


def _secrets(config: Config) -> Iterator[Check]:
    for file in _secret_files(config):
        try:
            found = file.stat()
        except OSError as error:
            yield failure(FILES, f"{file}: {error.strerror}")
            continue
        who = _who_else(found)
        # a file of root's that its group may read is how a daemon of another user comes to it
        if who == "its group" and (file == config.path or found.st_uid == 0):
            continue
        if who:
            yield failure(FILES, f"{file} holds a secret, and {who} may read it", f"chmod 600 {file}")


def _secret_files(config: Config) -> Iterator[Path]:
    """The files that hold secrets: those that the configuration names, and itself where secrets stand in it."""
    if config.path is not None and any(_stands_in_file(config, secret) for secret in SECRET_FILES):
        yield config.path
    for secret in SECRET_FILES:
        name = getattr(getattr(config.settings, secret.table), secret.file_key)
        if name is not None:
            yield Path(name)


def _stands_in_file(config: Config, secret: SecretFile) -> bool:
    place = config.places.find((secret.table, secret.key))
    if place is None or place.line is None:
        return False
    url = config.database_url
    return secret.table != "database" or masked_url(url) != url


def _state(folder: Path) -> Iterator[Check]:
    if not folder.exists():
        return
    if who := _who_else(folder.stat()):
        what = f"{folder} holds what is known about people, and {who} may look into it"
        yield failure(FILES, what, f"chmod 700 {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        what = f"you may not write to {folder}; if the daemon runs as you, it cannot keep anything"
        yield warning(FILES, what, "run this as the daemon's user")


def _socket_folder(socket: Path) -> Iterator[Check]:
    folder = socket.parent
    if folder.exists() and (mode := folder.stat().st_mode) & 0o002 and not mode & stat.S_ISVTX:
        what = f"everybody may put something else in the socket's place in {folder}"
        yield failure(FILES, what, f"chmod 750 {folder}")


def _who_else(found: os.stat_result) -> str:
    """Who but the owner may read or write it; "" for nobody."""
    if found.st_mode & 0o007:
        return "everybody"
    return "its group" if found.st_mode & 0o070 else ""
