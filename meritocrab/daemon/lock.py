"""One daemon per database: two would handle the same inbox and deliver the same actions side by side.

The lock is as strong as the database: on SQLite a lock file that the kernel frees when its holder dies, on
PostgreSQL the session of the writing connection itself, so that a daemon whose connection was cut cannot
write before it holds the lock again (`LockLost`). `meritocrab sync` takes the same lock while it handles what
it brought.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from meritocrab.store.database import LockHeld, Store
from meritocrab.store.exclusive import Holder, describe


class DaemonLock:
    """The right to handle and deliver what one database holds; as a context manager, for a block."""

    def __init__(self, store: Store, purpose: str = "run") -> None:
        """Nothing is taken yet. `purpose` is the command that others are told about (`run`, `sync`)."""
        self._store = store
        self._purpose = purpose
        self._held = False

    @property
    def held(self) -> bool:
        """True between `acquire` and `release`, even while a cut connection is not back yet."""
        return self._held

    def try_acquire(self, purpose: str | None = None) -> bool:
        """Take the lock if it is free.

        Returns:
            False when it is held, by another process or by this one.

        Raises:
            DatabaseUnavailable: the database or the lock file cannot be used.
        """
        note = Holder.me(purpose or self._purpose).to_json()
        taken = not self._held and self._store.take_lock(note)
        self._held = self._held or taken
        return taken

    def acquire(self, purpose: str | None = None) -> None:
        """Take the lock.

        Raises:
            LockHeld: somebody holds it; the message says who and what to do.
            DatabaseUnavailable: the database or the lock file cannot be used.
        """
        if not self.try_acquire(purpose):
            raise LockHeld(
                f"{self._store.location} is in use by {self.holder()}. Only one process may work on a"
                " database: stop that one first, or give this one another `[database] url`."
            )

    def holder(self) -> str:
        """Words for whoever holds the lock: command, process, user, host and since when.

        Raises:
            DatabaseUnavailable: the database cannot be used.
        """
        return describe(self._store.lock_note())

    def release(self) -> None:
        """Let go; harmless when not held. A holder that is killed lets go, too."""
        if self._held:
            self._held = False
            self._store.drop_lock()

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
