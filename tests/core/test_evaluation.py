"""What a verdict may do, which texts count as the same, and what is kept of a long one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meritocrab.core.evaluation import (
    Limits,
    Settlement,
    excerpt,
    needs_second_opinion,
    settle,
    text_digest,
)
from meritocrab.core.names import Classification, EvaluationState

SPAM, LOW, ACCEPTABLE, HIGH = Classification
DELTAS = {SPAM: -25, LOW: -5, ACCEPTABLE: 5, HIGH: 15}
USUAL: dict[str, Any] = {"classification": ACCEPTABLE, "confidence": 0.9}
LIMITS = Limits(threshold=0.85, deltas=DELTAS)
CONFIRMING = {"confirm_negative": True}


@pytest.mark.parametrize(
    ("limits", "verdict", "state", "delta", "reason"),
    [
        ({}, {}, "auto_applied", 5, "confident"),
        ({}, {"classification": SPAM}, "auto_applied", -25, "confident"),
        ({}, {"confidence": 0.85}, "auto_applied", 5, "confident"),
        ({}, {"confidence": 0.8499}, "pending", 5, "low_confidence"),
        ({}, {"confidence": 0.0, "classification": HIGH}, "pending", 15, "low_confidence"),
        ({}, {"classification": None}, "unjudged", 0, "nothing_to_say"),
        ({}, {"classification": None, "advisory": True}, "unjudged", 0, "nothing_to_say"),
        ({}, {"advisory": True, "classification": SPAM, "confidence": 1.0}, "pending", -25, "advisory"),
        ({}, {"advisory": True, "classification": LOW, "confidence": 0.1}, "pending", -5, "advisory"),
        ({}, {"advisory": True}, "unjudged", 0, "nothing_to_say"),
        ({}, {"advisory": True, "classification": HIGH}, "unjudged", 0, "nothing_to_say"),
        ({"spam_only": True}, {"advisory": True, "classification": LOW}, "voided", 0, "only_spam_counts"),
        ({"spam_only": True}, {}, "voided", 0, "only_spam_counts"),
        ({"spam_only": True}, {"classification": LOW}, "voided", 0, "only_spam_counts"),
        ({"spam_only": True}, {"classification": SPAM}, "auto_applied", -25, "confident"),
        ({"merged": True}, {"classification": SPAM}, "voided", 0, "merged"),
        ({"merged": True}, {"classification": LOW, "advisory": True}, "voided", 0, "merged"),
        ({"merged": True}, {}, "auto_applied", 5, "confident"),
        ({"negative_auto_allowed": False}, {}, "auto_applied", 5, "confident"),
        ({"negative_auto_allowed": False}, {"classification": SPAM}, "pending", -25, "role_unreadable"),
        ({"deltas": {}}, {}, "auto_applied", 0, "confident"),
        # what may have steered a model waits for a human, in either direction
        ({}, {"flagged": True}, "pending", 5, "flagged"),
        ({}, {"flagged": True, "classification": SPAM, "confirmed": True}, "pending", -25, "flagged"),
        ({}, {"flagged": True, "classification": None, "advisory": True}, "pending", 0, "flagged"),
        ({"spam_only": True}, {"flagged": True, "classification": HIGH}, "pending", 0, "flagged"),
        ({"merged": True}, {"flagged": True, "classification": SPAM}, "voided", 0, "merged"),
        # what costs credit needs two opinions that agree
        (CONFIRMING, {}, "auto_applied", 5, "confident"),
        (CONFIRMING, {"classification": LOW}, "pending", -5, "unconfirmed"),
        (CONFIRMING, {"classification": LOW, "confirmed": False}, "pending", -5, "opinions_differ"),
        (CONFIRMING, {"classification": LOW, "confirmed": True}, "auto_applied", -5, "confident"),
        (CONFIRMING, {"classification": LOW, "confidence": 0.5}, "pending", -5, "low_confidence"),
        # no verdict alone lets somebody past the gate again
        ({"to_gate": 5}, {}, "pending", 5, "opens_gate"),
        ({"to_gate": 6}, {}, "auto_applied", 5, "confident"),
        ({"to_gate": 6}, {"classification": HIGH}, "pending", 15, "opens_gate"),
        ({"to_gate": 1}, {"classification": SPAM}, "auto_applied", -25, "confident"),
    ],
)
def test_settle(limits: dict[str, Any], verdict: dict[str, Any], state: str, delta: int, reason: str) -> None:
    settled = settle(replace(LIMITS, **limits), **(USUAL | verdict))
    assert settled == Settlement(EvaluationState(state), delta, reason)


@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan"), float("inf")])
def test_numbers_out_of_range_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="confidence"):
        settle(LIMITS, **(USUAL | {"confidence": value}))
    with pytest.raises(ValueError, match="threshold"):
        replace(LIMITS, threshold=value)


any_limits = st.builds(
    Limits,
    threshold=st.floats(0, 1),
    deltas=st.just(DELTAS),
    spam_only=st.booleans(),
    merged=st.booleans(),
    negative_auto_allowed=st.booleans(),
    confirm_negative=st.booleans(),
    to_gate=st.none() | st.integers(1, 30),
)
any_verdict = st.fixed_dictionaries(
    {
        "classification": st.sampled_from([None, *Classification]),
        "confidence": st.floats(0, 1),
        "advisory": st.booleans(),
        "flagged": st.booleans(),
        "confirmed": st.sampled_from([None, True, False]),
    }
)


@given(any_limits, any_verdict)
def test_no_verdict_does_more_than_it_may(limits: Limits, verdict: dict[str, Any]) -> None:
    settled = settle(limits, **verdict)
    if settled.state is EvaluationState.AUTO_APPLIED:
        assert not verdict["advisory"]
        assert not verdict["flagged"]
        assert verdict["confidence"] >= limits.threshold
        assert settled.delta == DELTAS[verdict["classification"]]
        assert settled.delta > 0 or not limits.confirm_negative or verdict["confirmed"]
        assert limits.to_gate is None or settled.delta < limits.to_gate
        assert settled.delta > 0 or limits.negative_auto_allowed
    if settled.delta > 0:
        assert not limits.spam_only
    if settled.delta < 0:
        assert not limits.merged
    if settled.state in (EvaluationState.UNJUDGED, EvaluationState.VOIDED):
        assert settled.delta == 0


@given(any_limits, any_verdict)
def test_a_second_opinion_is_asked_for_only_where_it_decides(limits: Limits, verdict: dict[str, Any]) -> None:
    first = {key: value for key, value in verdict.items() if key != "confirmed"}
    agreed, differed = (settle(limits, **first, confirmed=each) for each in (True, False))
    if needs_second_opinion(limits, **first):
        assert agreed != differed
    else:
        assert agreed == differed


def test_the_same_text_in_other_clothes_has_the_same_digest() -> None:
    digest = text_digest("Fix it", "A small fix.")
    assert len(digest) == 32
    assert set(digest) <= set("0123456789abcdef")
    for title, body in [
        ("fix IT", "a  small\n\tfix. "),
        ("Fix it", "A sm\u200ball fix.\ufeff"),
        ("Fix\u00a0it", "Ａ ｓｍａｌｌ ﬁx."),
        ("Fix it", "A small fix.\r\n"),
    ]:
        assert text_digest(title, body) == digest


def test_other_texts_have_other_digests() -> None:
    texts = [
        ("a", "b"),
        ("b", "a"),
        ("ab", ""),
        ("", "ab"),
        ("a b", ""),
        ("ä", ""),
        ("a", "b c"),
        ("中文", ""),
    ]
    assert len({text_digest(*text) for text in texts}) == len(texts)


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b\ufeff", "\x00"])
def test_empty_texts_have_no_digest(text: str) -> None:
    assert text_digest(text, text) == ""


@given(st.text(), st.text())
def test_a_digest_is_stable(title: str, body: str) -> None:
    digest = text_digest(title, body)
    assert digest == text_digest(f" {title}\n", f"\u200b{body} ")
    assert len(digest) in (0, 32)


def test_excerpt() -> None:
    assert excerpt("short") == "short"
    assert excerpt("abc", 3) == "abc"
    assert excerpt("abcd", 3) == "abc\n… (1 more character cut)"
    assert excerpt("x" * 3500) == "x" * 2000 + "\n… (1,500 more characters cut)"
    with pytest.raises(ValueError, match="positive"):
        excerpt("abc", 0)


def test_excerpt_does_not_cut_through_a_sign() -> None:
    assert excerpt("ae\u0301x", 2) == "a\n… (3 more characters cut)"
    assert excerpt("a👍🏽x", 2) == "a\n… (3 more characters cut)"
    assert excerpt("a👩\u200d💻x", 3) == "a\n… (4 more characters cut)"


@given(st.text(max_size=100), st.integers(1, 50))
def test_an_excerpt_is_bounded_and_a_beginning(text: str, limit: int) -> None:
    shown = excerpt(text, limit)
    if len(text) <= limit:
        assert shown == text
    else:
        kept = shown.rsplit("\n… (", 1)[0]
        assert text.startswith(kept)
        assert 1 <= len(kept) <= limit
