"""The review queue: one item after the other is read and decided, each with one key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from meritocrab.localapi.protocol import EvaluationDetail, EvaluationItem, Topic
from meritocrab.tui import words
from meritocrab.tui.asking import Asking
from meritocrab.tui.batch import consequences, people
from meritocrab.tui.dossier import PATCH, Patch, dossier
from meritocrab.tui.markdown import Block
from meritocrab.tui.screens.deciding import Call, Decisions
from meritocrab.tui.screens.dialogs import Ask, Confirm, Said
from meritocrab.tui.screens.view import WHY, Thread, View
from meritocrab.tui.shows import is_proposal, queue_cells, queue_columns, short_names
from meritocrab.tui.text import plain
from meritocrab.tui.widgets.document import Document
from meritocrab.tui.widgets.frame import Line
from meritocrab.tui.widgets.rows import RowList

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
            tooltip="approve: apply what is proposed",
        ),
        Binding("s", "judge('spam')", "spam", tooltip="override: spam"),
        Binding("l", "judge('low')", "low", tooltip="override: low"),
        Binding("c", "judge('acceptable')", "ok", tooltip="override: acceptable"),
        Binding("h", "judge('high')", "high", tooltip="override: high"),
        Binding(
            "n",
            "number",
            "number",
            tooltip="override: a number of your own, with a reason",
        ),
        Binding("space", "skip", "skip", tooltip="on to the next item"),
        Binding("u", "undo", "undo", tooltip="undo the last step of this session"),
        Binding(
            "v",
            "mark",
            "mark",
            tooltip="mark; a s l c h n z then take all marked ones",
        ),
        Binding("b", "blind", "blind", tooltip="blind mode: hide verdicts until you have decided"),
        Binding(
            "z",
            "snooze",
            "snooze",
            tooltip="hide for an hour, in this session",
        ),
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
        WHY,
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
        self._names: dict[str, str] = {}
        self._reading = Asking(self, self._read_details)
        self._decisions = Decisions(self, self.refill)

    def compose(self) -> ComposeResult:
        """List and text."""
        with Container(id="queue-pane"):
            yield Input(
                placeholder="filter: login, title, repository, #number", id="queue-filter", compact=True
            )
            yield Line(id="queue-about")
            yield Queue(queue_columns(several=False), self._cells, lambda item: item.id, empty="", id="queue")
        yield Document(id="dossier")

    def _cells(self, item: EvaluationItem, now: datetime) -> Sequence[Content]:
        repository = self._names.get(item.repository, item.repository)
        return queue_cells(item, now, repository, blind=self.ui.blind)

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
        names = {item.name for item in self.board.repositories} | {item.repository for item in items}
        self._names = short_names(sorted(names))
        self._queue.set_columns(queue_columns(several=len(names) > 1))
        self._queue.empty = self._nothing(bool(items))
        self._queue.show([item for item in items if self._fits(item)], now)
        self._say_about(len(items))
        self._show_detail()

    def _say_about(self, all_items: int) -> None:
        """What is not seen, where there is such a thing."""
        board, queue, said = self.board, self._queue, []
        if self._filter:
            said.append(f"{queue.count:,} of {all_items:,}")
        if self._snoozed:
            said.append("snoozed items")
        if queue.marked:
            said.append(f"{len(queue.marked):,} marked")
        if board.queue_total > len(board.queue):
            said.append(f"the first {len(board.queue):,} of {board.queue_total:,} that wait")
        line = self.query_one("#queue-about", Line)
        line.set_class(bool(said), "shown")
        line.say(Content.styled(f" {' · '.join(said)}", "$accent"))

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
            if item is None:
                continue
            again = renew and item is current
            if (again or item.id not in self._details) and await self._detail(item, again=again) is not None:
                self._show_detail()

    async def _detail(self, item: EvaluationItem, *, again: bool = False) -> EvaluationDetail | None:
        """All about this item, asked for if it is not here."""
        if again or item.id not in self._details:
            try:
                self._remember(await self.ui.client.evaluation(item.repository, item.id))
            except Refused as error:
                if not error.is_missing:
                    self.ui.tell(str(error), "error")
            except LocalApiError:
                return None  # the banner says that the daemon is away
        return self._details.get(item.id)

    def _remember(self, detail: EvaluationDetail) -> None:
        self._details[detail.id] = detail
        while len(self._details) > DETAILS_KEPT:
            self._details.pop(next(iter(self._details)))

    # ---- deciding

    def action_approve(self) -> None:
        """Apply what is proposed."""
        client = self.ui.client
        self._decide(None, lambda item: partial(client.approve, item.repository, item.id), _approvable)

    def action_judge(self, name: str) -> None:
        """Apply another class."""
        classification, client = Classification(name), self.ui.client
        self._decide(
            classification,
            lambda item: partial(client.override, item.repository, item.id, classification=classification),
            lambda item: classification in item.deltas or _leaves(item, classification),
        )

    def _marked(self) -> list[EvaluationItem]:
        """The marked items, in the order of the list."""
        waiting = self.board.waiting(self.ui.now, snoozed=self._snoozed)
        return [item for item in waiting if item.id in self._queue.marked]

    def _decide(
        self, name: Classification | None, call: Callable[[EvaluationItem], Call], possible: Possible
    ) -> None:
        word = name.value if name is not None else "approve"
        if marked := self._marked():
            self.run_worker(self._decide_all(name, marked, call, possible), exit_on_error=False)
        elif (item := self._item) is not None:
            if possible(item):
                self._decisions.send([item], word, call)
            else:
                self.ui.tell(_impossible(item, word), "warning")

    async def _decide_all(
        self,
        name: Classification | None,
        marked: Sequence[EvaluationItem],
        call: Callable[[EvaluationItem], Call],
        possible: Possible,
    ) -> None:
        """Say what it would do, and ask."""
        word = name.value if name is not None else "approve"
        items = [item for item in marked if possible(item)]
        if not items:
            self.ui.tell(_impossible(marked[0], word), "warning")
            return
        details = [found for item in items if (found := await self._detail(item)) is not None]
        if not details:
            self.ui.tell("the daemon cannot say what this would do; nothing is decided", "warning")
            return
        about = consequences(details, name, blind=self.ui.blind)

        def answered(yes: bool | None) -> None:
            if yes:
                self._queue.clear_marks()
                self._decisions.send(items, word, call)

        question = f"{word.capitalize()}: decide {words.counted(len(items), 'item')} at once?"
        self.app.push_screen(Confirm(question, [*about, *_stays(len(marked) - len(items))]), answered)

    def action_number(self) -> None:
        """A number of one's own, for this item or the marked ones."""
        chosen = self._marked() or [item for item in (self._item,) if item is not None]
        items = [item for item in chosen if not is_proposal(item)]
        if not items:
            if chosen:
                self.ui.tell(_impossible(chosen[0], "a number"), "warning")
            return
        first = items[0]
        if len(items) == 1:
            title = f"#{first.number} of @{first.author.login}: by how much does credit change?"
            about = [f"Credit is {first.credit:,} now."]
        else:
            title = f"{len(items):,} items: by how much does each change its author's credit?"
            about = [f"Of {people(items)}."]
        dialog = Ask(title, [*about, *_stays(len(chosen) - len(items))], number=True)
        self.app.push_screen(dialog, partial(self._numbered, items))

    def _numbered(self, items: Sequence[EvaluationItem], said: Said | None) -> None:
        if said is None:
            return
        override = self.ui.client.override
        self._queue.clear_marks()
        self._decisions.send(
            items,
            words.signed(said.delta),
            lambda item: partial(override, item.repository, item.id, delta=said.delta, reason=said.reason),
        )

    def action_undo(self) -> None:
        """Take the last step back: its items wait again."""
        self._decisions.undo()

    # ---- going through the list

    def action_skip(self) -> None:
        """The next one; from the last back to the first."""
        queue = self._queue
        queue.cursor = 0 if queue.cursor >= queue.count - 1 else queue.cursor + 1

    def action_mark(self) -> None:
        """Mark this one."""
        self._queue.mark()
        self.refill()

    def action_blind(self) -> None:
        """Hide verdicts, or show them."""
        self.ui.toggle_blind()

    def redraw(self) -> None:
        """How items look has changed."""
        self._queue.redraw()
        self._show_detail()

    def action_snooze(self) -> None:
        """Not now."""
        items = self._marked() or [item for item in (self._item,) if item is not None]
        if not items:
            return
        named = f"#{items[0].number} is" if len(items) == 1 else f"{len(items):,} items are"
        for item in items:
            if self._snoozed:
                self.board.snoozed.pop(item.id, None)
            else:
                self.board.snooze(item.id, self.ui.now)
        self._queue.clear_marks()
        if self._snoozed:
            self.ui.tell(f"{named} awake again")
        else:
            self.ui.tell(f"{named} hidden for an hour, in this session; Z shows what is snoozed")
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
        self.give_keys(field)

    def on_input_changed(self, message: Input.Changed) -> None:
        """As one types."""
        self._filter = message.value
        self.refill()

    def on_input_submitted(self, _: Input.Submitted) -> None:
        """Back to the list."""
        self.give_keys(self._queue)

    def action_zoom(self) -> None:
        """The text alone, or both."""
        self.toggle_class("zoomed")
        target = self.query_one(Document) if self.has_class("zoomed") else self._queue
        self.give_keys(target)

    def action_written(self) -> None:
        """Markdown as it looks, or as it was written."""
        self._written = not self._written
        self._show_detail()

    def action_patch(self) -> None:
        """What it changes, below the text; or no longer."""
        item = self._item
        if item is None:
            return
        if item.subject != "pull_request":
            self.ui.tell("only a pull request changes files", "warning")
        elif self._patches.pop(item.id, None) is None:
            self._show_patch(item, "asking GitHub …")
            self.run_worker(self._read_patch(item), group="patches", exit_on_error=False)
            self.ui.tell(f"below the text: what #{item.number} changes; enter zooms, d hides it")
        else:
            self._show_detail()
            self.query_one(Document).action_edge(False)

    def _show_patch(self, item: EvaluationItem, patch: Patch) -> None:
        """Only one is kept, because patches are large; the text is scrolled to it."""
        self._patches = {item.id: patch}
        self._show_detail()
        if item.id == self._queue.current_key:
            self.query_one(Document).go_to(PATCH)

    async def _read_patch(self, item: EvaluationItem) -> None:
        try:
            found: Patch = (await self.ui.client.evaluation_files(item.repository, item.id)).items
        except LocalApiError as error:
            found = str(error)
        if item.id in self._patches:
            self._show_patch(item, found)

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
            self.refill()
        self.give_keys(self._queue)

    # ---- elsewhere

    def thread(self) -> Thread | None:
        """Of the item under the cursor."""
        item = self._item
        return Thread(item.repository, item.number) if item is not None else None

    def action_copy(self) -> None:
        """Put the link into the clipboard."""
        if (item := self._item) is not None:
            self.ui.copy_link(item.link)

    def action_open(self) -> None:
        """Open the link, if one sits at this machine."""
        if (item := self._item) is not None:
            self.ui.offer_link(item.link)

    async def action_person(self) -> None:
        """All about the author."""
        if (item := self._item) is not None:
            await self.ui.show_person(item.repository, f"id:{item.author.id}")

    def focus_first(self) -> None:
        """The list."""
        self.give_keys(self._queue)


Possible = Callable[[EvaluationItem], bool]


def _approvable(item: EvaluationItem) -> bool:
    """A verdict that was never given cannot be approved."""
    return item.proposed_delta is not None or is_proposal(item) or item.classification is not None


def _leaves(item: EvaluationItem, classification: Classification) -> bool:
    """A blacklist proposal is turned down by calling the person acceptable."""
    return is_proposal(item) and classification is Classification.ACCEPTABLE


def _impossible(item: EvaluationItem, word: str) -> str:
    if is_proposal(item):
        return "a blacklist proposal takes a (blacklist) or c (leave it)"
    return f"{word} does nothing here: no verdict proposes anything. Choose s, l, c, h, or n for a number"


def _stays(number: int) -> list[str]:
    """What is marked and cannot be decided so."""
    return [f"{words.counted(number, 'marked item')} cannot be decided so and will stay."] if number else []
