"""What all screens have in common: they are told what changed, and show it without losing their place."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, NamedTuple, cast

from textual.binding import Binding
from textual.containers import Vertical
from textual.widget import Widget

from meritocrab.localapi.protocol import Topic
from meritocrab.tui.board import Board
from meritocrab.tui.widgets.paged import PagedList
from meritocrab.tui.widgets.rows import RowList

if TYPE_CHECKING:
    from meritocrab.tui.app import MeritocrabApp


WHY = Binding("w", "why", "why", tooltip="why it came so: from events to actions")


class Thread(NamedTuple):
    """An issue or a pull request."""

    repository: str
    number: int


class View(Vertical):
    """One screen; it lives as long as the program and is shown and hidden."""

    NAME: ClassVar[str]
    ABOUT: ClassVar[str] = ""
    """A few sentences for the help."""

    WIDE: ClassVar[int] = 126
    """From so many columns on there is room for two panes side by side."""

    @property
    def ui(self) -> MeritocrabApp:
        """The application."""
        return cast("MeritocrabApp", self.app)

    @property
    def board(self) -> Board:
        """What is known."""
        return self.ui.board

    def told(self, topics: frozenset[Topic]) -> None:
        """This changed, or the screen has just come to be seen."""

    def thread(self) -> Thread | None:
        """The issue or pull request that the row under the cursor is about."""
        return None

    def action_why(self) -> None:
        """Why it came so."""
        if (thread := self.thread()) is not None:
            self.ui.show_why(thread)
        else:
            self.ui.tell("this belongs to no issue or pull request", "warning")

    def give_keys(self, widget: Widget) -> None:
        """Focus at once: `Widget.focus` waits a turn, in which the next key would still go to the old place."""
        self.screen.set_focus(widget)

    def redraw(self) -> None:
        """How things look has changed."""

    def choose(self, repository: str) -> None:
        """Show this repository, where a screen shows one."""

    def open(self, repository: str, user: str) -> None:
        """Show this person, where a screen shows one."""

    def tick(self, now: datetime) -> None:
        """A second has gone by."""
        for rows in self.query(RowList):
            rows.tick(now)

    def focus_first(self) -> None:
        """Give the keys to where one begins."""
        for rows in self.query(RowList):
            if rows.display:
                self.give_keys(rows)
                return

    def on_paged_list_failed(self, message: PagedList.Failed) -> None:
        """Rows could not be had."""
        self.ui.tell(str(message.error), "error")

    def is_wide(self) -> bool:
        """Is there room for two panes?"""
        return self.app.size.width >= self.WIDE
