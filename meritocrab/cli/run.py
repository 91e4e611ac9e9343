"""`meritocrab run`: the daemon, in the foreground, as systemd wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from meritocrab.cli.main import config_option, config_path

if TYPE_CHECKING:
    from meritocrab.config import Config


@click.command()
@config_option
@click.pass_context
def run(context: click.Context) -> None:
    """Watch the repositories until SIGTERM or SIGINT."""
    import asyncio
    import logging

    from meritocrab.config import load_config
    from meritocrab.logs import setup_logging

    config = load_config(config_path(context))
    logs = config.logging
    setup_logging(logs.level, logs.format, logs.areas, config.secrets())
    _check_watching(config)
    for warning in config.warnings:
        logging.getLogger("meritocrab.config").warning("%s", warning)
    asyncio.run(_serve(config))


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


async def _serve(config: Config) -> None:
    from meritocrab.daemon.service import Service
    from meritocrab.daemon.systemd import Manager
    from meritocrab.store.database import Store

    config.make_state_dir()
    store = Store.open(config.database_url)
    try:
        service = Service(config, store, manager=Manager.of_this_process())
        service.obey_signals()
        await service.start()
        await service.run_until_stopped()
    finally:
        await store.close()
