"""A judge without a model: it points a maintainer to what looks machine-made or careless, and says why.

It costs nothing and sends nothing anywhere, so it is what a fresh installation uses. Each signal has a weight
and a sentence; a verdict needs a sum of 1.0 and is always advisory: a human decides. It is tuned to be wrong
about honest technical contributions rarely, at the price of missing careless ones. It never praises: what it
does not suspect stays unjudged.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from urllib.parse import urlsplit

from meritocrab.core.names import Classification
from meritocrab.core.question import Question
from meritocrab.evaluators.base import Answer
from meritocrab.evaluators.phrases import (
    ADVERTISING,
    GENERIC_WORDS,
    LOW_EFFORT,
    MARKETING,
    PUSHING_CORE,
    PUSHING_WORDS,
    SHADY_ENDINGS,
    SHORTENERS,
)

MODEL: Final = "heuristic-1"
"""Goes into the database with each verdict; to be raised whenever a rule changes."""

ENOUGH: Final = 1.0
"""The sum of weights that makes a suspicion."""

MAX_TEXT: Final = 20_000
"""Characters that are looked at."""

_REGULAR_AFTER: Final = 5
_REGULAR_FACTOR: Final = 0.6  # a regular's short or shouted texts have a history that speaks for them


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing that was noticed: `spam` signals count towards spam, all count towards low effort."""

    weight: float
    words: str
    spam: bool = False


class HeuristicEvaluator:
    """The provider `heuristic`: deterministic rules, advisory answers, no network."""

    name = "heuristic"
    model = MODEL
    metered = False

    async def evaluate(self, question: Question) -> Answer:
        """Judge by rules; never raises."""
        return judge(question)

    async def aclose(self) -> None:
        """Nothing to let go of."""


def judge(question: Question) -> Answer:
    """The verdict with the signals that led to it, heaviest first."""
    signals = sorted(_weighed(question), key=lambda signal: (-signal.weight, signal.words))
    spam = sum(signal.weight for signal in signals if signal.spam)
    total = sum(signal.weight for signal in signals)
    if spam >= ENOUGH - 1e-9:
        return _answer(Classification.SPAM, spam, signals)
    if total >= ENOUGH - 1e-9:
        return _answer(Classification.LOW, total, signals)
    return _answer(None, total, signals)


def _answer(classification: Classification | None, score: float, signals: list[Signal]) -> Answer:
    found = "; ".join(f"{signal.words} ({signal.weight:.1f})" for signal in signals)
    if classification is None:
        reasoning = f"Not suspicious enough ({score:.1f} of {ENOUGH:.1f}): {found or 'nothing noticed'}."
        return Answer(None, 0.0, reasoning, MODEL, advisory=True)
    reasoning = f"Looks like {_WORDS[classification]} ({score:.1f} of {ENOUGH:.1f} needed): {found}."
    confidence = min(0.95, 0.4 + 0.2 * score)
    return Answer(classification, round(confidence, 2), reasoning, MODEL, advisory=True)


_WORDS: Final = {Classification.SPAM: "spam", Classification.LOW: "low effort"}


def _weighed(question: Question) -> Iterator[Signal]:
    seen = _Seen(question)
    factor = _REGULAR_FACTOR if question.earlier_by_author >= _REGULAR_AFTER else 1.0
    for rule in _RULES:
        for signal in rule(seen):
            yield signal if signal.spam else Signal(signal.weight * factor, signal.words)


# --- how the text is seen --------------------------------------------------------------------------------

_FENCE = re.compile(r"^[ \t]*(```|~~~)[^\n]*\n.*?(?:^[ \t]*\1[^\n]*$|\Z)", re.MULTILINE | re.DOTALL)
_TEMPLATE_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_INLINE_CODE = re.compile(r"`[^`\n]+`")
_QUOTED_LINE = re.compile(r"^(?:>| {4}|\t).*$", re.MULTILINE)
_URL = re.compile(r"\b(?:https?://|www\.)[^\s<>()\[\]\"'`|]+", re.IGNORECASE)
_IMAGE = re.compile(r"!\[|<(?:img|video)\b", re.IGNORECASE)
_MENTION = re.compile(r"(?<![\w`/])@([A-Za-z0-9][A-Za-z0-9-]*)")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_FORMAT_CHARACTERS = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_TECHNICAL = re.compile(
    r"#\d|\b(?=[a-f]*\d)[0-9a-f]{7,40}\b|\w\.(?:c|cc|cpp|h|hpp|py|rs|go|js|ts|tsx|java|kt|rb|php|cs|swift|ya?ml|toml"
    r"|json|xml|sh|ui|qml|cfg|ini|html|css|sql|lock|gradle)\b|\w::\w|\w\(\)|\w_\w|\b[a-z]+[A-Z]|\b[A-Z][a-z]+[A-Z]"
    r"|\b(?:ACK|NACK|[Rr]ebased?|segfault|[Rr]egression|[Bb]acktrace|[Cc]herry-pick\w*)\b|(?<!\w)--?[a-z]\w"
)


class _Seen:
    """A question's text from the sides the rules look at; each is computed once, when first wanted."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.is_pull_request = question.subject == "pull_request"
        self.raw = question.text[:MAX_TEXT]
        # The title above a comment is the pull request's: not the words of who commented.
        self.title = question.title[:500] if self.is_pull_request else ""

    @cached_property
    def authored(self) -> str:
        """Without the hidden comments of templates and without quotes; code is still in it."""
        return _QUOTED_LINE.sub(" ", _TEMPLATE_COMMENT.sub(" ", self.raw))

    @cached_property
    def prose(self) -> str:
        """What the author wrote in sentences: no code either."""
        text = _QUOTED_LINE.sub(" ", _FENCE.sub(" ", _TEMPLATE_COMMENT.sub(" ", self.raw)))
        return _INLINE_CODE.sub(" ", text)

    @cached_property
    def said(self) -> str:
        """The prose on one line, in normal form and without links, as phrases are looked for."""
        return _on_one_line(_URL.sub(" https: ", self.prose))

    @cached_property
    def plain(self) -> str:
        """The same with the title before it."""
        return f"{_on_one_line(self.title)} {self.said}"

    @cached_property
    def words(self) -> list[str]:
        """The words of the prose in lower case, without links and mentions."""
        text = _MENTION.sub(" ", _URL.sub(" ", self.prose))
        return [word.lower() for word in _WORD.findall(_FORMAT_CHARACTERS.sub("", text))]

    @cached_property
    def has_code(self) -> bool:
        """True when there is code, an image or a link besides words."""
        return bool(_FENCE.search(self.raw) or _INLINE_CODE.search(self.raw) or _IMAGE.search(self.raw))

    @cached_property
    def technical(self) -> int:
        """How many things only people who looked at the code write: names, files, references."""
        return len(_TECHNICAL.findall(self.authored)) + 3 * self.has_code

    @cached_property
    def hosts(self) -> list[str]:
        """The hosts of the links, in order, repeats included."""
        return [host for host in map(_host, _URL.findall(self.prose)) if host]

    @cached_property
    def says_nothing(self) -> bool:
        """True when there is no word, code, picture or link."""
        return not (self.words or self.has_code or self.hosts or _MENTION.search(self.prose))

    @cached_property
    def size(self) -> int | None:
        """Lines changed, when known."""
        added, deleted = self.question.additions, self.question.deletions
        return None if added is None or deleted is None else added + deleted


def _on_one_line(text: str) -> str:
    return " ".join(_FORMAT_CHARACTERS.sub("", unicodedata.normalize("NFKC", text)).split())


def _host(url: str) -> str:
    try:
        return (urlsplit(url if "://" in url else f"http://{url}").hostname or "").removeprefix("www.")
    except ValueError:  # such as an unfinished IPv6 address
        return ""


# --- rules: spam -----------------------------------------------------------------------------------------

_HOME_HOSTS: Final = (
    "github.com",
    "githubusercontent.com",
    "gitlab.com",
    "stackoverflow.com",
    "wikipedia.org",
)


def _advertising(seen: _Seen) -> Iterator[Signal]:
    found = [phrase for phrase in ADVERTISING if phrase.pattern.search(seen.plain)]
    for phrase in found:
        yield Signal(phrase.weight, phrase.words, spam=True)
    if found and any(not host.endswith(_HOME_HOSTS) for host in seen.hosts):
        yield Signal(0.3, "links to a site outside", spam=True)


def _links(seen: _Seen) -> Iterator[Signal]:
    outside = {host for host in seen.hosts if not host.endswith(_HOME_HOSTS)}
    if outside & SHORTENERS:
        yield Signal(0.5, "hides where a link leads (shortener)", spam=True)
    if any(host.endswith(SHADY_ENDINGS) for host in outside):
        yield Signal(0.5, "links under a domain ending known for spam", spam=True)
    if len(outside) >= 5 and len(seen.words) < 12 * len(outside) and seen.technical < 3:
        yield Signal(0.8, f"is mostly links ({len(outside)} sites)", spam=True)
    if outside and not seen.technical and Counter(seen.hosts).most_common(1)[0][1] >= 4:
        yield Signal(0.4, "repeats links to the same site", spam=True)


def _mentions(seen: _Seen) -> Iterator[Signal]:
    called = {name.lower() for name in _MENTION.findall(seen.prose)}
    if len(called) >= 7 and len(seen.words) <= 2 * len(called):
        weight = 1.0 if len(called) >= 12 else 0.6
        yield Signal(weight, f"calls {len(called)} people", spam=True)
        if len(seen.words) <= 4:
            yield Signal(0.4, "says next to nothing to those it calls")


_LOOKALIKES: Final = str.maketrans("аеорсухіјѕԁһАВЕКМНОРСТХІЈЅ", "aeopcyxijsdhABEKMHOPCTXIJS")
_SANDWICHED = re.compile(r"[A-Za-z][аеорсухіјѕԁһАВЕКМНОРСТХІЈЅ]+[A-Za-z]")
_HIDDEN_IN_WORD = re.compile("(?<=[A-Za-z])[\u00ad\u200b-\u200d\u2060-\u2064\ufeff](?=[A-Za-z])")
_TURNED_AROUND = re.compile("[\u202d\u202e]")


def _disguise(seen: _Seen) -> Iterator[Signal]:
    text = f"{seen.title} {seen.prose}"
    faked = [word for word in _WORD.findall(text) if _SANDWICHED.search(word) and _is_faked(word)]
    if faked:
        yield Signal(0.8 if len(faked) > 1 else 0.5, "writes words with look-alike letters", spam=True)
    if len(_HIDDEN_IN_WORD.findall(text)) >= 2:
        yield Signal(0.7, "hides invisible characters in words", spam=True)
    if _TURNED_AROUND.search(text):
        yield Signal(0.5, "overrides the direction of text", spam=True)


def _is_faked(word: str) -> bool:
    return word.translate(_LOOKALIKES).isascii()


# --- rules: low effort -----------------------------------------------------------------------------------


def _phrases(seen: _Seen) -> Iterator[Signal]:
    for phrase in LOW_EFFORT:
        # Apart, because some phrases are only telling at the very beginning of a text.
        if phrase.pattern.search(seen.title) or phrase.pattern.search(seen.said):
            yield Signal(phrase.weight, phrase.words)


_HEADING = re.compile(r"^\s*(?:#{1,6}\s|\*\*[^*\n]+\*\*:?\s*$)")
_CHECKBOX = re.compile(r"^\s*[-*+]\s+\[([ xX])\]")
_FILLER = re.compile(r"^\W*(?:n/?a|none|no|yes|tbd|todo|nothing)?\W*$", re.IGNORECASE)


def _description(seen: _Seen) -> Iterator[Signal]:
    if not seen.is_pull_request:
        return
    generic = _is_generic(seen.title)
    if generic:
        yield Signal(0.7, "has a title that says nothing")
    if seen.says_nothing:
        large = (seen.size or 0) > 100 or (seen.question.changed_files or 0) > 5
        yield Signal(0.5 if large else 0.3, "has no description")
    elif _is_unfilled(seen.authored):
        yield Signal(1.0, "leaves the template unfilled")
    elif generic and _is_generic(seen.prose) and not (seen.has_code or seen.hosts):
        yield Signal(0.3, "has a description that says nothing")
    if generic and seen.question.changed_files == 1 and (seen.size or 99) <= 4 and len(seen.words) <= 8:
        yield Signal(0.2, "changes next to nothing in one file")


def _is_generic(text: str) -> bool:
    """True for a short text of empty words and file names."""
    words = re.sub(
        r"(?<![\w-])[\w-]+\.(?:md|txt|html?|css|jsx?|py|ya?ml|json)\b|\bpatch-\d+", " ", text.lower()
    )
    found = _WORD.findall(words)
    return len(found) <= 8 and (all(word in GENERIC_WORDS for word in found) or _is_junk_text(found))


def _is_unfilled(text: str) -> bool:
    """True when only headings, check boxes and fillers are there, and not because all boxes are ticked."""
    lines = [line for line in text.splitlines() if line.strip()]
    boxes = [match[1] for line in lines if (match := _CHECKBOX.match(line))]
    framed = {line for line in lines if _HEADING.match(line) or _CHECKBOX.match(line)}
    written = [line for line in lines if line not in framed and not _FILLER.match(line)]
    return len(framed) >= 2 and not written and (not boxes or " " in boxes)


def _pushing(seen: _Seen) -> Iterator[Signal]:
    text = _MENTION.sub(" ", seen.prose).strip()
    if seen.is_pull_request or len(text) > 300 or seen.has_code or seen.hosts:
        return
    if PUSHING_CORE.search(text) and all(word in PUSHING_WORDS for word in seen.words):
        yield Signal(1.0, "only pushes")


_EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u26ff\u2728\u2764\u2b50]")
_EMOJI_HEADING = re.compile("^[ \\t]*#{1,6}[ \\t]+[\U0001f300-\U0001faff\u2600-\u27bf\u2b50]", re.MULTILINE)


def _emoji(seen: _Seen) -> Iterator[Signal]:
    count = len(_EMOJI.findall(seen.prose))
    if count >= 8 and count * 5 > len(seen.words):
        yield Signal(0.7, f"holds {count} emoji")
    if len(_EMOJI_HEADING.findall(seen.prose)) >= 3:
        yield Signal(0.3, "decorates headings with emoji")


def _shouting(seen: _Seen) -> Iterator[Signal]:
    text = _MENTION.sub(" ", _URL.sub(" ", f"{seen.title}\n{seen.prose}"))
    words = [word for word in _WORD.findall(text) if len(word) > 1 and word.upper() != word.lower()]
    loud = sum(word.isupper() for word in words)
    if len(words) >= 5 and loud > 0.7 * len(words) and not seen.has_code:
        yield Signal(0.7, "shouts in capitals")
    if re.search(r"[!?]{4}", text):
        yield Signal(0.3, "piles up exclamation marks")


_KEYBOARD = re.compile(r"asdf|sdfg|dfgh|qwer|wert(?!e|i|v|s|f)|zxcv|xcvb|hjkl|fdsa|йцук|фыва|ячсм")
_STUTTER = re.compile(r"(.{1,3})\1{2,}")


def _is_junk_text(words: list[str]) -> bool:
    long = [word for word in words if len(word) >= 3]
    return bool(long) and sum(map(_is_junk, long)) >= 0.7 * len(long)


def _is_junk(word: str) -> bool:
    if _KEYBOARD.search(word) or (len(word) >= 5 and _STUTTER.fullmatch(word)):
        return True
    return len(word) >= 6 and word.isascii() and not re.search("[aeiouy]", word)


def _gibberish(seen: _Seen) -> Iterator[Signal]:
    if seen.has_code or seen.hosts:
        return
    if len(seen.words) <= 12 and _is_junk_text(seen.words):
        yield Signal(1.0, "is gibberish")
    elif len(seen.words) >= 10 and len(set(seen.words)) <= 0.2 * len(seen.words):
        yield Signal(1.0, "repeats the same words")


def _marketing(seen: _Seen) -> Iterator[Signal]:
    if len(seen.words) < 40 or seen.technical > 1:
        return
    share = len(MARKETING.findall(seen.plain)) / len(seen.words)
    if share >= 0.07:
        yield Signal(1.0, f"praises without saying what it does ({share:.0%} advertising words)")
    elif share >= 0.045:
        yield Signal(0.6, f"praises more than it explains ({share:.0%} advertising words)")


_RULES: Final[tuple[Callable[[_Seen], Iterator[Signal]], ...]] = (
    _advertising,
    _links,
    _mentions,
    _disguise,
    _phrases,
    _description,
    _pushing,
    _emoji,
    _shouting,
    _gibberish,
    _marketing,
)
