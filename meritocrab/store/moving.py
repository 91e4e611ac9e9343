"""Moves everything into another database, SQLite or PostgreSQL, while nobody works on either."""

from __future__ import annotations

from meritocrab.store import transfer
from meritocrab.store.direct import alone, opened
from meritocrab.store.engines import SqliteEngine, engine_for
from meritocrab.store.errors import StoreError
from meritocrab.store.transfer import Copied


class MoveRefused(StoreError):  # noqa: N818 (a state, as all of the store's errors)
    """Nothing was moved, and the message says why."""


def move(url: str, to_url: str) -> Copied:
    """Copy all that the database at `url` holds into the one at `to_url`, in one transaction.

    Raises:
        MoveRefused: both are the same database.
        CopyFailed: the target is not empty, or what arrived is not what was sent.
        LockHeld: a daemon works on one of the two.
        DatabaseUnusable: one of the URLs cannot be used, or the source is newer than this program.
        DatabaseUnavailable: one of the two cannot be read or written now.
    """
    with opened(url, writer=True) as source, alone(source, "move"):
        if to_url.startswith("sqlite:"):
            _refuse_itself(source.location, to_url)
        with opened(to_url, writer=True, create=True) as target, alone(target, "move"):
            if isinstance(target, SqliteEngine):
                target.use_wal()
            return transfer.copy(source, target)


def _refuse_itself(location: str, to_url: str) -> None:
    if engine_for(to_url).location == location:
        raise MoveRefused(f"{location} is the present database already. Give the URL of another one.")
