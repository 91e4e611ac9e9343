"""Posts a message to an address, as ntfy takes it: the text as the body, the rest in headers.

A redirect is not followed: it could lead the token, and what the message says, to somebody else. The address may hold
a topic that only its owner knows, so that no error says more of it than its host.
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import httpx

from meritocrab import __version__
from meritocrab.core.notices import Message
from meritocrab.notify.base import NotDelivered

TIMEOUT_SECONDS = 15.0


class Address:
    """An address, and the token that it wants."""

    def __init__(
        self, url: str, token: str | None = None, *, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self._url, self._timeout = url, timeout_seconds
        self._host = urlsplit(url).hostname or "the address"
        self._headers = {"User-Agent": f"meritocrab/{__version__}"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"

    async def send(self, message: Message) -> str:
        """Post it; any 2xx counts as taken.

        Raises:
            NotDelivered: it did not answer so, or not in time.
        """
        try:
            async with asyncio.timeout(self._timeout):
                status = await self._post(message)
        except TimeoutError:
            raise NotDelivered(f"{self._host} did not answer within {self._timeout:g} seconds") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise NotDelivered(f"{self._host} cannot be reached: {type(error).__name__}") from None
        if 300 <= status < 400:
            raise NotDelivered(f"{self._host} answered with status {status}; redirects are not followed")
        if not 200 <= status < 300:
            raise NotDelivered(f"{self._host} answered with status {status}")
        return f"{self._host} answered with status {status}"

    async def _post(self, message: Message) -> int:
        headers = {**self._headers, **message.as_headers()}
        # environment and .netrc are not asked: the message goes where the configuration says, and nowhere else
        async with (
            httpx.AsyncClient(timeout=self._timeout, follow_redirects=False, trust_env=False) as http,
            http.stream("POST", self._url, content=message.text.encode(), headers=headers) as response,
        ):
            return response.status_code
