"""Who may do what: roles against the policy, and which roles an event needs before it can be handled."""

from __future__ import annotations

from dataclasses import dataclass

from meritocrab.core.events import Account, CommentFacts, Event, Facts, OperatorFacts, VerdictFacts
from meritocrab.core.names import EventKind, Role
from meritocrab.core.policy import Policy


def is_privileged(role: Role, policy: Policy) -> bool:
    """Whether this role passes the gate and neither earns nor loses credit."""
    return role in policy.roles.privileged


def may_command(role: Role, policy: Policy) -> bool:
    """Whether this role's `/credit` commands are obeyed."""
    return role in policy.roles.commanders


def is_exempt(account: Account, policy: Policy) -> bool:
    """Whether the policy lists this account, by id, as a user or an app that always passes."""
    return policy.exempt.covers(account.id)


@dataclass(frozen=True, slots=True)
class RoleNeed:
    """One role to know before an event can be handled; `fresh` ones never come from the cache."""

    account: Account
    fresh: bool


GATED_KINDS = frozenset(
    {EventKind.PULL_REQUEST_OPENED, EventKind.PULL_REQUEST_READY, EventKind.PULL_REQUEST_REOPENED}
)


def role_needs(event: Event, *, is_command: bool) -> tuple[RoleNeed, ...]:
    """The roles to look up for this event: fresh before anything is done against or for someone.

    Bots, ghosts and mannequins have no role to look up; whoever is exempt from the gate may still be a maintainer.
    A comment on an issue matters only as a command. A maintainer at the terminal answers for their acts: they need no
    look-up, so that they work while GitHub does not.
    """
    facts = event.facts
    if isinstance(facts, OperatorFacts):
        return ()
    if isinstance(facts, CommentFacts) and not facts.on_pull_request and not is_command:
        return ()
    fresh = not event.is_history and (event.kind in GATED_KINDS or is_command or _may_apply(facts))
    needs: dict[int, RoleNeed] = {}
    for account in (event.author, event.actor):
        if account is not None and account.holds_credit:
            needs[account.id] = RoleNeed(account, fresh)
    return tuple(needs.values())


def _may_apply(facts: Facts) -> bool:
    return isinstance(facts, VerdictFacts) and facts.classification is not None and not facts.advisory
