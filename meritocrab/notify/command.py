"""Runs a command for a message: JSON on its standard input, short texts in its environment, no shell in between."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Mapping, Sequence

from meritocrab.core.notices import Message
from meritocrab.notify.base import NotDelivered

TIMEOUT_SECONDS = 30.0
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER")
"""What the command learns of the daemon's own environment, which may hold secrets."""


class Command:
    """A program with its arguments."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        show_output: bool = False,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._argv, self._timeout, self._environ = tuple(argv), timeout_seconds, environ
        self._output = None if show_output else asyncio.subprocess.DEVNULL

    async def send(self, message: Message) -> str:
        """Run it to its end; only the exit status 0 counts as taken.

        Raises:
            NotDelivered: it cannot be run, failed, or took too long and was killed.
        """
        process = await self._start(message)
        try:
            async with asyncio.timeout(self._timeout):
                await process.communicate(json.dumps(message.as_json()).encode())
        except TimeoutError:
            raise NotDelivered(f"the command did not end within {self._timeout:g} seconds") from None
        finally:
            await _end(process)
        if process.returncode:
            raise NotDelivered(f"the command ended with status {process.returncode}")
        return "the command ended with status 0"

    async def _start(self, message: Message) -> asyncio.subprocess.Process:
        kept = {name: self._environ[name] for name in KEPT_VARIABLES if name in self._environ}
        try:
            return await asyncio.create_subprocess_exec(
                *self._argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=self._output,
                stderr=self._output,
                env={**kept, **message.as_environment()},
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise NotDelivered(f"the command cannot be run: {reason}") from None


async def _end(process: asyncio.subprocess.Process) -> None:
    """Leave nothing behind, whatever it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.returncode is None:
        await process.wait()
