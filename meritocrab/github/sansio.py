"""The protocol without the network: what to ask, and what an answer means.

Everything here is a function of its arguments, so that each odd answer GitHub is known to give is one line
of a test and none needs a server. The client is the only caller that also waits, sends and remembers.

Sources, by the titles of GitHub's documentation pages: "Rate limits for the REST API", "Best practices for
using the REST API", "Troubleshooting the REST API", "Getting started with the REST API", "REST API
endpoints for issues".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

from meritocrab.core.names import RepositoryState
from meritocrab.github.errors import (
    BadAnswer,
    Forbidden,
    GitHubError,
    Gone,
    Moved,
    NotFound,
    RateLimited,
    Refused,
    ServerTrouble,
    Suspended,
    Unauthorized,
)

PER_PAGE: Final = 100
"""Items asked for per page: the most that GitHub gives."""

API_VERSION: Final = "2022-11-28"
"""The dated version of the REST API that `payloads` is written against ("API Versions")."""

LIMIT_WAIT: Final = timedelta(seconds=60)
"""The wait after a secondary limit that came without advice; doubled each time it is met again."""

LONGEST_WAIT: Final = timedelta(hours=1)

_MESSAGE_LENGTH = 300
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_LIMIT_WORDS = ("rate limit", "abuse detection", "submitted too quickly")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, before any credential is attached to it.

    `target` is a path with its query, relative to the API's root. `writes` is true for what changes
    something that people see; such a request is spaced from others of its kind and never sent twice by the
    client.
    """

    method: str
    target: str
    json: Mapping[str, Any] | None = None
    etag: str | None = None
    writes: bool = False
    resource: str = "core"

    @property
    def path(self) -> str:
        """The target without its query: what may stand in messages and logs."""
        return self.target.partition("?")[0]

    @property
    def label(self) -> str:
        """Method and path, for messages and logs."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Quota:
    """What is left of the primary limit; `reset_at` is GitHub's time (aware UTC)."""

    limit: int
    remaining: int
    reset_at: datetime


# What to ask


def repository_path(full_name: str) -> str:
    """The path of a repository, e.g. `/repos/octocat/hello`.

    Raises:
        ValueError: not of the form owner/name.
    """
    owner, slash, name = full_name.partition("/")
    if not slash or not _NAME.fullmatch(owner) or not _NAME.fullmatch(name) or {owner, name} & {".", ".."}:
        raise ValueError(f"not a repository name of the form owner/name: {full_name!r}")
    return f"/repos/{owner}/{name}"


def segment(text: str | int) -> str:
    """Text as one segment of a path, whatever it holds (`[bot]`, slashes, dots)."""
    quoted = quote(str(text), safe="")
    return quoted.replace(".", "%2E") if quoted in {".", ".."} else quoted


def target(path: str, **query: str | int | None) -> str:
    """Path and query; arguments that are None are left out, the order is that of the call.

    Equal arguments give equal bytes, because an ETag belongs to one exact URL.
    """
    pairs = [(name, value) for name, value in query.items() if value is not None]
    return f"{path}?{urlencode(pairs, safe=':')}" if pairs else path


def since_target(path: str, since: datetime | None, page: int, **query: str | int | None) -> str:
    """The target of a listing sorted by update, oldest first, from `since` on; page 1 is not named."""
    return target(
        path,
        **query,
        sort="updated",
        direction="asc",
        per_page=PER_PAGE,
        since=None if since is None else format_stamp(since),
        page=page if page > 1 else None,
    )


# Values in headers and texts


def format_stamp(moment: datetime) -> str:
    """GitHub's form of a time: whole seconds, UTC, `Z`.

    Raises:
        ValueError: the time has no zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_stamp(text: str) -> datetime:
    """A time as GitHub writes it, as aware UTC.

    Raises:
        ValueError: not a time, or one without a zone.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"a time without a zone: {text!r}")
    return moment.astimezone(UTC)


def clean_text(text: str) -> str:
    """The text without what databases and encoders refuse: no NUL, lone surrogates become U+FFFD."""
    if "\x00" in text:
        text = text.replace("\x00", "")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def read_date(headers: Mapping[str, str]) -> datetime | None:
    """GitHub's clock when it answered (the `Date` header), or None when it is missing or unreadable."""
    return _http_date(headers.get("date", ""))


def read_quota(headers: Mapping[str, str]) -> Quota | None:
    """The primary limit as the `x-ratelimit-*` headers tell it, or None when they do not."""
    try:
        return Quota(
            limit=int(headers["x-ratelimit-limit"]),
            remaining=int(headers["x-ratelimit-remaining"]),
            reset_at=datetime.fromtimestamp(int(headers["x-ratelimit-reset"]), UTC),
        )
    except (KeyError, ValueError, OverflowError, OSError):
        return None


def read_scopes(headers: Mapping[str, str]) -> frozenset[str] | None:
    """What a classic token may do ("Scopes for OAuth apps"); None for all others, whose rights no header tells."""
    text = headers.get("x-oauth-scopes")
    return None if text is None else frozenset(scope for part in text.split(",") if (scope := part.strip()))


def read_expiry(headers: Mapping[str, str]) -> datetime | None:
    """When the token ends, e.g. `2026-12-24 08:00:00 UTC` or with `+0100`; None for ever, or where it is not told."""
    text = headers.get("github-authentication-token-expiration", "").strip().replace(" UTC", " +0000")
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z").astimezone(UTC)
    except ValueError:
        return None


def has_next(headers: Mapping[str, str]) -> bool | None:
    """Whether the `Link` header announces a further page; None when there is no such header."""
    link = headers.get("link")
    if link is None:
        return None
    return any(re.search(r';\s*rel="?next"?', part) for part in link.split(","))


def read_json(request: Request, answer: Answer) -> Any:
    """The body as JSON.

    Raises:
        BadAnswer: it is not JSON.
    """
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise _not_json(request, answer) from error


# What an answer means


def classify(
    request: Request, answer: Answer, *, now: datetime, limits_in_row: int = 0
) -> GitHubError | None:
    """The error that an answer stands for, or None when it is a success (2xx or 304).

    Args:
        request: what was asked.
        answer: what came back.
        now: the local clock (aware UTC); `retry_at` is reckoned from it, so that a wrong local clock does
            no harm.
        limits_in_row: secondary limits met in a row before this one.
    """
    if 200 <= answer.status < 300 or answer.status == 304:
        return None
    if answer.status in (301, 302, 303, 307, 308):
        return _moved(request, answer)
    if answer.status >= 500:
        return _server_trouble(request, answer, now)
    message = _message(answer)
    if is_limit(answer, answer.body.decode("latin-1") if message is None else message):
        return rate_limited(request, answer, now=now, limits_in_row=limits_in_row)
    if message is None:
        return _not_json(request, answer)
    return _definite(request, answer.status, message)


def is_limit(answer: Answer, message: str) -> bool:
    """Whether an error answer is a limit, primary or secondary.

    Secondary limits come as 403 or 429, with or without `Retry-After`; content that is posted too quickly
    also as 422, known by its message only.
    """
    if answer.status == 429:
        return True
    if "suspended" in message.lower():
        return False
    if answer.status == 403 and ("retry-after" in answer.headers or is_spent(answer)):
        return True
    return answer.status in (403, 422) and any(word in message.lower() for word in _LIMIT_WORDS)


def rate_limited(request: Request, answer: Answer, *, now: datetime, limits_in_row: int = 0) -> RateLimited:
    """The error for a limit, with the time from which GitHub may be asked again (see `limit_wait`)."""
    wait = limit_wait(answer, now=now, limits_in_row=limits_in_row)
    kind = "hourly limit" if is_spent(answer) and "retry-after" not in answer.headers else "secondary limit"
    return RateLimited(
        f"{request.label}: GitHub's {kind} is reached; nothing is sent with this token for "
        f"{max(1, round(wait.total_seconds()))} s. If this happens often, poll less often "
        "or watch fewer repositories.",
        retry_at=now + wait,
    )


def limit_wait(answer: Answer, *, now: datetime, limits_in_row: int = 0) -> timedelta:
    """How long to keep still after a limit.

    `Retry-After` if there is one; else until the reset when nothing is left; else a minute, doubled each time
    ("Rate limits for the REST API", exceeding the rate limit). Times in the answer are compared with the
    answer's own `Date`, because the local clock may be wrong.
    """
    advised = retry_after(answer, now)
    if advised is not None:
        return advised
    quota = read_quota(answer.headers)
    if is_spent(answer) and quota is not None:
        left = quota.reset_at - (read_date(answer.headers) or now)
        return max(timedelta(0), left) + timedelta(seconds=1)
    return min(LIMIT_WAIT * (1 << min(limits_in_row, 10)), LONGEST_WAIT)


def retry_after(answer: Answer, now: datetime) -> timedelta | None:
    """The `Retry-After` header as a duration of at least a second: given in seconds, or as a date.

    None when it is missing or unreadable.
    """
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(max(1, int(text[:9])), 86_400))
    until = _http_date(text)
    if until is None:
        return None
    wait = until - (read_date(answer.headers) or now)
    return min(max(timedelta(seconds=1), wait), timedelta(days=1))


def _definite(request: Request, status: int, message: str) -> GitHubError:
    said = f"{request.label}: GitHub answered {status}: {message}"
    if status == 401:
        return Unauthorized(f"{said}. Check that the token or the App's key is valid and has not expired.")
    if status in (403, 451):
        return _forbidden(said, message)
    if status == 404:
        return NotFound(f"{said}. It does not exist, or the token may not see it.")
    if status == 410:
        return Gone(f"{said}. It was deleted or is switched off in the repository.")
    return Refused(f"{said}. Repeating the request would change nothing.", message)


def _forbidden(said: str, message: str) -> GitHubError:
    words = message.lower()
    if "suspended" in words:
        return Suspended(f"{said}. Lift the suspension in the App's or the account's settings on GitHub.")
    if "archived" in words:
        said = f"{said}. An archived repository is read-only."
        return Refused(said, message, state=RepositoryState.ARCHIVED)
    if "locked" in words and "access blocked" not in words:
        return Refused(f"{said}. GitHub refuses this on the thread.", message)
    return Forbidden(f"{said}. Give the token or the App the permission it lacks.")


def _moved(request: Request, answer: Answer) -> GitHubError:
    """A rename leads to another address of a repository; whatever leads elsewhere is not GitHub's doing."""
    location = clean_text(answer.headers.get("location", ""))
    if not re.search(r"/(?:repositories/\d|repos/)", location):
        return _not_json(request, answer)
    return Moved(f"{request.label}: GitHub answered {answer.status}: renamed or moved elsewhere.", location)


def _server_trouble(request: Request, answer: Answer, now: datetime) -> ServerTrouble:
    wait = retry_after(answer, now)
    return ServerTrouble(
        f"{request.label}: GitHub answered {answer.status}: trouble on its side "
        "(www.githubstatus.com may know more).",
        retry_at=None if wait is None else now + wait,
        applied=None,
    )


def _not_json(request: Request, answer: Answer) -> BadAnswer:
    kind = one_line(answer.headers.get("content-type", "no type"), 60)
    return BadAnswer(
        f"{request.label}: the answer ({answer.status}, {kind}, {len(answer.body)} bytes) "
        "is not GitHub's JSON. A proxy, a captive portal or a wrong api_url may stand in between.",
        applied=None,
    )


def _message(answer: Answer) -> str | None:
    """GitHub's own message, in one line; None when the body is not a JSON object and so not GitHub's."""
    try:
        data = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    parts = [str(data.get("message") or "")]
    errors = data.get("errors")
    for error in errors if isinstance(errors, list) else [errors]:
        detail = error.get("message") if isinstance(error, dict) else error
        if isinstance(detail, str):
            parts.append(detail)
    return one_line("; ".join(part for part in parts if part))


def one_line(text: str, length: int = _MESSAGE_LENGTH) -> str:
    """Text from outside, fit for a message: one line, no control characters, cut to `length`."""
    line = " ".join(_CONTROL.sub(" ", clean_text(text)).split()).rstrip(".")
    return line if len(line) <= length else line[: length - 1] + "…"


def is_spent(answer: Answer) -> bool:
    """Whether the answer says that nothing is left of the primary limit."""
    return answer.headers.get("x-ratelimit-remaining", "").strip() == "0"


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).astimezone(UTC)
