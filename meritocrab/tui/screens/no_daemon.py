"""What is seen when no daemon was found yet: what was tried, and what to do."""

from __future__ import annotations

from datetime import datetime

from textual.app import ComposeResult
from textual.content import Content

from meritocrab.localapi.protocol import Topic
from meritocrab.tui.messages import LinkState
from meritocrab.tui.screens.view import View
from meritocrab.tui.text import plain
from meritocrab.tui.widgets.frame import Line

TITLES = {
    LinkState.NO_PERMISSION: "You may not use this daemon's socket",
    LinkState.NOT_UNDERSTOOD: "The daemon speaks another version",
}
ADVICE = {
    LinkState.NO_DAEMON: (
        ("meritocrab run", "in another terminal, or"),
        ("systemctl start meritocrab", "as a service."),
        ("meritocrab tui --socket PATH", "for a daemon that listens elsewhere."),
        ("meritocrab demo", "shows everything without one."),
    ),
}


class NoDaemonView(View):
    """A quiet page instead of empty screens."""

    NAME = "No daemon"
    ABOUT = "The daemon is looked for again and again, at longer and longer intervals; ctrl+r looks at once."
    can_focus = True

    def compose(self) -> ComposeResult:
        """One text."""
        yield Line(id="no-daemon-text")

    def told(self, topics: frozenset[Topic]) -> None:  # noqa: ARG002
        """Why there is nothing to be seen."""
        board = self.board
        title = TITLES.get(board.link, "No daemon is running here")
        parts = [Content.styled(title, "bold $warning"), Content("")]
        parts.append(Content.assemble(("Tried    ", "dim"), plain(str(self.ui.client.socket))))
        parts.append(Content.assemble(("Found    ", "dim"), plain(board.reason, 600)))
        parts.append(Content(""))
        for command, words in ADVICE.get(board.link, ()):
            parts.append(Content.assemble("  ", (f"{command:<30}", "$accent bold"), words))
        parts += [
            Content(""),
            Content.styled("It is tried again by itself; ctrl+r tries now, q leaves.", "dim"),
        ]
        self.query_one(Line).say(Content("\n").join(parts))

    def tick(self, now: datetime) -> None:  # noqa: ARG002
        """The reason may have changed."""
        self.told(frozenset())

    def focus_first(self) -> None:
        """Keys still work."""
        self.give_keys(self)
