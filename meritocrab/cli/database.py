"""How the commands that need no daemon come to the database: by configuration, never making a new one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from meritocrab.cli.main import config_path

if TYPE_CHECKING:
    from meritocrab.store.database import Store


@contextmanager
def opened_store(ctx: click.Context) -> Iterator[Store]:
    """The configured database, opened for the length of the block. It may be used beside a running daemon.

    Raises:
        ConfigError: the configuration cannot be used.
        StoreError: there is no database, or it cannot be used.
    """
    from meritocrab.config import load_config
    from meritocrab.store.database import Store

    store = Store.open(load_config(config_path(ctx)).database_url, create=False)
    try:
        yield store
    finally:
        store.close_now()
