"""What is to be done on GitHub, when and why, and what has changed anybody's credit."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from meritocrab.core.names import ActionState
from meritocrab.localapi.protocol import LARGEST_PAGE, ActAnswer, ActionItem, LedgerItem, Page, Topic
from meritocrab.tui import words
from meritocrab.tui.book import Ask as Wanted
from meritocrab.tui.screens.dialogs import Ask, Pick, Said
from meritocrab.tui.screens.view import WHY, Thread, View
from meritocrab.tui.shows import ACTION_COLUMNS, action_cells, ledger_cells, ledger_columns
from meritocrab.tui.sieve import NEWEST_SIFTED, Sieve, choices
from meritocrab.tui.text import plain, plain_lines
from meritocrab.tui.widgets.frame import Line
from meritocrab.tui.widgets.paged import PagedList
from meritocrab.tui.widgets.rows import RowList

DETAIL_LIMIT = 700


class Activity(View):
    """Outbox above, ledger below, and the row under the cursor in full."""

    NAME = "Activity"
    ABOUT = (
        "Above is what was decided to be done on GitHub, below are changes of credit. Tab goes between them."
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "repository", "repository", tooltip="of one repository only, or of all"),
        Binding("f", "filter", "filter", tooltip="actions of one state; changes by whom, or of one person"),
        Binding("c", "cancel", "cancel", tooltip="cancel a scheduled action"),
        WHY,
        Binding("y", "copy", "copy link", tooltip="copy the link of the issue or pull request"),
        Binding("i", "person", "person", tooltip="the page of the person it is about"),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._repository = ""
        self._state: ActionState | None = None
        self._sieve = Sieve(self._all_changes)

    def compose(self) -> ComposeResult:
        """Two lists and a detail."""
        yield Line(id="outbox-about", classes="title")
        yield PagedList(
            ACTION_COLUMNS,
            action_cells,
            lambda item: item.id,
            self._actions,
            empty="Nothing was to be done.",
            newest_first=True,
            id="outbox",
        )
        yield Line(id="changes-about", classes="title")
        yield PagedList(
            ledger_columns(),
            ledger_cells,
            lambda item: item.id,
            self._changes,
            empty="Nothing has changed.",
            newest_first=True,
            id="changes",
        )
        yield Line(id="activity-detail", lines=4)

    async def _actions(self, wanted: Wanted, limit: int) -> Page[ActionItem]:
        return await self.ui.client.outbox(
            self._repository or None, state=self._state, cursor=wanted.cursor, limit=limit
        )

    async def _changes(self, wanted: Wanted, limit: int) -> Page[LedgerItem]:
        if self._sieve.wanted:
            return await self._sieve.page(wanted.cursor, limit)
        return await self.ui.client.activity(self._repository or None, cursor=wanted.cursor, limit=limit)

    async def _all_changes(self, cursor: str | None) -> Page[LedgerItem]:
        return await self.ui.client.activity(self._repository or None, cursor=cursor, limit=LARGEST_PAGE)

    @property
    def _outbox(self) -> PagedList[ActionItem]:
        return self.query_one("#outbox", PagedList)

    @property
    def _ledger(self) -> PagedList[LedgerItem]:
        return self.query_one("#changes", PagedList)

    def told(self, topics: frozenset[Topic]) -> None:
        """Ask again for what changed."""
        if Topic.OUTBOX in topics:
            self._outbox.renew(self.ui.now)
        if Topic.LEDGER in topics:
            self._ledger.renew(self.ui.now)
        self._say()

    def _say(self) -> None:
        where = plain(self._repository) if self._repository else Content("all repositories")
        state = f"{self._state} only" if self._state else "every state"
        self._title("outbox-about", "Actions on GitHub", self._outbox.total, where + Content(f" · {state}"))
        sieve = self._sieve
        among = f" · among the newest {NEWEST_SIFTED:,}" if sieve.is_partial else ""
        only = Content(" · ") + plain(sieve.wanted + among) if sieve.wanted else Content("")
        self._title("changes-about", "Changes of credit", self._ledger.total, where + only)

    def _title(self, line: str, name: str, total: int | None, about: Content) -> None:
        number = "" if total is None else f" {total:,}"
        self.query_one(f"#{line}", Line).say(
            Content.assemble((f" {name}", "bold"), (number, "$accent"), "  ", about.stylize("dim"))
        )

    def on_paged_list_counted(self, _: PagedList.Counted) -> None:
        """How many there are is known."""
        self._say()

    def on_row_list_moved(self, _: RowList.Moved) -> None:
        """Another row: say all of it."""
        self._show_detail()

    def on_descendant_focus(self) -> None:
        """The other list."""
        self._show_detail()

    def _row(self) -> ActionItem | LedgerItem | None:
        return self._ledger.current if self._is_at_ledger else self._outbox.current

    @property
    def _is_at_ledger(self) -> bool:
        """Does the ledger have the keys? `has_focus` says so one turn later."""
        return self.screen.focused is self._ledger

    def _show_detail(self) -> None:
        row = self._row()
        line = self.query_one("#activity-detail", Line)
        if isinstance(row, ActionItem):
            line.say(_about_action(row))
        else:
            line.say(_about_change(row) if row is not None else "")

    async def on_row_list_chosen(self, _: RowList.Chosen) -> None:
        """The person."""
        await self.action_person()

    async def action_person(self) -> None:
        """All about the person of this row."""
        row = self._row()
        if row is not None and row.account is not None:
            await self.ui.show_person(row.repository, f"id:{row.account.id}")

    def action_repository(self) -> None:
        """Of one repository."""
        self.ui.pick_repository(self._repository, self._of_repository, everything=True)

    def _of_repository(self, name: str) -> None:
        self._repository = name
        self._outbox.restart(self.ui.now)
        self._ledger.restart(self.ui.now)
        self._say()

    def action_filter(self) -> None:
        """Fewer actions, or fewer changes: whichever list has the keys."""
        if self._is_at_ledger:
            seen = [item for _, item in self._ledger.loaded()]
            ask = Pick("Which changes of credit?", list(choices(seen)), self._sieve.wanted)
            self.app.push_screen(ask, self._of_changes)
            return
        states = [("", "every state"), *((state.value, state.value) for state in ActionState)]
        self.app.push_screen(Pick("Actions of which state?", states, self._state or ""), self._of_state)

    def _of_state(self, state: str | None) -> None:
        if state is not None:
            self._state = ActionState(state) if state else None
            self._outbox.restart(self.ui.now)
            self._say()

    def _of_changes(self, wanted: str | None) -> None:
        if wanted is not None:
            self._sieve.wanted, self._sieve.is_partial = wanted, False
            self._ledger.restart(self.ui.now)
            self._say()

    def thread(self) -> Thread | None:
        """Of the action or the change under the cursor."""
        row = self._row()
        if row is None or row.number is None:
            return None
        return Thread(row.repository, row.number)

    def action_copy(self) -> None:
        """Put the link into the clipboard."""
        if (thread := self.thread()) is not None:
            self.ui.copy_link_of(thread)
        else:
            self.ui.tell("this belongs to no issue or pull request", "warning")

    def action_cancel(self) -> None:
        """Cancel what is scheduled."""
        row = self._outbox.current
        if row is None or not row.cancellable:
            self.ui.tell("only what is scheduled and was never attempted can be cancelled", "warning")
            return
        what = f"{words.action_kind(row.kind)} on #{row.number}"
        about = [
            f"It is due {words.until(row.next_attempt_at, self.ui.now)}. It will not be scheduled again by itself."
        ]
        self.app.push_screen(Ask(f"Cancel: {what}?", about), partial(self._cancelled, row.id, what))

    def _cancelled(self, action_id: int, what: str, said: Said | None) -> None:
        if said is not None:

            def done(_: ActAnswer) -> None:
                self.ui.tell(f"cancelled: {what}")

            self.ui.act(partial(self.ui.client.cancel, action_id, reason=said.reason), done)


def _about_action(row: ActionItem) -> Content:
    """An action in full: what, on what ground, when, and its text."""
    settled = row.settled_at is not None
    due = (
        f"{row.state} {words.moment(row.settled_at)}"
        if settled
        else f"not before {words.moment(row.not_before_at)}"
    )
    when = f"decided {words.moment(row.decided_at)}, {due}"
    tries = f", {words.counted(row.attempts, 'attempt')}" if row.attempts else ""
    what = (
        f"{words.action_kind(row.kind)} on #{row.number}, because {row.basis} (enforcement {row.enforcement})"
    )
    head = f" {what}; {when}{tries}"
    parts = [Content(head)]
    if row.reason:
        parts.append(Content(" ") + plain(row.reason).stylize("$warning"))
    if row.body:
        parts.append(plain_lines(row.body.strip(), DETAIL_LIMIT).stylize("dim"))
    return Content("\n").join(parts)


def _about_change(row: LedgerItem) -> Content:
    """A change in full."""
    change = f"{words.signed(row.applied)}: {row.before:,} → {row.after:,}"
    head = f" {words.moment(row.occurred_at)} · row {row.id} · {change}"
    lines = [Content(head), Content(" ") + plain(f"{row.words} · by {row.actor.words} · {row.enforcement}")]
    return Content("\n").join([*lines, plain_lines(row.text, DETAIL_LIMIT)] if row.text else lines)
