"""What stands around every screen: how the daemon is, the tabs, and the keys that work right now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textual import events
from textual.binding import ActiveBinding
from textual.content import Content
from textual.dom import DOMNode
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from meritocrab.tui.text import guarded, shortened

NARROWEST = 10


class Line(Static):
    """Ready text, never read as markup; redrawn only when it differs.

    Args:
        lines: how many lines it may take; a longer text ends in "…". None leaves that to its place.
    """

    def __init__(
        self,
        text: Content | str = "",
        *,
        lines: int | None = None,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        super().__init__(
            guarded(Content(text) if isinstance(text, str) else text), id=id, classes=classes, markup=False
        )
        self._said, self._lines = Content(""), lines

    def say(self, text: Content | str) -> None:
        """This is the text now."""
        content = guarded(Content(text) if isinstance(text, str) else text)
        if not content.is_same(self._said):
            self._said = content
            self._fit()

    def on_resize(self, _: events.Resize) -> None:
        """Another width: other words fit."""
        if self._lines is not None:
            self._fit()

    def _fit(self) -> None:
        width = self.content_size.width
        if self._lines is None or width < NARROWEST:
            self.update(self._said)
        else:
            self.update(shortened(self._said, width, self._lines))


class Tab(NamedTuple):
    """A tab: which screen it leads to, its name, and a number that may stand behind it."""

    view: str
    name: str
    number: int = 0


class Tabs(Widget):
    """The screens by number; a click goes there."""

    class Picked(Message):
        """Somebody wants to go to this screen."""

        def __init__(self, view: str) -> None:
            super().__init__()
            self.view = view

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._tabs: tuple[Tab, ...] = ()
        self._current = ""
        self._ends: list[int] = []

    def show(self, tabs: Sequence[Tab], current: str) -> None:
        """These are the tabs, and this is where we are."""
        if (tuple(tabs), current) != (self._tabs, self._current):
            self._tabs, self._current = tuple(tabs), current
            self.refresh()

    def render(self) -> Content:
        """All tabs on one line."""
        parts, self._ends, end = [], [], 0
        for place, tab in enumerate(self._tabs, 1):
            part = self._part(place, tab)
            end += part.cell_length
            parts.append(part)
            self._ends.append(end)
        return Content("").join(parts)

    def _part(self, place: int, tab: Tab) -> Content:
        number = f" {tab.number:,}" if tab.number else ""
        if tab.view == self._current:
            return Content.styled(f" {place} {tab.name}{number} ", "bold reverse")
        return Content.assemble((f" {place} ", "dim"), tab.name, (number, "$accent bold"), " ")

    def on_click(self, event: events.Click) -> None:
        """Go where the click is."""
        for tab, end in zip(self._tabs, self._ends, strict=True):
            if event.x < end:
                self.post_message(self.Picked(tab.view))
                return


class Keys(Widget):
    """The keys that work now, as many as fit; help and leaving are always among them. A click does the same."""

    LAST = (("?", "help", "app.help"), ("q", "quit", "app.quit"))

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._places: list[tuple[int, str, DOMNode | None]] = []

    def on_mount(self) -> None:
        """Follow the focus."""
        self.screen.bindings_updated_signal.subscribe(self, self._follow)

    def _follow(self, _: Screen[object]) -> None:
        self.refresh()

    def render(self) -> Content:
        """One line."""
        self._places = []
        last = [self._key(key, word) for key, word, _ in self.LAST]
        left = self.size.width - sum(part.cell_length for part in last)
        line = Content("").join(self._fitting(left))
        end = max(0, left)
        for part, (_, _, action) in zip(last, self.LAST, strict=True):
            end += part.cell_length
            self._places.append((end, action, None))
        return Content("").join([line.pad_right(max(0, left - line.cell_length)), *last])

    def _fitting(self, width: int) -> list[Content]:
        found: list[Content] = []
        used = 0
        for active in self._active():
            binding = active.binding
            part = self._key(binding.key_display or self.app.get_key_display(binding), binding.description)
            if used + part.cell_length > width:
                break
            used += part.cell_length
            self._places.append((used, binding.action, active.node))
            found.append(part)
        return found

    def _active(self) -> list[ActiveBinding]:
        seen: dict[str, ActiveBinding] = {}
        for active in self.screen.active_bindings.values():
            if active.binding.show and active.enabled and active.binding.description:
                seen.setdefault(active.binding.action, active)
        return list(seen.values())

    def _key(self, key: str, word: str) -> Content:
        return Content.assemble((f" {key}", "$accent bold"), f" {word} ")

    async def on_click(self, event: events.Click) -> None:
        """Do what the key under the mouse does."""
        for end, action, node in self._places:
            if event.x < end:
                await self.app.run_action(action, node)
                return
