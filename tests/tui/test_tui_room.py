"""Where there is more than fits: what counts stays on the screen, and what is left out says so."""

from __future__ import annotations

from typing import Any

import pytest

from meritocrab.localapi.client import LocalClient
from meritocrab.localapi.protocol import RepositoryItem, RepositoryList
from meritocrab.tui.widgets.document import Document
from tests.localapi.conftest import Served
from tests.tui.stage import LARGE, SMALL, staged


class Crowded(LocalClient):
    """A daemon that watches many repositories."""

    number = 31
    trouble = ""

    async def repositories(self) -> RepositoryList:
        """The only one, and others like it."""
        (first,) = (await super().repositories()).items
        return RepositoryList(items=tuple(self._like(first, count) for count in range(self.number)))

    def _like(self, first: RepositoryItem, count: int) -> RepositoryItem:
        more: dict[str, Any] = {"name": f"octo/bed-{count:02}"} if count else {}
        return first.model_copy(update={"policy_error": self.trouble, **more})


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_many_repositories_leave_room_for_what_happened(served: Served, size: tuple[int, int]) -> None:
    served.day.pull("newt", "Something")
    await served.day.settle()
    await served.day.give_credit("newt", 5)
    async with staged(Crowded(served.client.socket), size, served.day) as stage:
        repositories, recent = stage.rows("repositories"), stage.rows("recent")
        assert "Recent activity" in stage.text
        assert "@newt" in stage.text
        for key in ("end", "home", *["down"] * 12, "pagedown"):
            await stage.press(key)
            assert repositories.current is not None
            assert f"›{repositories.current.name}"[:16] in stage.text
        assert recent.size.height >= 3
        assert repositories.region.bottom <= recent.region.y


async def test_few_repositories_leave_the_rest_to_what_happened(served: Served) -> None:
    async with staged(served.client, SMALL, served.day) as stage:
        assert stage.rows("repositories").size.height == 2
        assert stage.rows("recent").size.height > 6


async def test_the_trouble_of_a_repository_is_told_in_full(served: Served) -> None:
    client = Crowded(served.client.socket)
    client.trouble = "line 3: " + " ".join(f"word-{count}" for count in range(24)) + " last"
    async with staged(client, SMALL, served.day) as stage:
        assert " last\n" in stage.text
        assert " every " in stage.text
        client.trouble += " word" * 100
        await stage.press("ctrl+r")
        await stage.until(lambda: "…\n" in stage.text, "the sign that something is left out")


async def test_a_long_notice_loses_no_words(served: Served) -> None:
    async with staged(served.client, SMALL, served.day) as stage:
        stage.app.tell("the beginning " + "and more " * 12 + "and the end", "error")
        await stage.calm()
        assert "and the end" in stage.text
        stage.app.tell("the beginning " + "and more " * 60 + "and the end")
        await stage.calm()
        assert "…\n" in stage.text
        assert stage.text.splitlines()[-1].endswith("q quit")


async def test_no_letter_hides_under_the_scrollbar(served: Served) -> None:
    served.day.judge.says("Ruler", "low", 0.5)
    for width in (77, 78, 79):
        served.day.pull("newt", "Ruler", f"{'x' * (width - 1)}|\n\n" * 20)
        await served.day.settle()
    async with staged(served.client, SMALL, served.day) as stage:
        await stage.press("2", "enter")
        for _ in (77, 78, 79):
            await stage.press("end")
            document = stage.app.view.query_one(Document)
            assert document.show_vertical_scrollbar
            assert "|" in stage.text
            await stage.press("escape", "space", "enter")


async def test_a_cut_line_of_a_list_says_so(served: Served) -> None:
    day = served.day
    await day.operate("blacklist", "newt")
    for _ in range(5):
        day.pull("newt", "Again")
    await day.decide()
    for item in (await served.client.outbox()).items[::2]:
        await served.client.cancel(item.id, reason="no need to do this now, not here and not by us")
    async with staged(served.client, SMALL, day) as stage:
        await stage.press("4")
        assert stage.rows("outbox").show_vertical_scrollbar
        cut = [line for line in stage.text.splitlines() if "– cancelled" in line]
        assert cut
        assert all("…" in line for line in cut)
