"""What becomes of a contribution's text and of the verdict on it: the same rules for every provider.

The life of an evaluation after an answer is decided in one function, `settle`, so that no provider, however
sure of itself, can do more than the policy allows.
"""

from __future__ import annotations

import hashlib
import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from meritocrab.core.names import Classification, EvaluationState

EXCERPT_LENGTH: Final = 2000
"""Characters of a contribution that are kept for the maintainer to read."""

ONLY_SPAM_COUNTS: Final = "only_spam_counts"
MERGED: Final = "merged"
ADVISORY: Final = "advisory"
LOW_CONFIDENCE: Final = "low_confidence"
ROLE_UNREADABLE: Final = "role_unreadable"
NOTHING_TO_SAY: Final = "nothing_to_say"
CONFIDENT: Final = "confident"
FLAGGED: Final = "flagged"
UNCONFIRMED: Final = "unconfirmed"
OPINIONS_DIFFER: Final = "opinions_differ"
OPENS_GATE: Final = "opens_gate"
NO_USABLE_ANSWER: Final = "no_usable_answer"
UNANSWERED: Final = "unanswered"

NEGATIVE: Final = frozenset({Classification.SPAM, Classification.LOW})


@dataclass(frozen=True, slots=True)
class Settlement:
    """Where a verdict leads: the new state, the credit it changes or proposes to change, and why, as a code.

    `delta` counts at once only in state `auto_applied`; in `pending` it is what approving would do.
    """

    state: EvaluationState
    delta: int
    reason: str


@dataclass(frozen=True, slots=True)
class Limits:
    """How far one verdict may go by itself: the rules, and how the person and the contribution stand.

    Args:
        threshold: the confidence from which a verdict applies at once, 0 to 1.
        deltas: the change of credit per class; a class that is missing changes nothing.
        spam_only: only a `spam` verdict counts (closed by the gate, withdrawn, own conversation).
        merged: the pull request was merged, so nothing negative counts any more.
        negative_auto_allowed: False where the person's role cannot be read: a human must decide.
        confirm_negative: what costs credit needs a second opinion that agrees.
        to_gate: the points that lift this person over the gate's threshold; None for who is not below it.

    Raises:
        ValueError: `threshold` is not a number from 0 to 1.
    """

    threshold: float
    deltas: Mapping[Classification, int]
    spam_only: bool = False
    merged: bool = False
    negative_auto_allowed: bool = True
    confirm_negative: bool = False
    to_gate: int | None = None

    def __post_init__(self) -> None:
        _require_fraction("threshold", self.threshold)


def settle(
    limits: Limits,
    *,
    classification: Classification | None,
    confidence: float,
    advisory: bool = False,
    flagged: bool = False,
    confirmed: bool | None = None,
) -> Settlement:
    """The life-cycle rule for one verdict.

    Args:
        classification: None when the provider had nothing to say.
        confidence: 0 to 1.
        advisory: a suspicion that is never applied by itself (the heuristic provider's).
        flagged: the contribution holds what may have steered a model: a human decides, whatever the verdict.
        confirmed: whether a second opinion agreed; None when there was none.

    Raises:
        ValueError: `confidence` is not a number from 0 to 1.
    """
    _require_fraction("confidence", confidence)
    if classification is None or (advisory and classification not in NEGATIVE):
        if flagged:
            return Settlement(EvaluationState.PENDING, 0, FLAGGED)
        return Settlement(EvaluationState.UNJUDGED, 0, NOTHING_TO_SAY)
    delta = limits.deltas.get(classification, 0)
    if limits.merged and delta < 0:
        return Settlement(EvaluationState.VOIDED, 0, MERGED)
    counts = not limits.spam_only or classification is Classification.SPAM
    if flagged:
        return Settlement(EvaluationState.PENDING, delta if counts else 0, FLAGGED)
    if not counts:
        return Settlement(EvaluationState.VOIDED, 0, ONLY_SPAM_COUNTS)
    doubt = _doubt(limits, delta, confidence, advisory, confirmed)
    return Settlement(
        EvaluationState.PENDING if doubt else EvaluationState.AUTO_APPLIED, delta, doubt or CONFIDENT
    )


def _doubt(limits: Limits, delta: int, confidence: float, advisory: bool, confirmed: bool | None) -> str:
    """Why a human has to look before this verdict counts, as a code; empty when nothing speaks against it."""
    if advisory:
        return ADVISORY
    if confidence < limits.threshold:
        return LOW_CONFIDENCE
    if delta < 0 and not limits.negative_auto_allowed:
        return ROLE_UNREADABLE
    if delta < 0 and limits.confirm_negative and not confirmed:
        return UNCONFIRMED if confirmed is None else OPINIONS_DIFFER
    if limits.to_gate is not None and delta >= limits.to_gate:
        # somebody who was stopped may have written for the model: a human, or a merge, lets them back in
        return OPENS_GATE
    return ""


def needs_second_opinion(
    limits: Limits, *, classification: Classification | None, confidence: float, advisory: bool, flagged: bool
) -> bool:
    """Whether a second opinion would decide something about this verdict."""
    without = settle(
        limits, classification=classification, confidence=confidence, advisory=advisory, flagged=flagged
    )
    return without.reason == UNCONFIRMED


def text_digest(title: str, body: str) -> str:
    """A fingerprint (32 hexadecimal digits) that texts share which a reader would call the same.

    Letter case, white space, compatibility forms and invisible characters make no difference. Empty texts
    have no fingerprint (""), so that two of them are not taken for a repetition.
    """
    parts = (_folded(title), _folded(body))
    if not any(parts):
        return ""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def excerpt(text: str, limit: int = EXCERPT_LENGTH) -> str:
    """The first `limit` characters; where something was cut, a note on how much is added after them.

    A letter is not separated from its combining marks, nor an emoji from its modifiers.

    Raises:
        ValueError: `limit` is not positive.
    """
    if limit < 1:
        raise ValueError("an excerpt needs a positive length")
    if len(text) <= limit:
        return text
    end = limit
    while end > 1 and limit - end < _MAX_MARKS and _joins(text, end):
        end -= 1
    cut = len(text) - end
    return f"{text[:end]}\n… ({cut:,} more character{'' if cut == 1 else 's'} cut)"


_MAX_MARKS: Final = 32
_ZERO_WIDTH_JOINER: Final = "\u200d"


def _joins(text: str, at: int) -> bool:
    """True when the characters around this position make up one visible sign."""
    if _ZERO_WIDTH_JOINER in text[at - 1 : at + 1]:
        return True
    return unicodedata.category(text[at]) in ("Mn", "Me", "Mc", "Sk")


def _folded(text: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    # Cc, Cf: control and invisible characters (zero width, text direction), of which white space is kept
    visible = "".join(c for c in folded if c.isspace() or unicodedata.category(c) not in ("Cc", "Cf"))
    return " ".join(visible.split())


def _require_fraction(name: str, value: float) -> None:
    if not (math.isfinite(value) and 0 <= value <= 1):
        raise ValueError(f"{name} must be a number from 0 to 1, not {value}")
