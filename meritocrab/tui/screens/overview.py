"""The first screen: is everything well, what is every repository doing, and what happened last."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from meritocrab.localapi.protocol import ActAnswer, BudgetHealth, Health, LedgerItem, RepositoryItem, Topic
from meritocrab.tui import words
from meritocrab.tui.columns import Column
from meritocrab.tui.screens.dialogs import Ask, Said
from meritocrab.tui.screens.view import View
from meritocrab.tui.shows import ledger_cells, ledger_columns
from meritocrab.tui.status import STATUS
from meritocrab.tui.text import plain
from meritocrab.tui.widgets.frame import Line
from meritocrab.tui.widgets.rows import RowList

TROUBLE_LIMIT = 1000

REPOSITORY_COLUMNS = (
    Column("repository", 16, grow=2),
    Column("state", 14, grow=1),
    Column("polled", 6, right=True),
    Column("next", 9),
    Column("every", 6, right=True, rank=2),
    Column("review", 6, right=True),
    Column("held", 4, right=True),
    Column("enforces", 8, rank=1),
    Column("people", 7, right=True, rank=3),
    Column("trouble", 14, grow=3, rank=4),
)


def repository_cells(item: RepositoryItem, now: datetime) -> list[Content]:
    """A repository's row."""
    look = words.repository_state(
        item.state, watched=item.watched, paused=item.paused, braked=item.braked_at is not None
    )
    active = item.watched and not item.paused
    return [
        plain(item.name),
        Content.styled(look.label, look.style),
        Content(words.age(item.last_poll_at, now)),
        Content(words.until(item.next_poll_at, now) if active else "–"),
        Content("–" if item.interval_seconds is None else words.span(item.interval_seconds)),
        Content.styled(f"{item.review:,}", "$accent bold" if item.review else "dim"),
        Content.styled(f"{item.open_held:,}", "" if item.open_held else "dim"),
        Content(str(item.enforcement) if item.enforcement else "–"),
        Content(f"{item.contributors:,}"),
        plain(trouble(item)).stylize("$warning"),
    ]


def trouble(item: RepositoryItem) -> str:
    """What is wrong with a repository, in words; empty when nothing is."""
    if item.brake_reason:
        return f"{item.brake_reason}; b sets it again"
    if item.policy_error:
        return f"policy: {item.policy_error}"
    if item.errors_in_row:
        return f"{item.last_error} ({words.counted(item.errors_in_row, 'error')} in a row)"
    return item.detail


def facts(health: Health, now: datetime) -> list[Content]:
    """The daemon in a few lines."""
    look = STATUS[health.status]
    up = words.span((now - health.started_at).total_seconds())
    database = (
        health.database.driver if health.database.connected else f"no database: {health.database.reason}"
    )
    lines = [
        _fact(
            "Daemon",
            (look.label, look.style),
            " · ",
            plain(health.version, 40),
            f" · up {up} · ",
            plain(database),
        ),
        _fact("Enforces", (str(health.enforcement), "bold"), f": {words.ENFORCEMENT[health.enforcement]}"),
        _fact("GitHub", _quotas(health, now)),
        _fact("Verdicts", *_provider(health, now)),
        _fact("Queues", _queues(health)),
    ]
    return lines + [_fact("Look at", plain(reason).stylize("$warning")) for reason in health.reasons]


def _fact(name: str, *parts: Any) -> Content:
    return Content.assemble((f" {name:<10}", "dim"), *parts)


def _quotas(health: Health, now: datetime) -> Content:
    if not health.quota:
        return Content.styled("not asked yet", "dim")
    return Content(" · ").join(_quota(quota, now) for quota in health.quota)


def _quota(quota: Any, now: datetime) -> Content:
    name = plain(quota.credential, 40)
    if quota.blocked_until is not None and quota.blocked_until > now:
        return name + Content.styled(f" ▲ limited, again {words.until(quota.blocked_until, now)}", "$warning")
    if quota.limit is None:
        return name + Content.styled(" not asked yet", "dim")
    resets = f", resets {words.until(quota.resets_at, now)}" if quota.resets_at else ""
    return name + Content(f" {quota.remaining:,} of {quota.limit:,} left{resets}")


def _provider(health: Health, now: datetime) -> list[Any]:
    """Provider, model, what it was asked today, and what troubles it."""
    llm = health.llm
    name = plain(llm.provider + (f" ({llm.model})" if llm.model else ""), 60)
    if llm.paused_until is not None and llm.paused_until > now:
        state: Any = (f" ▲ paused, again {words.until(llm.paused_until, now)}", "$warning")
    else:
        state = (" ● available", "$success") if llm.available else (" ✗ not available", "$error")
    parts: list[Any] = [name, state]
    if llm.budget is not None:
        parts.append(f" · today {_budget(llm.budget)}")
    if llm.reason:
        parts.append(Content(" · ") + plain(llm.reason))
    return parts


def _budget(budget: BudgetHealth) -> str:
    """What the provider was asked today, and what is left of each limit."""

    def limited(number: float, limit: float | None, form: str) -> str:
        return format(number, form) + ("" if limit is None else f" of {format(limit, form)}")

    parts = [
        f"{limited(budget.requests, budget.max_requests, ',')} questions",
        f"{limited(budget.tokens, budget.max_tokens, ',')} tokens",
    ]
    if budget.cost or budget.max_cost is not None:
        parts.append(f"cost {limited(budget.cost, budget.max_cost, ',.2f')}")
    return ", ".join(parts)


def _queues(health: Health) -> Content:
    queues = health.queues
    parts = [
        Content.styled(f"{queues.review:,} to review", "$accent bold" if queues.review else ""),
        Content(words.counted(queues.events_waiting, "event")),
        Content(f"{queues.evaluations_queued:,} to be judged"),
        Content(words.counted(queues.outbox_scheduled, "action") + " due"),
    ]
    if queues.events_parked:
        parts.append(Content.styled(f"▲ {queues.events_parked:,} parked", "$warning"))
    return Content(" · ").join(parts)


class Overview(View):
    """Daemon, repositories, recent activity."""

    NAME = "Overview"
    ABOUT = "How the daemon and its repositories are. Enter on a repository opens its contributors."

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "poll", "poll now", tooltip="poll this repository now"),
        Binding("P", "poll_all", "poll all", tooltip="poll all repositories now"),
        Binding("s", "pause", "pause", tooltip="stop polling and writing here, until resumed"),
        Binding("r", "resume", "resume", tooltip="end the pause"),
        Binding("b", "release", "set breaker", tooltip="end what the breaker did", show=False),
        Binding("o", "policy", "policy", tooltip="the rules of this repository"),
    ]

    def compose(self) -> ComposeResult:
        """Facts, repositories, activity."""
        yield Line(id="facts")
        yield Line(id="trouble", lines=4)
        yield RowList(
            REPOSITORY_COLUMNS,
            repository_cells,
            lambda item: item.name,
            empty="No repository is watched yet.",
            id="repositories",
        )
        yield Line(Content.styled(" Recent activity", "bold"), classes="heading")
        yield RowList[LedgerItem](
            ledger_columns(),
            ledger_cells,
            lambda item: item.id,
            empty="Nothing has changed yet.",
            heading=False,
            newest_first=True,
            id="recent",
        )

    @property
    def _repositories(self) -> RowList[RepositoryItem]:
        return self.query_one("#repositories", RowList)

    def told(self, topics: frozenset[Topic]) -> None:  # noqa: ARG002
        """Show what is known."""
        now = self.ui.now
        self._repositories.show(self.board.repositories, now)
        self._repositories.styles.max_height = max(2, len(self.board.repositories) + 1)
        self.query_one("#recent", RowList).show(self.board.recent, now)
        self._show_facts(now)

    def _show_facts(self, now: datetime) -> None:
        health = self.board.health
        if health is not None:
            self.query_one("#facts", Line).say(Content("\n").join(facts(health, now)))
        item = self._repositories.current
        said = trouble(item) if item is not None else ""
        line = self.query_one("#trouble", Line)
        line.set_class(bool(said), "shown")
        line.say(plain(f"▲ {item.name if item else ''}: {said}", TROUBLE_LIMIT).stylize("$warning"))

    def tick(self, now: datetime) -> None:
        """Times go on."""
        super().tick(now)
        self._show_facts(now)

    def on_row_list_moved(self, _: RowList.Moved) -> None:
        """Another repository: its trouble, if it has any."""
        self._show_facts(self.ui.now)

    async def on_row_list_chosen(self, message: RowList.Chosen) -> None:
        """The people of a repository, or the person of a change."""
        row = message.rows.current
        if isinstance(row, RepositoryItem):
            await self.ui.show_people(row.name)
        elif isinstance(row, LedgerItem):
            await self.ui.show_person(row.repository, f"id:{row.account.id}")

    def _do(self, call: Callable[[str], Awaitable[ActAnswer]], said: str) -> None:
        item = self._repositories.current
        if item is not None:
            self.ui.act(lambda: call(item.name), lambda _: self.ui.tell(f"{item.name} {said}"))

    def action_poll(self) -> None:
        """Poll this one."""
        self._do(self.ui.client.poll, "is polled now")

    async def action_poll_all(self) -> None:
        """Poll all."""
        await self.ui.poll_all()

    def action_pause(self) -> None:
        """Pause this one, with a reason."""
        item = self._repositories.current
        if item is None:
            return
        asked = Ask(f"Pause {item.name}?", ("Nothing is polled or written there until you resume it.",))
        self.app.push_screen(asked, lambda said: self._paused(item.name, said))

    def _paused(self, name: str, said: Said | None) -> None:
        if said is not None:
            call = partial(self.ui.client.pause, name, reason=said.reason)
            self.ui.act(call, lambda _: self.ui.tell(f"{name} is paused"))

    def action_resume(self) -> None:
        """End the pause."""
        self._do(self.ui.client.resume, "goes on")

    def action_release(self) -> None:
        """Set the breaker again."""
        item = self._repositories.current
        if item is None or item.braked_at is None:
            return
        asked = Ask(f"Set the breaker of {item.name} again?", (f"{item.brake_reason}.",))
        self.app.push_screen(asked, lambda said: self._released(item.name, said))

    def _released(self, name: str, said: Said | None) -> None:
        if said is not None:
            call = partial(self.ui.client.release, name, reason=said.reason)
            self.ui.act(call, lambda _: self.ui.tell(f"{name} is no longer kept at observe"))

    async def action_policy(self) -> None:
        """The rules of this one."""
        item = self._repositories.current
        if item is not None:
            await self.ui.show_policy(item.name)
