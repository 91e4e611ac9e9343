"""What a maintainer is told elsewhere, in words: one message for everything of a kind that waits. Pure.

It leaves the house, so it says little: repository, number, what happened, how many, a link. Nobody's name is in it, and
nothing that anybody wrote but, if the maintainer wants them, titles; those are cleaned and cut short first.
"""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from meritocrab.core.names import NoticeKind

LISTED: Final = 5
"""So many things a message names; the others it counts."""

LONGEST_TITLE: Final = 100

PRIORITIES: Final = {
    NoticeKind.BREAKER: 5,
    NoticeKind.ERROR: 4,
    NoticeKind.QUEUE: 3,
    NoticeKind.CLOSE: 2,
}
"""As ntfy counts them: 5 is the highest, 3 the usual one."""

TAGS: Final = {
    NoticeKind.BREAKER: "rotating_light",
    NoticeKind.ERROR: "warning",
    NoticeKind.QUEUE: "inbox_tray",
    NoticeKind.CLOSE: "no_entry",
}

RECOVERED: Final = "recovered"
PARKED: Final = "parked"
PROVIDER: Final = "provider"
PROVIDER_RECOVERED: Final = "provider_recovered"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that happened. `code` says what exactly; `amount` is a number that belongs to it."""

    code: str = ""
    repository: str = ""
    number: int | None = None
    amount: int = 0
    title: str = ""
    link: str = ""

    @property
    def place(self) -> str:
        """Where it happened: `owner/name#12`."""
        return self.repository if self.number is None else f"{self.repository}#{self.number}"


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `id` stays the same when it has to be sent again."""

    id: str
    kind: NoticeKind
    title: str
    text: str
    count: int = 1
    repository: str = ""
    number: int | None = None
    link: str = ""

    def as_json(self) -> Mapping[str, Any]:
        """The message as plain values, for a program."""
        return {
            "id": self.id,
            "kind": self.kind.value,
            "title": self.title,
            "text": self.text,
            "count": self.count,
            "repository": self.repository,
            "number": self.number,
            "link": self.link,
        }

    def as_environment(self) -> Mapping[str, str]:
        """The message as short texts, for a shell script."""
        return {
            f"NOTICE_{name.upper()}": "" if value is None else str(value)
            for name, value in self.as_json().items()
        }

    def as_headers(self) -> Mapping[str, str]:
        """What stands above the text when it is posted, by ntfy's names."""
        headers = {
            "Title": header(self.title),
            "Priority": str(PRIORITIES[self.kind]),
            "Tags": TAGS[self.kind],
            "X-Message-Id": header(self.id),
            "Content-Type": "text/plain; charset=utf-8",
        }
        return headers | ({"Click": header(self.link)} if self.link else {})


def compose(id: str, kind: NoticeKind, items: tuple[Item, ...], total: int) -> Message:  # noqa: A002
    """The message about these and the rest of `total`."""
    shown = items[:LISTED]
    lines = [_LINES[kind](item) + (f': "{cleaned(item.title)}"' if item.title else "") for item in shown]
    if total > len(shown):
        lines.append(f"and {total - len(shown)} more")
    first = shown[0]
    alone = total == 1
    return Message(
        id=id,
        kind=kind,
        title=_LINES[kind](first) if alone else _SUMS[kind].format(total),
        text="\n".join(lines),
        count=total,
        repository=first.repository if len({item.repository for item in shown}) == 1 else "",
        number=first.number if alone else None,
        link=first.link,
    )


def trial() -> Message:
    """The message by which a maintainer tries the settings."""
    text = "If you can read this, notifications arrive."
    return Message("trial", NoticeKind.QUEUE, "meritocrab: a trial", text)


def cleaned(text: str) -> str:
    """Somebody's text on one line: no control, formatting or unassigned character, and not long."""
    spaced = "".join(" " if char.isspace() else char for char in text)
    plain = "".join(char for char in spaced if not unicodedata.category(char).startswith("C"))
    words = " ".join(plain.split())
    return words if len(words) <= LONGEST_TITLE else f"{words[: LONGEST_TITLE - 1]}…"


def header(text: str) -> str:
    """A text as it may stand in a header: on one line, and as RFC 2047 has it when it is not plain ASCII."""
    one_line = cleaned(text) if not text.isprintable() else text
    if one_line.isascii():
        return one_line
    return f"=?UTF-8?B?{base64.b64encode(one_line.encode()).decode()}?="


_WAITING = {
    "pull_request": "a pull request waits for your decision",
    "comment": "a comment waits for your decision",
}


def _queue_line(item: Item) -> str:
    return f"{item.place}: {_WAITING.get(item.code, 'something waits for your decision')}"


def _close_line(item: Item) -> str:
    return f"{item.place} was closed"


def _error_line(item: Item) -> str:
    if item.code == PROVIDER:
        return "the provider of verdicts is paused: it failed"
    if item.code == PROVIDER_RECOVERED:
        return "the provider of verdicts answers again"
    if item.code == PARKED:
        return f"{item.place}: an event failed by meritocrab's own fault"
    if item.code == RECOVERED:
        return f"{item.place} is well again"
    return f"{item.place} is in trouble: {item.code.replace('_', ' ')}"


def _breaker_line(item: Item) -> str:
    closes = "1 close" if item.amount == 1 else f"{item.amount} closes"
    return f"{item.place} observes from now on: the breaker fell after {closes} within an hour"


_LINES: Final[Mapping[NoticeKind, Callable[[Item], str]]] = {
    NoticeKind.QUEUE: _queue_line,
    NoticeKind.CLOSE: _close_line,
    NoticeKind.ERROR: _error_line,
    NoticeKind.BREAKER: _breaker_line,
}

_SUMS: Final = {
    NoticeKind.QUEUE: "{} contributions wait for your decision",
    NoticeKind.CLOSE: "{} pull requests were closed",
    NoticeKind.ERROR: "{} troubles",
    NoticeKind.BREAKER: "the breaker fell in {} repositories",
}
