"""A maintainer's acts about the daemon's own work: polls, pauses, scheduled actions. They move nobody's credit."""

from __future__ import annotations

from meritocrab.core.actions import CancelAction, Decision, RepositoryChange, refuse
from meritocrab.core.events import OperatorFacts
from meritocrab.core.names import ActionState
from meritocrab.core.situation import ActionView, Situation

ACTS = frozenset({"poll", "pause", "resume", "release", "cancel"})
"""The acts that need no policy: they work while a repository's rules cannot be read, too."""

PAUSED = "the repository is paused"
ALL_PAUSED = "everything is paused"
BRAKED = "the breaker keeps the repository in observe mode now"


def decide(facts: OperatorFacts, situation: Situation) -> Decision:
    """Carry out one of `ACTS`; what is so already, or came too late, is refused."""
    if facts.act == "cancel":
        return _cancel(facts, situation)
    if facts.act == "poll":
        if situation.paused:
            return refuse(f"poll: {PAUSED}; resume it first")
        return Decision(repositories=(RepositoryChange(poll_now=True),), notes=("polled on request",))
    if facts.act == "release":
        return _release(facts, situation)
    wanted = facts.act == "pause"
    if situation.paused is wanted:
        return refuse(f"{facts.act}: {PAUSED} already" if wanted else "resume: the repository is not paused")
    done = _by("paused" if wanted else "resumed", facts)
    return Decision(repositories=(RepositoryChange(paused=wanted),), notes=(done,))


def _release(facts: OperatorFacts, situation: Situation) -> Decision:
    """What the breaker held back is not made up for: it was decided about, and superseded."""
    if not situation.braked:
        return refuse("release: the breaker has not fallen here")
    done = _by("the breaker was released", facts)
    return Decision(repositories=(RepositoryChange(released=True),), notes=(done,))


def _by(what: str, facts: OperatorFacts) -> str:
    return f"{what} by {facts.user}" + (f": {facts.reason}" if facts.reason else "")


def _cancel(facts: OperatorFacts, situation: Situation) -> Decision:
    action = situation.action
    if action is None:
        return refuse("cancel: there is no such action")
    if action.state is not ActionState.SCHEDULED:
        return refuse(f"cancel: came too late, the action is {action.state}")
    if action.attempted:
        return refuse("cancel: came too late, it was sent already and GitHub's answer is not known yet")
    reason = _by("cancelled", facts)
    # a message that announces a close makes no sense without it, nor a close without its message
    together = [action, *(other for other in situation.companions if _is_open(other))]
    kinds = ", ".join(each.kind for each in together)
    return Decision(
        cancelled_actions=tuple(CancelAction(each.id, reason) for each in together),
        notes=(f"cancelled: {kinds} of #{action.number}",),
    )


def _is_open(action: ActionView) -> bool:
    return action.state is ActionState.SCHEDULED and not action.attempted
