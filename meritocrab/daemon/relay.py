"""Delivers the outbox: decides once more right before acting, commits to the attempt, sends, settles.

What GitHub answered is known or it is not. An attempt without an answer is ambiguous: it is looked for on GitHub,
under our own account, before anything is sent again, and not before reads have caught up with writes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby

from meritocrab.core import brake, comments, gate, upkeep
from meritocrab.core.events import Account
from meritocrab.core.names import (
    ActionBasis,
    ActionKind,
    ActionState,
    Enforcement,
    GateOutcome,
    RepositoryState,
    Role,
)
from meritocrab.core.permissions import is_privileged
from meritocrab.core.policy import Policy
from meritocrab.core.situation import Contributor
from meritocrab.daemon.access import Accesses, AccessUnavailable
from meritocrab.daemon.thread import Thread, fetch_thread
from meritocrab.errors import PolicyError
from meritocrab.github.client import GitHubClient
from meritocrab.github.errors import Forbidden, GitHubError, Gone, NotFound, Refused
from meritocrab.github.payloads import CommentItem, PullItem
from meritocrab.logs import log_context
from meritocrab.pausing import Pause
from meritocrab.store import (
    accounts,
    inbox,
    ledger,
    notifications,
    outbox,
    policies,
    pull_requests,
    repositories,
)
from meritocrab.store.database import Store, StoreError
from meritocrab.store.models import OutboxRow, Repository

log = logging.getLogger("meritocrab.relay")

BATCH = 50
GOOD_FOR = timedelta(days=1)
"""A decision older than this is not carried out any more."""

LATER = timedelta(minutes=5)
LAG = timedelta(seconds=5)
"""How long to wait when GitHub's reads lag behind its writes."""

REPLACED = "the name belongs to another repository now"

STILL_HELD = {
    # who is denied and then blacklisted for this very pull request is no less denied
    ActionBasis.DENIED: frozenset({GateOutcome.DENIED, GateOutcome.BLACKLISTED}),
    ActionBasis.BLACKLISTED: frozenset({GateOutcome.BLACKLISTED}),
}
"""The outcomes on which an action against a pull request may still stand."""


class Superseded(Exception):  # noqa: N818
    """The action is not wanted any more; says why."""


class NotNow(Exception):  # noqa: N818
    """The action waits; says for what, and until when if that is known."""

    def __init__(self, reason: str, until: datetime | None = None) -> None:
        super().__init__(reason)
        self.until = until


@dataclass(frozen=True, slots=True)
class Found:
    """The effect is on GitHub already; `github_id` where it has one."""

    github_id: int | None = None


@dataclass(frozen=True, slots=True)
class Clear:
    """Nothing stands against sending now.

    `last_event_id` is the newest issue event seen, `head_sha` where a status belongs.
    """

    last_event_id: int | None = None
    head_sha: str = ""


class Committed(StrEnum):
    """What became of the last look before a write: it is under way, nobody wants it any more, the breaker fell."""

    ATTEMPTED = "attempted"
    GONE = "gone"
    BRAKED = "braked"


class Relay:
    """Delivers due actions, one after the other per credential.

    Args:
        settle_seconds: how long a write without an answer is left alone before it is looked for.
        find_pause: looks whether everything is paused; asked anew before every single write.
    """

    def __init__(
        self,
        store: Store,
        accesses: Accesses,
        base_policy: policies.BasePolicy,
        clock: Callable[[], datetime],
        *,
        settle_seconds: float,
        find_pause: Callable[[], Pause | None] = lambda: None,
        settled: Callable[[], None] = lambda: None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._settled = settled
        self._store, self._accesses, self._base, self._clock = store, accesses, base_policy, clock
        self._settle_for = timedelta(seconds=settle_seconds)
        self._stopping, self._find_pause = stopping, find_pause
        self._was_paused: bool | None = None  # not known at first: a pause may have ended while nobody looked
        self._writes = 0
        self._at_rest = asyncio.Event()
        self._at_rest.set()

    async def step(self) -> datetime | None:
        """Deliver everything that is due; returns when the next action is."""
        if await self._is_paused():
            return None
        while not self._stopping():
            due = await self._store.read(self._due)
            if not due:
                break
            groups = groupby(sorted(due, key=lambda pair: pair[1].access), key=lambda pair: pair[1].access)
            await asyncio.gather(*(self._deliver_all(list(group)) for _, group in groups))
            self._settled()
        return await self._store.read(outbox.next_due_at)

    async def _is_paused(self) -> bool:
        """Whether everything is; what waits for that says so, and goes on as soon as it is over."""
        paused, before = self._find_pause() is not None, self._was_paused
        moved = 0
        if paused:
            moved = await self._store.write(outbox.explain_all, upkeep.ALL_PAUSED)
        elif before is not False:
            moved = await self._store.write(outbox.hurry_all, upkeep.ALL_PAUSED, self._clock())
        self._was_paused = paused
        if paused and not before:
            log.warning("everything is paused: nothing is sent from now on")
        elif before and not paused:
            log.warning("everything goes on: %d actions waited for that", moved)
        if moved or paused is not before:
            self._settled()
        return paused

    async def at_rest(self, seconds: float) -> bool:
        """Wait until no write is on its way to GitHub; False when one still is after so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._at_rest.wait()
        except TimeoutError:
            return False
        return True

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._writes += 1
        self._at_rest.clear()
        try:
            yield
        finally:
            self._writes -= 1
            if not self._writes:
                self._at_rest.set()

    def _due(self) -> list[tuple[OutboxRow, Repository]]:
        rows = outbox.due(self._clock(), BATCH)
        pairs = ((row, repositories.find_by_id(row.repository_id)) for row in rows)
        return [(row, repository) for row, repository in pairs if repository is not None]

    async def _deliver_all(self, due: list[tuple[OutboxRow, Repository]]) -> None:
        for row, repository in due:
            if self._stopping():
                return
            found = await self._store.read(inbox.correlation_of, row.event_id)
            context = {"action": row.key, "event_id": row.event_id, "correlation_id": found}
            with log_context(repo=repository.full_name, **context):
                await self._deliver_or_explain(row, repository)

    async def _deliver_or_explain(self, row: OutboxRow, repository: Repository) -> None:
        """Every end is a row state with a reason; what is open is tried again later."""
        try:
            await self._deliver(row, repository)
        except Superseded as reason:
            await self._end(row, ActionState.SUPERSEDED, str(reason))
        except NotNow as reason:
            await self._later(row, str(reason), reason.until or self._clock() + LATER)
        except (Refused, Gone) as error:
            await self._end(row, ActionState.REFUSED, str(error))
            if error.state is RepositoryState.ARCHIVED:
                await self._store.write(self._note_archived, repository.id)
        except GitHubError as error:
            await self._unanswered(row, error)
        except (AccessUnavailable, PolicyError) as error:
            await self._later(row, str(error), self._clock() + LATER)
        except StoreError:
            raise
        except Exception as error:
            log.exception("delivering %s failed by our own fault", row.key)
            await self._later(row, f"{type(error).__name__}: {error}", self._clock() + LATER)

    async def _deliver(self, row: OutboxRow, repository: Repository) -> None:
        if repository.paused:
            raise NotNow(upkeep.PAUSED)
        client = self._accesses.client(repository.access)
        own_id = await self._accesses.own_account_id(repository.access)
        if own_id is None:
            raise Superseded("there is no token to write with")
        self._wait_until_settled(row)
        attempt = _Attempt(self, row, repository, client, own_id)
        found: Found | Clear | None = None
        if row.attempted_at is not None:
            found = await attempt.find_effect()
        if found is None:
            found = await attempt.look(await self._store.read(self._check_standing, row, repository))
        if isinstance(found, Clear):
            with self._writing():
                committed = await self._store.write(self._commit_to, row, repository, found)
                if committed is Committed.BRAKED:
                    raise Superseded(upkeep.BRAKED)
                if committed is Committed.GONE:
                    return
                found = Found(await attempt.send(found))
        await self._store.write(self._delivered, row, repository, found)
        log.info("%s delivered", row.key)

    def _commit_to(self, row: OutboxRow, repository: Repository, seen: Clear) -> Committed:
        """The last look before sending: after a pause was confirmed, or the breaker fell, nothing leaves any more."""
        repository = repositories.get(repository.id)
        if self._find_pause() is not None:
            raise NotNow(upkeep.ALL_PAUSED)
        if repository.paused:
            raise NotNow(upkeep.PAUSED)
        policy = self._check_standing(row, repository)
        if outbox.is_part_of_closing(row) and self._breaks(row, repository, policy.breaker.closes_per_hour):
            return Committed.BRAKED
        sent = outbox.mark_attempted(row.id, before_event_id=seen.last_event_id, now=self._clock())
        return Committed.ATTEMPTED if sent else Committed.GONE

    def _breaks(self, row: OutboxRow, repository: Repository, limit: int) -> bool:
        """Whether this closing is one too many; then the breaker falls in this very transaction."""
        now = self._clock()
        since = now - brake.WINDOW
        known = outbox.closings(row.repository_id, max(since, repository.brake_released_at or since))
        verdict = brake.judge((row.number, row.event_id), known, limit)
        if verdict is brake.Verdict.WAIT:
            raise NotNow("what was announced before it comes first", now + LAG)
        if verdict is brake.Verdict.TRIP:
            repositories.brake(repository, limit, now)
        return verdict is brake.Verdict.TRIP

    def _wait_until_settled(self, row: OutboxRow) -> None:
        if row.attempted_at is not None and self._clock() < row.attempted_at + self._settle_for:
            raise NotNow(
                "the last attempt had no answer: waiting until GitHub's reads have caught up",
                row.attempted_at + self._settle_for,
            )

    def _check_standing(self, row: OutboxRow, repository: Repository) -> Policy:
        """What can be said without asking GitHub."""
        if self._clock() - row.decided_at > GOOD_FOR:
            raise Superseded("decided more than 24 hours ago")
        if not repository.watched:
            raise Superseded("the repository is not watched any more")
        if repository.archived:
            raise Superseded("the repository is archived")
        if repository.state == RepositoryState.REPLACED.value:
            raise Superseded(REPLACED)
        policy = policies.in_force(repository, self._base)
        if policy is None:
            raise NotNow("the repository's policy was not read yet")
        answers = row.basis == ActionBasis.COMMAND.value and policy.answer_commands
        if policy.enforcement is Enforcement.OBSERVE and not answers:
            if repository.braked_at is not None:
                raise Superseded(upkeep.BRAKED)
            raise Superseded("the repository is in observe mode now")
        against_somebody = ActionBasis(row.basis) in STILL_HELD
        if against_somebody and policy.enforcement.rank < Enforcement(row.enforcement).rank:
            raise Superseded(f"the repository is in {policy.enforcement} mode now")
        return policy

    def _note_archived(self, repository_row_id: int) -> None:
        detail = "archived on GitHub: read, never written to"
        repositories.update(repository_row_id, archived=True)
        repositories.set_state(repository_row_id, RepositoryState.ARCHIVED, detail, self._clock())

    async def _end(self, row: OutboxRow, state: ActionState, reason: str) -> None:
        log.info("%s is %s: %s", row.key, state, reason)
        await self._store.write(outbox.settle, row.id, state, now=self._clock(), reason=reason)

    async def _later(self, row: OutboxRow, reason: str, until: datetime) -> None:
        await self._store.write(outbox.postpone, row.id, until=until, reason=reason)

    async def _unanswered(self, row: OutboxRow, error: GitHubError) -> None:
        """`applied` False: certainly nothing happened. Otherwise the attempt stays on record as ambiguous.

        An earlier attempt without an answer stays so, whatever became of looking for it or of sending again.
        """
        now = self._clock()
        certain = error.applied is False and row.attempted_at is None
        pause = (
            LATER if isinstance(error, Forbidden | NotFound) else max(self._settle_for, timedelta(seconds=1))
        )
        until = max(error.retry_at or now, now + (timedelta(seconds=1) if error.retry_at else pause))
        log.warning("%s was not answered: %s", row.key, error)
        await self._store.write(
            outbox.postpone, row.id, until=until, reason=str(error), forget_attempt=certain
        )

    def _delivered(self, row: OutboxRow, repository: Repository, found: Found) -> None:
        now = self._clock()
        outbox.settle(row.id, ActionState.DELIVERED, now=now, github_id=found.github_id)
        kind = ActionKind(row.kind)
        repository_id, number = row.repository_id, row.number
        # open or closed is for the poll to say: somebody may have reopened it since
        if kind is ActionKind.CLOSE:
            pull_requests.update(repository_id, number, closed_by_us_at=now)
            notifications.closed(row, repository, now)
        elif kind is ActionKind.REOPEN:
            pull_requests.update(repository_id, number, closed_by_us_at=None)
        elif kind in (ActionKind.LABEL, ActionKind.UNLABEL):
            pull_requests.update(repository_id, number, labelled=kind is ActionKind.LABEL)


class _Attempt:
    """One try to deliver one action: look first, then send."""

    def __init__(
        self,
        relay: Relay,
        row: OutboxRow,
        repository: Repository,
        client: GitHubClient,
        own_id: int,
    ) -> None:
        self.relay, self.row, self.repository = relay, row, repository
        self.client, self.own_id = client, own_id
        self.kind, self.basis = ActionKind(row.kind), ActionBasis(row.basis)
        self.name = repository.full_name

    async def find_effect(self) -> Found | None:
        """Whether an earlier attempt left its effect on GitHub; asked before anything else is considered."""
        if self.kind is ActionKind.REACTION:
            return None  # GitHub keeps one reaction per person and kind: sending it again is harmless
        if self.basis is ActionBasis.COMMAND:
            return await self._find_reply()
        return self._on_record(*await self._see())

    async def look(self, policy: Policy) -> Found | Clear:
        """Whether the effect is there already, and whether it is still wanted.

        Raises:
            Superseded: it is not wanted any more.
        """
        if self.kind is ActionKind.REACTION:
            return Clear()
        if self.basis is ActionBasis.COMMAND:
            return await self._look_for_reply()
        pull, thread = await self._see()
        found = self._on_record(pull, thread)
        if found is not None:
            return found
        if self.basis is ActionBasis.RELEASE:
            return self._still_released(pull, thread)
        return await self._still_held(pull, thread, policy)

    async def _see(self) -> tuple[PullItem, Thread]:
        pull = await self.client.fetch_pull(self.name, self.row.number)
        if pull.repository_id != self.row.repository_id:
            raise Superseded(REPLACED)
        return pull, await fetch_thread(self.client, self.name, self.row.number)

    async def _look_for_reply(self) -> Found | Clear:
        if (await self.client.fetch_repository(self.name)).id != self.row.repository_id:
            raise Superseded(REPLACED)
        item = await self.client.fetch_issue(self.name, self.row.number)
        found = await self._find_reply()
        if found is None and item.locked:
            raise Superseded("the thread is locked")
        return found or Clear()

    async def _find_reply(self) -> Found | None:
        page = await self.client.fetch_thread_comments(self.name, self.row.number)
        return self._marked(page.items)

    def _marked(self, posted: Sequence[CommentItem]) -> Found | None:
        for comment in posted:
            if self._is_ours(comment.author) and comments.has_marker(comment.body, self.row.key):
                return Found(comment.id)
        return None

    def _is_ours(self, account: Account | None) -> bool:
        return account is not None and account.id == self.own_id

    def _on_record(self, pull: PullItem, thread: Thread) -> Found | None:
        """Our effect, as GitHub shows it now."""
        if self.kind is ActionKind.COMMENT:
            return self._marked(thread.comments)
        if self.kind is ActionKind.CLOSE and self.row.attempted_at is not None:
            since = self.row.before_event_id or 0
            for event in thread.events:
                if event.event == "closed" and event.id > since and self._is_ours(event.actor):
                    return Found()
        if self.kind is ActionKind.REOPEN and self.row.attempted_at is not None and pull.state == "open":
            return Found()
        return None

    def _still_released(self, pull: PullItem, thread: Thread) -> Clear:
        if pull.merged_at is not None:
            raise Superseded("merged meanwhile")
        if self.kind is ActionKind.REOPEN:
            if pull.state == "open":
                raise Superseded("open already")
            closed = [event for event in thread.events if event.event == "closed"]
            if closed and not self._is_ours(closed[-1].actor):
                raise Superseded("closed by somebody else meanwhile")
        return Clear(thread.last_event_id, pull.head_sha)

    async def _still_held(self, pull: PullItem, thread: Thread, policy: Policy) -> Clear:
        """Decide again, with what is true now."""
        if pull.merged_at is not None:
            raise Superseded("merged meanwhile")
        if pull.state != "open":
            await self._check_view(pull)
            await self.relay._store.write(self._moot)
            raise Superseded("closed already")
        if pull.locked and self.kind is ActionKind.COMMENT:
            raise Superseded("the thread is locked")
        await self._decide_again(pull, policy)
        human = await self._human_involved(pull, thread, policy)
        if human:
            raise Superseded(human)
        return Clear(thread.last_event_id, pull.head_sha)

    def _moot(self) -> None:
        """Closed before we got to it: the gate decides anew should its author reopen it."""
        row = pull_requests.find_row(self.row.repository_id, self.row.number)
        if row is not None and row.closed_by_us_at is None:
            pull_requests.update(row.repository_id, row.number, gate=GateOutcome.MOOT.value)

    async def _check_view(self, pull: PullItem) -> None:
        """What GitHub shows may be older than the event we act on (reads lag): then wait instead of giving up."""
        event = await self.relay._store.read(inbox.find_by_id, self.row.event_id)
        if event is not None and pull.updated_at < event.occurred_at:
            raise NotNow("GitHub still shows an older state of it", self.relay._clock() + LAG)

    async def _decide_again(self, pull: PullItem, policy: Policy) -> None:
        author = pull.author
        if author is None:
            raise Superseded("its author has no account any more")
        role = await self._role(author)
        outcome = await self.relay._store.write(self._outcome, author, role, pull.draft, policy)
        if outcome not in STILL_HELD[self.basis]:
            raise Superseded(f"decided again: {outcome}")

    def _outcome(self, author: Account, role: Role, draft: bool, policy: Policy) -> GateOutcome:
        row = ledger.find_contributor(self.row.repository_id, author.id)
        person = Contributor(
            account=accounts.as_kept(author),
            role=role,
            credit=row.credit if row else policy.starting_credit,
            blacklisted=bool(row and row.blacklisted),
        )
        outcome = gate.decide(person, draft=draft, policy=policy)
        if outcome not in STILL_HELD[self.basis]:
            # a pull request that is a draft again is decided when it is ready; the others keep this outcome
            pull_requests.update(self.row.repository_id, self.row.number, gate=outcome.value)
        return outcome

    async def _role(self, account: Account) -> Role:
        role = await self.client.fetch_permission(self.name, account)
        await self.relay._store.write(
            accounts.store_role, self.row.repository_id, account.id, role, self.relay._clock()
        )
        return role

    async def _human_involved(self, pull: PullItem, thread: Thread, policy: Policy) -> str:
        """Why a human's hand is on this pull request, or an empty text. Never fight a human."""
        we_reopened = await self.relay._store.read(self._we_reopened)
        by_hand = thread.taken_up_by_hand(pull.author, self.own_id if we_reopened else None)
        if by_hand:
            return by_hand
        for account in thread.speakers(pull.author, self.own_id):
            if is_privileged(await self._role(account), policy):
                return f"{account.login}, who has a role here, took part in it"
        return ""

    def _we_reopened(self) -> bool:
        return outbox.was_attempted(self.row.repository_id, self.row.number, ActionKind.REOPEN)

    async def send(self, clear: Clear) -> int | None:
        """Send it, once; returns GitHub's id of what came to be, where it has one."""
        row, client = self.row, self.client
        match self.kind:
            case ActionKind.COMMENT:
                return await client.post_comment(
                    self.name, row.number, comments.with_marker(row.body, row.key)
                )
            case ActionKind.CLOSE:
                await client.close_pull(self.name, row.number)
            case ActionKind.REOPEN:
                await client.reopen_pull(self.name, row.number)
            case ActionKind.LABEL:
                await client.add_label(self.name, row.number, row.body)
            case ActionKind.UNLABEL:
                await client.remove_label(self.name, row.number, row.body)
            case ActionKind.STATUS:
                await self._send_status(clear.head_sha)
            case ActionKind.REACTION:
                await self._react()
        return None

    async def _react(self) -> None:
        try:
            await self.client.add_reaction(self.name, self.row.target_id or 0, self.row.body)
        except NotFound:
            raise Superseded("the comment does not exist any more") from None

    async def _send_status(self, head_sha: str) -> None:
        held = self.row.body == "pending"
        await self.client.set_status(
            self.name,
            head_sha,
            state=self.row.body,
            context=comments.STATUS_CONTEXT,
            description=comments.STATUS_HELD if held else comments.STATUS_RELEASED,
        )
        await self.relay._store.write(
            pull_requests.update,
            self.row.repository_id,
            self.row.number,
            status_sha=head_sha if held else None,
        )
