"""Reads `/credit` commands from a comment, so that only what was visibly typed as a command is obeyed.

A command is a line of a top-level paragraph. A Markdown parser decides what that is: text that is quoted
(lazy continuation included), listed, shown as code or hidden in HTML is somebody's example, never an order:
whoever quotes a command must not repeat it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline, escape, newline
from markdown_it.token import Token

MAX_COMMANDS: Final = 10
"""How many command lines of one comment are read; one more entry says that there were others."""

MAX_BODY_LENGTH: Final = 70_000
"""Characters; GitHub refuses comments above 65,536. A longer text is not parsed at all."""

MAX_DELTA: Final = 1000
MAX_REASON_LENGTH: Final = 500
MAX_LINE_SHOWN: Final = 200
MAX_LOGIN_LENGTH: Final = 64
MAX_ID: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a command is about: either `login` (as typed, without the @) or `id` (a GitHub account id).

    Raises:
        ValueError: neither or both are given.
    """

    login: str | None = None
    id: int | None = None

    def __post_init__(self) -> None:
        if (self.login is None) == (self.id is None):
            raise ValueError("a target is a login or an id, not both and not neither")

    def __str__(self) -> str:
        return f"id:{self.id}" if self.login is None else f"@{self.login}"


@dataclass(frozen=True, slots=True)
class Check:
    """`/credit check @user`: show credit, role, blacklist state and the last credit events."""

    target: Target


@dataclass(frozen=True, slots=True)
class Override:
    """`/credit override @user ±N "reason"`: change the credit by `delta` (never 0, at most `MAX_DELTA`)."""

    target: Target
    delta: int
    reason: str


@dataclass(frozen=True, slots=True)
class Blacklist:
    """`/credit blacklist @user`."""

    target: Target


@dataclass(frozen=True, slots=True)
class Unblacklist:
    """`/credit unblacklist @user`."""

    target: Target


@dataclass(frozen=True, slots=True)
class Status:
    """`/credit status`: the author of the comment asks about themselves."""


@dataclass(frozen=True, slots=True)
class Help:
    """`/credit help`."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A command line that cannot be obeyed: the line (untrusted, cut) and what is wrong, in our own words."""

    line: str
    problem: str


Command: TypeAlias = Check | Override | Blacklist | Unblacklist | Status | Help


def parse_commands(body: str) -> tuple[Command | Broken, ...]:
    """The commands of a comment, in order, at most `MAX_COMMANDS` and one `Broken` for what lies beyond.

    Never raises, whatever the text.
    """
    if not _LOOKS_LIKE_COMMAND.search(body):  # nearly every comment: spare the Markdown parser
        return ()
    if len(body) > MAX_BODY_LENGTH:
        return (Broken("/credit", "the comment is too long to be read for commands"),)
    found: list[Command | Broken] = []
    for line in _command_lines(body):
        if len(found) == MAX_COMMANDS:
            found.append(Broken(_shown(line), f"only the first {MAX_COMMANDS} commands are read"))
            break
        found.append(_parse_line(line))
    return tuple(found)


def is_command_comment(body: str) -> bool:
    """True when the comment holds at least one command line, broken ones included."""
    return bool(parse_commands(body))


# --- which lines are commands ---------------------------------------------------------------------------

_LOOKS_LIKE_COMMAND = re.compile(r"/credit(?!\S)", re.IGNORECASE)
_COMMAND_LINE = re.compile(r"/credit(?!\S).*", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)[^<>]*>")
_BREAKS = frozenset({"softbreak", "hardbreak"})

# Elements that GitHub renders, that have content and need an end tag: what lies between their tags is not
# plain text. Others (`Vec<T>` in prose, placeholders such as `<name>`) GitHub drops and shows the line as is.
_ENCLOSING = frozenset(
    "a abbr b bdo blockquote cite code del details dfn div dl em figure h1 h2 h3 h4 h5 h6 i ins kbd mark ol"  # noqa: SIM905
    " picture pre q ruby s samp small span strike strong sub summary sup table tt ul var".split()
)


def _noting_line_starts(rule: Callable[[StateInline, bool], bool]) -> Callable[[StateInline, bool], bool]:
    """The same rule; a line break it makes remembers where in the paragraph the next line starts.

    Only the parser knows which line ends are real: those inside a code span, a tag or a link title are not.
    """

    def noted(state: StateInline, silent: bool) -> bool:
        start = state.pos
        if not rule(state, silent):
            return False
        if not silent and state.tokens and state.tokens[-1].type in _BREAKS:
            state.tokens[-1].meta.setdefault("line_start", state.src.find("\n", start) + 1)
        return True

    return noted


def _parser() -> MarkdownIt:
    markdown = MarkdownIt("commonmark").enable("table")
    markdown.inline.ruler.at("newline", _noting_line_starts(newline))
    markdown.inline.ruler.at("escape", _noting_line_starts(escape))
    return markdown


_MARKDOWN: Final = _parser()


def _command_lines(body: str) -> Iterator[str]:
    """The raw command lines of the top-level paragraphs, from `/credit` to the end of the line."""
    open_elements: list[str] = []
    previous = ""
    for token in _MARKDOWN.parse(body):
        if token.type == "html_block" and token.level == 0:
            _follow_html(open_elements, token.content)
        elif token.type == "inline" and token.level == 1 and previous == "paragraph_open":
            yield from _paragraph_commands(token, open_elements)
        previous = token.type


def _paragraph_commands(paragraph: Token, open_elements: list[str]) -> Iterator[str]:
    for start in _plain_line_starts(paragraph.children or (), open_elements):
        line = paragraph.content[start:].split("\n", 1)[0].strip()
        if _COMMAND_LINE.fullmatch(line):
            yield line


def _plain_line_starts(children: Sequence[Token], open_elements: list[str]) -> list[int]:
    """Where lines begin that are inside nothing: no HTML element, link or emphasis."""
    starts = [] if open_elements else [0]
    for child in children:
        if child.type == "html_inline":
            _follow_html(open_elements, child.content)
        elif child.type in _BREAKS and child.level == 0 and not open_elements:
            starts.append(child.meta["line_start"])
    return starts


def _follow_html(open_elements: list[str], html: str) -> None:
    """Keep the stack of open elements up to date with the tags in a piece of HTML."""
    for closing, name in _TAG.findall(_without_comments(html)):
        name = name.lower()
        if name not in _ENCLOSING:
            continue
        if not closing:
            open_elements.append(name)
        elif name in open_elements:
            while open_elements.pop() != name:
                pass


def _without_comments(html: str) -> str:
    """The HTML without its comments (a loop, because a regular expression would take quadratic time)."""
    kept, rest = "", html
    while True:
        before, opened, rest = rest.partition("<!--")
        kept += before
        if not opened:
            return kept
        rest = rest.partition("-->")[2]


# --- what a command line says ---------------------------------------------------------------------------

_LOGIN = re.compile(
    # Enterprise-managed users carry one underscore before their company's short code; apps end in [bot].
    r"@((?=-*[A-Za-z0-9])[A-Za-z0-9-]+(?:_[A-Za-z0-9-]+)?(?:\[bot\])?)",
    re.IGNORECASE,
)
_ID = re.compile(r"id:([0-9]{1,19})", re.IGNORECASE)
_DELTA = re.compile(r"([+\-−–]?)([0-9]{1,9})")
_QUOTES = '"“”„«»'
_OVERRIDE = re.compile(rf"(\S+)\s+(\S+)(?:\s+|(?=[{_QUOTES}]))(.+)", re.DOTALL)
_REASON = re.compile(rf"[{_QUOTES}]([^{_QUOTES}]*)[{_QUOTES}]")

_WANTS_TARGET = "name one user, as in `@login` or `id:123`, and nothing after it"
_WANTS_NOTHING = "this command takes nothing after it"
_WANTS_OVERRIDE = 'give the user, the change and the reason in double quotes, as in `@login +10 "reason"`'


class _WrongError(Exception):
    """Carries the words for what is wrong with a line, from where it is noticed to `_parse_line`."""


def _parse_line(line: str) -> Command | Broken:
    try:
        return _parse(line)
    except _WrongError as wrong:
        return Broken(_shown(line), str(wrong))


def _parse(line: str) -> Command:
    verb, rest = _split_verb(line[len("/credit") :])
    match verb.lower():
        case "check":
            return Check(_whole_target(rest))
        case "override":
            return _parse_override(rest)
        case "blacklist":
            return Blacklist(_whole_target(rest))
        case "unblacklist":
            return Unblacklist(_whole_target(rest))
        case "status":
            return _alone(Status(), rest)
        case "help":
            return _alone(Help(), rest)
        case "":
            raise _WrongError("the command is missing")
    raise _WrongError("there is no such command")


def _split_verb(text: str) -> tuple[str, str]:
    words = text.split(maxsplit=1)
    return (words[0] if words else ""), (words[1] if len(words) == 2 else "")


def _alone(command: Status | Help, rest: str) -> Command:
    if rest:
        raise _WrongError(_WANTS_NOTHING)
    return command


def _whole_target(text: str) -> Target:
    if len(text.split()) != 1:
        raise _WrongError(_WANTS_TARGET)
    return _target(text.strip())


def _target(word: str) -> Target:
    if (login := _LOGIN.fullmatch(word)) and len(login[1]) <= MAX_LOGIN_LENGTH:
        return Target(login=login[1])
    if (number := _ID.fullmatch(word)) and 0 < int(number[1]) <= MAX_ID:
        return Target(id=int(number[1]))
    raise _WrongError(_WANTS_TARGET)


def _parse_override(text: str) -> Override:
    parts = _OVERRIDE.fullmatch(text.strip())
    if parts is None:
        raise _WrongError(_WANTS_OVERRIDE)
    return Override(_target(parts[1]), _delta(parts[2]), _reason(parts[3].strip()))


def _delta(word: str) -> int:
    number = _DELTA.fullmatch(word)
    if number is None:
        raise _WrongError("the change must be a whole number, as in `+10` or `-10`")
    value = int(number[2])
    if not 0 < value <= MAX_DELTA:
        raise _WrongError(f"the change must be between 1 and {MAX_DELTA}, up or down")
    return value if number[1] in ("", "+") else -value


def _reason(text: str) -> str:
    quoted = _REASON.fullmatch(text)
    if quoted is None:
        raise _WrongError("the reason must stand in one pair of double quotes, with nothing after it")
    reason = " ".join(quoted[1].split())
    if not any(character.isalnum() for character in reason):
        raise _WrongError("the reason is empty")
    if len(reason) > MAX_REASON_LENGTH:
        raise _WrongError(f"the reason is longer than {MAX_REASON_LENGTH} characters")
    return reason


def _shown(line: str) -> str:
    return line if len(line) <= MAX_LINE_SHOWN else line[:MAX_LINE_SHOWN] + "…"
