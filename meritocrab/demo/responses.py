"""From a handler's reply to the answer that is sent: ETags, 304, quota and the headers that all have.

An ETag belongs to one address, one token and one media type, and only a caller with a token gets a 304 for
nothing; both decide what polling costs.
"""

from __future__ import annotations

import hashlib
import json
from email.utils import format_datetime

from meritocrab.demo.access import Token
from meritocrab.demo.limits import Limits
from meritocrab.demo.messages import Reply, Request, Response
from meritocrab.demo.world import World

API_VERSIONS = ("2022-11-28", "2026-03-10")


def finish(limits: Limits, request: Request, reply: Reply, key: str, counted: bool) -> Response:
    """Complete a reply, and charge it to the quota behind the key if it counts."""
    body = reply.raw if reply.raw is not None else encode(reply)
    headers = {"content-type": reply.content_type} if body else {}
    headers |= reply.headers
    status = reply.status
    if request.reads and status == 200:
        tag = etag(request, body)
        headers |= {"etag": tag, "cache-control": _cache_control(request)}
        if matches(request.headers.get("if-none-match", ""), tag):
            status, body, counted = 304, b"", counted and request.token is None
            headers.pop("content-type")
    counted = limits.charge(key, counted)
    headers |= _common(limits.world, request) | limits.headers(key)
    return Response(status, body, headers, counted)


def _cache_control(request: Request) -> str:
    return "private, max-age=60, s-maxage=60" if request.token else "public, max-age=60"


def _common(world: World, request: Request) -> dict[str, str]:
    token = world.tokens.get(request.token or "")
    headers = {
        "date": format_datetime(world.now().replace(microsecond=0), usegmt=True),
        "server": "github.com",
        "vary": "Accept, Authorization, Cookie, X-GitHub-OTP,Accept-Encoding, Accept, X-Requested-With",
        "x-github-media-type": "github.v3; format=json",
        "x-github-api-version-selected": request.headers.get("x-github-api-version", API_VERSIONS[0]),
    }
    return headers | (_of_token(token) if token is not None and token.installation is None else {})


def _of_token(token: Token) -> dict[str, str]:
    """What GitHub tells of a personal token: a classic one's scopes, and when one ends that does.

    "Scopes for OAuth apps"; the expiration header as go-github reads it (`headerTokenExpiration`).
    """
    headers = {"x-oauth-scopes": ", ".join(token.scopes)} if token.permissions is None else {}
    if token.expires_at is not None:
        headers["github-authentication-token-expiration"] = f"{token.expires_at:%Y-%m-%d %H:%M:%S} UTC"
    return headers


def encode(reply: Reply) -> bytes:
    """The body of an answer; 204 has none."""
    if reply.status == 204:
        return b""
    return json.dumps(reply.payload, separators=(",", ":")).encode()


def etag(request: Request, body: bytes) -> str:
    """The tag of a body at one address for one token and media type."""
    digest = hashlib.sha256(body)
    for part in (request.token or "", request.target, request.headers.get("accept", "")):
        digest.update(b"\0" + part.encode(errors="surrogateescape"))
    return f'W/"{digest.hexdigest()}"'


def matches(if_none_match: str, tag: str) -> bool:
    """Whether one of the client's tags is this one, weakly compared."""
    known = {part.strip().removeprefix("W/") for part in if_none_match.split(",")}
    return tag.removeprefix("W/") in known or "*" in known
