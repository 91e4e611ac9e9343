"""A hundred thousand people behind a list: few pages are asked for, and the place is kept while rows change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from meritocrab.localapi.client import LocalClient
from meritocrab.tui.book import PAGE_SIZE, PAGES_KEPT
from tests.e2e.conftest import MakeDay
from tests.e2e.world_of_people import REPO
from tests.localapi.conftest import Serve, Served
from tests.tui.crowd import dismiss_crowd, settle_crowd
from tests.tui.stage import LARGE, staged

CROWD = 100_000


class Counting(LocalClient):
    """A client that counts the pages it asks for."""

    pages = 0

    async def contributors(self, *args: Any, **more: Any) -> Any:
        """One page more."""
        self.pages += 1
        return await super().contributors(*args, **more)


Crowd = Callable[..., None]


@pytest.fixture
def crowd(served: Served) -> Iterator[Crowd]:
    """Lets people come; they leave before the ledger is verified, because they have none."""
    yield lambda *args: settle_crowd(served.day, *args)
    dismiss_crowd(served.day)


@pytest.fixture
def crowded(served: Served, crowd: Crowd) -> Served:
    """A repository with a hundred thousand people."""
    crowd(CROWD)
    return served


async def test_both_ends_and_a_search_take_a_page_each(crowded: Served) -> None:
    client = Counting(crowded.client.socket)
    async with staged(client, day=crowded.day) as stage:
        await stage.press("3")
        await stage.until(lambda: "100,000 people" in stage.text, "the total")
        people = stage.rows("people")
        assert client.pages == 1
        await stage.press(*["down"] * 5, "pagedown", "pagedown")
        assert client.pages == 1
        await stage.press("end")
        assert client.pages == 2
        assert people.current is not None
        assert people.current.account.login == "person-099999"
        await stage.press("home")
        assert client.pages == 2
        await stage.press("slash", *"person-0777", "enter")
        await stage.until(lambda: "100 people" in stage.text, "what was found")
        assert people.current is not None
        assert people.current.account.login == "person-077700"
        assert client.pages <= 14  # at most one for each letter
        await stage.press("enter")
        assert "@person-077700" in stage.text
        await stage.press("escape")
        assert people.current.account.login == "person-077700"


async def test_paging_down_asks_for_each_page_once_and_keeps_few(crowded: Served) -> None:
    client = Counting(crowded.client.socket)
    async with staged(client, day=crowded.day) as stage:
        await stage.press("3", *["pagedown"] * 40)
        people = stage.rows("people")
        assert people.cursor > 500
        assert client.pages == (people.cursor + people._shown) // PAGE_SIZE + 1
        assert len(people._book._rows) <= PAGES_KEPT
        await stage.press("s")
        assert client.pages <= (people._book.total or 0) // PAGE_SIZE + 1


async def test_sorting_from_either_end(crowded: Served) -> None:
    async with staged(LocalClient(crowded.client.socket), day=crowded.day) as stage:
        await stage.press("3", "s")
        people = stage.rows("people")
        assert people.current is not None
        assert people.current.credit == 199
        await stage.press("S")
        assert people.current is not None
        assert people.current.credit == 0
        await stage.press("b")
        await stage.until(lambda: "1,000 people blacklisted" in stage.text, "who is blacklisted")


async def test_the_cursor_stays_with_its_person(served: Served, crowd: Crowd) -> None:
    crowd(500)
    async with staged(LocalClient(served.client.socket), day=served.day) as stage:
        await stage.press("3", *["down"] * 30)
        people = stage.rows("people")
        key, height = people.current_key, people.cursor - round(people.scroll_y)
        total = people.count
        crowd(0, [(7_000_000 + n, f"aaa-{n}") for n in range(5)])
        served.day.service._handled()
        await stage.until(lambda: people.count == total + 5, "the newcomers")
        assert people.current_key == key
        assert people.cursor - round(people.scroll_y) == height


async def test_lists_that_were_empty_fill_when_something_happens(served: Served) -> None:
    day = served.day
    async with staged(LocalClient(served.client.socket), day=day) as stage:
        await stage.press("3", "4")
        assert "Actions on GitHub 0" in stage.text
        assert "Changes of credit 0" in stage.text
        day.judge.says("Spam", "spam", 0.97)
        for count in range(5):
            day.pull("newt", f"Spam {count}")
            await day.settle()
        await stage.until(lambda: "Actions on GitHub 4" in stage.text, "the actions")
        await stage.until(lambda: "@newt" in stage.text, "the changes")
        assert "Changes of credit 0" not in stage.text
        await stage.press("3")
        await stage.until(lambda: "@newt" in stage.text, "the person")


async def test_a_search_that_found_nobody_finds_who_comes(served: Served, crowd: Crowd) -> None:
    async with staged(LocalClient(served.client.socket), day=served.day) as stage:
        await stage.press("3", "slash", *"aaa-", "enter")
        await stage.until(lambda: "0 people" in stage.text, "nobody")
        crowd(0, [(7_000_000, "aaa-1")])
        served.day.service._handled()
        await stage.until(lambda: "@aaa-1" in stage.text, "the newcomer")


async def test_the_newest_is_seen_where_nobody_scrolled(served: Served) -> None:
    day = served.day
    day.judge.says("Fine", "acceptable", 0.97)
    async with staged(LocalClient(served.client.socket), day=day) as stage:
        await stage.press("4", "1")
        for count in range(12):
            login = f"helper-{count}"
            day.world.add_user(login)
            day.pull(login, "Fine")
            await day.settle(rounds=1)
            await day.settle(rounds=1)
        await stage.until(lambda: "@helper-11" in stage.text, "the newest on the overview")
        await stage.press("4")
        await stage.until(lambda: "@helper-11" in stage.text, "the newest below the outbox")
        changes = stage.rows("changes")
        await stage.press("tab", *["down"] * 10)
        key, height = changes.current_key, changes.cursor - round(changes.scroll_y)
        assert f"▲ {round(changes.scroll_y)} newer" in stage.text
        day.world.add_user("latecomer")
        day.pull("latecomer", "Fine")
        await day.settle()
        await stage.until(lambda: changes.cursor == 11, "the news")
        assert (changes.current_key, changes.cursor - round(changes.scroll_y)) == (key, height)
        assert f"▲ {round(changes.scroll_y)} newer" in stage.text
        assert "latecomer" not in stage.text
        await stage.press("home")
        assert "@latecomer" in stage.text
        assert "newer" not in stage.text


async def test_who_goes_on_after_a_change_is_not_led_back(served: Served, crowd: Crowd) -> None:
    crowd(500)
    async with staged(LocalClient(served.client.socket), day=served.day) as stage:
        await stage.press("3", *["down"] * 30)
        people = stage.rows("people")
        served.day.service._handled()
        await stage.calm()
        await stage.press("end")
        assert people.cursor == people.count - 1


async def test_a_person_is_blacklisted_and_led_back(served: Served) -> None:
    served.day.pull("newt", "Something")
    await served.day.settle()
    async with staged(LocalClient(served.client.socket), day=served.day) as stage:
        await stage.press("3")
        people = stage.rows("people")
        place = next(at for at in range(people.count) if people.row_at(at).account.login == "newt")  # type: ignore[union-attr]
        await stage.press(*["down"] * place, "enter", "x")
        assert "Blacklist @newt?" in stage.text
        assert "New pull requests are closed" in stage.text
        await stage.press(*"spam", "enter")
        await stage.until(lambda: served.day.is_blacklisted("newt"), "the blacklisting")
        await stage.until(lambda: "✗ blacklisted since" in stage.text, "the page")
        await stage.press("x")
        assert "Lead @newt back" in stage.text
        await stage.press("enter")
        await stage.until(lambda: not served.day.is_blacklisted("newt"), "the way back")
        await stage.press("a", *"-30", "enter", *"late", "enter")
        await stage.until(lambda: served.day.credit("newt") == 70, "the change")
        await stage.until(lambda: "−30" in stage.text, "the ledger")
        await stage.press("home", "u", "enter")
        await stage.until(lambda: served.day.credit("newt") == 100, "the undo")
        await stage.until(lambda: "undone" in stage.text, "the mark")


async def test_a_scheduled_close_is_cancelled(served: Served) -> None:
    day = served.day
    day.pull("newt", "Something")
    await day.settle()
    await day.operate("blacklist", "newt")
    number = day.pull("newt", "Again")
    await day.decide()
    async with staged(LocalClient(served.client.socket), day=day) as stage:
        await stage.press("4", "f", *"sched", "enter")
        assert "scheduled" in stage.text
        outbox = stage.rows("outbox")
        before = outbox.count
        assert before >= 1
        assert "not before" in stage.said
        await stage.press("f", *"every", "enter", "c", *"wait", "enter")
        assert "cancelled" in stage.notice
        await stage.until(lambda: "– cancelled" in stage.text, "the row")
        await stage.until(lambda: "not before" not in stage.said, "the detail of the row")
        await stage.press("f", *"sched", "enter")
        await stage.until(lambda: outbox.count < before, "the list without it")
    assert "cancelled" in [state for _, state in day.fates(number)]


async def test_poll_pause_and_resume(served: Served) -> None:
    async with staged(LocalClient(served.client.socket), day=served.day) as stage:
        await stage.press("s", *"holidays", "enter")
        await stage.until(lambda: "‖ paused" in stage.text, "the pause")
        await stage.press("r")
        await stage.until(lambda: "‖ paused" not in stage.text, "the end of it")
        await stage.press("p")
        assert f"{REPO} is polled now" in stage.notice


async def test_a_pause_of_everything_stands_above_all(served: Served) -> None:
    async with staged(LocalClient(served.client.socket), day=served.day) as stage:
        await served.client.pause_all(reason="holidays [bold]")
        await stage.until(lambda: "‖ Everything is paused by" in stage.text, "the banner")
        assert "holidays [bold]" in " ".join(stage.text.split())
        await stage.press("3")
        assert "‖ Everything is paused by" in stage.text
        await served.client.resume_all()
        await stage.until(lambda: "‖ Everything" not in stage.text, "the end of it")


async def test_a_fallen_breaker_is_shown_and_set_again(make_day: MakeDay, serve: Serve) -> None:
    day = make_day(tables="[breaker]\ncloses_per_hour = 1")
    await day.begin()
    await day.give_credit("newt", 20)
    day.pull("newt"), day.pull("newt", "Another")
    await day.settle(rounds=3)
    served = await serve(day)
    async with staged(LocalClient(served.client.socket), LARGE, day) as stage:
        assert "▲ braked" in stage.text
        assert "the breaker fell: 1 close within an hour" in " ".join(stage.text.split())
        await stage.press("5")
        assert "breaker" in next(line for line in stage.text.splitlines() if "enforcement" in line)
        await stage.press("1", "b", *"all right", "enter")
        await stage.until(lambda: "▲ braked" not in stage.text, "the end of it")
        assert day.row().braked_at is None


async def test_policy_shows_values_sources_and_errors(served: Served) -> None:
    day = served.day
    day.world.set_file(REPO, ".meritocrab.toml", "pr_threshold = 61\n")
    await day.poll_afresh()
    async with staged(LocalClient(served.client.socket), (140, 50), day) as stage:
        await stage.press("5")
        assert "61" in stage.text
        day.world.set_file(REPO, ".meritocrab.toml", "pr_threshold = [bold]\n")
        await day.poll_afresh()
        await stage.until(lambda: "its file is broken; the last good rules hold" in stage.text, "the error")
        assert "61" in stage.text


async def test_a_first_file_that_is_broken_leaves_the_defaults_and_shows_each_error(served: Served) -> None:
    day = served.day
    day.world.set_file(REPO, ".meritocrab.toml", 'pr_threshold = "x"\nstarting_credit = "y"\n')
    await day.poll_afresh()
    async with staged(LocalClient(served.client.socket), day=day) as stage:
        await stage.press("5")
        assert "its file is broken; the daemon's own settings hold" in stage.text
        assert "has no file" not in stage.text
        lines = stage.text.splitlines()
        assert any("▲" in line and "pr_threshold" in line for line in lines)
        assert any("▲" in line and "starting_credit" in line for line in lines)


async def test_the_palette_leads_to_people(served: Served) -> None:
    served.day.pull("newt", "Something")
    await served.day.settle()
    async with staged(LocalClient(served.client.socket), day=served.day) as stage:
        await stage.press("ctrl+p", *"newt")
        await stage.until(lambda: "@newt in octo/garden" in stage.text, "the person")
        await stage.press("down", "enter")
        await stage.until(lambda: "id:" in stage.text and "no role" in stage.text, "the page")


async def test_keys_of_a_page_are_offered_where_they_do_something(served: Served) -> None:
    served.day.pull("newt", "Something")
    await served.day.settle()
    await served.day.give_credit("newt", 90)
    async with staged(LocalClient(served.client.socket), LARGE, served.day) as stage:
        await stage.press("3", "slash", *"newt", "enter")
        await stage.until(lambda: "1 person" in stage.text, "who was found")
        await stage.press("enter")
        assert "undo row" in stage.text.splitlines()[-1]
        await stage.press("p")
        assert "undo row" not in stage.text.splitlines()[-1]
        await stage.press("u")
        assert "Undo" not in stage.text
        await stage.press("p")
        assert "undo row" in stage.text.splitlines()[-1]
        await stage.press("question_mark", "end")
        assert "  q   " in stage.text
        assert "^q" not in stage.text


async def test_changes_are_sifted_by_whom_and_of_whom(served: Served) -> None:
    day = served.day
    day.judge.says("Fine", "acceptable", 0.97)
    for login in ("newt", "nora"):
        day.pull(login, "Fine")
        await day.settle()
    await day.give_credit("nora", 50)
    async with staged(LocalClient(served.client.socket), day=day) as stage:
        await stage.press("4", "tab")
        changes = stage.rows("changes")
        assert changes.count == 3
        await stage.press("f", *"people", "enter")
        assert changes.count == 1
        assert "· by people" in stage.text
        await stage.press("f", *"system", "enter")
        assert changes.count == 2
        await stage.press("f", *"everything", "enter", "f", *"@nora", "enter")
        assert changes.count == 2
        assert "about @nora" in stage.text
        await day.give_credit("nora", 70)
        await stage.until(lambda: changes.count == 3, "the news")


async def test_why_something_came_so(served: Served) -> None:
    day = served.day
    day.judge.says("Spam", "spam", 0.97)
    await day.give_credit("newt", 60)
    day.pull("newt", "Spam [bold]")
    await day.settle()
    number = day.pull("newt", "Again")
    await day.settle()
    async with staged(LocalClient(served.client.socket), LARGE, day) as stage:
        await stage.press("4", "w")
        for words in (
            f"{REPO}#{number} Again",
            "gate: ✗ denied",
            "what happened",
            "rules now",
            "pr_threshold 50",
        ):
            assert words in stage.text, words
        await stage.press("end")
        assert "── actions" in stage.text
        assert "close, because denied" in stage.text
        await stage.press("escape", "tab", "w")
        assert "Spam [bold]" in stage.text
        assert "60 → 35" in stage.text
        await stage.press("y")
        assert stage.app.clipboard.endswith("/pull/1")
        await stage.press("escape", "end", "w")
        assert "belongs to no issue or pull request" in stage.notice
        await stage.press("3", "slash", *"newt", "enter")
        await stage.until(lambda: "1 person" in stage.text, "who was found")
        await stage.press("enter", "p", "w")
        assert "what happened" in stage.text
        await stage.press("escape", "ctrl+p", *"why")
        await stage.until(lambda: f"Why: {REPO}#" in stage.text, "the offer")
        await stage.press("down", "enter")
        await stage.until(lambda: "what happened" in stage.text, "the window")
