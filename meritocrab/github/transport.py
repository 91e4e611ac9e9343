"""Bytes to GitHub and back: the one place that knows githubkit and httpx.

githubkit's own conveniences are switched off, because each would hide something the daemon must see: its
cache hides 304s, its retries repeat writes and sleep for as long as a limit lasts, its error classes miss
limits without advice and trip over dates in `Retry-After`, and following redirects would hide renamed
repositories.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, Mapping
from functools import cache

import httpx
from githubkit import GitHub
from githubkit.auth import UnauthAuthStrategy
from githubkit.exception import RequestError
from githubkit.throttling import LocalThrottler

from meritocrab import __version__
from meritocrab.github.errors import BadAnswer, GitHubError, Unreachable
from meritocrab.github.sansio import API_VERSION, Answer, Request, one_line

# nothing can have reached GitHub when the connection was never made
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


class _KeptGitHub(GitHub[UnauthAuthStrategy]):
    """githubkit with one HTTP client for life, and with every status as an answer.

    githubkit keeps its client in a context variable, so a task that was started elsewhere would silently
    build a new one, TLS context and all, for each request.
    """

    _kept: httpx.AsyncClient | None = None

    @contextlib.asynccontextmanager
    async def get_async_client(self) -> AsyncGenerator[httpx.AsyncClient, None]:
        if self._kept is None:
            self._kept = await self._create_async_client()
        yield self._kept

    async def aclose(self) -> None:
        if self._kept is not None:
            kept, self._kept = self._kept, None
            await kept.aclose()

    def _check_is_error(self, response: httpx.Response) -> bool:  # noqa: ARG002  (classified in sansio)
        return False

    def _check_rate_limit(self, response: object) -> None:
        """Leave limits to `sansio`, which also knows those without advice and dates as advice."""


class Transport:
    """Sends requests to one GitHub, one at a time.

    Args:
        api_url: root of the REST API, e.g. `https://api.github.com` or `https://ghe.example.org/api/v3`.
        timeout: seconds for a connection, and for each silence while sending or receiving.
        deadline: seconds for a whole exchange, so that a trickle of bytes cannot hold up the queue.
    """

    def __init__(self, api_url: str, *, timeout: float = 30.0, deadline: float = 120.0) -> None:
        self.api_url = api_url.rstrip("/")
        self._deadline = deadline
        self._github = _KeptGitHub(
            UnauthAuthStrategy(),
            base_url=self.api_url,
            user_agent=f"meritocrab/{__version__}",
            follow_redirects=False,
            timeout=httpx.Timeout(timeout),
            ssl_verify=_ssl_context() if self.api_url.startswith("https:") else False,
            http_cache=False,
            auto_retry=False,
            throttler=LocalThrottler(1),
        )

    @property
    def graphql_url(self) -> str:
        """GitHub's GraphQL address: beside the REST API on an Enterprise server, below its root elsewhere."""
        base, version, _ = self.api_url.rpartition("/api/v3")
        return f"{base}/api/graphql" if version else f"{self.api_url}/graphql"

    async def send(self, request: Request, authorization: str | None) -> Answer:
        """One exchange; every status is an answer.

        Raises:
            Unreachable: no answer came.
            BadAnswer: the answer broke off.
        """
        headers = _headers(request, authorization)
        url = self.graphql_url if request.resource == "graphql" else request.target
        body = None if request.json is None else dict(request.json)
        try:
            async with asyncio.timeout(self._deadline):
                response = await self._github.arequest(request.method, url, headers=headers, json=body)
        except RequestError as error:
            # "from None": the library's messages may quote headers, and with them the token
            raise _no_answer(request, error.exc) from None
        except TimeoutError:
            raise _no_answer(request, httpx.ReadTimeout("deadline")) from None
        return Answer(response.status_code, _lower(response.headers), response.content)

    async def aclose(self) -> None:
        """Close the connections; a later request opens new ones."""
        await self._github.aclose()


@cache
def _ssl_context() -> ssl.SSLContext:
    """One TLS context for all tokens: each costs about 24 ms and 1 MB."""
    return httpx.create_ssl_context()


def _headers(request: Request, authorization: str | None) -> dict[str, str]:
    headers = {"X-GitHub-Api-Version": API_VERSION}
    if authorization is not None:
        headers["Authorization"] = authorization
    if request.etag:
        headers["If-None-Match"] = request.etag
    return headers


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _no_answer(request: Request, error: Exception) -> GitHubError:
    if isinstance(error, httpx.DecodingError) or _broke_off(error):
        return BadAnswer(f"{request.label}: GitHub's answer broke off in the middle.", applied=None)
    applied = False if isinstance(error, _NEVER_SENT) else None
    return Unreachable(f"{request.label}: no answer from GitHub ({_reason(error)}).", applied=applied)


def _broke_off(error: Exception) -> bool:
    """Whether an orderly end came before the announced one; a line that was reset is cut, not broken off."""
    return isinstance(error, httpx.RemoteProtocolError) and "complete" in str(error)


def _reason(error: Exception) -> str:
    if isinstance(error, httpx.ConnectError):
        why = one_line(str(error), 120) or "no reason given"
        return f"cannot connect: {why}; check network, DNS and api_url"
    if isinstance(error, httpx.TimeoutException):
        return "timed out; check the network"
    if isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError):
        return "the connection was cut"
    return f"the request could not be sent ({type(error).__name__}); check api_url and proxy settings"
