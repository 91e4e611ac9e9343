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

    from meritocrab.config import load_config
    from meritocrab.logs import setup_logging

    config = load_config(config_path(context))
    logs = config.logging
    setup_logging(logs.level, logs.format, logs.areas, config.secrets())
    asyncio.run(_serve(config))


async def _serve(config: Config) -> None:
    from meritocrab.daemon.service import Service
    from meritocrab.store.database import Store

    config.make_state_dir()
    store = Store.open(config.database_url)
    try:
        service = Service(config, store)
        await service.start()
        await service.run_until_stopped()
    finally:
        await store.close()
