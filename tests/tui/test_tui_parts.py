"""The pure parts: text made harmless, words, columns, paging, charts, Markdown."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meritocrab.tui import words
from meritocrab.tui.book import Ask, Book
from meritocrab.tui.chart import credit_line, credit_rows
from meritocrab.tui.columns import Column, fit
from meritocrab.tui.links import is_link
from meritocrab.tui.markdown import blocks, raw
from meritocrab.tui.screens.dialogs import parse_delta
from meritocrab.tui.screens.policy import written
from meritocrab.tui.text import LINE_LIMIT, TEXT_LIMIT, guarded, plain, plain_lines
from meritocrab.tui.widgets.document import wrapped

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

# ---- text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("dependabot[bot]", "dependabot[bot]"),
        ("[bold]x[/]", "[bold]x[/]"),
        ("a\x1b[31mb", "a␛[31mb"),
        ("a\u202eb", "a<U+202E>b"),
        ("a\u200bb", "a<U+200B>b"),
        ("\u200b" * 9, "<U+200B>×9"),
        ("a\x9bb", "a<9B>b"),
        ("two\nlines", "two lines"),
        ("no\u00a0break", "no break"),
        ("❤\ufe0f", "❤"),
        ("x\ufe0f\ufe0f", "x<U+FE0F><U+FE0F>"),
        ("\u3164", "<U+3164>"),
        ("é ü 漢字 😀 שלום", "é ü 漢字 😀 שלום"),
        ("Z\u0301\u0301\u0301\u0301", "Z\u0301\u0301"),
    ],
)
def test_a_line_is_shown_as_it_is_or_by_its_codes(text: str, shown: str) -> None:
    assert plain(text).plain == shown


def test_texts_are_bounded() -> None:
    assert len(plain("x" * 70_000)) == LINE_LIMIT + 1
    assert len(plain_lines("x" * 70_000)) == TEXT_LIMIT + 1
    assert plain_lines("a\r\nb\u2028c").plain == "a\nb\nc"


@given(st.text())
def test_nothing_that_can_be_obeyed_is_left(text: str) -> None:
    for shown in (plain(text), plain_lines(text), guarded(plain(text))):
        left = {unicodedata.category(char) for char in shown.plain.replace("\n", "")}
        assert not left & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


# ---- words


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (7500, "2 h 5 min"),
        (90_000, "1 d"),
        (43_200, "12 h"),
    ],
)
def test_spans(seconds: float, shown: str) -> None:
    assert words.span(seconds) == shown


def test_times_and_numbers() -> None:
    assert words.ago(NOON - timedelta(minutes=3), NOON) == "3 min ago"
    assert words.ago(NOON + timedelta(minutes=3), NOON) == "now"
    assert words.ago(None, NOON) == "–"
    assert words.age(NOON - timedelta(hours=30), NOON) == "1d"
    assert words.until(NOON + timedelta(seconds=20), NOON) == "in 20 s"
    assert words.until(NOON - timedelta(seconds=20), NOON) == "now"
    assert [words.signed(n) for n in (5, -25, 0, None, 1200)] == ["+5", "−25", "±0", "–", "+1,200"]
    assert words.counted(1, "person", "people") == "1 person"
    assert words.counted(2000, "person", "people") == "2,000 people"


@pytest.mark.parametrize(
    ("text", "delta"),
    [
        ("+10", 10),
        ("-25", -25),
        ("−25", -25),
        (" 7 ", 7),
        ("0", None),
        ("", None),
        ("1e3", None),
        ("99999", None),
        ("٣", None),
    ],
)
def test_numbers_as_people_write_them(text: str, delta: int | None) -> None:
    assert parse_delta(text) == delta


def test_values_as_toml_writes_them() -> None:
    assert written({}.get("x")) == "–"
    assert [written(value) for value in (True, "a", [1, "b"], 0.85)] == ["true", '"a"', '[1, "b"]', "0.85"]


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("https://github.com/octo/garden/pull/3#issuecomment-1", True),
        ("http://127.0.0.1:8080/x", True),
        ("javascript:alert(1)", False),
        ("https://evil.example/\x1b]52;", False),
        ("https://e.example/a b", False),
        ("-https://e.example", False),
        ("https://e.example/" + "a" * 600, False),
    ],
)
def test_only_plain_addresses_are_opened(text: str, good: bool) -> None:
    assert is_link(text) is good


# ---- columns


def test_unimportant_columns_go_first_and_wide_ones_take_the_rest() -> None:
    columns = (Column("a", 10, grow=1), Column("b", 10, rank=2), Column("c", 10, rank=1), Column("d", 5))
    assert [(at.place, at.width) for at in fit(columns, 60)] == [(0, 32), (1, 10), (2, 10), (3, 5)]
    assert [at.place for at in fit(columns, 30)] == [0, 2, 3]
    assert [at.place for at in fit(columns, 5)] == [0, 3]


# ---- paging


def _read(book: Book[int], total: int, first: int, last: int) -> list[Ask]:
    """Ask until all is here, as from a listing that holds its places."""
    asked = []
    while (ask := book.step(first, last)) is not None:
        asked.append(ask)
        start = int(ask.cursor or 0)
        places = range(total - 1, -1, -1) if ask.backwards else range(total)
        rows = list(places[start : start + book.size])
        following = str(start + book.size) if start + book.size < total else None
        book.put(ask, total, rows, following)
        assert len(asked) < 1000
    return asked


def test_pages_are_asked_for_once_and_from_the_nearer_end() -> None:
    book: Book[int] = Book(both_ends=True, size=10, kept=4)
    assert len(_read(book, 1000, 0, 15)) == 2
    assert _read(book, 1000, 5, 14) == []
    end = _read(book, 1000, 985, 999)
    assert [ask.backwards for ask in end] == [True, True]
    assert [book.row(index) for index in (985, 999)] == [985, 999]
    assert len(_read(book, 1000, 500, 505)) == 48
    assert len(book._rows) == 4


def test_one_end_only_is_walked_from_there() -> None:
    book: Book[int] = Book(size=10)
    _read(book, 100, 0, 5)
    assert [ask.number for ask in _read(book, 100, 95, 99)] == list(range(1, 10))


def test_what_changed_is_asked_for_again_and_shown_meanwhile() -> None:
    book: Book[int] = Book(size=10)
    _read(book, 100, 0, 35)
    book.renew(20)
    assert book.row(25) == 25
    assert [ask.number for ask in _read(book, 100, 20, 35)] == [2, 3]


def test_an_empty_listing_is_asked_for_again_when_something_changed() -> None:
    book: Book[int] = Book(size=10)
    assert len(_read(book, 0, 0, 9)) == 1
    assert _read(book, 3, 0, 9) == []
    book.renew(0)
    assert len(_read(book, 3, 0, 9)) == 1
    assert [book.row(index) for index in range(3)] == [0, 1, 2]


def test_an_answer_from_before_a_change_is_asked_for_again() -> None:
    book: Book[int] = Book(size=10)
    asked = book.step(0, 9)
    assert asked is not None
    book.renew(0)
    book.put(asked, 0, [], None)
    assert len(_read(book, 3, 0, 9)) == 1
    assert book.row(2) == 2


@given(st.integers(0, 120), st.lists(st.tuples(st.integers(0, 119), st.booleans()), max_size=12))
def test_any_way_through_a_listing_shows_the_right_rows(total: int, ways: list[tuple[int, bool]]) -> None:
    book: Book[int] = Book(both_ends=True, size=7, kept=5)
    for first, renew in ways:
        if renew:
            book.renew(first)
        _read(book, total, first, first + 9)
        for index in range(first, min(first + 10, total)):
            assert book.row(index) == index


# ---- charts and Markdown


def test_a_credit_line_tells_the_floor_and_the_threshold() -> None:
    line = credit_line([100, 50, 49, 0], 50)
    assert line.plain == "█▄▄▁"
    assert [span.style for span in line.spans] == ["$success", "$success", "$warning", "$error"]
    assert credit_line([], 50).plain == ""
    assert [row.plain for row in credit_rows([0, 100], 50, 20, 2)] == ["  100  █", "    0 ▁█"]


def test_markdown_keeps_its_structure_and_loses_its_powers() -> None:
    text = "# Title\n\n- one\n- **two**\n\n> said\n\n```diff\n-a\n+b\n```\n\n[x](http://e.example)\n\n<!-- hidden -->"
    lines = [line.plain for line in wrapped(blocks(text), 60)]
    assert lines == [
        *("Title", "", "• one", "• two", "", "▌ said", "", "│ -a", "│ +b", ""),
        *("x <http://e.example>", "", "<!-- hidden -->"),
    ]
    assert not any(
        span.style for block in blocks(text) for span in block.text.spans if "@" in str(span.style)
    )


@pytest.mark.parametrize("text", ["[a]: http://e.example 'only a definition'", "> " * 60 + "deep", "text"])
def test_no_text_is_shown_as_none(text: str) -> None:
    assert any(block.text.plain.strip() for block in blocks(text))


def test_long_texts_are_cut_and_say_so() -> None:
    for found in (blocks("word " * 14_000), raw("word " * 14_000)):
        assert "more characters" in found[-1].text.plain
        assert sum(len(block.text) for block in found) < TEXT_LIMIT + 200


@given(st.text(max_size=300))
def test_any_markdown_can_be_wrapped(text: str) -> None:
    for line in wrapped(blocks(text), 20):
        assert line.cell_length <= 60
