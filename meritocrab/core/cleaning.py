"""Strangers' text made fit to be shown to a model: what is hidden in it, or passes for our own words, is taken out.

The maintainer sees the text as it is, with flags that say what was found; only the model gets the cleaned one. All
patterns run in linear time, because the text may have been written against them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final, NamedTuple


class Flag(NamedTuple):
    """Something hidden, forged or meant for a model, as a code, and where it stood: `title`, `text`, `files`, `patch`.

    Codes: `invisible_characters`, `bidi_characters`, `tag_characters`, `forged_marker`, `chat_template`;
    `instructions` where it looks like instructions to a model, which is shown all the same; and `html_comment`,
    which honest people leave behind too: templates are full of them.
    """

    code: str
    place: str

    def __str__(self) -> str:
        return f"{self.code} in {self.place}"


HARMLESS: Final = frozenset({"html_comment"})
"""Codes of flags that alone do not keep a verdict from being applied."""


def needs_human(flags: Iterable[Flag]) -> bool:
    """Whether a human has to decide, because of what may have steered a model."""
    return any(flag.code not in HARMLESS for flag in flags)


_LETTERLIKE_BLANKS: Final = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
_SELECTORS: Final = "\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
_TAGS: Final = "\U000e0000-\U000e007f"
_BIDI: Final = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u206a-\u206f"
_BIDI_OVERRIDES = re.compile("[\u202a-\u202e\u2066-\u2069]")
_TAG_RUN = re.compile(f"[{_TAGS}]")
# England, Scotland and Wales have flags made of a black flag and tags: honest, and hardly room for a message.
_TAGGED_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")
_HIDDEN = re.compile(
    f"[{_LETTERLIKE_BLANKS}{_SELECTORS}{_BIDI}{_TAGS}\u00ad\u200b-\u200d\u2060-\u2065\ufeff\ufff9-\ufffb]"
)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_DECEPTIVE = re.compile(
    # between the letters of a Latin word, in a row, or as hidden bytes: nobody types that
    "[A-Za-z][\u00ad\u200b-\u200d\u2060-\u2064\ufeff]+[A-Za-z]|[\u200b-\u200d\u2060-\u2064\ufeff]{3}"
    "|[\ufe00-\ufe0f]{2}|[\U000e0100-\U000e01ef]{2}|[\u2061-\u2065\ufff9-\ufffb]"
    f"|[{_LETTERLIKE_BLANKS}]{{4}}"
)
_COMMENT_START, _COMMENT_END = re.compile(r"<!-{2,}+"), re.compile(r"(?<!-)-{2,}+!?>")
_CODE = re.compile(r"^[ \t]*(```|~~~)[^\n]*\n.*?(?:^[ \t]*\1[^\n]*$|\Z)|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_FORGED = re.compile(
    r"[⟦\[〚【〔「『《<{(（［]{1,3}\s{0,9}(?:begin|end)\s{1,9}(?:title|text|thread|files|patch)\b"
    r"(?=[^\n]{0,40}(?=[a-f]*\d)[0-9a-f]{4})",
    re.IGNORECASE,
)
_TEMPLATE_TOKEN = re.compile(
    r"<[|｜][^\s<>|｜]{1,40}[|｜]>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<(?:bos|eos)>|</?think>",
    re.IGNORECASE,
)
_SILENTLY = re.compile(r"[⟦⟧]|</?s>")  # mathematics and struck-out text use them honestly
_TRAILER = re.compile(r"^([ \t]*[A-Za-z-]+-by:)[^\n]+$", re.IGNORECASE | re.MULTILINE)
_CODE_PLACES: Final = frozenset({"patch", "files"})


class Cleaner:
    """Makes strangers' text fit to stand between markers, and notes what it found."""

    def __init__(self, nonce: str, login: str) -> None:
        self._nonce, self._found = nonce, dict[Flag, None]()
        self._login = _login_pattern(login)

    def found(self) -> tuple[Flag, ...]:
        """The flags so far, each once."""
        return tuple(self._found)

    def clean(self, text: str, place: str) -> str:
        """`text` without what is hidden or forged in it."""
        text = _SURROGATE.sub("\ufffd", re.sub("\r\n?|[\u2028\u2029\x85]", "\n", text))
        self._look_for_hidden(text, place)
        text = _CONTROL.sub("", _HIDDEN.sub("", text))
        if place not in _CODE_PLACES:
            text = self._show_comments(text, place)
        text = self._defuse(text, place)
        return self._without_names(text)

    def _flag(self, code: str, place: str) -> None:
        self._found[Flag(code, place)] = None

    def _look_for_hidden(self, text: str, place: str) -> None:
        if text.isascii():
            return
        if _BIDI_OVERRIDES.search(text):
            self._flag("bidi_characters", place)
        if _TAG_RUN.search(_TAGGED_FLAG.sub("", text)):
            self._flag("tag_characters", place)
        if _DECEPTIVE.search(text):
            self._flag("invisible_characters", place)

    def _show_comments(self, text: str, place: str) -> str:
        if _COMMENT_START.search(_CODE.sub("", text)):
            self._flag("html_comment", place)
        elif not _COMMENT_START.search(text):
            return text
        return _COMMENT_END.sub("]", _COMMENT_START.sub("[HTML comment, invisible on GitHub:", text))

    def _defuse(self, text: str, place: str) -> str:
        text = text.replace(self._nonce, "…") if len(self._nonce) > 4 else text
        if _FORGED.search(folded := _folded(text)):
            self._flag("forged_marker", place)
            text = _FORGED.sub(_defused, text if _FORGED.search(text) else folded)
        if _TEMPLATE_TOKEN.search(text):
            self._flag("chat_template", place)
            text = _TEMPLATE_TOKEN.sub(_defused, text)
        return _SILENTLY.sub(_defused, text)

    def _without_names(self, text: str) -> str:
        text = _TRAILER.sub(r"\1 [name]", text)
        return self._login.sub("[author]", text) if self._login else text


def _folded(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def _defused(found: re.Match[str]) -> str:
    """The same words between quotation marks instead of brackets."""
    inner = re.sub(r"[⟦⟧〚【〔「『《\[\]<>{}()（［|｜]", "", found.group()).strip()
    return f"'{inner}'" if inner else "'"


def _login_pattern(login: str) -> re.Pattern[str] | None:
    """Where a login stands for the person; a bare word only if it can hardly be anything else."""
    if not login:
        return None
    name = re.escape(login)
    patterns = [rf"(?<![\w.])@{name}(?![\w-])", rf"(?<=github\.com/){name}(?![\w-])"]
    if re.search(r"[\d-]", login) and len(login) >= 4:
        patterns.append(rf"(?<![\w-]){name}(?![\w-])")
    return re.compile("|".join(patterns), re.IGNORECASE)
