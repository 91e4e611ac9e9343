"""The review queue: one key an item, nothing decided twice, nothing lost, the place kept."""

from __future__ import annotations

import pytest
from textual import events
from textual.widgets import Input

from meritocrab.core.names import Classification
from meritocrab.localapi.client import LocalClient
from meritocrab.localapi.protocol import Topic
from tests.e2e.conftest import MakeDay
from tests.e2e.test_story_verdicts import LLM, Model, verdict
from tests.e2e.world_of_people import REPO
from tests.localapi.conftest import Serve, Served
from tests.tui.stage import LARGE, Stage, fill_queue, staged


async def test_twenty_items_take_twenty_keys_and_two_to_come_there(served: Served) -> None:
    await fill_queue(served.day, 20)
    async with staged(served.client, day=served.day) as stage:
        await stage.press("2")
        assert stage.rows("queue").count == 20
        for _ in range(5):
            await stage.press("a", "s", "c", "h")
        assert stage.pressed <= 22
        await stage.until(lambda: not stage.app.board.queue, "an empty queue")
        assert "Nothing waits for you" in stage.text
    states = sorted(row.state for count in range(20) for row in served.day.judged(f"doubter-{count}"))
    assert states == ["approved"] * 5 + ["overridden"] * 15
    assert [served.day.credit(f"doubter-{count}") for count in range(4)] == [95, 75, 105, 115]


async def test_the_next_item_is_under_the_cursor_at_once(served: Served) -> None:
    await fill_queue(served.day, 4)
    async with staged(served.client, day=served.day) as stage:
        await stage.press("2", "down")
        _, second, third, _ = stage.keys_of("queue")
        assert stage.rows("queue").current_key == second
        await stage.pilot.press("a")
        await stage.pilot.pause()
        assert stage.rows("queue").current_key == third
        await stage.calm()
        assert "Doubtful change 2" in stage.dossier
        assert second not in stage.keys_of("queue")


async def test_a_decision_is_told_and_can_be_undone(served: Served) -> None:
    await fill_queue(served.day, 2)
    async with staged(served.client, day=served.day) as stage:
        await stage.press("2", "s")
        assert "doubter-0: spam −25 → 75" in stage.notice
        await stage.press("u")
        assert "undone, and it waits again: spam: #1 of @doubter-0 +25 → 100" in stage.notice
        assert served.day.credit("doubter-0") == 100
        await stage.until(lambda: stage.rows("queue").count == 2, "the item in the queue again")
        await stage.press("u")
        assert "nothing to undo" in stage.notice
        await stage.press("up", "h")
        assert "doubter-0: high +15 → 115" in stage.notice


async def test_a_number_with_a_reason(served: Served) -> None:
    await fill_queue(served.day, 1)
    async with staged(served.client, day=served.day) as stage:
        await stage.press("2", "n", *"+7x", "enter")
        assert "a whole number" in stage.text
        await stage.press("backspace", "enter", *"nice", "enter")
        assert served.day.credit("doubter-0") == 107
        (row,) = [row for row in served.day.ledger_rows("doubter-0") if row.reason != "opening"]
        assert row.requested == 7


async def test_who_comes_second_is_told_calmly(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    await fill_queue(served.day, 2)
    async with staged(served.client, day=served.day) as stage:
        await stage.press("2")
        (first, second) = stage.app.board.queue
        with monkeypatch.context() as deaf:
            deaf.setattr(stage.app, "ask", lambda topics: None)  # nobody tells of what the other one does
            await served.client.override(REPO, first.id, classification=Classification.HIGH)
            await stage.press("s")
        assert "somebody was first" in stage.notice
        assert stage.notice.startswith("▲")
        stage.app.ask(list(Topic))
        await stage.calm()
        assert stage.keys_of("queue") == [second.id]
        assert served.day.credit("doubter-0") == 115


async def test_what_the_daemon_does_not_take_comes_back(served: Served) -> None:
    await fill_queue(served.day, 2)
    async with staged(served.client, day=served.day) as stage:
        await stage.press("2")
        before = stage.keys_of("queue")
        await served.api.stop()
        await stage.until(lambda: stage.app.board.link != "live", "a lost connection")
        await stage.press("a")
        assert "is not decided" in stage.notice
        assert sorted(map(str, stage.keys_of("queue"))) == sorted(map(str, before))


async def test_marked_items_are_decided_together_after_a_question(served: Served) -> None:
    await fill_queue(served.day, 5)
    async with staged(served.client, day=served.day) as stage:
        await stage.press("2", "v", "v", "v", "h")
        assert "decide 3 items at once?" in stage.text
        await stage.press("n")
        assert stage.rows("queue").count == 5
        await stage.press("h", "y")
        await stage.until(lambda: len(stage.app.board.queue) == 2, "the decisions")
        assert [served.day.credit(f"doubter-{count}") for count in range(4)] == [115, 115, 115, 100]


async def test_a_batch_says_what_it_does_and_is_undone_as_one_step(served: Served) -> None:
    await fill_queue(served.day, 4)
    await served.day.give_credit("doubter-1", 60)
    await served.day.give_credit("doubter-2", 20)
    async with staged(served.client, day=served.day) as stage:
        await stage.press("2", "v", "v", "v")
        assert "3 marked" in stage.text
        await stage.press("s")
        said = stage.said
        assert "Of @doubter-0, @doubter-1, @doubter-2." in said
        assert "Credit changes by −70 in all: 3 spam (−70)." in said
        assert "Falls below the gate: @doubter-1 (60 → 35)." in said
        assert (
            "Falls to the blacklist threshold: @doubter-2 (20 → 0)." in said
            or "Blacklists @doubter-2" in said
        )
        await stage.press("y")
        await stage.until(lambda: len(stage.app.board.queue) == 1, "the decisions")
        assert "spam: 3 items, −70 in all; u undoes them" in stage.notice
        await stage.press("u")
        await stage.until(lambda: len(stage.app.board.queue) == 4, "the items in the queue again")
        assert "undone, and 3 items wait again" in stage.notice
        assert [served.day.credit(f"doubter-{count}") for count in range(3)] == [100, 60, 20]
        await stage.press("u")
        assert "nothing to undo" in stage.notice


async def test_numbers_and_sleep_are_for_all_that_is_marked(served: Served) -> None:
    await fill_queue(served.day, 5)
    async with staged(served.client, day=served.day) as stage:
        await stage.press("2", "v", "v", "n")
        assert "2 items: by how much" in stage.text
        await stage.press(*"+3", "enter", *"nice", "enter")
        await stage.until(lambda: len(stage.app.board.queue) == 3, "the decisions")
        assert [served.day.credit(f"doubter-{count}") for count in range(3)] == [103, 103, 100]
        _, *others = stage.keys_of("queue")
        await stage.press("end", "v", "up", "v", "z")
        assert "2 items are hidden for an hour" in stage.notice
        assert len(stage.keys_of("queue")) == 1
        assert not set(others) & set(stage.keys_of("queue"))


async def test_a_batch_names_the_blacklist_proposals_in_it(village_served: Served) -> None:
    async with staged(village_served.client, LARGE, village_served.day) as stage:
        await stage.press("2")
        proposal = next(item.id for item in stage.app.board.queue if item.subject == "blacklist")
        await _go_to(stage, proposal)
        await stage.press("v", "v", "a")
        assert "1 blacklist proposal among them: approving blacklists @spam-4-you." in stage.said
        assert "1 low (−5)" in stage.said
        await stage.press("n", "b", "a")
        assert "✗ 1 blacklist proposal among them: approving blacklists" in stage.said
        assert "1 low (−5)" not in stage.said
        await stage.press("n", "c")
        assert "@spam-4-you will not be blacklisted." in stage.said


async def test_a_proposal_has_nothing_to_hide_and_takes_no_number(village_served: Served) -> None:
    async with staged(village_served.client, LARGE, village_served.day) as stage:
        await stage.press("2")
        proposal = next(item.id for item in stage.app.board.queue if item.subject == "blacklist")
        await _go_to(stage, proposal)
        await stage.press("b")
        assert "a blacklist" in stage.dossier
        assert "leave it" in stage.dossier
        assert "hidden until" not in stage.dossier
        await stage.press("n")
        assert "takes a (blacklist) or c" in stage.notice


async def test_blind_mode_tells_nothing_until_it_is_decided(served: Served) -> None:
    await fill_queue(served.day, 2)
    async with staged(served.client, LARGE, served.day) as stage:
        await stage.press("2", "b")
        screen = stage.text
        for word in ("it is low", "50 %", "50%", "approve low"):
            assert word not in screen
        await stage.press("w")
        assert "hidden until you have decided" in stage.text
        assert "it is low" not in stage.text
        await stage.press("escape", "c")
        assert "the verdict was low 50 %" in stage.notice
        await stage.press("b")
        assert "it is low" in stage.text


async def test_snoozed_items_sleep_for_an_hour_in_this_session(served: Served) -> None:
    await fill_queue(served.day, 3)
    async with staged(served.client, day=served.day) as stage:
        await stage.press("2")
        first, *others = stage.keys_of("queue")
        await stage.press("z")
        assert stage.keys_of("queue") == others
        await stage.press("Z")
        assert stage.keys_of("queue") == [first]
        await stage.press("Z")
        served.day.later(minutes=61)
        stage.app._tick()
        assert stage.keys_of("queue") == [first, *others]


async def test_filter_and_skip(served: Served) -> None:
    await fill_queue(served.day, 12)
    async with staged(served.client, day=served.day) as stage:
        await stage.press("2", "slash", *"doubter-1", "enter")
        assert stage.rows("queue").count == 3  # 1, 10 and 11
        first = stage.rows("queue").current_key
        await stage.press("space", "space", "space")
        assert stage.rows("queue").current_key == first
        await stage.press("escape")
        assert stage.rows("queue").count == 12


async def test_the_place_is_kept_while_items_come_and_go(served: Served) -> None:
    await fill_queue(served.day, 30)
    async with staged(served.client, day=served.day) as stage:
        await stage.press("2", *["down"] * 14)
        queue = stage.rows("queue")
        key, height = queue.current_key, queue.cursor - round(queue.scroll_y)
        for item in stage.app.board.queue[:3]:
            await served.client.approve(item.repository, item.id)
        await stage.until(lambda: len(stage.app.board.queue) == 27, "the news")
        assert queue.current_key == key
        assert queue.cursor - round(queue.scroll_y) == height
        served.day.world.add_user("latecomer")
        served.day.pull("latecomer", "Doubtful and late")
        await served.day.settle()
        await stage.until(lambda: len(stage.app.board.queue) == 28, "the newcomer")
        assert queue.current_key == key
        assert queue.cursor - round(queue.scroll_y) == height


async def test_something_of_everything(village_served: Served) -> None:
    async with staged(village_served.client, LARGE, village_served.day) as stage:
        await stage.press("2")
        titles = {item.author.login: item.id for item in stage.app.board.queue}
        assert len(stage.app.board.queue) >= 8
        await _go_to(stage, titles["shiny-linter[bot]"])
        assert "@shiny-linter[bot]" in stage.text
        assert "neither earns nor loses" in stage.dossier
        await _go_to(stage, titles["quicksilver"])
        assert "⚑ " in stage.dossier
        assert "<U+202E>" in stage.dossier
        proposal = next(item.id for item in stage.app.board.queue if item.subject == "blacklist")
        await _go_to(stage, proposal)
        assert "a blacklist" in stage.dossier
        await stage.press("a")
        await stage.until(lambda: village_served.day.is_blacklisted("spam-4-you"), "the blacklisting")


async def test_a_proposal_can_be_left(village_served: Served) -> None:
    async with staged(village_served.client, LARGE, village_served.day) as stage:
        await stage.press("2")
        proposal = next(item.id for item in stage.app.board.queue if item.subject == "blacklist")
        await _go_to(stage, proposal)
        await stage.press("s")
        assert "takes a (blacklist) or c" in stage.notice
        await stage.press("c")
        await stage.until(lambda: proposal not in [item.id for item in stage.app.board.queue], "the decision")
        assert not village_served.day.is_blacklisted("spam-4-you")


async def _go_to(stage: Stage, key: object) -> None:
    assert stage.rows("queue").put_on(key)
    await stage.calm()


@pytest.mark.parametrize("remote", [True, False])
async def test_links_are_copied_or_opened_after_a_question(
    served: Served, monkeypatch: pytest.MonkeyPatch, remote: bool
) -> None:
    await fill_queue(served.day, 1)
    async with staged(served.client, day=served.day) as stage:
        opened: list[str] = []
        monkeypatch.setattr(stage.app, "open_url", opened.append)
        stage.app.remote = remote
        await stage.press("2")
        link = stage.app.board.queue[0].link
        assert link.startswith("http")
        await stage.press("y")
        assert stage.app.clipboard == link
        await stage.press("o")
        if remote:
            assert opened == []
        else:
            assert "Open this in your browser?" in stage.text
            await stage.press("y")
            assert opened == [link]


async def test_what_a_pull_request_changes_is_asked_of_github(served: Served) -> None:
    day = served.day
    day.judge.says("Doubtful", "low", 0.5)
    patch = "@@ -1,2 +1,2 @@\n-a gap \x1b[31m\n+a [bold]post[/bold]\n wire"
    day.pull("newt", "Doubtful", files=[("src/fence.py", 1, 1, patch), ("oak.png", 0, 0, None)])
    await day.settle()
    async with staged(served.client, day=day, size=LARGE) as stage:
        await stage.press("2")
        assert "d shows what it changes" in stage.dossier
        await stage.press("d")
        for words in ("src/fence.py +1 −1", "+a [bold]post[/bold]", "-a gap ", "(nothing to show)"):
            assert words in stage.dossier
        assert "\x1b" not in stage.dossier
        await stage.press("d")
        assert "src/fence.py" not in stage.dossier
        day.world.faults.offline = True
        await stage.press("d")
        assert "GitHub" in stage.dossier
        day.world.faults.offline = False


async def test_what_changes_is_on_the_screen_at_once(served: Served) -> None:
    day = served.day
    day.judge.says("Doubtful", "low", 0.5)
    patch = "@@ -1 +1 @@\n-a gap\n+a post"
    day.pull("newt", "Doubtful", "a long story\n\n" * 30, files=[("src/fence.py", 1, 1, patch)])
    await day.settle()
    async with staged(served.client, day=day) as stage:
        await stage.press("2", "d")
        assert "src/fence.py +1 −1" in stage.text
        assert "+a post" in stage.text
        assert "below the text" in stage.notice
        await stage.press("d")
        assert "Doubtful" in stage.text
        assert "fence" not in stage.text


async def test_several_repositories_are_told_apart_at_every_width(village_served: Served) -> None:
    for width in (80, 100, 126, 140, 200):
        client = LocalClient(village_served.client.socket)
        async with staged(client, (width, 40), village_served.day) as stage:
            await stage.press("2")
            queue = stage.rows("queue")
            titles = {queue.columns[at.place].title for at in queue._fitted}
            assert {"#", "repository", "author", "verdict", "title"} <= titles
            assert ("would" in titles) is (width not in (126, 140))
            assert " greenhouse" in stage.text


async def test_what_is_not_seen_of_the_queue_is_counted(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meritocrab.tui.app.QUEUE_PAGE", 5)
    monkeypatch.setattr("meritocrab.tui.app.QUEUE_MOST", 10)
    await fill_queue(served.day, 13)
    async with staged(served.client, day=served.day) as stage:
        await stage.press("2")
        assert "the first 10 of 13 that wait" in stage.text
        await stage.press("slash", *"doubter-1", "enter")
        assert "1 of 10" in stage.text


async def test_keys_that_come_all_at_once_reach_where_they_are_meant_for(served: Served) -> None:
    await fill_queue(served.day, 3)
    async with staged(LocalClient(served.client.socket), day=served.day) as stage:
        await stage.press("4", "1")
        for key, letter in (("2", "2"), ("slash", "/"), *((letter, letter) for letter in "asc")):
            stage.app.post_message(events.Key(key, letter))
        await stage.until(
            lambda: [field.value for field in stage.app.query("#queue-filter").results(Input)] == ["asc"],
            "the filter",
        )
        assert len(stage.app.board.queue) == 3
        assert stage.app._view == "review"


async def test_an_item_says_how_often_a_model_was_asked_and_what_that_cost(
    make_day: MakeDay, serve: Serve
) -> None:
    with Model() as model:
        model.about("Careless", verdict("low", 0.95), verdict("spam", 0.91))
        prices = 'model = "m"\n[llm.prices]\nm = [1.0, 10.0]'
        day = make_day(scripted=False, tables=LLM.format(url=model.url, more=prices))
        await day.begin()
        day.pull("newt", "Careless")
        await day.settle()
        served = await serve(day)
        async with staged(served.client, day=day, size=LARGE) as stage:
            await stage.press("2")
            assert "asked 2 times · 2,628 tokens · cost 0.0041 · second opinion spam 91 %" in " ".join(
                stage.dossier.split()
            )
            await stage.press("b")
            assert "second opinion" not in stage.dossier
