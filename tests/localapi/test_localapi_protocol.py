"""The pure parts: cursors, paths, words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meritocrab.core.names import ActorKind, Classification, CreditReason
from meritocrab.localapi import protocol as p
from meritocrab.localapi import routes
from meritocrab.localapi.errors import ApiError
from meritocrab.localapi.pages import LARGEST, decode_cursor, encode_cursor
from meritocrab.localapi.words import WORDS, actor_words, reason_words

INTEGERS = st.integers(-LARGEST, LARGEST)
WORD = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)))
VALUES = st.lists(INTEGERS | WORD, min_size=1, max_size=4)


@given(listing=WORD, values=VALUES)
def test_a_cursor_says_again_what_it_was_told(listing: str, values: list[int | str]) -> None:
    cursor = encode_cursor(listing, values)
    assert cursor.isascii()
    assert not set(cursor) & set("+/=&?% ")
    assert decode_cursor(listing, cursor, [type(value) for value in values]) == tuple(values)


@given(listing=WORD, other=WORD, values=VALUES)
def test_a_cursor_serves_its_own_listing_only(listing: str, other: str, values: list[int | str]) -> None:
    cursor, types = encode_cursor(listing, values), [type(value) for value in values]
    if other != listing:
        with pytest.raises(ApiError):
            decode_cursor(other, cursor, types)
    with pytest.raises(ApiError):
        decode_cursor(listing, cursor, [*types, int])
    swapped = [str if kind is int else int for kind in types]
    with pytest.raises(ApiError):
        decode_cursor(listing, cursor, swapped)


@given(st.text())
def test_nonsense_is_no_cursor(text: str) -> None:
    with pytest.raises(ApiError) as refused:
        decode_cursor("some/listing", text, [int])
    assert refused.value.status == 400


@pytest.mark.parametrize("value", [True, None, 1.5, LARGEST + 1, "a\0b", "\ud800", [1], {}])
def test_a_forged_cursor_holds_nothing_that_a_database_refuses(value: object) -> None:
    cursor = encode_cursor("x", [value])  # type: ignore[list-item]
    for kind in (int, str):
        with pytest.raises(ApiError):
            decode_cursor("x", cursor, [kind])


@given(st.text(min_size=1))
def test_a_path_keeps_its_parts_apart_whatever_they_hold(user: str) -> None:
    if any("\ud800" <= char <= "\udfff" for char in user):
        return
    path = routes.CONTRIBUTOR.at(repository="octo/garden", user=user)
    assert path.startswith("/api/repos/octo/garden/contributors/")
    assert path.count("/") == 6
    assert not set(path) & set("?#[] ")


def test_every_error_has_its_status() -> None:
    assert set(p.STATUS) == set(p.ErrorCode)
    assert all(400 <= status < 600 for status in p.STATUS.values())


def test_every_reason_of_the_ledger_has_words() -> None:
    assert set(WORDS) == set(CreditReason)
    for reason in CreditReason:
        words = reason_words(reason, number=7, reverses_id=3, judged=Classification.LOW, automatic=True)
        assert "{" not in words
        assert words
    assert actor_words(ActorKind.LOCAL, "", "ada") == "local:ada"
    assert actor_words(ActorKind.GITHUB, "mia", "") == "@mia"
    assert actor_words(ActorKind.SYSTEM, "", "") == "system"


def test_an_answer_may_grow_and_a_request_may_not() -> None:
    assert p.Person.model_validate({"id": 1, "login": "x", "shoe_size": 43}).id == 1
    with pytest.raises(ValueError, match="Extra inputs"):
        p.ActBody.model_validate({"raeson": "x"})
