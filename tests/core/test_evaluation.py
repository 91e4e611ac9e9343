"""What a verdict may do, which texts count as the same, and what is kept of a long one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meritocrab.core.evaluation import Settlement, excerpt, settle, text_digest
from meritocrab.core.names import Classification, EvaluationState

SPAM, LOW, ACCEPTABLE, HIGH = Classification
DELTAS = {SPAM: -25, LOW: -5, ACCEPTABLE: 5, HIGH: 15}
USUAL: dict[str, Any] = {
    "classification": ACCEPTABLE,
    "confidence": 0.9,
    "advisory": False,
    "threshold": 0.85,
    "spam_only": False,
    "merged": False,
    "positive_allowed": True,
    "negative_auto_allowed": True,
    "deltas": DELTAS,
}


@pytest.mark.parametrize(
    ("changes", "state", "delta", "reason"),
    [
        ({}, "auto_applied", 5, "confident"),
        ({"classification": SPAM}, "auto_applied", -25, "confident"),
        ({"confidence": 0.85}, "auto_applied", 5, "confident"),
        ({"confidence": 0.8499}, "pending", 5, "low_confidence"),
        ({"confidence": 0.0, "classification": HIGH}, "pending", 15, "low_confidence"),
        ({"classification": None}, "unjudged", 0, "nothing_to_say"),
        ({"classification": None, "advisory": True}, "unjudged", 0, "nothing_to_say"),
        ({"advisory": True, "classification": SPAM, "confidence": 1.0}, "pending", -25, "advisory"),
        ({"advisory": True, "classification": LOW, "confidence": 0.1}, "pending", -5, "advisory"),
        ({"advisory": True}, "unjudged", 0, "nothing_to_say"),
        ({"advisory": True, "classification": HIGH}, "unjudged", 0, "nothing_to_say"),
        ({"advisory": True, "classification": LOW, "spam_only": True}, "voided", 0, "only_spam_counts"),
        ({"spam_only": True}, "voided", 0, "only_spam_counts"),
        ({"spam_only": True, "classification": LOW}, "voided", 0, "only_spam_counts"),
        ({"spam_only": True, "classification": SPAM}, "auto_applied", -25, "confident"),
        ({"merged": True, "classification": SPAM}, "voided", 0, "merged"),
        ({"merged": True, "classification": LOW, "advisory": True}, "voided", 0, "merged"),
        ({"merged": True}, "auto_applied", 5, "confident"),
        ({"positive_allowed": False}, "voided", 0, "earns_nothing"),
        ({"positive_allowed": False, "classification": LOW}, "auto_applied", -5, "confident"),
        ({"negative_auto_allowed": False}, "auto_applied", 5, "confident"),
        ({"negative_auto_allowed": False, "classification": SPAM}, "pending", -25, "role_unreadable"),
        ({"deltas": {}}, "auto_applied", 0, "confident"),
    ],
)
def test_settle(changes: dict[str, Any], state: str, delta: int, reason: str) -> None:
    assert settle(**{**USUAL, **changes}) == Settlement(EvaluationState(state), delta, reason)


@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["confidence", "threshold"])
def test_numbers_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        settle(**{**USUAL, name: value})


@given(
    st.fixed_dictionaries(
        {
            "classification": st.sampled_from([None, *Classification]),
            "confidence": st.floats(0, 1),
            "advisory": st.booleans(),
            "threshold": st.floats(0, 1),
            "spam_only": st.booleans(),
            "merged": st.booleans(),
            "positive_allowed": st.booleans(),
            "negative_auto_allowed": st.booleans(),
        }
    )
)
def test_no_verdict_does_more_than_it_may(values: dict[str, Any]) -> None:
    settled = settle(**values, deltas=DELTAS)
    if settled.state is EvaluationState.AUTO_APPLIED:
        assert not values["advisory"]
        assert values["confidence"] >= values["threshold"]
        assert settled.delta == DELTAS[values["classification"]]
    if settled.delta > 0:
        assert values["positive_allowed"]
        assert not values["spam_only"]
    if settled.delta < 0:
        assert not values["merged"]
        assert values["negative_auto_allowed"] or settled.state is EvaluationState.PENDING
    if settled.state in (EvaluationState.UNJUDGED, EvaluationState.VOIDED):
        assert settled.delta == 0


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
