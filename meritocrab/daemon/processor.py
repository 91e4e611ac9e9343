"""Handles the inbox, one event after the other: ask GitHub what must be known, then decide and write in one go."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from meritocrab.core import upkeep
from meritocrab.core.actions import Decision
from meritocrab.core.events import Account, Event, OperatorFacts
from meritocrab.core.handlers import handle
from meritocrab.core.names import EventKind, EventState, RepositoryState, Role
from meritocrab.core.policy import Policy
from meritocrab.daemon.access import Accesses, AccessUnavailable
from meritocrab.daemon.filing import seen_of_pull
from meritocrab.errors import PolicyError
from meritocrab.github.client import GitHubClient
from meritocrab.github.errors import GitHubError, Gone, NotFound
from meritocrab.github.payloads import Unknown
from meritocrab.logs import log_context
from meritocrab.store import accounts, decisions, inbox, policies, pull_requests, repositories, situations
from meritocrab.store.database import Store, StoreError
from meritocrab.store.models import EventRow, Repository
from meritocrab.store.situations import Lookups, Need

log = logging.getLogger("meritocrab.processor")

BATCH = 100
MAX_ROUNDS = 12
"""Rounds of questions one event may need; more means that something keeps changing: try again later."""

SHORTEST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(minutes=15)
LONGEST_ERROR = 300
"""Characters kept of an error of ours: a database quotes whole rows in its own."""


@dataclass(frozen=True, slots=True)
class Handled:
    """The event is done, or was done by somebody else; `wakes` says whose work it made."""

    wakes: bool = True


@dataclass(frozen=True, slots=True)
class Waits:
    """The event cannot be handled yet, and why."""

    reason: str


Clock = Callable[[], datetime]


class Processor:
    """Serial handling of waiting events; one failing event holds back only its own lane."""

    def __init__(
        self,
        store: Store,
        accesses: Accesses,
        base_policy: policies.BasePolicy,
        clock: Clock,
        *,
        stopping: Callable[[], bool] = lambda: False,
        handled: Callable[[], None] = lambda: None,
    ) -> None:
        self._store, self._accesses, self._base = store, accesses, base_policy
        self._clock, self._stopping, self._on_handled = clock, stopping, handled

    async def step(self) -> datetime | None:
        """Handle everything that is due; returns when the next event is."""
        while not self._stopping():
            due = await self._store.read(self._due)
            if not due:
                break
            await self._batch(due)
            self._on_handled()
        return await self._store.read(inbox.next_due_at)

    async def act(self) -> datetime | None:
        """Handle a maintainer's acts that are due, beside `step`: those wait for nothing that GitHub must answer.

        Deciding and writing is one transaction whoever does it, so that two at a time do no harm.
        """
        due = [] if self._stopping() else await self._store.read(self._due_acts)
        if due:
            await self._batch(due)
            self._on_handled()
        return None

    def _due_acts(self) -> list[tuple[EventRow, Repository | None]]:
        return self._with_repositories(inbox.due_acts(self._clock(), BATCH))

    def _due(self) -> list[tuple[EventRow, Repository | None]]:
        return self._with_repositories(inbox.due(self._clock(), BATCH))

    def _with_repositories(self, rows: list[EventRow]) -> list[tuple[EventRow, Repository | None]]:
        by_id = {key: repositories.find_by_id(key) for key in {row.repository_id for row in rows}}
        return [(row, by_id[row.repository_id]) for row in rows]

    async def _batch(self, due: list[tuple[EventRow, Repository | None]]) -> None:
        held: set[str] = set()
        for row, repository in due:
            if self._stopping():
                return
            if row.lane not in held and not await self._one(row, repository):
                held.add(row.lane)

    async def _one(self, row: EventRow, repository: Repository | None) -> bool:
        """Whether the event is handled now."""
        context = {"repo": repository.full_name} if repository is not None else {}
        with log_context(event=row.key, event_id=row.id, correlation_id=row.correlation_id, **context):
            try:
                await self._handle(row, repository)
            except (GitHubError, AccessUnavailable, PolicyError, _NotYet) as error:
                retry_at = getattr(error, "retry_at", None)
                await self._postpone(row, str(error), retry_at)
                return False
            except StoreError:
                raise
            except Exception as error:  # noqa: BLE001 - logged and counted by _fail; the event is parked at last
                await self._fail(row, error)
                return False
        return True

    async def _handle(self, row: EventRow, repository: Repository | None) -> None:
        if repository is None:
            raise _NotYet("its repository is not known")
        if row.kind == EventKind.OPERATOR_ACTED.value:
            await self._handle_act(row, repository)
            return
        client = self._accesses.client(repository.access)
        known = Lookups(own_account_id=await self._accesses.own_account_id(repository.access))
        for _ in range(MAX_ROUNDS):
            result = await self._store.write(self._try, row.id, known, client.github_now())
            if isinstance(result, Handled):
                return
            if isinstance(result, Waits):
                raise _NotYet(result.reason)
            for need in result:
                await self._ask(client, repository.full_name, row.repository_id, need, known)
        raise _NotYet("what must be known about it keeps changing")

    async def _handle_act(self, row: EventRow, repository: Repository) -> None:
        """Nothing is asked of GitHub, so that acts are done while it does not answer, or nobody may ask it."""
        client = self._accesses.clients().get(repository.access)
        github_now = client.github_now() if client is not None else self._clock()
        result = await self._store.write(self._try, row.id, Lookups(), github_now)
        if isinstance(result, Waits):
            raise _NotYet(result.reason)

    def _try(self, row_id: int, known: Lookups, github_now: datetime) -> Handled | Waits | list[Need]:
        """In one transaction: find what is missing, or decide and write."""
        now = self._clock()
        row = inbox.find_by_id(row_id)
        if row is None or row.state != EventState.WAITING.value:
            return Handled()
        event, repository = inbox.to_event(row), repositories.find_by_id(row.repository_id)
        policy = self._policy_for(event, repository) if repository else None
        if repository is None or policy is None:
            return Waits("the repository's policy was not read yet")
        about = situations.subject(event, row, repository, policy)
        needs = situations.missing(about, known, now)
        if needs:
            return needs
        situation = situations.load(about, known, now)
        decisions.open_author(about, situation.author, now)
        decision = handle(about.event, situation, policy, github_now)
        decisions.apply(about, decision, now)
        if words := _in_words(decision):
            log.info("%s: %s", row.key, "; ".join(words))
        return Handled()

    def _policy_for(self, event: Event, repository: Repository) -> Policy | None:
        """The rules for this event; what is about the daemon's own work needs no rules of the repository."""
        if isinstance(event.facts, OperatorFacts) and event.facts.act in upkeep.ACTS:
            return policies.own_settings(repository, self._base)
        return policies.in_force(repository, self._base)

    async def _ask(
        self, client: GitHubClient, full_name: str, repository_id: int, need: Need, known: Lookups
    ) -> None:
        if need.kind == "role" and need.account is not None:
            await self._ask_role(client, full_name, repository_id, need, known)
        elif need.kind == "login":
            known.logins[need.login.lower()] = await self._remember(await client.fetch_account(need.login))
        elif need.kind == "account":
            known.ids[need.id] = await self._remember(await client.fetch_account_by_id(need.id))
        elif need.kind == "editor":
            known.edited_by_other = await self._is_edited_by_other(client, need)
        elif need.kind == "pull":
            await self._ask_pull(client, full_name, repository_id, need, known)

    async def _ask_role(
        self, client: GitHubClient, full_name: str, repository_id: int, need: Need, known: Lookups
    ) -> None:
        account = need.account
        assert account is not None  # noqa: S101
        role = await client.fetch_permission(full_name, account)
        known.roles[account.id] = role
        await self._store.write(self._keep_role, repository_id, account.id, role)

    def _keep_role(self, repository_id: int, account_id: int, role: Role) -> None:
        now = self._clock()
        accounts.store_role(repository_id, account_id, role, now)
        repository = repositories.find_by_id(repository_id)
        if repository is None:
            return
        if role is Role.UNREADABLE and repository.state == RepositoryState.OK.value:
            detail = "our token may not read roles here: events are recorded and nobody is gated"
            repositories.set_state(repository.id, RepositoryState.ROLES_UNREADABLE, detail, now)
        elif role is not Role.UNREADABLE and repository.state == RepositoryState.ROLES_UNREADABLE.value:
            repositories.set_state(repository.id, RepositoryState.OK, "", now)

    async def _remember(self, account: Account | None) -> Account | None:
        if account is not None:
            await self._store.write(accounts.remember, (account,), self._clock())
        return account

    async def _is_edited_by_other(self, client: GitHubClient, need: Need) -> bool:
        """A comment whose last editor cannot be told is not obeyed: anybody with write access can edit."""
        editor = await client.fetch_comment_editor(need.node_id)
        if isinstance(editor, Unknown):
            return True
        return editor is not None and (need.account is None or editor.id != need.account.id)

    async def _ask_pull(
        self, client: GitHubClient, full_name: str, repository_id: int, need: Need, known: Lookups
    ) -> None:
        try:
            pull = await client.fetch_pull(full_name, need.id)
        except (NotFound, Gone):
            pull = None
        if pull is not None:
            await self._store.write(pull_requests.store, repository_id, seen_of_pull(pull), self._clock())
        known.pull_asked = True

    async def _postpone(self, row: EventRow, error: str, retry_at: datetime | None) -> None:
        """Wait about as long again as it has waited already."""
        now = self._clock()
        waited = min(max(now - row.received_at, SHORTEST_WAIT), LONGEST_WAIT)
        until = max(now + waited, retry_at or now) if retry_at is None else max(retry_at, now)
        log.info("%s waits: %s", row.key, error)
        await self._store.write(inbox.postpone, row.id, until=until, error=error)

    async def _fail(self, row: EventRow, error: Exception) -> None:
        log.exception("handling %s failed by our own fault", row.key)
        now = self._clock()
        until = now + SHORTEST_WAIT * 2**row.attempts
        text = f"{type(error).__name__}: {error}"[:LONGEST_ERROR]
        if await self._store.write(inbox.fail, row.id, until=until, error=text, now=now):
            log.error("%s is parked after %d failures; nothing about it is lost", row.key, inbox.PARK_AFTER)


def _in_words(decision: Decision) -> list[str]:
    """What was decided, for the log; the notes are in words already."""
    credit = [f"credit {each.requested:+d} ({each.reason})" for each in decision.credit_events]
    return [*decision.notes, *credit, *(f"to do: {action.kind}" for action in decision.actions)]


class _NotYet(Exception):  # noqa: N818
    """The event has to wait for something of ours; says what."""
