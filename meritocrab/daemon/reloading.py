"""A configuration that changes under a running daemon: read again, compared with the one in force, or refused.

What is refused, and what only a restart can bring into force, is kept in words until it is mended, because the
line in the log scrolls away and the daemon's health does not.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from meritocrab.config import Config
from meritocrab.errors import ConfigError, MeritocrabError, Problem
from meritocrab.logs import register_secret, setup_logging

log = logging.getLogger("meritocrab.config")

FIXED: Mapping[str, Callable[[Config], object]] = {
    "database.url": lambda config: config.database_url,
    "api.socket": lambda config: config.socket,
    "api.listen": lambda config: config.api.address,
}
"""What a running daemon holds open, and how a configuration names it."""


def obey_logging(config: Config) -> None:
    """Let the log be as this configuration wants it, mask its secrets, and say what it warns of."""
    logs = config.logging
    setup_logging(logs.level, logs.format, logs.areas, config.secrets())
    for warning in config.warnings:
        log.warning("%s", warning)


def waiting_for_restart(present: Config, new: Config) -> tuple[str, ...]:
    """The keys that differ and cannot take effect while the daemon runs."""
    return tuple(key for key, value in FIXED.items() if value(present) != value(new))


def as_far_as_possible(present: Config, new: Config) -> Config:
    """The new configuration, with what is held open as it is."""
    held = {"database": present.settings.database, "api": present.settings.api}
    settings = new.settings.model_copy(update=held)
    return replace(new, settings=settings, socket=present.socket, state_dir=present.state_dir)


def changed_keys(present: Config, new: Config) -> tuple[str, ...]:
    """The keys whose values differ, in alphabetical order; never the values, some of which are secrets."""
    old_values, new_values = _values(present), _values(new)
    names = old_values.keys() | new_values.keys()
    return tuple(sorted(name for name in names if old_values.get(name) != new_values.get(name)))


def _values(config: Config) -> dict[str, object]:
    rules = {f'repository."{name}"': policy.rules() for name, policy in config.repository_policies.items()}
    return {**dict(_leaves(config.settings.model_dump())), **rules}


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


@dataclass
class Reloading:
    """Reads the configuration again, as often as it is asked to.

    Attributes:
        load: the same as at the start; raises `MeritocrabError` when the configuration cannot be used.
        concerns: what keeps the files from being what is in force, in words; empty when nothing does.
    """

    load: Callable[[], Config]
    concerns: tuple[str, ...] = field(default=())

    async def read(self, present: Config) -> Config | None:
        """The configuration as its files have it now; None when it cannot be used."""
        try:
            new = await asyncio.to_thread(self.load)
            for secret in new.secrets():  # before anything is said about it
                register_secret(secret)
            if present.path is not None and new.path is None:
                # defaults in the place of a lost file would be nobody's wish
                raise ConfigError([Problem(str(present.path), "the configuration file is gone; put it back")])
            return new
        except MeritocrabError as error:
            self.refuse(error)
        except Exception as error:
            log.exception("the configuration could not be read by our own fault")
            self.refuse(error)
        return None

    def refuse(self, error: Exception) -> None:
        """The configuration in force stays, for this reason."""
        problems = str(error).splitlines() or [type(error).__name__]
        for problem in problems:
            log.error("the new configuration is refused: %s", problem)
        log.error("nothing was changed; mend it and reload again")
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        self.concerns = (f"the new configuration is refused, the last good one stays: {problems[0]}{more}",)

    def accept(self, present: Config, new: Config) -> Config:
        """The configuration to go on with; says in the log what changes and what does not."""
        waiting = waiting_for_restart(present, new)
        config = as_far_as_possible(present, new)
        obey_logging(config)
        changed = ", ".join(changed_keys(present, config)) or "nothing but what files may hold"
        log.info("the configuration was read again; changed: %s", changed)
        self.concerns = ()
        if waiting:
            text = (
                f"a restart is needed for changed settings: {', '.join(waiting)}; the old values are in use"
            )
            log.warning("%s", text)
            self.concerns = (text,)
        return config
