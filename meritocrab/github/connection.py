"""One credential's line to GitHub: serial, paced, silent during a limit, and aware of GitHub's clock.

Everything that must be true of *every* request lives here, so that the methods in `client` can be one line
each: requests of one token leave one at a time, writes keep a distance, no request leaves while a limit is
in force, tokens are renewed before they end, and each answer teaches the quota and GitHub's time.

`_send` is the only line that crosses the network.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from meritocrab.core.names import RepositoryState
from meritocrab.github.auth import (
    Anonymous,
    AppKey,
    Credential,
    Installation,
    InstallationToken,
    PersonalToken,
    generation,
    parse_installation_token,
)
from meritocrab.github.errors import BadAnswer, GitHubError, NotFound, RateLimited, Suspended, Unauthorized
from meritocrab.github.fields import Fields
from meritocrab.github.pace import Pace
from meritocrab.github.sansio import (
    Answer,
    Quota,
    Request,
    classify,
    is_spent,
    limit_wait,
    read_date,
    read_json,
    read_quota,
)
from meritocrab.github.transport import Transport

log = logging.getLogger("meritocrab.github")

_ALL = "all"  # a secondary limit silences every resource
_JUMP_SECONDS = 60.0
_SKEW = timedelta(seconds=5)  # a smaller correction of the clock does not explain a refused signature


@dataclass(slots=True)
class Counts:
    """Requests since the start; `counted` are those that GitHub charges to the hourly limit.

    `outcomes` tells all of them by what came of them: `ok`, `not_modified`, `limited`, `refused` (another 4xx), `error`
    (GitHub's own trouble, an answer that is none) or `unanswered`.
    """

    total: int = 0
    not_modified: int = 0
    counted: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Options:
    """What all connections of one daemon share.

    Attributes:
        api_url: root of the REST API.
        timeout: seconds for a connection and for each silence.
        deadline: seconds for a whole exchange.
        write_spacing: seconds between two writes of one token.
        points_per_minute: our share of GitHub's 900 points a minute.
        writes_per_hour: our share of GitHub's 500 content-creating requests an hour.
        clock: the local clock (aware UTC).
        sleep: waits for so many seconds.
        monotonic: seconds of a clock that never jumps.
    """

    api_url: str = "https://api.github.com"
    timeout: float = 30.0
    deadline: float = 120.0
    write_spacing: float = 1.0
    points_per_minute: int = 800
    writes_per_hour: int = 450
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    monotonic: Callable[[], float] = time.monotonic


class Connection:
    """The line of one credential; see the module. `app` is the App's own line, for an installation."""

    def __init__(self, credential: Credential, options: Options, app: Connection | None = None) -> None:
        if isinstance(credential, Installation) and app is None:
            raise ValueError("an installation gets its tokens from the App's connection")
        self.credential: Credential = credential
        self.options: Options = options
        self.counts: Counts = Counts()
        self._app = app
        self._transport = Transport(options.api_url, timeout=options.timeout, deadline=options.deadline)
        self._pace = Pace(options.write_spacing, options.points_per_minute, options.writes_per_hour)
        self._queue = asyncio.Lock()
        self._write_queue = asyncio.Lock()
        self._offset: timedelta | None = None
        self._apart_when_told = 0.0
        self._signed_with = timedelta(0)
        self._token: InstallationToken | None = None
        self._token_is_new = False
        self._quotas: dict[str, Quota] = {}
        self._blocks: dict[str, tuple[datetime, timedelta]] = {}
        self._limits_in_row = 0

    def go_on_from(self, former: Connection) -> bool:
        """Take over what the former line of the same credential learned; False when it is another credential's.

        Limits and the pace belong to the credential: whoever forgets them goes on sending during a limit.
        """
        if (self.credential, self.options.api_url) != (former.credential, former.options.api_url):
            return False
        self._pace.remember(former._pace)
        self._offset, self._apart_when_told = former._offset, former._apart_when_told
        self._token, self._token_is_new = former._token, False
        self._quotas, self._blocks = former._quotas, former._blocks
        self._limits_in_row, self.counts = former._limits_in_row, former.counts
        return True

    # What is known

    @property
    def quota(self) -> Quota | None:
        """The primary limit as last told, or None before the first answer."""
        return self._quotas.get("core")

    @property
    def blocked_until(self) -> datetime | None:
        """Local time before which no REST request leaves, or None when none is held back."""
        return self.resource_blocked_until("core")

    @property
    def clock_offset(self) -> timedelta:
        """GitHub's clock minus the local one, as the last `Date` header told; zero before the first."""
        if self._offset is None and self._app is not None:
            return self._app.clock_offset
        return self._offset or timedelta(0)

    @property
    def knows_time(self) -> bool:
        """Whether GitHub told its time since the local clock jumped for the last time."""
        return self._offset is not None and abs(self._apart() - self._apart_when_told) < _JUMP_SECONDS

    def _apart(self) -> float:
        """Constant while the local clock goes at the pace of one that never jumps."""
        return self.options.clock().timestamp() - self.options.monotonic()

    def github_now(self) -> datetime:
        """The time at GitHub, as far as we know (aware UTC)."""
        return self.options.clock() + self.clock_offset

    @property
    def token_generation(self) -> str:
        """Names the token in use without telling it; empty while an installation has none yet."""
        match self.credential:
            case Anonymous():
                return "anonymous"
            case PersonalToken(token=token):
                return generation(token)
            case AppKey(app_id=app_id):
                return generation(app_id)
        return generation(self._token.token) if self._token else ""

    @property
    def is_anonymous(self) -> bool:
        """Whether requests carry no credential."""
        return isinstance(self.credential, Anonymous)

    # Asking

    async def ask(self, request: Request) -> Answer:
        """Send a request in its turn and return a successful answer (2xx or 304).

        A read that is refused for a stale token or signature is asked once more with a fresh one. A write
        is never sent twice.

        Raises:
            GitHubError: see the classes in `errors`. `RateLimited` also when a limit met earlier is still
                in force.
        """
        self._refuse_if_blocked(request)
        async with self._turn(request):
            try:
                return await self._attempt(request)
            except Unauthorized:
                if not self._renewable(request):
                    raise
            return await self._attempt(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def _send(self, request: Request, authorization: str | None) -> Answer:
        """The seam: the only call that crosses the network."""
        return await self._transport.send(request, authorization)

    @contextlib.asynccontextmanager
    async def _turn(self, request: Request) -> AsyncIterator[None]:
        """Our turn. A write keeps its distance before it joins the queue, so that reads pass meanwhile."""
        async with contextlib.AsyncExitStack() as stack:
            if request.writes:
                await stack.enter_async_context(self._write_queue)
                await self._keep_pace(request)
            await stack.enter_async_context(self._queue)
            await self._keep_pace(request)
            yield

    async def _keep_pace(self, request: Request) -> None:
        now = self.options.monotonic()
        full = self._pace.hour_delay(now) if request.writes else 0.0
        if full:
            raise RateLimited(
                f"{request.label}: {self._pace.writes_per_hour} writes in this hour are enough "
                "(GitHub's secondary limit is 500).",
                retry_at=self.options.clock() + timedelta(seconds=full),
            )
        delay = self._pace.delay(now, writes=request.writes)
        if delay > 0:
            await self.options.sleep(delay)

    async def _attempt(self, request: Request) -> Answer:
        self._refuse_if_blocked(request)
        authorization = await self._authorization()
        self.counts.total += 1
        try:
            answer = await self._send(request, authorization)
        except BaseException:
            self.counts.outcomes["unanswered"] += 1
            raise
        finally:
            self._pace.note(self.options.monotonic(), writes=request.writes)
        self._log(request, answer)
        now = self.options.clock()
        error = classify(request, answer, now=now, limits_in_row=self._limits_in_row)
        self.counts.outcomes[_outcome(answer, error)] += 1
        if not isinstance(error, BadAnswer):  # a page of a proxy knows nothing of GitHub's clock and limits
            self._learn(request, answer)
            self._obey(request, answer, error)
        if error is not None:
            raise error
        return answer

    def _log(self, request: Request, answer: Answer) -> None:
        conditional = " (conditional)" if request.etag else ""
        left = answer.headers.get("x-ratelimit-remaining", "unknown")
        log.debug("%s -> %d%s, %s left", request.label, answer.status, conditional, left)

    # Learning from answers

    def _learn(self, request: Request, answer: Answer) -> None:
        date, quota = read_date(answer.headers), read_quota(answer.headers)
        if date is not None:
            self._offset, self._apart_when_told = date - self.options.clock(), self._apart()
        if quota is not None and answer.status != 401:  # a refused token is told the strangers' quota
            self._quotas[_resource(request, answer)] = quota
        if answer.status == 304:
            self.counts.not_modified += 1
        if self._charged(answer):
            self.counts.counted += 1

    def _charged(self, answer: Answer) -> bool:
        """Whether GitHub counts it; "Best practices for using the REST API" spares authorised 304s."""
        return answer.status != 304 or self.is_anonymous

    def _obey(self, request: Request, answer: Answer, error: GitHubError | None) -> None:
        """Keep still after a limit, and already after the last answer that this hour allows."""
        if isinstance(error, RateLimited):
            self._hold(request, answer)
            self._limits_in_row += 1
            return
        if is_spent(answer) and not isinstance(error, Unauthorized | Suspended):
            self._hold(request, answer)
        if error is None:
            self._limits_in_row = 0

    def _hold(self, request: Request, answer: Answer) -> None:
        """Let nothing leave for a while: one resource after the primary limit, all after a secondary one."""
        now = self.options.clock()
        wait = limit_wait(answer, now=now, limits_in_row=self._limits_in_row)
        primary = is_spent(answer) and "retry-after" not in answer.headers
        self._blocks[_resource(request, answer) if primary else _ALL] = (now + wait, wait)
        log.warning(
            "%s: GitHub's %s limit is reached; silent for %d s",
            request.label,
            "hourly" if primary else "secondary",
            wait.total_seconds(),
        )

    def resource_blocked_until(self, resource: str) -> datetime | None:
        """Like `blocked_until`, for one of GitHub's limits (`core`, `graphql`)."""
        now = self.options.clock()
        latest = None
        for name in (resource, _ALL):
            until, wait = self._blocks.get(name, (now, timedelta(0)))
            # a local clock that was set back must not prolong the wait
            until = min(until, now + wait)
            if until > now and (latest is None or until > latest):
                latest = until
        return latest

    def _refuse_if_blocked(self, request: Request) -> None:
        until = self.resource_blocked_until(request.resource)
        if until is not None:
            seconds = (until - self.options.clock()).total_seconds()
            raise RateLimited(
                f"{request.label}: not sent, GitHub's limit lasts another {max(1, round(seconds))} s.",
                retry_at=until,
            )

    # Credentials

    async def _authorization(self) -> str | None:
        match self.credential:
            case PersonalToken(token=token):
                return f"Bearer {token}"
            case AppKey() as key:
                self._signed_with = self.clock_offset
                return f"Bearer {key.sign(self.github_now())}"
            case Installation(id=identity):
                return f"Bearer {(await self._installation_token(identity)).token}"
        return None

    async def _installation_token(self, identity: int) -> InstallationToken:
        """The token in hand, or a new one; only ever called in our turn, so two callers never both renew."""
        self._token_is_new = False
        if self._token is None or not self._token.good(self.github_now()):
            assert self._app is not None  # noqa: S101  (checked on construction)
            self._token = None
            self._token = await self._app.fetch_installation_token(identity)
            self._token_is_new = True
        return self._token

    async def fetch_installation_token(self, identity: int) -> InstallationToken:
        """A new token for an installation; asked of the App's connection.

        Raises:
            NotFound: the App was removed there (state `removed`).
            Suspended: the installation is suspended.
            GitHubError: anything else; whatever the token was for was certainly not done.
        """
        request = Request("POST", f"/app/installations/{identity}/access_tokens")
        try:
            answer = await self.ask(request)
            return parse_installation_token(Fields(read_json(request, answer), request.label))
        except NotFound as error:
            raise NotFound(
                "The GitHub App is no longer installed there. Install it again or stop watching.",
                state=RepositoryState.REMOVED,
            ) from error
        except GitHubError as error:
            error.applied = False
            raise

    def _renewable(self, request: Request) -> bool:
        """After a 401: whether a fresh token or signature may be accepted where the last was not."""
        if isinstance(self.credential, AppKey):
            return abs(self.clock_offset - self._signed_with) > _SKEW
        if self._token is None:
            return False
        # thrown away in any case: the next request gets a new one
        was_new, self._token = self._token_is_new, None
        return not was_new and not request.writes


def _outcome(answer: Answer, error: GitHubError | None) -> str:
    if error is None:
        return "not_modified" if answer.status == 304 else "ok"
    if isinstance(error, RateLimited):
        return "limited"
    return "refused" if 400 <= answer.status < 500 else "error"


def _resource(request: Request, answer: Answer) -> str:
    """Which of GitHub's limits an answer belongs to (core, graphql, …)."""
    return answer.headers.get("x-ratelimit-resource", request.resource)
