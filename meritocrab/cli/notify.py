"""`meritocrab notify`: try the settings by which a maintainer is told elsewhere what happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from meritocrab.cli.main import config_option, config_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meritocrab.notify.base import Channel


@click.group()
def notify() -> None:
    """Notifications: a command that is run, an address that is posted to."""


@notify.command("test")
@config_option
@click.pass_context
def test(ctx: click.Context) -> None:
    """Send one message each way, and say what came back. No daemon is needed.

    Exits with 0 when every way out took it, with 1 when one did not.
    """
    import asyncio

    from meritocrab.config import load_config
    from meritocrab.logs import register_secret
    from meritocrab.notify.channels import channels_of

    config = load_config(config_path(ctx))
    for secret in config.secrets():
        register_secret(secret)
    channels = channels_of(config.notify, show_output=True)
    if not channels:
        raise click.UsageError("nothing to try: set command or url in [notify]")
    ctx.exit(0 if asyncio.run(_try(channels)) else 1)


async def _try(channels: Mapping[str, Channel]) -> bool:
    from meritocrab.core.notices import trial
    from meritocrab.logs import escaped
    from meritocrab.notify.base import NotDelivered

    all_well = True
    for name, channel in channels.items():
        try:
            said = await channel.send(trial())
        except NotDelivered as error:
            said, all_well = f"not delivered: {error}", False
        click.echo(f"{name:<8} {escaped(said)}")
    return all_well
