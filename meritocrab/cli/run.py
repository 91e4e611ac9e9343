"""`meritocrab run`: the daemon, in the foreground, as systemd wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from meritocrab.cli.main import config_option, config_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from meritocrab.config import Config


@click.command()
@config_option
@click.pass_context
def run(context: click.Context) -> None:
    """Watch the repositories until SIGTERM or SIGINT; SIGHUP reads the configuration again."""
    import asyncio
    from functools import partial

    from meritocrab.daemon.reloading import obey_logging

    load = partial(_load, config_path(context))
    config = load()
    obey_logging(config)
    asyncio.run(_serve(config, load))


def _load(path: Path | None) -> Config:
    """The configuration as it is now; the same at the start and at each reload."""
    from meritocrab.config import load_config

    config = load_config(path)
    _check_watching(config)
    return config


def _check_watching(config: Config) -> None:
    """A daemon that watches nothing is a mistake in its configuration, not a quiet day."""
    from meritocrab.errors import ConfigError, Problem

    if config.github.auth != "app" and not config.github.repositories:
        where = str(config.path) if config.path else "configuration"
        text = (
            'nothing to watch; name repositories = ["owner/name"], or set up a GitHub App '
            "(meritocrab demo needs neither)"
        )
        raise ConfigError([Problem(where, text, "github.repositories")])


async def _serve(config: Config, load: Callable[[], Config]) -> None:
    from meritocrab.daemon.service import Service
    from meritocrab.daemon.systemd import Manager
    from meritocrab.store.database import Store

    config.make_state_dir()
    store = Store.open(config.database_url)
    try:
        service = Service(config, store, manager=Manager.of_this_process(), load=load)
        service.obey_signals()
        await service.start()
        await service.run_until_stopped()
    finally:
        await store.close()
