"""The rule that admits, holds or closes a pull request, and the actions that follow from it."""

from __future__ import annotations

from meritocrab.core import comments
from meritocrab.core.actions import Action
from meritocrab.core.names import ActionBasis, ActionKind, Enforcement, GateOutcome, Role
from meritocrab.core.permissions import is_exempt, is_privileged
from meritocrab.core.policy import Policy
from meritocrab.core.situation import Contributor

ACTING = {GateOutcome.DENIED: ActionBasis.DENIED, GateOutcome.BLACKLISTED: ActionBasis.BLACKLISTED}
"""The outcomes that lead to actions, with the ground these actions stand on."""


def decide(author: Contributor | None, *, draft: bool, policy: Policy) -> GateOutcome:
    """What the gate makes of an open pull request by this author.

    An author without an account (ghost) and a repository where roles cannot be read are not gated: nothing that
    is broken or unknown is held against a person. Of a forgotten person only a ban counts.
    """
    if author is None:
        return GateOutcome.NOT_GATED
    if is_privileged(author.role, policy):
        return GateOutcome.PRIVILEGED
    if is_exempt(author.account, policy):
        return GateOutcome.EXEMPT
    if author.account.is_forgotten:
        return GateOutcome.BLACKLISTED if author.blacklisted else GateOutcome.NOT_GATED
    if author.account.is_bot:
        return GateOutcome.BOT
    if not author.account.holds_credit or author.role is Role.UNREADABLE:
        return GateOutcome.NOT_GATED
    if author.blacklisted:
        return GateOutcome.BLACKLISTED
    if draft:
        return GateOutcome.DRAFT
    return GateOutcome.DENIED if author.credit < policy.pr_threshold else GateOutcome.ADMITTED


def actions(
    outcome: GateOutcome,
    author: Contributor,
    *,
    event_key: str,
    number: int,
    policy: Policy,
    fraction: float,
    silent: bool = False,
) -> tuple[Action, ...]:
    """The actions for a denied or blacklisted pull request, by enforcement; none for other outcomes.

    In `observe` they say what `close` would have done. `silent` leaves the message out: a pull request that its
    author reopened is closed again without a second one.
    """
    if outcome not in ACTING:
        return ()
    builder = _Builder(outcome, author, event_key, number, policy, fraction)
    if policy.enforcement in (Enforcement.OBSERVE, Enforcement.CLOSE):
        return builder.closing(silent)
    return builder.marking(silent)


class _Builder:
    """Actions about one pull request that share ground, delay and recording."""

    def __init__(
        self,
        outcome: GateOutcome,
        author: Contributor,
        event_key: str,
        number: int,
        policy: Policy,
        fraction: float,
    ) -> None:
        self.basis = ACTING[outcome]
        self.author, self.key, self.number, self.policy = author, event_key, number, policy
        low, high = policy.blacklist.delay
        shadow = outcome is GateOutcome.BLACKLISTED
        self.delay = low + (high - low) * fraction if shadow else 0.0

    def closing(self, silent: bool) -> tuple[Action, ...]:
        if silent:
            return (self._action(ActionKind.CLOSE),)
        message = self._action(ActionKind.COMMENT, self._message())
        return (message, self._action(ActionKind.CLOSE, after_key=message.key))

    def marking(self, silent: bool) -> tuple[Action, ...]:
        parts = [self._action(ActionKind.LABEL, comments.LABEL)]
        if self.policy.enforcement is Enforcement.HOLD:
            parts.append(self._action(ActionKind.STATUS, "pending"))
        if self.basis is ActionBasis.DENIED and not silent:
            parts.append(self._action(ActionKind.COMMENT, self._message()))
        return tuple(parts)

    def _message(self) -> str:
        if self.basis is ActionBasis.BLACKLISTED:
            return comments.blacklisted(template=self.policy.wording.blacklisted)
        return comments.denied(
            self.author.account.login,
            score=self.author.credit,
            threshold=self.policy.pr_threshold,
            template=self.policy.wording.denied,
            closing=self.policy.enforcement in (Enforcement.OBSERVE, Enforcement.CLOSE),
        )

    def _action(self, kind: ActionKind, body: str = "", after_key: str | None = None) -> Action:
        return Action(
            key=f"{self.key}/{kind}",
            kind=kind,
            basis=self.basis,
            number=self.number,
            account_id=self.author.account.id,
            body=body,
            after_key=after_key,
            delay_seconds=self.delay,
            observed=self.policy.enforcement is Enforcement.OBSERVE,
        )
