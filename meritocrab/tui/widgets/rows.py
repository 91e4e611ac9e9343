"""A list of any length that draws only what is seen, keeps its place when rows come and go, and never flickers.

Rows have keys. `show` takes the new rows, moves the cursor with the row it was on, keeps that row at its height on
the screen, and redraws only what looks different. A list that is not scrolled stays at its top, so that nothing new
comes above what is seen; one with the newest rows first says how many it has above.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

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


class _Place(NamedTuple):
    """Where one is in a list.

    Attributes:
        top: the first row on the screen.
        seen: is the cursor on the screen? The mouse wheel leaves it behind.
        follows: does the cursor stay with the newest row, whichever that is?
    """

    cursor: int
    top: int
    seen: bool
    follows: bool


T = TypeVar("T")
Cells = Callable[[T, datetime], Sequence[Content]]
NOTHING = Content("")


class RowList(ScrollView, Generic[T], can_focus=True):
    """Rows under a heading, with a cursor.

    Args:
        columns: what is shown of a row, and how wide.
        cells: the contents of a row, one for each column, at this time.
        key: what tells a row from others.
        empty: what stands there when there are no rows.
        newest_first: do new rows come at the top? Then a cursor on the first row stays there.
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
        """The cursor stands on another row, or on none, or its row says something else."""

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
        newest_first: bool = False,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(id=id)
        self.columns, self.empty = tuple(columns), empty
        self.heading, self.newest_first = heading, newest_first
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
        key, before, place = self.current_key, self.current, self._place
        self._rows, self.now = tuple(rows), now
        keys = [self._key(row) for row in self._rows]
        self.marked &= set(keys)
        kept = key in keys and not place.follows
        found = keys.index(key) if kept else min(place.cursor, max(0, len(keys) - 1))
        self._settle(found, place, changed=self.row_at(found) != before)

    def set_columns(self, columns: Sequence[Column]) -> None:
        """These are the columns now."""
        if tuple(columns) != self.columns:
            self.columns, self._width = tuple(columns), 0
            self.redraw()

    def put_on(self, key: Hashable) -> bool:
        """Put the cursor on the row with this key, if there is one."""
        for index, row in enumerate(self._rows):
            if self._key(row) == key:
                self.cursor = index
                return True
        return False

    @property
    def _place(self) -> _Place:
        """Where one is in the list."""
        top = round(self.scroll_y)
        return _Place(
            self.cursor,
            top,
            seen=top <= self.cursor < top + self._shown,
            follows=self.newest_first and self.cursor == top == 0,
        )

    def _settle(self, cursor: int, before: _Place, *, changed: bool) -> None:
        """Rows came or went: what is seen stays where it was, or the list at its top."""
        self._measure()
        self.set_reactive(RowList.cursor, cursor)
        at_top = before.top == 0 and cursor < self._shown
        top = 0 if at_top else max(0, before.top + cursor - before.cursor)
        if top != round(self.scroll_y):
            self.scroll_to(y=top, animate=False, force=True, immediate=True)
        if before.seen:
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

    @property
    def _inner(self) -> int:
        """Cells of a line that the scrollbar leaves free."""
        return max(1, self.size.width - self.scrollbar_gutter.width)

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
            self._fitted = fit(self.columns, max(1, self._inner - 1))
            self._drawn.clear()
        if y not in self._drawn:
            self._drawn[y] = self._draw(y)
        return self._drawn[y]

    @property
    def _newer(self) -> Content:
        """How many newer rows are above, where one does not see them."""
        top = round(self.scroll_y)
        return Content.styled(f" ▲ {top:,} newer ", "$accent bold") if self.newest_first and top else NOTHING

    def _draw(self, y: int) -> Strip:
        if y < self._top:
            titles = [Content(column.title) for column in self.columns]
            return self._strip(titles, "rows--heading", " ", self._newer)
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
        note = NOTHING if y or self.heading else self._newer
        return self._strip(self._cells(row, self.now), style, self._sign(index, key), note)

    def _sign(self, index: int, key: Hashable | None) -> str:
        """The first cell says what colours say too."""
        if key is not None and key in self.marked:
            return "+"
        return "›" if index == self.cursor and self.has_focus else " "

    def _blank(self, text: str) -> Strip:
        return self._painted(Content(f" {text}"), "rows--empty" if text else "")

    def _strip(self, cells: Sequence[Content], style: str, sign: str, note: Content = NOTHING) -> Strip:
        """A line of cells; a note takes the place of its end."""
        parts = [self._cell(cells[at.place], at) for at in self._fitted]
        line = Content(sign) + Content(" ").join(parts)
        if note:
            line = line.truncate(self._inner - note.cell_length, pad=True) + note
        return self._painted(line, style)

    def _cell(self, cell: Content, at: Fitted) -> Content:
        if self.columns[at.place].right and cell.cell_length < at.width:
            return cell.pad_left(at.width - cell.cell_length)
        return cell.truncate(at.width, ellipsis=True, pad=True)

    def _painted(self, line: Content, style: str) -> Strip:
        width = self.size.width
        base = self.get_visual_style(style) if style else self.visual_style
        shown = guarded(line).truncate(self._inner, ellipsis=True, pad=True).pad_right(width - self._inner)
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
