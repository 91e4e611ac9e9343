"""Asking the daemon one thing at a time: whoever asks again meanwhile is answered by one more question afterwards.

Requests are never broken off: half an answer helps nobody, and the connection would be lost with it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from textual.dom import DOMNode


class Asking:
    """Something that is asked in the background of a screen or of the application.

    Args:
        node: where the work belongs; it ends with it.
        work: asks for what is wanted now, and shows it.
    """

    def __init__(self, node: DOMNode, work: Callable[[], Awaitable[None]]) -> None:
        self._node, self._work = node, work
        self._wanted = self._running = False

    @property
    def is_running(self) -> bool:
        """Is there something on its way?"""
        return self._running

    def begin(self) -> None:
        """Ask now, or again as soon as the question on its way is answered."""
        self._wanted = True
        if not self._running and self._node.is_attached:
            self._running = True
            self._node.run_worker(self._run(), group="asking", exit_on_error=False)

    async def _run(self) -> None:
        try:
            while self._wanted:
                self._wanted = False
                await self._work()
        finally:
            self._running = False
