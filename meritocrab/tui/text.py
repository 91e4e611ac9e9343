"""The one door for text from outside: whatever a stranger wrote becomes harmless, visible and bounded.

Logins, titles, bodies, reasons, notes and policy values may hold control sequences, characters that turn or hide text,
or mountains of accents. `plain` shows such characters by their code, in the colour of a warning, and never reads
markup. Nothing else may put text of strangers on the screen.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import Final

from textual.content import Content, Span

LINE_LIMIT: Final = 300
TEXT_LIMIT: Final = 12_000
"""Characters shown of a line, and of a whole text. More would only make the screen slow."""

HIDDEN_STYLE: Final = "$warning reverse"
SAME_IN_A_ROW: Final = 4
"""So many equal hidden characters are counted instead of shown one by one."""

_SPACES: Final = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_LINE_ENDS: Final = re.compile("\r\n?|[\u2028\u2029\x85\x0b\x0c]")
_EMOJI_SELECTOR: Final = re.compile("(?<=[^\ufe00-\ufe0f])[\ufe0e\ufe0f](?![\ufe00-\ufe0f])")
_ACCENTS: Final = re.compile(
    "([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{2})[\u0300-\u036f"
    "\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]+"
)
_PRINTABLE_BUT_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")


def plain(text: str, limit: int = LINE_LIMIT) -> Content:
    """One line of a stranger's text, fit for the screen; line breaks become spaces."""
    return _content(" ".join(text[: limit * 2].split()), limit)


def plain_lines(text: str, limit: int = TEXT_LIMIT) -> Content:
    """Some lines of a stranger's text, fit for the screen."""
    return _content(_LINE_ENDS.sub("\n", text[: limit + 1]), limit)


def plain_str(text: str, limit: int = LINE_LIMIT) -> str:
    """`plain` as a string, for the few places that take no styled text."""
    return plain(text, limit).plain


def guarded(content: Content) -> Content:
    """`content` if nothing in it can be obeyed, else escaped: what widgets do with all they are given.

    What strangers wrote has been through `plain` before; this is for what was forgotten.
    """
    text = content.plain
    if text.isprintable() or text.replace("\n", "").isprintable():
        return content
    return _escaped(_tamed(text))


def shortened(content: Content, width: int, lines: int) -> Content:
    """At most so many lines of this width; what is left out is told by an ellipsis."""
    found = [
        part
        for line in content.split("\n", allow_blank=True)
        for part in (line.wrap(width) if line else [line])
    ]
    if len(found) <= lines:
        return content
    last = found[lines - 1].rstrip().truncate(width - 1)
    return Content("\n").join([*found[: lines - 1], last + Content("…")])


def _content(text: str, limit: int) -> Content:
    if len(text) > limit:
        text = text[:limit] + "…"
    if text.isascii() and text.isprintable():
        return Content(text)
    return _escaped(_tamed(text))


def _tamed(text: str) -> str:
    """Harmless peculiarities, made simple: kinds of spaces, emoji selectors, piles of accents."""
    text = _SPACES.sub(" ", text.expandtabs(4))
    return _ACCENTS.sub(r"\1", _EMOJI_SELECTOR.sub("", text))


def _escaped(text: str) -> Content:
    parts: list[str] = []
    spans: list[Span] = []
    length = 0
    for char, run in groupby(text):
        number = sum(1 for _ in run)
        shown = char * number
        if char != "\n" and not _is_safe(char):
            shown = _code(char) * number if number < SAME_IN_A_ROW else f"{_code(char)}×{number}"
            spans.append(Span(length, length + len(shown), HIDDEN_STYLE))
        parts.append(shown)
        length += len(shown)
    return Content("".join(parts), spans)


def _is_safe(char: str) -> bool:
    return char.isprintable() and char not in _PRINTABLE_BUT_BLANK and not _is_selector(char)


def _is_selector(char: str) -> bool:
    """Variation selectors are invisible and can carry bytes."""
    return (
        "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef" or "\u180b" <= char <= "\u180f"
    )


def _code(char: str) -> str:
    """A picture of a control character, or the code of another."""
    number = ord(char)
    if number < 0x20:
        return chr(0x2400 + number)
    return f"<{number:02X}>" if number < 0x100 else f"<U+{number:04X}>"
