"""A list of any length that draws only what is seen, keeps its place when rows come and go, and never flickers.

Rows have keys. `show` takes the new rows, moves the cursor with the row it was on, keeps that row at its height on
the screen, and redraws only what looks different.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, TypeVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from meritocrab.tui.columns import Column, Fitted, fit
from meritocrab.tui.text import guarded

T = TypeVar("T")
Cells = Callable[[T, datetime], Sequence[Content]]


class RowList(ScrollView, Generic[T], can_focus=True):
    """Rows under a heading, with a cursor.

    Args:
        columns: what is shown of a row, and how wide.
        cells: the contents of a row, one for each column, at this time.
        key: what tells a row from others.
        empty: what stands there when there are no rows.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"rows--heading", "rows--cursor", "rows--marked", "rows--empty"}

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False),
        Binding("home,g", "edge(False)", "First", show=False),
        Binding("end,G", "edge(True)", "Last", show=False),
        Binding("enter", "choose", "Open", show=False),
    ]

    cursor: reactive[int] = reactive(0, repaint=False)

    class Moved(Message):
        """The cursor stands on another row, or on none."""

        def __init__(self, rows: RowList[Any]) -> None:
            super().__init__()
            self.rows = rows

        @property
        def control(self) -> RowList[Any]:
            """The list, so that handlers can choose it."""
            return self.rows

    class Chosen(Moved):
        """Somebody wants to see more of the row under the cursor."""

    def __init__(
        self,
        columns: Sequence[Column],
        cells: Cells[T],
        key: Callable[[T], Hashable],
        *,
        empty: str,
        heading: bool = True,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(id=id)
        self.columns, self.empty, self.heading = tuple(columns), empty, heading
        self.marked: set[Hashable] = set()
        self.now = datetime.now(UTC)
        self._cells, self._key = cells, key
        self._rows: Sequence[T] = ()
        self._drawn: dict[int, Strip] = {}
        self._fitted: tuple[Fitted, ...] = ()
        self._width = 0

    # ---- what there is

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    def row_at(self, index: int) -> T | None:
        """The row at this place; None where there is none, or it is not here yet."""
        return self._rows[index] if 0 <= index < len(self._rows) else None

    @property
    def current(self) -> T | None:
        """The row under the cursor."""
        return self.row_at(self.cursor)

    @property
    def current_key(self) -> Hashable | None:
        """The key of the row under the cursor."""
        return self._key_of(self.current)

    def _key_of(self, row: T | None) -> Hashable | None:
        return None if row is None else self._key(row)

    def show(self, rows: Sequence[T], now: datetime) -> None:
        """These are the rows now."""
        key, before, height = self.current_key, self.cursor, self.cursor - round(self.scroll_y)
        self._rows, self.now = tuple(rows), now
        keys = [self._key(row) for row in self._rows]
        self.marked &= set(keys)
        place = keys.index(key) if key in keys else min(before, max(0, len(keys) - 1))
        self._settle(place, place - height, changed=self._key_of(self.row_at(place)) != key)

    def put_on(self, key: Hashable) -> bool:
        """Put the cursor on the row with this key, if there is one."""
        for index, row in enumerate(self._rows):
            if self._key(row) == key:
                self.cursor = index
                return True
        return False

    def _settle(self, place: int, top: int, *, changed: bool) -> None:
        """Rows came or went: the cursor's row stays where it was on the screen."""
        self._measure()
        self.set_reactive(RowList.cursor, place)
        if top != round(self.scroll_y):
            self.scroll_to(y=max(0, top), animate=False, force=True, immediate=True)
        self._bring_into_view()
        self._redraw_changed()
        if changed:
            self.post_message(self.Moved(self))

    # ---- drawing

    @property
    def _top(self) -> int:
        """Lines that the heading takes."""
        return 1 if self.heading else 0

    @property
    def _shown(self) -> int:
        """Rows that fit on the screen."""
        return max(1, self.size.height - self._top)

    def _measure(self) -> None:
        """`virtual_size` includes the heading, which is drawn over the first line whatever is scrolled."""
        self.virtual_size = Size(self.size.width, self.count + self._top)

    def on_resize(self, _: events.Resize) -> None:
        """Another size: another layout of columns."""
        self._measure()
        self._bring_into_view()
        self.redraw()

    def redraw(self) -> None:
        """Forget what was drawn."""
        self._drawn.clear()
        self.refresh()

    def notify_style_update(self) -> None:
        """Colours changed, or the focus."""
        super().notify_style_update()
        self._drawn.clear()

    def tick(self, now: datetime) -> None:
        """Time went on: redraw the lines that say so."""
        self.now = now
        self._redraw_changed()

    def _redraw_changed(self) -> None:
        for line in range(self.size.height):
            before = self._drawn.pop(line, None)
            if before is None or self._line(line) != before:
                self.refresh_line(line + round(self.scroll_y))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other rows are seen."""
        super().watch_scroll_y(old_value, new_value)
        self._drawn.clear()

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        return self._line(y)

    def _line(self, y: int) -> Strip:
        if self._width != self.size.width:
            self._width = self.size.width
            self._fitted = fit(self.columns, max(1, self._width - 1))
            self._drawn.clear()
        if y not in self._drawn:
            self._drawn[y] = self._draw(y)
        return self._drawn[y]

    def _draw(self, y: int) -> Strip:
        if y < self._top:
            return self._strip([Content(column.title) for column in self.columns], "rows--heading", " ")
        index = y - self._top + round(self.scroll_y)
        if index >= self.count:
            return self._blank(self.empty if self.count == 0 and y == self._top else "")
        row = self.row_at(index)
        style = "rows--cursor" if index == self.cursor else ""
        if row is None:
            return self._strip(
                [Content("…")] + [Content("")] * (len(self.columns) - 1), style, self._sign(index, None)
            )
        key = self._key(row)
        style = style or ("rows--marked" if key in self.marked else "")
        return self._strip(self._cells(row, self.now), style, self._sign(index, key))

    def _sign(self, index: int, key: Hashable | None) -> str:
        """The first cell says what colours say too."""
        if key is not None and key in self.marked:
            return "+"
        return "›" if index == self.cursor and self.has_focus else " "

    def _blank(self, text: str) -> Strip:
        return self._painted(Content(f" {text}"), "rows--empty" if text else "")

    def _strip(self, cells: Sequence[Content], style: str, sign: str) -> Strip:
        parts = [self._cell(cells[at.place], at) for at in self._fitted]
        return self._painted(Content(sign) + Content(" ").join(parts), style)

    def _cell(self, cell: Content, at: Fitted) -> Content:
        if self.columns[at.place].right and cell.cell_length < at.width:
            return cell.pad_left(at.width - cell.cell_length)
        return cell.truncate(at.width, ellipsis=True, pad=True)

    def _painted(self, line: Content, style: str) -> Strip:
        width = self.size.width
        base = self.get_visual_style(style) if style else self.visual_style
        shown = guarded(line).truncate(width, pad=True)
        parse = self.app.stylesheet.parse_style
        segments = [
            Segment(text, found.rich_style) for text, found in shown.render(base, end="", parse_style=parse)
        ]
        return Strip(segments, width)

    # ---- moving

    def validate_cursor(self, index: int) -> int:
        """The cursor stands on a row."""
        return max(0, min(index, self.count - 1))

    def watch_cursor(self, before: int, after: int) -> None:
        """Redraw two lines and tell the screen."""
        self._bring_into_view()
        for index in (before, after):
            line = index - round(self.scroll_y) + self._top
            self._drawn.pop(line, None)
            self.refresh_line(line + round(self.scroll_y))
        self.post_message(self.Moved(self))

    def _bring_into_view(self) -> None:
        top = round(self.scroll_y)
        wanted = min(max(top, self.cursor - self._shown + 1), self.cursor)
        if wanted != top:
            self.scroll_to(y=wanted, animate=False, force=True, immediate=True)

    def action_move(self, by: int) -> None:
        """Up or down."""
        self.cursor += by

    def action_page(self, by: int) -> None:
        """A screenful up or down."""
        self.cursor += by * max(1, self._shown - 1)

    def action_edge(self, last: bool) -> None:
        """The first or the last row."""
        self.cursor = self.count - 1 if last else 0

    def action_choose(self) -> None:
        """See more of this row."""
        if self.current is not None:
            self.post_message(self.Chosen(self))

    def mark(self) -> None:
        """Mark the row under the cursor, or take its mark away, and go on."""
        key = self.current_key
        if key is not None:
            self.marked ^= {key}
            self.redraw()
            self.cursor += 1

    def clear_marks(self) -> None:
        """No row is marked."""
        self.marked.clear()
        self.redraw()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor there; a second click on the same row opens it."""
        index = event.y - self._top + round(self.scroll_y)
        if event.y < self._top or index >= self.count:
            return
        if index == self.cursor and event.chain > 1:
            self.action_choose()
        self.cursor = index
