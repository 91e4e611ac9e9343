"""Stories about notifications: what is told, once, in few messages, and never at anybody's cost."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from meritocrab.core.names import NoticeKind
from meritocrab.daemon.notify import Notifier
from meritocrab.notify.command import Command
from meritocrab.store import inbox
from meritocrab.store.models import NotificationRow
from tests.e2e.conftest import MakeDay
from tests.e2e.listener import Listener, listening, script, told
from tests.e2e.world_of_people import REPO, TOKEN, Day

HOSTILE = "Free\r\nPriority: 5\x1b[2J $(touch owned) \u202e`id` 🦀"


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


def posting(listener: Listener, more: str = "min_interval = 0") -> str:
    return f'[notify]\nurl = "{listener.url}"\n{more}\n'


def running(argv: list[str], more: str = "min_interval = 0") -> str:
    return f"[notify]\ncommand = {json.dumps(argv)}\n{more}\n"


async def doubtful(day: Day, title: str = "Doubtful", by: str = "newt") -> int:
    """A pull request that waits in the review queue."""
    day.judge.says(title, "low", 0.5)
    number = day.pull(by, title)
    await day.settle()
    return number


def rows(day: Day) -> list[NotificationRow]:
    return day.look(lambda: list(NotificationRow.select().order_by(NotificationRow.id)))


async def test_a_queue_item_a_close_and_the_breaker(
    either_url: str, make_day: MakeDay, listener: Listener
) -> None:
    tables = posting(listener) + "[breaker]\ncloses_per_hour = 1"
    day = make_day(either_url, tables=tables)
    await day.begin()
    await doubtful(day)
    await day.give_credit("zoe", 20)
    day.pull("zoe"), day.pull("zoe", "Another")
    await day.settle(rounds=3)
    await day.service.notifier.step()
    assert sorted(listener.texts()) == [
        f"{REPO} observes from now on: the breaker fell after 1 close within an hour",
        f"{REPO}#1: a pull request waits for your decision",
        f"{REPO}#2 was closed",
    ]
    headers = {each["Title"]: each for each, _ in listener.heard}
    close = headers[f"{REPO}#2 was closed"]
    assert close["Click"] == f"{day.github.url}/{REPO}/pull/2"
    assert (close["Priority"], close["Tags"]) == ("2", "no_entry")
    assert len({each["X-Message-Id"] for each, _ in listener.heard}) == 3
    assert not any("zoe" in str(heard) or "newt" in str(heard) for heard in listener.heard)
    await day.service.notifier.step()
    await day.restart()
    await day.service.notifier.step()
    assert len(listener.heard) == 3
    assert {row.state for row in rows(day)} == {"sent"}


async def test_a_flood_is_one_message(make_day: MakeDay, listener: Listener) -> None:
    day = make_day(tables=posting(listener, "min_interval = 600"))
    await day.begin()
    await doubtful(day, "Doubtful 0")
    await day.service.notifier.step()
    for number in range(1, 8):
        day.judge.says(f"Doubtful {number}", "low", 0.5)
        day.pull("newt", f"Doubtful {number}")
    await day.settle()
    await day.service.notifier.step()
    assert len(listener.heard) == 1
    day.later(seconds=601)
    await day.service.notifier.step()
    headers, text = listener.heard[1]
    assert headers["Title"] == "7 contributions wait for your decision"
    assert text.splitlines()[-1] == "and 2 more"
    assert len(listener.heard) == 2


async def test_only_what_is_wanted_and_nothing_without_a_way_out(
    make_day: MakeDay, listener: Listener
) -> None:
    day = make_day(tables=posting(listener, 'events = ["breaker"]'))
    await day.begin()
    await doubtful(day)
    await day.service.notifier.step()
    assert listener.heard == []
    assert rows(day) == []


async def test_a_lasting_trouble_and_its_end_are_told_and_a_blip_is_not(
    make_day: MakeDay, listener: Listener
) -> None:
    day = make_day(tables=posting(listener))
    await day.begin()

    async def outage(minutes: float) -> None:
        day.world.faults.offline = True
        day.later(seconds=5)
        await day.poll()
        day.later(minutes=minutes)
        await day.service.notifier.step()
        day.world.faults.offline = False
        day.later(minutes=30)
        await day.settle()
        await day.service.notifier.step()

    await outage(2)
    assert listener.heard == []
    await outage(6)
    assert listener.texts() == [f"{REPO} is in trouble: unreachable", f"{REPO} is well again"]


async def test_a_parked_event_is_told(make_day: MakeDay, listener: Listener) -> None:
    day = make_day(tables=posting(listener))
    await day.begin()
    number = day.pull("newt")
    await day.decide()
    (event,) = day.events(number=number)
    for _ in range(inbox.PARK_AFTER):
        await day.store.write(inbox.fail, event.id, until=day.now(), error="a bug", now=day.now())
    await day.service.notifier.step()
    assert listener.texts() == [f"{REPO}#{number}: an event failed by meritocrab's own fault"]


async def test_what_did_not_arrive_is_sent_again_under_the_same_id(
    make_day: MakeDay, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    day = make_day(tables=posting(listener))
    await day.begin()
    listener.status = 503
    await doubtful(day)
    await day.service.notifier.step()
    await day.service.notifier.step()
    assert len(listener.heard) == 1
    assert rows(day)[0].last_error == "127.0.0.1 answered with status 503"
    assert "garden-topic" not in caplog.text
    listener.status = 200
    await doubtful(day, "Doubtful too")
    day.later(minutes=2)
    await day.restart()
    await day.service.notifier.step()
    first, again, other = [headers["X-Message-Id"] for headers, _ in listener.heard]
    assert first == again != other
    assert listener.texts()[0] == listener.texts()[1]


async def test_killed_between_sending_and_noting_it(
    make_day: MakeDay, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = make_day(tables=posting(listener))
    await day.begin()
    await doubtful(day)

    class KilledError(BaseException):
        """As by a signal."""

    async def die(self: Notifier, name: str, message) -> bool:  # type: ignore[no-untyped-def]
        await self._channels[name].send(message)
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(Notifier, "_hand_over", die)
        with pytest.raises(KilledError):
            await day.service.notifier.step()
    await day.restart()
    day.later(minutes=2)
    await day.service.notifier.step()
    (first, text), (second, again) = listener.heard
    assert (first["X-Message-Id"], text) == (second["X-Message-Id"], again)


async def test_what_is_a_day_old_is_dropped(
    make_day: MakeDay, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    day = make_day(tables=posting(listener))
    await day.begin()
    listener.status = 500
    await doubtful(day)
    for _ in range(30):
        day.later(hours=1)
        await day.service.notifier.step()
    heard = len(listener.heard)
    assert [row.state for row in rows(day)] == ["dropped"]
    assert "could not be delivered for a day" in caplog.text
    listener.status = 200
    day.later(hours=2)
    await day.service.notifier.step()
    assert len(listener.heard) == heard < 30


async def test_a_redirect_gets_neither_the_token_nor_the_message(
    make_day: MakeDay, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    with listening() as elsewhere:
        listener.status, listener.headers = 307, {"Location": elsewhere.url}
        day = make_day(tables=posting(listener, 'token = "tk_of-the-topic"'))
        await day.begin()
        await doubtful(day)
        await day.service.notifier.step()
        assert listener.heard[0][0]["Authorization"] == "Bearer tk_of-the-topic"
        assert elsewhere.heard == []
    assert "redirects are not followed" in caplog.text
    assert "tk_of-the-topic" not in caplog.text


async def test_a_command_gets_json_and_a_bare_environment(
    make_day: MakeDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MERITOCRAB_LLM__API_KEY", "sk-a-secret-of-ours")
    day = make_day()
    day.setup.tables = running(script(day.folder, "sys.exit(0)"), "texts = true")
    await day.restart()
    await day.settle()
    await doubtful(day, HOSTILE)
    await day.service.notifier.step()
    ((message, environment),) = told(day.folder)
    assert message["kind"] == "queue"
    assert message["number"] == 1
    assert message["text"].isprintable()
    assert message["text"].endswith('"Free Priority: 5[2J $(touch owned) `id` 🦀"')
    assert environment["NOTICE_TITLE"] == f"{REPO}#1: a pull request waits for your decision"
    assert environment["NOTICE_LINK"] == f"{day.github.url}/{REPO}/pull/1"
    assert not any(TOKEN in value or "secret" in value for value in environment.values())
    assert "MERITOCRAB_LLM__API_KEY" not in environment
    assert not (day.folder / "owned").exists()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("sys.exit(3)", "ended with status 3"),
        ("time.sleep(60)", "did not end within 0.8 seconds"),
        ("os.kill(os.getpid(), 9)", "ended with status -9"),
    ],
)
async def test_a_command_that_fails_is_run_again_later(
    day: Day, caplog: pytest.LogCaptureFixture, body: str, words: str
) -> None:
    command = Command(script(day.folder, body), timeout_seconds=0.8)
    notifier = day.service.notifier
    notifier._channels, notifier._wanted = {"command": command}, tuple(NoticeKind)
    await doubtful(day)
    await notifier.step()
    assert words in caplog.text
    assert [row.state for row in rows(day)] == ["waiting"]


async def test_a_command_that_is_not_there(make_day: MakeDay, caplog: pytest.LogCaptureFixture) -> None:
    day = make_day(tables=running(["/nowhere/at-all"]))
    await day.begin()
    await doubtful(day)
    with caplog.at_level(logging.WARNING):
        await day.service.notifier.step()
    assert "cannot be run: No such file or directory" in caplog.text


async def test_of_two_ways_only_the_one_that_failed_is_tried_again(
    make_day: MakeDay, listener: Listener
) -> None:
    day = make_day()
    tables = running(script(day.folder, "sys.exit(0)")) + f'url = "{listener.url}"\n'
    day.setup.tables = tables
    await day.restart()
    await day.settle()
    listener.status = 500
    await doubtful(day)
    await day.service.notifier.step()
    listener.status = 204
    day.later(minutes=2)
    await day.service.notifier.step()
    assert len(told(day.folder)) == 1
    assert len(listener.heard) == 2
    assert [row.state for row in rows(day)] == ["sent"]
