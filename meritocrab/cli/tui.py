"""`meritocrab tui`: the terminal UI, on the daemon of this machine."""

from __future__ import annotations

import os
from pathlib import Path

import click

from meritocrab.cli.main import config_option, config_path


@click.command()
@click.option("--socket", type=click.Path(path_type=Path, readable=False), help="Where the daemon listens.")
@config_option
@click.pass_context
def tui(context: click.Context, socket: Path | None) -> None:
    """Look at everything and decide what waits, in this terminal.

    Without --socket the daemon is found as the configuration says, or in the usual places. There need be none yet:
    the screen waits for it.
    """
    import sys

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.ClickException("the terminal UI needs a terminal")
    from meritocrab.config import find_socket

    run_on(socket or find_socket(config_path(context)))


def run_on(socket: Path) -> None:
    """Show the daemon at this socket until the maintainer leaves."""
    import logging

    from meritocrab.localapi.client import LocalClient
    from meritocrab.tui.app import MeritocrabApp

    logging.getLogger().addHandler(logging.NullHandler())  # the screen is no place for what libraries log
    MeritocrabApp(LocalClient(socket), remote=is_remote()).run()


def is_remote() -> bool:
    """Does the maintainer sit at another machine?"""
    return any(os.environ.get(name) for name in ("SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT"))
