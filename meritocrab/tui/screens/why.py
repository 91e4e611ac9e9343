"""A window with the whole chain of one decision, from the event to what was done on GitHub."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from meritocrab.localapi.protocol import WhyAnswer
from meritocrab.tui.chain import chain, link_of
from meritocrab.tui.screens.dialogs import keys
from meritocrab.tui.widgets.document import Document
from meritocrab.tui.widgets.frame import Line

if TYPE_CHECKING:
    from meritocrab.tui.app import MeritocrabApp


class Why(ModalScreen[None]):
    """Events, verdicts, rules, credit and actions of one issue or pull request."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,w", "leave", "close"),
        Binding("y", "copy", "copy link"),
    ]

    def __init__(self, answer: WhyAnswer, *, blind: bool) -> None:
        super().__init__()
        self._answer, self._blind = answer, blind

    def compose(self) -> ComposeResult:
        """A text that can be scrolled."""
        with Vertical(classes="dialog why"):
            yield Line(Content.styled("Why", "bold"))
            yield Document(id="chain")
            yield Line(
                keys(("↑ ↓", "scroll"), ("y", "copy link"), ("escape", "close")), classes="dialog-keys"
            )

    def on_mount(self) -> None:
        """All of it."""
        document = self.query_one(Document)
        document.show(self._answer.number, chain(self._answer, blind=self._blind))
        document.focus()

    def action_copy(self) -> None:
        """Put the link into the clipboard."""
        cast("MeritocrabApp", self.app).copy_link(link_of(self._answer))

    def action_leave(self) -> None:
        """Back."""
        self.dismiss(None)
