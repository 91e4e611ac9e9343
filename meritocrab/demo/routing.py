"""Which handler serves an address, and what it is given to work with."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from meritocrab.demo.auth import Principal
from meritocrab.demo.messages import HttpError, Reply, Request, issues_disabled, not_found
from meritocrab.demo.objects import Account, Repository, Thread
from meritocrab.demo.payloads import Render
from meritocrab.demo.world import World

_PLACES = {"number": r"(\d+)", "name": r"([^/]+)", "path": r"(.*)"}


@dataclass(slots=True)
class Call:
    """What a handler works with. `repo` is only there on routes below a repository."""

    world: World
    render: Render
    request: Request
    principal: Principal
    live: Repository | None = None
    shown: Repository | None = None
    args: tuple[str, ...] = ()
    base: str = ""

    @property
    def repo(self) -> Repository:
        """The repository as this request sees it, which may lag behind."""
        if self.shown is None:
            raise not_found()
        return self.shown

    @property
    def name(self) -> str:
        """The repository's name as of today."""
        return self.repo.full_name if self.live is None else self.live.full_name

    @property
    def number(self) -> int:
        """The first number in the path."""
        return int(self.args[0])

    @property
    def actor(self) -> Account:
        """The account that writes."""
        if self.principal.account is None:
            raise HttpError(401, "Requires authentication")
        return self.principal.account

    def thread(self, *, pull: bool = False) -> Thread:
        """The issue or pull request that the path names."""
        repo, number = self.repo, self.number
        if number in repo.gone and not pull:
            raise HttpError(410, "This issue was deleted")
        thread = repo.threads.get(number)
        if thread is None or (pull and thread.pull is None):
            raise not_found()
        if thread.pull is None:
            self.need_issues()
        return thread

    def need_issues(self) -> None:
        """Refuse where issues are turned off."""
        if not self.repo.has_issues:
            raise issues_disabled()


Handler = Callable[[Call], Reply]


class Routes:
    """Addresses and their handlers; several tables can be joined into one."""

    def __init__(self, *parts: Routes) -> None:
        self._known: list[tuple[str, re.Pattern[str], Handler]] = [
            route for part in parts for route in part._known
        ]

    def on(self, method: str, template: str) -> Callable[[Handler], Handler]:
        """Serve an address with the function below; `{number}`, `{name}` and `{path}` become its `args`."""

        def register(handler: Handler) -> Handler:
            self._known.append((method, _pattern(template), handler))
            return handler

        return register

    def find(self, method: str, path: str) -> tuple[Handler, tuple[str, ...]]:
        """The handler of an address and what its places hold."""
        for known, pattern, handler in self._known:
            if known == method and (match := pattern.fullmatch(path)):
                return handler, tuple(unquote(part) for part in match.groups())
        raise not_found()


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", lambda place: _PLACES[place[1]], template.replace(".", r"\.")))
