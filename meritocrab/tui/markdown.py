"""A contribution's Markdown as styled text: its structure can be seen, and nothing of it can be clicked or obeyed.

Links show where they lead, pictures are named, HTML and hidden comments stand there as they were written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from textual.content import Content

from meritocrab.tui.text import TEXT_LIMIT, plain, plain_lines

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MARKDOWN_LIMIT = TEXT_LIMIT
DEEPEST = 20

_MARKS = {"strong": "bold", "em": "italic", "s": "strike"}


class Block(NamedTuple):
    """Some lines that belong together; `lead` stands before the first, `rest` before the others.

    `tight` blocks follow the one before them without an empty line. A `name` is where one can go to.
    """

    text: Content
    lead: str = ""
    rest: str = ""
    tight: bool = False
    name: str = ""


def blocks(text: str) -> list[Block]:
    """The parts of a Markdown text, in order, cut to what can be read at a glance."""
    shown, rest = text[:MARKDOWN_LIMIT], len(text) - MARKDOWN_LIMIT
    found = list(_Walk(_parser().parse(shown)).blocks())
    if not any(block.text for block in found) and shown.strip():
        found = [Block(plain_lines(shown))]  # nothing but definitions, or nested too deep to be shown
    return found + _rest(rest)


def raw(text: str) -> list[Block]:
    """The text as it was written, cut the same way."""
    return [Block(plain_lines(text[:MARKDOWN_LIMIT])), *_rest(len(text) - MARKDOWN_LIMIT)]


def _rest(number: int) -> list[Block]:
    if number <= 0:
        return []
    return [Block(Content.styled(f"… and {number:,} more characters: read them on GitHub", "$warning"))]


def diff(patch: str) -> Content:
    """A patch in colours, its signs kept."""
    return Content("\n").join(_patch_line(line) for line in plain_lines(patch).split("\n", allow_blank=True))


def _patch_line(line: Content) -> Content:
    start = line.plain[:1]
    style = {"+": "$success", "-": "$error", "@": "$accent"}.get(start, "")
    return line.stylize(style) if style else line


def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"maxNesting": DEEPEST}).enable(["table", "strikethrough"])


class _Walk:
    """Goes through the tokens once, remembering in which lists and quotes it is."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._prefix: list[str] = []
        self._numbers: list[int | None] = []
        self._lead: str | None = None
        self._cells: list[Content] = []
        self._style = ""

    def blocks(self) -> Iterator[Block]:
        for token in self._tokens:
            yield from self._block(token)

    def _block(self, token: Token) -> Iterator[Block]:
        match token.type:
            case "inline" if self._style != "cell":
                text = inline(token.children or ())
                yield self._made(text.stylize(self._style) if self._style else text)
            case "inline":
                self._cells.append(inline(token.children or ()))
            case "fence" | "code_block":
                yield self._code(token)
            case "html_block":
                yield self._made(plain_lines(token.content.rstrip()).stylize("dim"))
            case "hr":
                yield self._made(Content.styled("────────", "dim"))
            case _:
                yield from self._frame(token)

    def _frame(self, token: Token) -> Iterator[Block]:
        match token.type:
            case "heading_open":
                self._style = "bold underline" if token.tag in ("h1", "h2") else "bold"
            case "heading_close" | "th_close" | "td_close":
                self._style = ""
            case "blockquote_open":
                self._prefix.append("▌ ")
            case "ordered_list_open":
                self._numbers.append(int(token.attrGet("start") or 1))
            case "bullet_list_open":
                self._numbers.append(None)
            case "ordered_list_close" | "bullet_list_close":
                self._numbers.pop()
            case "list_item_open":
                self._open_item()
            case "blockquote_close" | "list_item_close":
                self._prefix.pop()
                self._lead = None
            case "th_open" | "td_open":
                self._style = "cell"
            case "tr_close":
                yield self._made(Content.styled(" │ ", "dim").join(self._cells), tight=True)
                self._cells = []

    def _open_item(self) -> None:
        number = self._numbers[-1]
        mark = "• " if number is None else f"{number}. "
        if number is not None:
            self._numbers[-1] = number + 1
        self._lead = "".join(self._prefix) + mark
        self._prefix.append(" " * len(mark))

    def _code(self, token: Token) -> Block:
        name = token.info.strip().split(" ")[0].lower()
        code = token.content.rstrip("\n")
        text = diff(code) if name in ("diff", "patch") else plain_lines(code).stylize("$secondary")
        return self._made(text, bar="│ ")

    def _made(self, text: Content, *, bar: str = "", tight: bool = False) -> Block:
        rest = "".join(self._prefix) + bar
        lead = rest if self._lead is None else self._lead + bar
        tight = tight or (self._lead is not None and bool(self._numbers))
        self._lead = None
        return Block(text, lead, rest, tight)


def inline(tokens: Iterable[Token]) -> Content:
    """The inside of a paragraph."""
    parts: list[Content] = []
    styles: list[str] = []
    links: list[str] = []
    for token in tokens:
        name, _, edge = token.type.rpartition("_")
        if name == "link":
            parts += _link(token, edge, styles, links)
        elif name in _MARKS:
            styles.append(_MARKS[name]) if edge == "open" else styles.remove(_MARKS[name])
        else:
            part = _leaf(token)
            parts.append(part.stylize(" ".join(styles)) if styles else part)
    return Content("").join(parts)


def _link(token: Token, edge: str, styles: list[str], links: list[str]) -> list[Content]:
    """Underlined text, and behind it where it leads; the address alone where both are the same."""
    if edge == "open":
        styles.append("underline")
        links.append(str(token.attrGet("href") or ""))
        return []
    styles.remove("underline")
    target = links.pop()
    return (
        []
        if token.info == "auto"
        else [Content.styled(" <", "dim"), plain(target).stylize("dim"), Content.styled(">", "dim")]
    )


def _leaf(token: Token) -> Content:
    match token.type:
        case "softbreak" | "hardbreak":
            return Content("\n")
        case "code_inline":
            return plain(token.content).stylize("$secondary")
        case "image":
            target = str(token.attrGet("src") or "")
            return Content.assemble(
                ("[picture: ", "dim"),
                plain(token.content),
                (" ", ""),
                plain(target).stylize("dim"),
                ("]", "dim"),
            )
        case "html_inline":
            return plain_lines(token.content).stylize("dim")
        case _:
            return plain_lines(token.content)
