"""What the command palette offers: places, people, and a few acts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from meritocrab.localapi.client import LocalApiError
from meritocrab.tui.screens import TABS
from meritocrab.tui.text import plain, plain_str

if TYPE_CHECKING:
    from meritocrab.tui.app import MeritocrabApp
    from meritocrab.tui.screens.view import Thread

PEOPLE_FROM, PEOPLE_SHOWN = 2, 8


class _Offer(NamedTuple):
    name: str
    do: Callable[[], Awaitable[object] | None]
    help: str


def _why(app: MeritocrabApp, thread: Thread) -> None:
    app.show_why(thread)


class Places(Provider):
    """Screens, repositories, contributors by the beginning of their login, and what concerns everything."""

    @property
    def _app(self) -> MeritocrabApp:
        return cast("MeritocrabApp", self.app)

    async def discover(self) -> Hits:
        """What is offered before anything is typed."""
        for offer in self._offers():
            yield DiscoveryHit(Content(offer.name), offer.do, text=offer.name, help=offer.help)

    async def search(self, query: str) -> Hits:
        """What fits, and people whose login begins so."""
        matcher = self.matcher(query)
        for offer in self._offers():
            score = matcher.match(offer.name)
            if score > 0:
                yield Hit(score, Content(offer.name), offer.do, text=offer.name, help=offer.help)
        async for hit in self._people(query.strip().removeprefix("@")):
            yield hit

    def _offers(self) -> Iterator[_Offer]:
        app = self._app
        for place, name in TABS.items():
            yield _Offer(f"Go to {name}", partial(app.go, place), "screen")
        yield _Offer("Poll all repositories now", app.poll_all, "ask GitHub for news at once")
        yield _Offer("Blind mode on or off", app.toggle_blind, "hide verdicts until you have decided")
        yield _Offer("Light or dark", app.action_turn_light, "theme")
        if (thread := app.view.thread()) is not None:
            name = f"Why: {plain_str(thread.repository)}#{thread.number}"
            yield _Offer(name, partial(_why, app, thread), "everything that was decided about it")
        yield _Offer("Reconnect", app.action_reconnect, "connect to the daemon again")
        for item in app.board.repositories:
            name = plain_str(item.name)
            yield _Offer(f"Contributors of {name}", partial(app.show_people, item.name), "repository")
            yield _Offer(f"Policy of {name}", partial(app.show_policy, item.name), "repository")

    async def _people(self, start: str) -> Hits:
        repositories = self._app.board.repositories
        if len(start) < PEOPLE_FROM:
            return
        for item in repositories[:PEOPLE_SHOWN]:
            try:
                page = await self._app.client.contributors(item.name, search=start, limit=PEOPLE_SHOWN)
            except LocalApiError:
                return  # the palette goes on without people; the screen says that the daemon is away
            for person in page.items:
                name = plain(f"@{person.account.login} in {item.name}")
                user = f"id:{person.account.id}"
                yield Hit(
                    0.5,
                    name,
                    partial(self._app.show_person, item.name, user),
                    text=name.plain,
                    help="contributor",
                )
