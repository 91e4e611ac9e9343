"""Asks a running daemon over its socket: typed answers, the live stream, and errors in words.

The terminal UI and the operator commands see nothing else of the daemon. One client may be used by many tasks of one
event loop; nothing is kept that a restart of the daemon would make wrong.
"""

from __future__ import annotations

import asyncio
import grp
import os
import pwd
import stat
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import Any, ClassVar, TypeVar

import httpx2
from pydantic import ValidationError

from meritocrab.core.names import ActionState, Classification, EvaluationState, EventState
from meritocrab.errors import MeritocrabError
from meritocrab.localapi import protocol as p
from meritocrab.localapi import routes
from meritocrab.localapi.routes import Route

ANSWER_WITHIN_SECONDS = 30.0
SILENT_AT_MOST_SECONDS = 45.0
"""The stream says something every 15 seconds; a longer silence means that the daemon hangs."""

FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 0.5, 10.0

A = TypeVar("A", bound=p.Answer)


class LocalApiError(MeritocrabError):
    """The base of all that a client raises; the text is a message for the operator."""


class NoDaemon(LocalApiError):  # noqa: N818 - a state, as all below
    """Nobody listens at the socket, or the daemon went away while it was asked."""

    exit_status: ClassVar[int] = 75


class NoPermission(LocalApiError):  # noqa: N818
    """The socket belongs to somebody else; the message says to whom."""

    exit_status: ClassVar[int] = 77


class BadAnswer(LocalApiError):  # noqa: N818
    """What answered does not speak this protocol: another version, most likely."""


class Refused(LocalApiError):  # noqa: N818
    """The daemon understood and said no. `status` is HTTP's, `code` one of `ErrorCode`."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code

    @property
    def is_conflict(self) -> bool:
        """Was somebody first, or did it come too late?"""
        return self.status == 409

    @property
    def is_missing(self) -> bool:
        """Is there no such thing?"""
        return self.status == 404


class Conflict(Refused):
    """Somebody was first, it came too late, or a name is ambiguous."""

    exit_status: ClassVar[int] = 3


class Unavailable(Refused):
    """The daemon cannot carry anything out now; trying again later may work."""

    exit_status: ClassVar[int] = 75


KINDS: Mapping[int, type[Refused]] = {409: Conflict, 503: Unavailable}


@dataclass(frozen=True, slots=True)
class Lost:
    """The stream is broken off, and why; it is tried again by itself."""

    reason: str


StreamEvent = p.Health | p.Changed | p.Bye | Lost
"""What `events` yields: `Health` whenever a stream begins, then changes, and how it ended."""


class LocalClient:
    """A client of the daemon at one socket. Use it in `async with`, or call `aclose()` at the end.

    Every method raises `LocalApiError` (see its subclasses). Acts take `request_id`: the same act under the same id
    is done once, however often it is sent; without one each call is an act of its own.
    """

    def __init__(self, socket: Path | str) -> None:
        self.socket = Path(socket)
        self._http = httpx2.AsyncClient(
            transport=httpx2.AsyncHTTPTransport(uds=str(self.socket)),
            base_url="http://localhost",
            timeout=ANSWER_WITHIN_SECONDS,
            trust_env=False,
        )

    async def __aenter__(self) -> LocalClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    # ---- the daemon

    async def health(self) -> p.Health:
        """How the daemon is; an unhealthy one answers, too."""
        response = await self._send("GET", routes.HEALTH.path)
        if response.status_code == 503 and "status" in _json(response):
            return _parsed(p.Health, response)
        return _answer(p.Health, response)

    async def metrics(self) -> str:
        """The figures for Prometheus."""
        return _checked(await self._send("GET", routes.METRICS.path)).text

    async def events(
        self, *, retry_seconds: float = FIRST_RETRY_SECONDS, silence_seconds: float = SILENT_AT_MOST_SECONDS
    ) -> AsyncIterator[StreamEvent]:
        """What changes, for ever: reconnects by itself, later and later while there is no daemon.

        Each connection begins with a `Health`; what happened before it must be asked for again.
        """
        delay = retry_seconds
        while True:
            try:
                async for event in self._stream(silence_seconds):
                    delay = retry_seconds
                    yield event
                reason = "the daemon ended the stream"
            except LocalApiError as error:
                reason = str(error)
            yield Lost(reason)
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST_RETRY_SECONDS)

    async def _stream(self, silence_seconds: float) -> AsyncIterator[StreamEvent]:
        timeout = httpx2.Timeout(ANSWER_WITHIN_SECONDS, read=silence_seconds)
        try:
            async with self._http.stream("GET", routes.STREAM.path, timeout=timeout) as response:
                if response.status_code != 200:
                    await response.aread()
                _checked(response)
                async for said in httpx2.EventSource(response):
                    model = p.STREAM_EVENTS.get(said.event)
                    if model is not None:
                        yield _stream_event(model, said.data)
        except (httpx2.HTTPError, OSError) as error:
            raise self._explain(error) from error

    # ---- repositories

    async def repositories(self) -> p.RepositoryList:
        """All repositories and how they stand."""
        return await self._get(routes.REPOSITORIES, p.RepositoryList)

    async def repository(self, repository: str) -> p.RepositoryItem:
        """One repository, by "owner/name"."""
        return await self._get(routes.REPOSITORY_ONE, p.RepositoryItem, repository=repository)

    async def policy(self, repository: str) -> p.PolicyAnswer:
        """The rules in force in a repository."""
        return await self._get(routes.POLICY, p.PolicyAnswer, repository=repository)

    async def poll(self, repository: str, *, request_id: str | None = None) -> p.ActAnswer:
        """Poll now."""
        return await self._act(routes.POLL, p.ActBody(request_id=request_id), repository=repository)

    async def pause(self, repository: str, *, reason: str = "", request_id: str | None = None) -> p.ActAnswer:
        """Neither poll nor write until resumed."""
        body = p.ActBody(reason=reason, request_id=request_id)
        return await self._act(routes.PAUSE, body, repository=repository)

    async def resume(
        self, repository: str, *, reason: str = "", request_id: str | None = None
    ) -> p.ActAnswer:
        """End a pause."""
        body = p.ActBody(reason=reason, request_id=request_id)
        return await self._act(routes.RESUME, body, repository=repository)

    async def release(
        self, repository: str, *, reason: str = "", request_id: str | None = None
    ) -> p.ActAnswer:
        """Set the breaker again after it fell."""
        body = p.ActBody(reason=reason, request_id=request_id)
        return await self._act(routes.RELEASE, body, repository=repository)

    async def pause_all(self, *, reason: str = "") -> p.PauseAnswer:
        """Write nothing to GitHub until resumed."""
        return _answer(p.PauseAnswer, await self._post(routes.PAUSE_ALL, p.ActBody(reason=reason)))

    async def resume_all(self, *, reason: str = "") -> p.PauseAnswer:
        """End the pause of everything."""
        return _answer(p.PauseAnswer, await self._post(routes.RESUME_ALL, p.ActBody(reason=reason)))

    # ---- evaluations

    async def evaluations(
        self,
        repository: str | None = None,
        *,
        status: EvaluationState | None = None,
        sort: p.EvaluationSort = p.EvaluationSort.OLDEST,
        cursor: str | None = None,
        limit: int = 50,
    ) -> p.Page[p.EvaluationItem]:
        """Evaluations of one repository or of all."""
        query = p.EvaluationQuery(status=status, sort=sort, cursor=cursor, limit=limit)
        if repository is None:
            return await self._get(routes.ALL_EVALUATIONS, p.Page[p.EvaluationItem], query)
        return await self._get(routes.EVALUATIONS, p.Page[p.EvaluationItem], query, repository=repository)

    async def evaluation(self, repository: str | None, evaluation_id: int) -> p.EvaluationDetail:
        """One evaluation, and what deciding it would do; of whichever repository has it if none is named."""
        if repository is None:
            return await self._get(routes.ANY_EVALUATION, p.EvaluationDetail, id=evaluation_id)
        return await self._get(routes.EVALUATION, p.EvaluationDetail, repository=repository, id=evaluation_id)

    async def evaluation_files(self, repository: str, evaluation_id: int) -> p.FileList:
        """The files of its pull request, as GitHub shows them now."""
        return await self._get(routes.EVALUATION_FILES, p.FileList, repository=repository, id=evaluation_id)

    async def approve(
        self, repository: str, evaluation_id: int, *, reason: str = "", request_id: str | None = None
    ) -> p.ActAnswer:
        """Apply what is proposed."""
        body = p.ActBody(reason=reason, request_id=request_id)
        return await self._act(routes.APPROVE, body, repository=repository, id=evaluation_id)

    async def override(
        self,
        repository: str,
        evaluation_id: int,
        *,
        classification: Classification | None = None,
        delta: int | None = None,
        reason: str = "",
        request_id: str | None = None,
    ) -> p.ActAnswer:
        """Apply another class, or another number."""
        body = _body(
            p.OverrideBody,
            classification=classification,
            delta=delta,
            reason=reason,
            request_id=request_id,
        )
        return await self._act(routes.OVERRIDE, body, repository=repository, id=evaluation_id)

    async def reconsider(
        self, repository: str, evaluation_id: int, *, reason: str = "", request_id: str | None = None
    ) -> p.ActAnswer:
        """Take a maintainer's decision back: the item waits again."""
        body = p.ActBody(reason=reason, request_id=request_id)
        return await self._act(routes.RECONSIDER, body, repository=repository, id=evaluation_id)

    # ---- contributors

    async def contributors(
        self,
        repository: str,
        *,
        search: str = "",
        sort: p.ContributorSort = p.ContributorSort.LOGIN,
        blacklisted: bool | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> p.Page[p.ContributorItem]:
        """The people of a repository; `search` is the beginning of a login, or `id:N`."""
        query = _body(
            p.ContributorQuery, search=search, sort=sort, blacklisted=blacklisted, cursor=cursor, limit=limit
        )
        return await self._get(routes.CONTRIBUTORS, p.Page[p.ContributorItem], query, repository=repository)

    async def contributor(self, repository: str, user: str) -> p.ContributorDetail:
        """One person, by login or `id:N`."""
        return await self._get(routes.CONTRIBUTOR, p.ContributorDetail, repository=repository, user=user)

    async def contributor_ledger(
        self, repository: str, user: str, *, cursor: str | None = None, limit: int = 50
    ) -> p.Page[p.LedgerItem]:
        """One person's ledger, newest first."""
        query = p.PageQuery(cursor=cursor, limit=limit)
        return await self._get(
            routes.CONTRIBUTOR_LEDGER, p.Page[p.LedgerItem], query, repository=repository, user=user
        )

    async def adjust(
        self, repository: str, user: str, delta: int, *, reason: str = "", request_id: str | None = None
    ) -> p.ActAnswer:
        """Change credit by hand."""
        body = _body(p.AdjustBody, delta=delta, reason=reason, request_id=request_id)
        return await self._act(routes.ADJUST, body, repository=repository, user=user)

    async def blacklist(
        self, repository: str, user: str, *, reason: str = "", request_id: str | None = None
    ) -> p.ActAnswer:
        """Blacklist a person."""
        body = p.ActBody(reason=reason, request_id=request_id)
        return await self._act(routes.BLACKLIST, body, repository=repository, user=user)

    async def unblacklist(
        self, repository: str, user: str, *, reason: str = "", request_id: str | None = None
    ) -> p.ActAnswer:
        """Lead a person back."""
        body = p.ActBody(reason=reason, request_id=request_id)
        return await self._act(routes.UNBLACKLIST, body, repository=repository, user=user)

    async def undo(
        self, repository: str, ledger_id: int, *, reason: str = "", request_id: str | None = None
    ) -> p.ActAnswer:
        """Take back one row of the ledger."""
        body = p.ActBody(reason=reason, request_id=request_id)
        return await self._act(routes.UNDO, body, repository=repository, id=ledger_id)

    # ---- what happened, and what is to happen

    async def inbox(
        self,
        repository: str,
        *,
        state: EventState | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> p.Page[p.EventItem]:
        """What was received, newest first."""
        query = p.EventQuery(state=state, cursor=cursor, limit=limit)
        return await self._get(routes.EVENTS, p.Page[p.EventItem], query, repository=repository)

    async def activity(
        self, repository: str | None = None, *, cursor: str | None = None, limit: int = 50
    ) -> p.Page[p.LedgerItem]:
        """Changes of credit of one repository or of all, newest first."""
        query = p.ActivityQuery(repo=repository, cursor=cursor, limit=limit)
        return await self._get(routes.ACTIVITY, p.Page[p.LedgerItem], query)

    async def outbox(
        self,
        repository: str | None = None,
        *,
        state: ActionState | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> p.Page[p.ActionItem]:
        """Actions of one repository or of all, newest first."""
        query = p.OutboxQuery(repo=repository, state=state, cursor=cursor, limit=limit)
        return await self._get(routes.OUTBOX, p.Page[p.ActionItem], query)

    async def cancel(self, action_id: int, *, reason: str = "", request_id: str | None = None) -> p.ActAnswer:
        """Cancel a scheduled action."""
        return await self._act(routes.CANCEL, p.ActBody(reason=reason, request_id=request_id), id=action_id)

    async def why(self, repository: str, number: int) -> p.WhyAnswer:
        """Everything decided about one pull request or issue."""
        return await self._get(routes.WHY, p.WhyAnswer, repository=repository, number=number)

    async def report(self, repository: str | None = None, *, since: datetime | None = None) -> p.ReportAnswer:
        """What was or would have been done in one repository or in all, beside what maintainers did."""
        query = p.ReportQuery(since=since, repo=repository)
        return await self._get(routes.REPORT, p.ReportAnswer, query)

    # ---- how it is asked

    async def _get(self, route: Route, model: type[A], query: p.Query | None = None, **parts: str | int) -> A:
        wanted = query.model_dump(mode="json", exclude_none=True) if query is not None else None
        return _answer(model, await self._send("GET", route.at(**parts), params=wanted))

    async def _act(self, route: Route, body: p.ActBody, **parts: str | int) -> p.ActAnswer:
        return _answer(p.ActAnswer, await self._post(route, body, **parts))

    async def _post(self, route: Route, body: p.ActBody, **parts: str | int) -> httpx2.Response:
        """Sent again once under the same id when the connection broke: the daemon does it once."""
        sent = body if body.request_id else body.model_copy(update={"request_id": token_hex(16)})
        content = sent.model_dump_json(exclude_none=True)
        headers = {"Content-Type": "application/json"}
        path = route.at(**parts)
        try:
            return await self._send("POST", path, content=content, headers=headers)
        except NoDaemon as error:
            if isinstance(error.__cause__, httpx2.ConnectError):
                raise
            return await self._send("POST", path, content=content, headers=headers)

    async def _send(self, method: str, path: str, **what: Any) -> httpx2.Response:
        try:
            return await self._http.request(method, path, **what)
        except (httpx2.HTTPError, OSError) as error:
            raise self._explain(error) from error

    def _explain(self, error: Exception) -> LocalApiError:
        if isinstance(error, httpx2.TimeoutException):
            return NoDaemon(f"the daemon at {self.socket} does not answer")
        if isinstance(error, httpx2.ConnectError | OSError):
            return _unreachable(self.socket)
        return NoDaemon(f"the daemon at {self.socket} went away")


def _unreachable(socket: Path) -> LocalApiError:
    """Why nobody can be reached there, and what to do about it."""
    if len(os.fsencode(socket)) > LONGEST_PATH:
        return NoDaemon(f"the socket's path {socket} is too long; set a shorter `[api] socket`")
    try:
        found = socket.stat()
    except PermissionError:
        return _forbidden(socket.parent)
    except OSError:
        return NoDaemon(f"no daemon is running: there is no socket at {socket}. {HOW_TO_START}")
    if not stat.S_ISSOCK(found.st_mode):
        return NoDaemon(f"{socket} is not a socket; check `[api] socket`")
    if not os.access(socket, os.R_OK | os.W_OK):
        return _forbidden(socket)
    return NoDaemon(f"no daemon is running: nobody listens at {socket}. {HOW_TO_START}")


LONGEST_PATH = 107
"""Bytes that the kernel takes as the path of a socket."""

HOW_TO_START = "Start it with `systemctl start meritocrab`, or `meritocrab run` in another terminal."


def _forbidden(path: Path) -> NoPermission:
    """Words for who may use this socket or its directory."""
    try:
        found = path.stat()
    except OSError:
        return NoPermission(f"you may not look into {path.parent}: ask its owner to let you use {path}")
    owner, group = _user_name(found.st_uid), _group_name(found.st_gid)
    return NoPermission(
        f"you may not use {path}: it belongs to user {owner} and group {group}. Join that group"
        f" (`sudo usermod -aG {group} $USER`, then log in again), or run this as {owner}."
    )


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


M = TypeVar("M", p.OverrideBody, p.AdjustBody, p.ContributorQuery)


def _body(model: type[M], **values: Any) -> M:
    """A request; what is wrong with it is said as the daemon would."""
    try:
        return model(**values)
    except ValidationError as error:
        raise Refused(422, p.ErrorCode.INVALID, p.problems(error)) from None


def _answer(model: type[A], response: httpx2.Response) -> A:
    return _parsed(model, _checked(response))


def _checked(response: httpx2.Response) -> httpx2.Response:
    if response.status_code < 400:
        return response
    error = _json(response).get("error")
    if not isinstance(error, Mapping) or not isinstance(error.get("message"), str):
        raise BadAnswer(f"the daemon answered with status {response.status_code} and no reason")
    kind = KINDS.get(response.status_code, Refused)
    raise kind(response.status_code, str(error.get("code")), error["message"])


def _json(response: httpx2.Response) -> dict[str, Any]:
    try:
        data = response.json()
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _parsed(model: type[A], response: httpx2.Response) -> A:
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        raise _other_version(error) from None


def _stream_event(model: type[p.Answer], data: str) -> StreamEvent:
    try:
        event = model.model_validate_json(data)
    except ValidationError as error:
        raise _other_version(error) from None
    assert isinstance(event, p.Health | p.Changed | p.Bye)  # noqa: S101 - STREAM_EVENTS holds these
    return event


def _other_version(error: ValidationError) -> BadAnswer:
    place = ".".join(str(part) for part in error.errors()[0]["loc"])
    return BadAnswer(
        f"the daemon's answer is not understood (at {place or 'its beginning'}): is it of another version?"
        " Restart it after an update."
    )
