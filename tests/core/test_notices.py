"""What a notification says, and that nothing from outside can say more than it may."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meritocrab.core.names import NoticeKind, RepositoryState
from meritocrab.core.notices import (
    LISTED,
    LONGEST_TITLE,
    PARKED,
    PROVIDER,
    PROVIDER_RECOVERED,
    RECOVERED,
    Item,
    cleaned,
    compose,
    header,
    trial,
)

HOSTILE = 'x\r\nTitle: "gone"\x1b[2J\u202e\0$(id)`id`' + "🦀" * 200


def item(number: int = 1, code: str = "", **more: object) -> Item:
    return Item(code, "octo/garden", number, link=f"https://github.example/octo/garden/pull/{number}", **more)  # type: ignore[arg-type]


def test_one_thing_is_told_as_it_is() -> None:
    message = compose("close-1", NoticeKind.CLOSE, (item(12),), 1)
    assert message.title == message.text == "octo/garden#12 was closed"
    assert message.number == 12
    assert message.as_headers() == {
        "Title": "octo/garden#12 was closed",
        "Priority": "2",
        "Tags": "no_entry",
        "X-Message-Id": "close-1",
        "Content-Type": "text/plain; charset=utf-8",
        "Click": "https://github.example/octo/garden/pull/12",
    }


def test_many_things_are_one_message_that_counts() -> None:
    items = tuple(item(number, "pull_request") for number in range(1, 8))
    message = compose("queue-1", NoticeKind.QUEUE, items, 17)
    lines = message.text.splitlines()
    assert message.title == "17 contributions wait for your decision"
    assert len(lines) == LISTED + 1
    assert lines[0] == "octo/garden#1: a pull request waits for your decision"
    assert lines[-1] == "and 12 more"
    assert (message.count, message.number) == (17, None)


def test_every_trouble_has_words() -> None:
    for code in (*RepositoryState, PARKED, RECOVERED, PROVIDER, PROVIDER_RECOVERED):
        assert "_" not in compose("error-1", NoticeKind.ERROR, (item(code=str(code)),), 1).text
    fell = compose("breaker-1", NoticeKind.BREAKER, (Item(repository="octo/garden", amount=10),), 1)
    assert fell.text == "octo/garden observes from now on: the breaker fell after 10 closes within an hour"


def test_a_title_is_one_line_and_short() -> None:
    message = compose("close-1", NoticeKind.CLOSE, (item(title=HOSTILE),), 1)
    assert message.text.isprintable()
    assert message.text.startswith('octo/garden#1 was closed: "x Title: "gone"[2J$(id)`id`🦀')
    assert HOSTILE[:3] not in message.title


@given(st.text())
def test_nothing_gets_out_of_a_header(text: str) -> None:
    value = header(text)
    assert value.isascii()
    assert value.isprintable()
    assert len(cleaned(text)) <= LONGEST_TITLE
    assert all(char.isprintable() for char in cleaned(text))


@pytest.mark.parametrize(("text", "value"), [("plain", "plain"), ("Grüße", "=?UTF-8?B?R3LDvMOfZQ==?=")])
def test_a_header_is_as_ntfy_reads_it(text: str, value: str) -> None:
    assert header(text) == value


def test_the_environment_is_text_and_none_is_nothing() -> None:
    environment = trial().as_environment()
    assert environment["NOTICE_NUMBER"] == ""
    assert environment["NOTICE_COUNT"] == "1"
    assert all(name.startswith("NOTICE_") for name in environment)
