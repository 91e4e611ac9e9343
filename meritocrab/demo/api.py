"""The API without any socket: from a request to its response.

Admits the caller, reckons the limits, finds the repository by its present name, its id or a redirect, and
hands over to the handler of the address.
"""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import unquote

from meritocrab.demo import (
    routes_accounts,
    routes_comments,
    routes_graphql,
    routes_repositories,
    routes_statuses,
    routes_threads,
)
from meritocrab.demo.auth import Principal, authenticate
from meritocrab.demo.faults import Fault
from meritocrab.demo.limits import Limits, quota_key, used_up
from meritocrab.demo.messages import HttpError, Reply, Request, Response, not_found
from meritocrab.demo.objects import Repository
from meritocrab.demo.payloads import Render
from meritocrab.demo.responses import API_VERSIONS, finish
from meritocrab.demo.rights import check_read, readable
from meritocrab.demo.routing import Call, Routes
from meritocrab.demo.world import World

REPOSITORY_ROUTES = Routes(
    routes_repositories.routes, routes_threads.routes, routes_comments.routes, routes_statuses.routes
)
ROOT_ROUTES = Routes(routes_accounts.routes, routes_graphql.routes)


class Api:
    """From request to response."""

    def __init__(self, world: World, base: str) -> None:
        self.world = world
        self._limits = Limits(world)
        self._render = Render(base)

    def answer(self, request: Request, lag: float = 0.0) -> Response:
        """Serve one request; reads show what was `lag` seconds ago."""
        with self.world.lock:
            key, counted = "anonymous", False
            try:
                principal = self._admit(request)
                key, counted = quota_key(request, principal), request.path != "/rate_limit"
                if counted:
                    self._limits.check_quota(key)
                self._limits.check_bursts(principal.key, request)
                reply = self._serve(request, principal, lag)
            except HttpError as error:
                reply = error.reply()
            return finish(self._limits, request, reply, key, counted)

    def _admit(self, request: Request) -> Principal:
        if "user-agent" not in request.headers:
            raise HttpError(
                403,
                "Request forbidden by administrative rules. "
                "Please make sure your request has a User-Agent header.",
            )
        version = request.headers.get("x-github-api-version", API_VERSIONS[0])
        if version not in API_VERSIONS:
            raise HttpError(400, f"{version} is not a supported version")
        return authenticate(self.world, request.token)

    def _serve(self, request: Request, principal: Principal, lag: float) -> Reply:
        call = Call(self.world, self._render, request, principal, base=self._render.base + request.path)
        routes, path = ROOT_ROUTES, request.path
        if request.path.startswith(("/repos/", "/repositories/")):
            routes, path = REPOSITORY_ROUTES, self._enter(call, lag)
        handler, call.args = routes.find("GET" if request.reads else request.method, path)
        if request.reads or routes is ROOT_ROUTES:
            return handler(call)
        with self.world.api_write(principal.app):
            return handler(call)

    def _enter(self, call: Call, lag: float) -> str:
        """Find the repository of a request and return the rest of the path."""
        repo, rest = self._locate(call)
        call.live = call.shown = repo
        if lag and call.request.reads:
            call.shown = repo.as_of(self.world.now() - timedelta(seconds=lag))
        call.base = f"{self._render.base}/repositories/{repo.id}" + (f"/{rest}" if rest else "")
        return rest

    def _locate(self, call: Call) -> tuple[Repository, str]:
        parts = call.request.path.strip("/").split("/")
        if parts[0] == "repositories":
            id_, rest = parts[1], "/".join(parts[2:])
            repo = self.world.repositories.get(int(id_)) if id_.isdecimal() else None
        else:
            name, rest = unquote("/".join(parts[1:3])), "/".join(parts[3:])
            repo = self.world.find_repository(name)
            if repo is None:
                self._redirect(call, self.world.moved_to(name), rest)
        if repo is None or not readable(self.world, call.principal, repo):
            raise not_found()
        if call.request.reads:
            check_read(call.principal, repo, rest)
        return repo, rest

    def _redirect(self, call: Call, moved: Repository | None, rest: str) -> None:
        if moved is None or not readable(self.world, call.principal, moved):
            raise not_found()
        query = f"?{call.request.raw_query}" if call.request.raw_query else ""
        url = f"{self._render.base}/repositories/{moved.id}" + (f"/{rest}" if rest else "") + query
        if call.request.reads:
            raise HttpError(301, "Moved Permanently", headers={"location": url})
        raise HttpError(307, "Temporary Redirect", headers={"location": url})

    def key_of(self, request: Request) -> str:
        """Whose quota a request draws on, as far as that can be told."""
        with self.world.lock:
            try:
                return authenticate(self.world, request.token).key
            except HttpError:
                return "anonymous"

    def faulty(self, request: Request, fault: Fault) -> Response:
        """The answer that a fault gives in place of the real one."""
        with self.world.lock:
            key = self.key_of(request)
            error = self._error_of(fault, key)
            response = finish(self._limits, request, error.reply(), key, False)
            if fault.kind == "primary":
                reset = int(self.world.now().timestamp() + fault.seconds)
                response.headers |= {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(reset)}
            return response

    def _error_of(self, fault: Fault, key: str) -> HttpError:
        if fault.kind == "secondary":
            return self._limits.secondary(fault.status or 403, fault.retry_after, fault.message)
        if fault.kind == "primary":
            return HttpError(fault.status or 403, fault.message or used_up(key))
        if fault.kind == "unauthorized":
            return HttpError(401, fault.message or "Bad credentials")
        return HttpError(fault.status or 502, fault.message or "Server Error")
