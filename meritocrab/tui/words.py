"""Times, numbers and states in words: short enough for a column, never told by colour alone. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from meritocrab.core.names import (
    ActionKind,
    ActionState,
    Classification,
    Enforcement,
    GateOutcome,
    RepositoryState,
)
from meritocrab.localapi.words import queue_reason as queue_reason
from meritocrab.localapi.words import subject as subject

MINUTE, HOUR, DAY = 60, 3600, 86_400


def span(seconds: float) -> str:
    """A length of time in at most two units: `45 s`, `3 min`, `2 h 5 min`, `4 d`."""
    whole = int(max(0.0, seconds))
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min"
    if whole < DAY:
        minutes = whole % HOUR // MINUTE
        return f"{whole // HOUR} h {minutes} min" if minutes and whole < 10 * HOUR else f"{whole // HOUR} h"
    return f"{whole // DAY} d"


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago something was: `now`, `3 min ago`; a dash for never."""
    if moment is None:
        return "–"
    seconds = (now - moment).total_seconds()
    return "now" if seconds < 1 else f"{span(seconds)} ago"


def age(moment: datetime | None, now: datetime) -> str:
    """`ago` for narrow columns: `3m`, `2h`, `4d`."""
    if moment is None:
        return "–"
    seconds = int(max(0.0, (now - moment).total_seconds()))
    for size, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def until(moment: datetime | None, now: datetime) -> str:
    """How long until something is due: `in 20 s`, `now`; a dash for never."""
    if moment is None:
        return "–"
    seconds = (moment - now).total_seconds()
    return "now" if seconds < 1 else f"in {span(seconds)}"


def moment(at: datetime | None) -> str:
    """A time in full, in the reader's own zone."""
    return "–" if at is None else f"{at.astimezone():%Y-%m-%d %H:%M}"


def signed(number: int | None) -> str:
    """A change with its sign: `+5`, `−25`, `±0`; a dash where there is none."""
    if number is None:
        return "–"
    if number == 0:
        return "±0"
    return f"+{number:,}" if number > 0 else f"−{-number:,}"


def percent(share: float | None) -> str:
    """A confidence: `85 %`."""
    return "–" if share is None else f"{share * 100:.0f} %"


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: `1 item`, `8 items`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


class Look(NamedTuple):
    """How a state is shown: a symbol that tells it without colour, a word, and a style."""

    symbol: str
    word: str
    style: str

    @property
    def label(self) -> str:
        """Symbol and word."""
        return f"{self.symbol} {self.word}"


GOOD, FAIR, BAD, QUIET, NOTED = "$success", "$warning", "$error", "dim", "$accent"

CLASSES: Final = {
    Classification.SPAM: Look("✗", "spam", BAD),
    Classification.LOW: Look("↓", "low", FAIR),
    Classification.ACCEPTABLE: Look("✓", "acceptable", GOOD),
    Classification.HIGH: Look("★", "high", f"{GOOD} bold"),
}
NO_CLASS: Final = Look("?", "no verdict", QUIET)


def verdict(classification: Classification | None) -> Look:
    """How a class is shown."""
    return CLASSES[classification] if classification is not None else NO_CLASS


_REPOSITORY_WORDS: Final = {
    RepositoryState.NEW: Look("○", "new", QUIET),
    RepositoryState.OK: Look("●", "ok", GOOD),
    RepositoryState.ROLES_UNREADABLE: Look("▲", "roles unreadable", FAIR),
    RepositoryState.POLICY_BROKEN: Look("▲", "policy broken", FAIR),
    RepositoryState.ARCHIVED: Look("○", "archived", QUIET),
    RepositoryState.RENAMED: Look("▲", "renamed", FAIR),
    RepositoryState.RATE_LIMITED: Look("▲", "rate limited", FAIR),
    RepositoryState.GITHUB_ERROR: Look("▲", "GitHub error", FAIR),
    RepositoryState.BAD_ANSWER: Look("▲", "bad answer", FAIR),
    RepositoryState.UNREACHABLE: Look("▲", "unreachable", FAIR),
}


def repository_state(
    state: RepositoryState, *, watched: bool = True, paused: bool = False, braked: bool = False
) -> Look:
    """How a repository stands."""
    if not watched:
        return Look("○", "not watched", QUIET)
    if paused:
        return Look("‖", "paused", FAIR)
    if braked:
        return Look("▲", "braked", BAD)
    return _REPOSITORY_WORDS.get(state) or Look("✗", str(state).replace("_", " "), BAD)


def action_state(state: ActionState) -> Look:
    """Where an action of the outbox stands."""
    return {
        ActionState.SCHEDULED: Look("◷", "scheduled", NOTED),
        ActionState.DELIVERED: Look("✓", "delivered", GOOD),
        ActionState.SUPERSEDED: Look("–", "superseded", QUIET),
        ActionState.CANCELLED: Look("–", "cancelled", QUIET),
        ActionState.REFUSED: Look("✗", "refused", BAD),
        ActionState.OBSERVED: Look("○", "observed", QUIET),
    }[state]


def action_kind(kind: ActionKind) -> str:
    """What an action does."""
    words = {
        ActionKind.LABEL: "add label",
        ActionKind.UNLABEL: "take label off",
        ActionKind.STATUS: "set status",
    }
    return words.get(kind, str(kind))


ENFORCEMENT: Final = {
    Enforcement.OBSERVE: "writes nothing, records what it would do",
    Enforcement.LABEL: "adds a label and a message",
    Enforcement.HOLD: "labels, and holds with a pending status",
    Enforcement.CLOSE: "closes what the gate stops",
}

_GATE: Final = {
    GateOutcome.PRIVILEGED: Look("✓", "privileged", GOOD),
    GateOutcome.EXEMPT: Look("✓", "exempt", GOOD),
    GateOutcome.ADMITTED: Look("✓", "admitted", GOOD),
    GateOutcome.RELEASED: Look("✓", "released", GOOD),
    GateOutcome.DENIED: Look("✗", "denied", BAD),
    GateOutcome.BLACKLISTED: Look("✗", "blacklisted", BAD),
    GateOutcome.BOT: Look("▲", "bot", FAIR),
}


def gate(outcome: GateOutcome | None) -> Look:
    """What the gate made of a pull request."""
    if outcome is None:
        return Look("…", "undecided", QUIET)
    return _GATE.get(outcome) or Look("○", str(outcome).replace("_", " "), QUIET)


def flag(code: str) -> str:
    """What looked like deceit: `invisible characters in text`."""
    return code.replace("_", " ")
