"""A day in the life of a repository: the real daemon's parts against the simulated GitHub, moved by hand.

Nothing waits for a timer. `Day.settle` lets some seconds pass on both clocks, polls what is due, and lets the
workers go on until none of them has anything left to do now; `Day.later` steps over delays of any length.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from meritocrab.config import Config, load_config
from meritocrab.core.comments import has_any_marker
from meritocrab.core.events import Account, Event, OperatorFacts, event_key
from meritocrab.core.names import AccountType, ActionKind, Classification, EventKind
from meritocrab.core.question import Question
from meritocrab.daemon.service import Service
from meritocrab.demo.github import SimulatedGitHub
from meritocrab.demo.world import World
from meritocrab.evaluators.base import Answer
from meritocrab.store import inbox, outbox, providers, repositories
from meritocrab.store.database import Store
from meritocrab.store.models import (
    ContributorRow,
    EvaluationRow,
    EventRow,
    LedgerRow,
    OutboxRow,
    PullRequestRow,
    Read,
    Repository,
)

T = TypeVar("T")

REPO = "octo/garden"
BOT = "garden-bot"
TOKEN = "ghp_gardenbot"
MORNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

SAYS = {"spam": Classification.SPAM, "low": Classification.LOW}
SAYS |= {"acceptable": Classification.ACCEPTABLE, "high": Classification.HIGH}

MARKER = re.compile(r"\n\n<!-- meritocrab:[0-9a-f]{32} -->$")


def new_world(start: datetime | None = MORNING) -> World:
    """One repository with people of every role, a bot account with a token, and some strangers.

    Without a `start` its clock runs as ours does.
    """
    world = World(start)
    world.add_repository(REPO)
    for login, role in (
        ("ada", "admin"),
        ("mia", "maintain"),
        ("wes", "write"),
        ("tom", "triage"),
        (BOT, "admin"),
    ):
        world.set_role(REPO, login, role)
    for login in ("newt", "nora", "zoe"):
        world.add_user(login)
    world.add_token(TOKEN, BOT)
    return world


class Judge:
    """A provider that answers by what it was told; about anything else it has nothing to say."""

    name = "judge"
    model = "judge-1"
    metered = False

    def __init__(self) -> None:
        self.rules: list[tuple[str, Answer | Exception]] = []
        self.questions: list[Question] = []

    def says(
        self, about: str, verdict: str | None, confidence: float = 0.95, *, advisory: bool = False
    ) -> None:
        """From now on, texts that hold `about` get this verdict."""
        classification = SAYS[verdict] if verdict is not None else None
        answer = Answer(classification, confidence, f"it is {verdict}", "judge-1", advisory=advisory)
        self.rules.insert(0, (about, answer))

    def fails(self, about: str, error: Exception) -> None:
        """From now on, texts that hold `about` bring this error."""
        self.rules.insert(0, (about, error))

    async def evaluate(self, question: Question) -> Answer:
        """The first rule that fits."""
        self.questions.append(question)
        for about, answer in self.rules:
            if about in question.title or about in question.text:
                if isinstance(answer, Exception):
                    raise answer
                return answer
        return Answer(None, 0.0, "nothing to say", "judge-1")

    async def aclose(self) -> None:
        """Nothing to let go of."""


CONFIG = """
enforcement = "{enforcement}"
answer_commands = {answer_commands}
{top}
[github]
api_url = "{url}"
timeout = {timeout}
{credentials}
[database]
url = "{database}"
[poll]
interval = 1
min_interval = 1
max_interval = 1
review_interval = 600
[relay]
write_spacing = 0.0
{tables}
"""

BY_TOKEN = f'token = "{TOKEN}"\nrepositories = ["{REPO}"]'


@dataclass
class Setup:
    """How the daemon of a story is configured; `top` and `tables` are TOML before and after the rest.

    `scripted` puts the story's own judge in the place of the configured provider.
    """

    enforcement: str = "close"
    answer_commands: bool = True
    credentials: str = BY_TOKEN
    top: str = ""
    tables: str = ""
    timeout: float = 5.0
    scripted: bool = True

    def text(self, url: str, database: str) -> str:
        """The configuration file."""
        return CONFIG.format(
            enforcement=self.enforcement,
            answer_commands=str(self.answer_commands).lower(),
            credentials=self.credentials,
            top=self.top,
            tables=self.tables,
            timeout=float(self.timeout),
            url=url,
            database=database,
        )


@dataclass
class Day:
    """The story's stage: GitHub, the daemon, and the two clocks.

    `skew` is how far the home server's clock is ahead of GitHub's.
    """

    github: SimulatedGitHub
    folder: Path
    setup: Setup = field(default_factory=Setup)
    database_url: str = ""
    skew: timedelta = timedelta(0)
    judge: Judge = field(default_factory=Judge)

    def __post_init__(self) -> None:
        self.database_url = self.database_url or f"sqlite:///{self.folder}/meritocrab.db"
        self._requests = 0
        self._build()

    def _build(self) -> None:
        self.config = self._load()
        self.store = Store.open(self.config.database_url)
        judge = self.judge if self.setup.scripted else None
        self.service = Service(self.config, self.store, clock=self.now, evaluator=judge)

    def _load(self) -> Config:
        path = self.folder / "meritocrab.toml"
        path.write_text(self.setup.text(self.github.url, self.database_url))
        return load_config(path, {"STATE_DIRECTORY": str(self.folder)})

    @property
    def world(self) -> World:
        """GitHub as it is."""
        return self.github.world

    # ---- time ------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """The home server's clock."""
        return self.world.now() + self.skew

    def later(self, **span: float) -> None:
        """Let time pass on both clocks, in which nobody does anything."""
        self.world.advance(timedelta(**span).total_seconds())

    # ---- the daemon ------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Start up and take the first look, which sets the baseline."""
        await self.follow()
        await self.settle()

    async def follow(self) -> None:
        """Bring the watched repositories in line with what is configured or installed."""
        await self.service.accesses.step()

    async def settle(self, rounds: int = 2) -> None:
        """Twice: some seconds pass, then everything is polled, handled, judged and delivered that is due now.

        Twice because what carries the present second is read once more when that second is over.
        """
        for _ in range(rounds):
            self.later(seconds=5)
            await self.poll()
            await self.work()

    async def decide(self) -> None:
        """Some seconds pass; everything is polled and handled, but nothing is judged or delivered."""
        self.later(seconds=5)
        await self.poll()
        await self.service.processor.step()

    async def poll(self) -> None:
        """Poll what is due."""
        await self.service.poller.step()
        await self.service.poller.drain()

    async def poll_afresh(self) -> None:
        """Poll after some seconds, with something in the lists so that the poll brings news."""
        self.later(seconds=5)
        self.world.open_issue(REPO, "nora", "Something new")
        self.later(seconds=5)
        await self.poll()

    async def work(self) -> None:
        """Let processor, judge and relay go on until nothing is due now."""
        for _ in range(30):
            await self.service.processor.step()
            await self.service.evaluation.step()
            await self.service.relay.step()
            if not await self.store.read(self._due):
                return
        raise AssertionError("the workers never came to rest")

    def _due(self) -> bool:
        now = self.now()
        asked = EvaluationRow.select().where(
            EvaluationRow.state.in_(("queued", "failed")) & (EvaluationRow.next_attempt_at <= now)
        )
        provider = providers.find(self.service.evaluator.name)
        paused = provider.paused_until_at if provider is not None else None
        judging = asked.exists() and (paused is None or paused <= now)
        delivering = outbox.due(now, 1) and self.service.pausing.find() is None
        return bool(inbox.due(now, 1) or delivering or judging)

    async def restart(self, setup: Setup | None = None) -> None:
        """Stop the daemon and start it again, perhaps with another configuration."""
        await self.close()
        self.setup = setup or self.setup
        self._build()
        await self.service.evaluation.begin()
        await self.follow()

    async def backup(self) -> Path:
        """Stop, copy the database file, and start again."""
        await self.close()
        copy = self.folder / "backup.db"
        shutil.copy(self.folder / "meritocrab.db", copy)
        await self._reopen()
        return copy

    async def restore(self, copy: Path) -> None:
        """Stop, put the copy in the database's place, and start again."""
        await self.close()
        shutil.copy(copy, self.folder / "meritocrab.db")
        await self._reopen()

    async def _reopen(self) -> None:
        self._build()
        await self.follow()

    async def close(self) -> None:
        """End the daemon."""
        await self.service.evaluator.aclose()
        await self.service.accesses.aclose()
        await self.store.close()

    # ---- people ----------------------------------------------------------------------------------

    def account(self, login: str) -> Account:
        """Somebody's account, as the daemon's core knows it."""
        found = self.world.account(login)
        return Account(found.id, found.login, AccountType(found.type))

    async def operate(
        self, act: str, login: str | None = None, *, request: str = "", **facts: Any
    ) -> EventRow:
        """A maintainer's act at the terminal, handled at once; the row says what came of it."""
        repository_id = self.row().github_id
        self._requests += 1
        author = self.account(login) if login is not None else None
        event = Event(
            key=event_key(repository_id, EventKind.OPERATOR_ACTED, request or f"r{self._requests}"),
            repository_id=repository_id,
            kind=EventKind.OPERATOR_ACTED,
            occurred_at=self.world.now(),
            facts=OperatorFacts(act, "ada", 1000, account_id=author.id if author else None, **facts),
            author=author,
        )
        await self.store.write(inbox.receive, [event], source="local", now=self.now())
        await self.work()
        found = await self.store.read(inbox.find, event.key)
        assert found is not None
        return found

    async def give_credit(self, login: str, credit: int) -> None:
        """Bring somebody to this credit by a maintainer's hand."""
        await self.operate("adjust", login, delta=credit - (self.credit(login) or 100))
        assert self.credit(login) == credit

    def command(self, number: int, by: str, text: str) -> int:
        """Write a comment; returns its id."""
        return self.world.comment(REPO, number, by, text)

    def pull(self, by: str | None, title: str = "A change", body: str = "It helps.", **more: Any) -> int:
        """Open a pull request; returns its number."""
        return self.world.open_pull(REPO, by, title, body, **more)

    # ---- what GitHub shows -----------------------------------------------------------------------

    def is_open(self, number: int) -> bool:
        """Whether a pull request is open on GitHub."""
        return self.world.thread(REPO, number).state == "open"

    def said(self, number: int, repo: str = REPO) -> list[str]:
        """What the daemon wrote into a thread, without its hidden markers."""
        ours = (c.body for c in self.world.comments(repo, number) if c.body and has_any_marker(c.body))
        return [MARKER.sub("", body) for body in ours]

    def transitions(self, number: int) -> list[tuple[str, str | None]]:
        """Who closed and reopened a pull request, in order."""
        events = self.world.thread(REPO, number).events
        wanted = ("closed", "reopened", "merged")
        return [(e.event, e.actor.login if e.actor else None) for e in events if e.event in wanted]

    def reactions(self, comment_id: int) -> list[str]:
        """The reactions to a comment."""
        return [r.content for r in self.world.repository(REPO).comments[comment_id].reactions]

    # ---- what the daemon knows -------------------------------------------------------------------

    def look(self, fn: Callable[[], T]) -> T:
        """Read the database."""
        return self.store.read_now(fn)

    def row(self, name: str = REPO) -> Repository:
        """The repository's row."""
        found = self.look(lambda: repositories.find(name))
        assert found is not None
        return found

    def _contributor(self, login: str) -> ContributorRow | None:
        account = self.world.account(login).id
        return self.look(lambda: ContributorRow.get_or_none(ContributorRow.account_id == account))

    def credit(self, login: str) -> int | None:
        """Somebody's credit; None when there is no ledger of theirs."""
        found = self._contributor(login)
        return found.credit if found is not None else None

    def is_blacklisted(self, login: str) -> bool:
        """Whether somebody is blacklisted."""
        found = self._contributor(login)
        return found is not None and found.blacklisted

    def ledger(self, login: str) -> list[tuple[str, int]]:
        """Reason and applied change of somebody's rows, oldest first, without the opening balance."""
        rows = self.ledger_rows(login)
        return [(row.reason, row.applied) for row in rows if row.reason != "opening"]

    def ledger_rows(self, login: str) -> list[LedgerRow]:
        """Somebody's rows, oldest first."""
        account = self.world.account(login).id
        query = LedgerRow.select().where(LedgerRow.account_id == account).order_by(LedgerRow.id)
        return self.look(lambda: list(query))

    def actions(self, number: int) -> list[OutboxRow]:
        """All actions about a thread, oldest first."""
        query = OutboxRow.select().where(OutboxRow.number == number).order_by(OutboxRow.id)
        return self.look(lambda: list(query))

    def fates(self, number: int) -> list[tuple[str, str]]:
        """Kind and state of all actions about a thread, oldest first."""
        return [(row.kind, row.state) for row in self.actions(number)]

    def action(self, number: int, kind: ActionKind | str) -> OutboxRow:
        """The last action of this kind about a thread."""
        return [row for row in self.actions(number) if row.kind == str(kind)][-1]

    def events(self, kind: EventKind | None = None, number: int | None = None) -> list[EventRow]:
        """The inbox, oldest first."""
        query = EventRow.select().order_by(EventRow.id)
        rows: list[EventRow] = self.look(lambda: list(query))
        return [r for r in rows if kind in (None, r.kind) and number in (None, r.number)]

    def notes(self, number: int) -> str:
        """What was decided about a thread, in words."""
        return " | ".join(f"{row.kind}: {row.note}" for row in self.events(number=number))

    def judged(self, login: str) -> list[EvaluationRow]:
        """The evaluations of somebody's contributions, oldest first."""
        account = self.world.account(login).id
        query = EvaluationRow.select().where(EvaluationRow.account_id == account).order_by(EvaluationRow.id)
        return self.look(lambda: list(query))

    def states(self, login: str) -> list[tuple[str, str]]:
        """Subject and state of somebody's evaluations."""
        return [(row.subject, row.state) for row in self.judged(login)]

    def gate(self, number: int) -> str | None:
        """What the gate made of a pull request."""
        found = self.look(lambda: PullRequestRow.get_or_none(PullRequestRow.number == number))
        return found.gate if found is not None else None

    def open_reads(self) -> list[Read]:
        """Reads that are still to be done."""
        return self.look(lambda: list(Read.select()))

    def writes(self, mark: int = 0) -> list[tuple[str, str]]:
        """What was asked to be written on GitHub since a mark: method and path."""
        records = self.world.requests_since(mark)
        return [(r.method, r.path) for r in records if r.method != "GET" and r.path.startswith("/repos/")]


def doubled(day: Day) -> Iterator[str]:
    """Problems that no story may have: a sentence said twice, a ledger that does not add up."""
    for number in day.world.repository(REPO).threads if day.world.find_repository(REPO) else ():
        bodies = [c.body for c in day.world.comments(REPO, number) if c.body and has_any_marker(c.body)]
        if len(bodies) != len(set(bodies)):
            yield f"#{number}: a comment was posted twice"
