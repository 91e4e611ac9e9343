"""A long text of blocks: wrapped once for its width, drawn line by line, so that its length does not matter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from meritocrab.tui.markdown import Block
from meritocrab.tui.text import guarded

NARROWEST = 10


def wrapped(blocks: Sequence[Block], width: int) -> list[Content]:
    """The lines of these blocks at this width, with an empty line between those that are not tight."""
    lines: list[Content] = []
    for before, block in pairwise([None, *blocks]):
        assert block is not None  # noqa: S101 - only the first of a pair can be None
        if before is not None and not (block.tight and before.tight):
            lines.append(Content(""))
        lines.extend(_lines(block, width))
    return lines


def _lines(block: Block, width: int) -> Iterator[Content]:
    lead = block.lead
    for line in guarded(block.text).split("\n", allow_blank=True):
        for part in line.wrap(max(NARROWEST, width - len(lead))) if line else [line]:
            yield Content.assemble((lead, "dim"), part)
            lead = block.rest


class Document(ScrollView, can_focus=True):
    """Shows blocks; `show` with the same `key` keeps the place, another one begins at the top."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll(-1)", "Up", show=False),
        Binding("down,j", "scroll(1)", "Down", show=False),
        Binding("pageup", "turn(-1)", "Page up", show=False),
        Binding("pagedown", "turn(1)", "Page down", show=False),
        Binding("home,g", "edge(False)", "Top", show=False),
        Binding("end,G", "edge(True)", "End", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._blocks: tuple[Block, ...] = ()
        self._lines: list[Content] = []
        self._key: object = None

    def show(self, key: object, blocks: Sequence[Block]) -> None:
        """This is the text now."""
        if key == self._key and tuple(blocks) == self._blocks:
            return
        turned = key != self._key
        self._key, self._blocks = key, tuple(blocks)
        self._wrap()
        if turned:
            self.scroll_to(y=0, animate=False, force=True, immediate=True)

    def go_to(self, name: str) -> None:
        """Scroll to the block of this name."""
        for at, block in enumerate(self._blocks):
            if block.name == name:
                before = wrapped(self._blocks[:at], self._inner - 1)
                self.scroll_to(y=len(before) + bool(before), animate=False, force=True, immediate=True)

    def on_resize(self, _: events.Resize) -> None:
        """Another width: other lines."""
        self._wrap()

    @property
    def _inner(self) -> int:
        """Cells of a line that the scrollbar leaves free."""
        return self.size.width - self.scrollbar_gutter.width

    def _wrap(self) -> None:
        width = self._inner
        self._lines = wrapped(self._blocks, width - 1) if width > 1 else []
        self.virtual_size = Size(width, len(self._lines))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        at = y + round(self.scroll_y)
        line = self._lines[at] if at < len(self._lines) else Content("")
        width, parse = self.size.width, self.app.stylesheet.parse_style
        shown = (Content(" ") + line).truncate(self._inner, pad=True).pad_right(width - self._inner)
        base = self.visual_style
        return Strip(
            [
                Segment(text, style.rich_style)
                for text, style in shown.render(base, end="", parse_style=parse)
            ],
            width,
        )

    def action_scroll(self, by: int) -> None:
        """A line up or down."""
        self.scroll_to(y=self.scroll_y + by, animate=False)

    def action_turn(self, by: int) -> None:
        """A screenful up or down."""
        self.scroll_to(y=self.scroll_y + by * max(1, self.size.height - 1), animate=False)

    def action_edge(self, end: bool) -> None:
        """To the top or the end."""
        self.scroll_to(y=self.virtual_size.height if end else 0, animate=False)
