"""The review queue: one item after the other is read and decided, each with one key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.widgets import Input

from meritocrab.core.names import Classification
from meritocrab.localapi.client import LocalApiError, Refused
from meritocrab.localapi.protocol import ActAnswer, ActStatus, EvaluationDetail, EvaluationItem, Topic
from meritocrab.tui import words
from meritocrab.tui.asking import Asking
from meritocrab.tui.board import Decided
from meritocrab.tui.dossier import Patch, dossier
from meritocrab.tui.links import is_link
from meritocrab.tui.markdown import Block
from meritocrab.tui.screens.dialogs import Ask, Confirm, Said
from meritocrab.tui.screens.view import View
from meritocrab.tui.shows import QUEUE_COLUMNS, queue_cells
from meritocrab.tui.text import plain
from meritocrab.tui.widgets.document import Document
from meritocrab.tui.widgets.rows import RowList

Call = Callable[[], Awaitable[ActAnswer]]

DETAILS_KEPT = 50


class Queue(RowList[EvaluationItem]):
    """The list; page keys turn the text beside it, because lists are short and texts are long."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pageup", "turn(-1)", show=False),
        Binding("pagedown", "turn(1)", show=False),
    ]

    def action_turn(self, by: int) -> None:
        """Turn the text."""
        self.screen.query_one("#dossier", Document).action_turn(by)


class Review(View):
    """The list of what waits, and beside it all about one item."""

    NAME = "Review"
    ABOUT = (
        "One key decides the item under the cursor and goes on to the next. A snoozed item is hidden for an hour in"
        " this window only: nothing is written anywhere, and other maintainers still see it."
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "a",
            "approve",
            "approve",
            tooltip="approve: apply what is proposed (all marked ones, when some are marked)",
        ),
        Binding("s", "judge('spam')", "spam", tooltip="override: spam"),
        Binding("l", "judge('low')", "low", tooltip="override: low"),
        Binding("c", "judge('acceptable')", "ok", tooltip="override: acceptable"),
        Binding("h", "judge('high')", "high", tooltip="override: high"),
        Binding("n", "number", "number", tooltip="override: a number of your own, with a reason"),
        Binding("space", "skip", "skip", tooltip="on to the next item"),
        Binding("u", "undo", "undo", tooltip="undo the last decision of this session: the item waits again"),
        Binding(
            "v", "mark", "mark", tooltip="mark, or take the mark away; a s l c h then decide all marked ones"
        ),
        Binding("b", "blind", "blind", tooltip="blind mode: hide verdicts until you have decided"),
        Binding("z", "snooze", "snooze", tooltip="hide this item for an hour, in this session"),
        Binding("Z", "snoozed", "snoozed", show=False, tooltip="show the snoozed items, or the others again"),
        Binding(
            "slash",
            "filter",
            "filter",
            key_display="/",
            tooltip="filter by login, title, repository or number",
        ),
        Binding("enter", "zoom", "zoom", show=False, tooltip="give the text the whole screen, and back"),
        Binding(
            "t", "written", "as written", show=False, tooltip="the text as it was written, or as it looks"
        ),
        Binding("d", "patch", "diff", tooltip="what a pull request changes, asked of GitHub"),
        Binding("y", "copy", "copy link", show=False, tooltip="copy the link"),
        Binding("o", "open", "open", show=False, tooltip="open in the browser, after a question"),
        Binding("i", "person", "person", show=False, tooltip="the author's page"),
        Binding("escape", "back", show=False, tooltip="end zoom, filter or marks"),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._details: dict[int, EvaluationDetail] = {}
        self._patches: dict[int, Patch] = {}
        self._snoozed = self._written = False
        self._filter = ""
        self._renew = False
        self._reading = Asking(self, self._read_details)

    def compose(self) -> ComposeResult:
        """List and text."""
        with Container(id="queue-pane"):
            yield Input(
                placeholder="filter: login, title, repository, #number", id="queue-filter", compact=True
            )
            yield Queue(QUEUE_COLUMNS, self._cells, lambda item: item.id, empty="", id="queue")
        yield Document(id="dossier")

    def _cells(self, item: EvaluationItem, now: datetime) -> Sequence[Content]:
        return queue_cells(item, now, blind=self.ui.blind)

    @property
    def _queue(self) -> Queue:
        return self.query_one(Queue)

    @property
    def _item(self) -> EvaluationItem | None:
        return self._queue.current

    # ---- showing

    def on_resize(self, _: events.Resize) -> None:
        """Side by side where there is room."""
        self.set_class(self.is_wide(), "wide")

    def told(self, topics: frozenset[Topic]) -> None:
        """The queue may have changed; so may what deciding would do."""
        if topics & {Topic.EVALUATIONS, Topic.CONTRIBUTORS, Topic.LEDGER}:
            current = self._item
            self._details = {
                key: found for key, found in self._details.items() if current and key == current.id
            }
        self._renew = True
        self.refill()
        self._reading.begin()

    def refill(self) -> None:
        """Show the queue as it is."""
        now = self.ui.now
        items = self.board.waiting(now, snoozed=self._snoozed)
        self._queue.empty = self._nothing(bool(items))
        self._queue.show([item for item in items if self._fits(item)], now)
        self._show_detail()

    def _fits(self, item: EvaluationItem) -> bool:
        about = f"{item.author.login} {item.title} {item.repository} #{item.number} {item.subject}".lower()
        return all(word in about for word in self._filter.lower().split())

    def _nothing(self, others: bool) -> str:
        if self._filter and others:
            return "Nothing fits the filter; escape ends it."
        if self._snoozed:
            return "Nothing is snoozed; Z goes back."
        snoozed = len(self.board.waiting(self.ui.now, snoozed=True))
        if snoozed:
            return f"All done but {words.counted(snoozed, 'snoozed item')}; Z shows them."
        return "Nothing waits for you. ✓"

    def _show_detail(self) -> None:
        item, document = self._item, self.query_one(Document)
        if item is None:
            document.show(None, [Block(Content.styled("Nothing to decide here.", "dim"))])
            return
        detail = self._details.get(item.id)
        if detail is not None:
            blind = self.ui.blind
            patch = self._patches.get(item.id)
            shown = dossier(detail, self.ui.now, blind=blind, as_written=self._written, patch=patch)
            document.show(item.id, shown)
        else:
            document.show(
                item.id, [Block(plain(item.title).stylize("bold")), Block(Content.styled("…", "dim"))]
            )

    def on_row_list_moved(self, _: RowList.Moved) -> None:
        """Another item."""
        self._show_detail()
        self._reading.begin()

    def on_row_list_chosen(self, _: RowList.Chosen) -> None:
        """The text, large."""
        self.action_zoom()

    def tick(self, now: datetime) -> None:
        """Times go on; a snoozed item may be back."""
        super().tick(now)
        if len(self.board.waiting(now, snoozed=self._snoozed)) != self._queue.count and not self._filter:
            self.refill()

    async def _read_details(self) -> None:
        """All about this item, and about the next one, so that it is here when it is wanted."""
        current = self._item
        renew, self._renew = self._renew, False
        following = self._queue.row_at(self._queue.cursor + 1)
        for item in (current, following):
            if item is None or (item.id in self._details and not (renew and item is current)):
                continue
            try:
                self._remember(await self.ui.client.evaluation(item.repository, item.id))
            except Refused as error:
                if not error.is_missing:
                    self.ui.tell(str(error), "error")
            except LocalApiError:
                return  # the banner says that the daemon is away
            self._show_detail()

    def _remember(self, detail: EvaluationDetail) -> None:
        self._details[detail.id] = detail
        while len(self._details) > DETAILS_KEPT:
            self._details.pop(next(iter(self._details)))

    # ---- deciding

    def action_approve(self) -> None:
        """Apply what is proposed."""
        client = self.ui.client
        self._decide(
            "approve", lambda item: partial(client.approve, item.repository, item.id), self._approvable
        )

    def _approvable(self, item: EvaluationItem) -> bool:
        """A verdict that was never given cannot be approved."""
        return (
            item.proposed_delta is not None or item.subject == "blacklist" or item.classification is not None
        )

    def action_judge(self, name: str) -> None:
        """Apply another class."""
        classification, client = Classification(name), self.ui.client
        self._decide(
            name,
            lambda item: partial(client.override, item.repository, item.id, classification=classification),
            lambda item: classification in item.deltas or _leaves(item, classification),
        )

    def _decide(
        self, word: str, call: Callable[[EvaluationItem], Call], possible: Callable[[EvaluationItem], bool]
    ) -> None:
        marked = [
            item
            for item in self.board.waiting(self.ui.now, snoozed=self._snoozed)
            if item.id in self._queue.marked
        ]
        if marked:
            self._decide_all(word, [item for item in marked if possible(item)], len(marked), call)
        elif (item := self._item) is not None:
            if possible(item):
                self._send(item, word, call(item))
            else:
                self.ui.tell(self._impossible(item, word), "warning")

    def _impossible(self, item: EvaluationItem, word: str) -> str:
        if item.subject == "blacklist":
            return "a blacklist proposal takes a (blacklist) or c (leave it)"
        return f"{word} does nothing here: no verdict proposes anything. Choose s, l, c, h, or n for a number"

    def _decide_all(
        self, word: str, items: Sequence[EvaluationItem], marked: int, call: Callable[[EvaluationItem], Call]
    ) -> None:
        question = f"{word.capitalize()}: decide {words.counted(len(items), 'item')} at once?"
        left = (
            [f"{words.counted(marked - len(items), 'marked item')} cannot be decided so and will stay."]
            if marked > len(items)
            else []
        )
        people = sorted({f"@{item.author.login}" for item in items})
        named = ", ".join(people[:8]) + (f" and {len(people) - 8} more" if len(people) > 8 else "")

        def answered(yes: bool | None) -> None:
            if yes:
                self._queue.clear_marks()
                for item in items:
                    self._send(item, word, call(item))

        self.app.push_screen(Confirm(question, [f"Of {named}.", *left]), answered)

    def _send(self, item: EvaluationItem, word: str, call: Call) -> None:
        """The item leaves the list at once; it comes back if the daemon does not take the decision."""
        self.board.deciding.add(item.id)
        self.refill()
        self.ui.act(call, partial(self._decided, item, word), partial(self._not_decided, item))

    def _decided(self, item: EvaluationItem, word: str, answer: ActAnswer) -> None:
        what = f"#{item.number} of @{item.author.login}"
        self.board.decisions.append(Decided(item.repository, f"{word}: {what}", item.id))
        self.ui.tell(f"{what}: {word}{_outcome(answer)}{self._unveiled(item)}")

    def _unveiled(self, item: EvaluationItem) -> str:
        """In blind mode the verdict is told afterwards."""
        if not self.ui.blind:
            return ""
        return (
            f" · the verdict was {words.verdict(item.classification).word} {words.percent(item.confidence)}"
        )

    def _not_decided(self, item: EvaluationItem, error: LocalApiError) -> None:
        if isinstance(error, Refused) and (error.is_conflict or error.is_missing):
            self.ui.tell(f"#{item.number} of @{item.author.login}: somebody was first ({error})", "warning")
            self.ui.ask([Topic.EVALUATIONS])
        else:
            self.board.deciding.discard(item.id)
            self.ui.tell(f"#{item.number} is not decided: {error}", "error")
            self.refill()

    def action_number(self) -> None:
        """A number of one's own."""
        item = self._item
        if item is None:
            return
        title = f"#{item.number} of @{item.author.login}: by how much does credit change?"
        self.app.push_screen(
            Ask(title, [f"Credit is {item.credit:,} now."], number=True), partial(self._numbered, item)
        )

    def _numbered(self, item: EvaluationItem, said: Said | None) -> None:
        if said is not None:
            call = partial(
                self.ui.client.override, item.repository, item.id, delta=said.delta, reason=said.reason
            )
            self._send(item, words.signed(said.delta), call)

    def action_undo(self) -> None:
        """Take the last decision back: the item waits again."""
        decisions = self.board.decisions
        if not decisions:
            self.ui.tell("nothing to undo: no decision of this session is left", "warning")
            return
        last = decisions.pop()
        call = partial(self.ui.client.reconsider, last.repository, last.evaluation_id)
        self.ui.act(call, partial(self._undone, last), partial(self._not_undone, last))

    def _undone(self, last: Decided, answer: ActAnswer) -> None:
        self.board.deciding.discard(last.evaluation_id)
        self.ui.tell(f"undone, and it waits again: {last.what}{_outcome(answer)}")

    def _not_undone(self, last: Decided, error: LocalApiError) -> None:
        if not isinstance(error, Refused):
            self.board.decisions.append(last)  # the daemon was away: it can be tried again
        self.ui.tell(f"{last.what} is not undone: {error}", "error")

    # ---- going through the list

    def action_skip(self) -> None:
        """The next one; from the last back to the first."""
        queue = self._queue
        queue.cursor = 0 if queue.cursor >= queue.count - 1 else queue.cursor + 1

    def action_mark(self) -> None:
        """Mark this one."""
        self._queue.mark()

    def action_blind(self) -> None:
        """Hide verdicts, or show them."""
        self.ui.toggle_blind()

    def redraw(self) -> None:
        """How items look has changed."""
        self._queue.redraw()
        self._show_detail()

    def action_snooze(self) -> None:
        """Not now."""
        item = self._item
        if item is None:
            return
        if self._snoozed:
            self.board.snoozed.pop(item.id, None)
            self.ui.tell(f"#{item.number} is awake again")
        else:
            self.board.snooze(item.id, self.ui.now)
            self.ui.tell(f"#{item.number} is hidden for an hour, in this session; Z shows what is snoozed")
        self.refill()

    def action_snoozed(self) -> None:
        """The snoozed ones, or the others."""
        self._snoozed = not self._snoozed
        self.refill()
        self.ui.tell("snoozed items; z wakes one, Z goes back" if self._snoozed else "the queue")

    def action_filter(self) -> None:
        """Fewer items."""
        field = self.query_one("#queue-filter", Input)
        field.add_class("shown")
        field.focus()

    def on_input_changed(self, message: Input.Changed) -> None:
        """As one types."""
        self._filter = message.value
        self.refill()

    def on_input_submitted(self, _: Input.Submitted) -> None:
        """Back to the list."""
        self._queue.focus()

    def action_zoom(self) -> None:
        """The text alone, or both."""
        self.toggle_class("zoomed")
        target = self.query_one(Document) if self.has_class("zoomed") else self._queue
        target.focus()

    def action_written(self) -> None:
        """Markdown as it looks, or as it was written."""
        self._written = not self._written
        self._show_detail()

    def action_patch(self) -> None:
        """What it changes, below the text; or no longer."""
        item = self._item
        if item is None:
            return
        if self._patches.pop(item.id, None) is None:
            self._patches[item.id] = "asking GitHub …"
            self.run_worker(self._read_patch(item), group="patches", exit_on_error=False)
        self._show_detail()

    async def _read_patch(self, item: EvaluationItem) -> None:
        try:
            found: Patch = (await self.ui.client.evaluation_files(item.repository, item.id)).items
        except LocalApiError as error:
            found = str(error)
        if item.id in self._patches:
            self._patches = {item.id: found}  # one at a time: patches are large
            self._show_detail()

    def action_back(self) -> None:
        """One step back: zoom, filter, marks."""
        field = self.query_one("#queue-filter", Input)
        if self.has_class("zoomed"):
            self.remove_class("zoomed")
        elif field.has_class("shown"):
            field.value = ""
            field.remove_class("shown")
        else:
            self._queue.clear_marks()
        self._queue.focus()

    # ---- elsewhere

    def _link(self) -> str | None:
        item = self._item
        link = item.link if item is not None else ""
        if not is_link(link):
            self.ui.tell("this item has no link", "warning")
            return None
        return link

    def action_copy(self) -> None:
        """Put the link into the clipboard."""
        if link := self._link():
            self.ui.copy_link(link)

    def action_open(self) -> None:
        """Open the link, if one sits at this machine."""
        if link := self._link():
            self.ui.offer_link(link)

    async def action_person(self) -> None:
        """All about the author."""
        if (item := self._item) is not None:
            await self.ui.show_person(item.repository, f"id:{item.author.id}")

    def focus_first(self) -> None:
        """The list."""
        self._queue.focus()


def _leaves(item: EvaluationItem, classification: Classification) -> bool:
    """A blacklist proposal is turned down by calling the person acceptable."""
    return item.subject == "blacklist" and classification is Classification.ACCEPTABLE


def _outcome(answer: ActAnswer) -> str:
    """What came of an act, behind its name."""
    if answer.status is ActStatus.ACCEPTED:
        return " (accepted; it is done as soon as the daemon comes to it)"
    if not answer.ledger:
        return ""
    applied = sum(row.applied for row in answer.ledger if row.reason != "opening")
    banned = ", blacklisted" if answer.blacklisted else ""
    credit = f" → {answer.credit:,}" if answer.credit is not None else ""
    return f" {words.signed(applied)}{credit}{banned}"
