"""What can go wrong between us and the database, in words: each message says what happened and what to do."""

from __future__ import annotations

from typing import ClassVar

from meritocrab.errors import MeritocrabError


class StoreError(MeritocrabError):
    """The base of all that the store raises on purpose."""


class DatabaseMissing(StoreError):  # noqa: N818 (a state, as all below)
    """There is no database where the configuration says, and the caller did not want one to be made."""


class DatabaseUnusable(StoreError):  # noqa: N818
    """The database cannot be used as configured: a wrong URL, a missing driver, a version from the future.

    No restart helps; the exit status is sysexits' EX_CONFIG, which the systemd unit does not restart.
    """

    exit_status: ClassVar[int] = 78


class DatabaseUnavailable(StoreError):  # noqa: N818
    """The database does not answer, or cannot be read or written at the moment.

    The transaction did not happen, with one exception: a connection that is cut during the commit leaves it
    unknown whether it did. Keys make a second try harmless; the next call connects again.
    """

    exit_status: ClassVar[int] = 75  # EX_TEMPFAIL: trying again later may work


class LockLost(DatabaseUnavailable):
    """The connection that held the daemon's lock was cut, and another process holds the lock now.

    Nothing is written until the lock is ours again; every write tries to take it back.
    """


class LockHeld(StoreError):  # noqa: N818
    """Another process works on this database."""

    exit_status: ClassVar[int] = 75
