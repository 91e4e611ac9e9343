"""The people of a repository: found at once among a hundred thousand, and all about one of them."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input

from meritocrab.core.names import Enforcement
from meritocrab.localapi.client import LocalApiError, Refused
from meritocrab.localapi.protocol import (
    LARGEST_PAGE,
    ActAnswer,
    ContributorDetail,
    ContributorItem,
    ContributorSort,
    LedgerItem,
    Page,
    PullRequestItem,
    Topic,
)
from meritocrab.tui import words
from meritocrab.tui.asking import Asking
from meritocrab.tui.book import Ask as Wanted
from meritocrab.tui.chart import balances
from meritocrab.tui.person import portrait
from meritocrab.tui.screens.dialogs import Ask, Said
from meritocrab.tui.screens.view import WHY, Thread, View
from meritocrab.tui.shows import (
    CONTRIBUTOR_COLUMNS,
    PULL_COLUMNS,
    contributor_cells,
    ledger_columns,
    own_ledger_cells,
    pull_cells,
)
from meritocrab.tui.text import plain
from meritocrab.tui.widgets.frame import Line
from meritocrab.tui.widgets.paged import PagedList
from meritocrab.tui.widgets.rows import RowList

TYPING_SECONDS = 0.12
SORTS = (
    (ContributorSort.LOGIN, "by login"),
    (ContributorSort.CREDIT, "by credit"),
    (ContributorSort.SEEN, "by first visit"),
)
SEARCH_LIMIT = 100


def turned(sort: ContributorSort) -> ContributorSort:
    """The same order from its other end."""
    return ContributorSort(sort.removeprefix("-") if sort.startswith("-") else f"-{sort}")


class Contributors(View):
    """A list that is searched, and a person's page over it."""

    NAME = "Contributors"
    ABOUT = "Enter opens a person's page, escape leads back. A search is the beginning of a login, or id:123."

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "nothing", show=False, tooltip="open this person's page"),
        Binding("slash", "search", "search", key_display="/", tooltip="search by the beginning of a login"),
        Binding("r", "repository", "repository", tooltip="another repository"),
        Binding("s", "sort", "sort", tooltip="by login, by credit, by first visit"),
        Binding("S", "turn", "reverse", show=False, tooltip="from the other end"),
        Binding("b", "only_blacklisted", "blacklisted", tooltip="only who is blacklisted, or all"),
        Binding("a", "adjust", "adjust", tooltip="change credit by hand, with a reason"),
        Binding(
            "x", "blacklist", "(un)blacklist", tooltip="blacklist, or lead back from there, with a reason"
        ),
        Binding("u", "undo", "undo row", tooltip="on a person's page: take a row of the ledger back"),
        WHY,
        Binding(
            "p", "pulls", "pull requests", tooltip="on a person's page: pull requests, or the ledger again"
        ),
        Binding("escape", "back", "back", tooltip="back to the list; there: end the search"),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.repository = ""
        self._sort, self._search, self._banned = ContributorSort.LOGIN, "", False
        self._typing: Timer | None = None
        self._user: str | None = None
        self._person: ContributorDetail | None = None
        self._history: tuple[LedgerItem, ...] = ()
        self._reading = Asking(self, self._read_person)

    def compose(self) -> ComposeResult:
        """Search and list; a person's page."""
        with Container(id="people-pane"):
            yield Input(
                placeholder="/ search a login", id="people-search", compact=True, max_length=SEARCH_LIMIT
            )
            yield Line(id="people-about")
            yield PagedList(
                CONTRIBUTOR_COLUMNS,
                contributor_cells,
                lambda item: item.account.id,
                self._people,
                empty="Nobody.",
                both_ends=True,
                id="people",
            )
        with Container(id="person-pane"):
            yield Line(id="portrait")
            yield PagedList(
                ledger_columns(person=False),
                own_ledger_cells,
                lambda item: item.id,
                self._rows,
                empty="No changes.",
                newest_first=True,
                id="ledger",
            )
            yield RowList(
                PULL_COLUMNS, pull_cells, lambda item: item.number, empty="No pull requests.", id="pulls"
            )

    # ---- what is asked

    async def _people(self, wanted: Wanted, limit: int) -> Page[ContributorItem]:
        if not self.repository:
            return Page(total=0, items=())
        return await self.ui.client.contributors(
            self.repository,
            search=self._search,
            sort=turned(self._sort) if wanted.backwards else self._sort,
            blacklisted=True if self._banned else None,
            cursor=wanted.cursor,
            limit=limit,
        )

    async def _rows(self, wanted: Wanted, limit: int) -> Page[LedgerItem]:
        if self._user is None:
            return Page(total=0, items=())
        return await self.ui.client.contributor_ledger(
            self.repository, self._user, cursor=wanted.cursor, limit=limit
        )

    @property
    def _list(self) -> PagedList[ContributorItem]:
        return self.query_one("#people", PagedList)

    @property
    def _ledger(self) -> PagedList[LedgerItem]:
        return self.query_one("#ledger", PagedList)

    @property
    def _pulls(self) -> RowList[PullRequestItem]:
        return self.query_one("#pulls", RowList)

    def told(self, topics: frozenset[Topic]) -> None:
        """Ask again for what is seen."""
        if not self.repository and self.board.repositories:
            self.choose(self.board.repositories[0].name)
        elif topics & {Topic.CONTRIBUTORS, Topic.LEDGER}:
            self._list.renew(self.ui.now)
            if self._user is not None:
                self._ledger.renew(self.ui.now)
                self._reading.begin()

    # ---- the list

    def choose(self, repository: str) -> None:
        """The people of this repository."""
        self.repository = repository
        self.close()
        self._restart()

    def _restart(self) -> None:
        self._list.restart(self.ui.now)
        self._say_about()

    def _say_about(self) -> None:
        total = self._list.total
        order = dict(SORTS)[ContributorSort(self._sort.removeprefix("-"))]
        arrow = "↓" if self._sort.startswith("-") else "↑"
        people = "…" if total is None else words.counted(total, "person", "people")
        parts = [people + (" blacklisted" if self._banned else ""), f"{order} {arrow}"]
        about = Content.assemble(plain(self.repository).stylize("bold"), "  ", (" · ".join(parts), "dim"))
        self.query_one("#people-about", Line).say(Content(" ") + about)

    def on_paged_list_counted(self, _: PagedList.Counted) -> None:
        """How many there are is known."""
        self._say_about()

    def on_input_changed(self, message: Input.Changed) -> None:
        """Search while one types, but not for every letter."""
        self._search = message.value.strip().removeprefix("@")
        if self._typing is not None:
            self._typing.stop()
        self._typing = self.set_timer(TYPING_SECONDS, self._restart)

    def on_input_submitted(self, _: Input.Submitted) -> None:
        """To what was found."""
        self.give_keys(self._list)

    def action_search(self) -> None:
        """Search."""
        self.close()
        self.give_keys(self.query_one("#people-search", Input))

    def action_repository(self) -> None:
        """Another repository."""
        self.ui.pick_repository(self.repository, self.choose)

    def action_sort(self) -> None:
        """The next order."""
        kinds = [sort for sort, _ in SORTS]
        now = kinds.index(ContributorSort(self._sort.removeprefix("-")))
        self._sort = kinds[(now + 1) % len(kinds)]
        if self._sort is not ContributorSort.LOGIN:
            self._sort = turned(self._sort)  # the most credit and the newest faces first
        self._restart()

    def action_turn(self) -> None:
        """From the other end."""
        self._sort = turned(self._sort)
        self._restart()

    def action_only_blacklisted(self) -> None:
        """Only who is blacklisted."""
        self._banned = not self._banned
        self._restart()

    async def on_row_list_chosen(self, message: RowList.Chosen) -> None:
        """Somebody's page."""
        row = message.rows.current
        if isinstance(row, ContributorItem):
            self.open(self.repository, f"id:{row.account.id}")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Only the keys that make sense here are shown."""
        if action == "undo":
            return self._user is not None and self._ledger.display
        if action in ("why", "pulls"):
            return self._user is not None
        if action in ("sort", "turn", "only_blacklisted"):
            return self._user is None
        return True

    # ---- a person

    def open(self, repository: str, user: str) -> None:
        """This person's page."""
        if repository != self.repository:
            self.repository = repository
            self._restart()
        self._user, self._person, self._history = user, None, ()
        self.add_class("person")
        self.query_one("#portrait", Line).say(Content.styled(" …", "dim"))
        self._show_pulls(False)
        self._ledger.restart(self.ui.now)
        self._reading.begin()

    def close(self) -> None:
        """Back to the list."""
        self._user = self._person = None
        self.remove_class("person")
        self.give_keys(self._list)

    async def _read_person(self) -> None:
        user = self._user
        if user is None:
            return
        try:
            person = await self.ui.client.contributor(self.repository, user)
            history = await self.ui.client.contributor_ledger(self.repository, user, limit=LARGEST_PAGE)
        except Refused as error:
            self.ui.tell(str(error), "warning")
            self.close()
        except LocalApiError:
            return  # the banner says that the daemon is away
        else:
            if user == self._user:
                self._person, self._history = person, history.items
                self._show_person()

    def _show_person(self) -> None:
        person = self._person
        if person is not None:
            values = balances(self._history)
            text = portrait(
                person, values, self.ui.now, max(20, self.size.width - 2), tall=self.size.height > 24
            )
            self.query_one("#portrait", Line).say(text)
            self._pulls.show(person.pull_requests, self.ui.now)

    def tick(self, now: datetime) -> None:
        """Times go on."""
        super().tick(now)
        self._show_person()

    def action_back(self) -> None:
        """One step back."""
        if self._user is not None:
            self.close()
        else:
            self.query_one("#people-search", Input).value = ""
            self.give_keys(self._list)

    def action_pulls(self) -> None:
        """Pull requests, or the ledger."""
        self._show_pulls(not self._pulls.display)

    def _show_pulls(self, shown: bool) -> None:
        self._pulls.display, self._ledger.display = shown, not shown
        self.give_keys(self._pulls if shown else self._ledger)
        self.refresh_bindings()

    def thread(self) -> Thread | None:
        """Of the pull request or the change under the cursor."""
        rows: RowList[Any] = self._pulls if self._pulls.display else self._ledger
        row = rows.current
        if self._user is None or row is None or row.number is None:
            return None
        return Thread(self.repository, row.number)

    def action_nothing(self) -> None:
        """The lists answer to enter themselves; this only documents it."""

    # ---- acts

    def _somebody(self) -> ContributorItem | None:
        """Whom an act is about: the open page's person, or the one under the cursor."""
        return self._person if self._user is not None else self._list.current

    def action_adjust(self) -> None:
        """Change credit by hand."""
        person = self._somebody()
        if person is not None:
            title = f"By how much does the credit of @{person.account.login} change?"
            about = [
                f"It is {person.credit:,} in {person.repository} now. The reason is kept with the change."
            ]
            self.app.push_screen(Ask(title, about, number=True), partial(self._adjusted, person))

    def _adjusted(self, person: ContributorItem, said: Said | None) -> None:
        if said is not None and said.delta is not None:
            call = partial(
                self.ui.client.adjust,
                person.repository,
                f"id:{person.account.id}",
                said.delta,
                reason=said.reason,
            )
            self.ui.act(call, partial(self._told, f"@{person.account.login}"))

    def action_blacklist(self) -> None:
        """Blacklist, or lead back."""
        person = self._somebody()
        if person is None:
            return
        client, login = self.ui.client, f"@{person.account.login}"
        if person.blacklisted:
            dialog, act = (
                Ask(f"Lead {login} back from the blacklist?", self._after_unblacklisting(person)),
                client.unblacklist,
            )
        else:
            dialog, act = Ask(f"Blacklist {login}?", self._after_blacklisting(person)), client.blacklist

        def answered(said: Said | None) -> None:
            if said is not None:
                call = partial(act, person.repository, f"id:{person.account.id}", reason=said.reason)
                self.ui.act(call, partial(self._told, login))

        self.app.push_screen(dialog, answered)

    def _enforcement(self, repository: str) -> Enforcement | None:
        return next((item.enforcement for item in self.board.repositories if item.name == repository), None)

    def _after_blacklisting(self, person: ContributorItem) -> list[str]:
        """What a blacklisting does, by what may be done there."""
        what = {
            Enforcement.CLOSE: "New pull requests are closed after a short random delay, with a neutral message.",
            Enforcement.HOLD: "New pull requests are labelled and held, with a neutral message.",
            Enforcement.LABEL: "New pull requests are labelled, with a neutral message.",
        }
        nothing = "Nothing is written to GitHub here; what would be done is recorded."
        done = what.get(self._enforcement(person.repository) or Enforcement.OBSERVE, nothing)
        return [
            f"In {person.repository}: {done}",
            "Comments stay and earn nothing. The person is not told. x leads back.",
        ]

    def _after_unblacklisting(self, person: ContributorItem) -> list[str]:
        """What leading back does."""
        threshold = self._person.pr_threshold if self._person is not None else None
        lifted = f"to {threshold}" if threshold is not None else "to the threshold"
        return [
            f"Credit ({person.credit:,} now) is lifted {lifted} if it is below.",
            "Scheduled closes are cancelled; what was closed for it in the last 14 days is reopened.",
        ]

    def action_undo(self) -> None:
        """Take a row back."""
        row = self._ledger.current
        if row is None:
            return
        if row.undone_by_id is not None or row.reason == "opening":
            self.ui.tell(
                "this row cannot be undone" if row.reason == "opening" else "this row was undone before",
                "warning",
            )
            return
        title = f"Undo {words.signed(row.applied)} ({row.words})?"
        about = ["A new row takes it back; nothing is erased."]
        self.app.push_screen(Ask(title, about), partial(self._undone, row))

    def _undone(self, row: LedgerItem, said: Said | None) -> None:
        if said is not None:
            call = partial(self.ui.client.undo, row.repository, row.id, reason=said.reason)
            self.ui.act(call, partial(self._told, f"@{row.account.login}"))

    def _told(self, who: str, answer: ActAnswer) -> None:
        credit = f" credit {answer.credit:,}" if answer.credit is not None else ""
        banned = {True: ", blacklisted", False: ", not blacklisted", None: ""}[answer.blacklisted]
        self.ui.tell(f"{who}: {answer.act} {answer.status}{credit}{banned}")

    def focus_first(self) -> None:
        """The list that is seen."""
        if self._user is None:
            self.give_keys(self._list)
        else:
            self.give_keys(self._pulls if self._pulls.display else self._ledger)
