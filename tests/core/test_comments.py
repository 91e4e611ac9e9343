"""Every sentence the bot says, word for word, and that text from outside stays harmless in it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from meritocrab.core import comments
from meritocrab.core.commands import parse_commands
from meritocrab.core.names import CreditReason, Role
from meritocrab.core.situation import LedgerLine

AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
LINES = (
    LedgerLine(3, "override", -10, 85, AT),
    LedgerLine(2, "comment", 0, 95, AT),
    LedgerLine(1, "pull_request", -5, 95, AT),
)


def test_denied() -> None:
    assert comments.denied("alice", score=40, threshold=50) == (
        "Hi @alice, thank you for taking the time to contribute.\n"
        "\n"
        "So that its maintainers can keep up with what they are sent, this repository keeps a credit score "
        "for every contributor. Your credit is **40** at the moment and opening a pull request takes **50**, "
        "so this one has been closed automatically. The score alone decided this.\n"
        "\n"
        "How to raise it:\n"
        "\n"
        "- review pull requests of others: what you found out when you tried a change helps a lot\n"
        "- add to discussions on pull requests: a way to reproduce, a test case, an answer\n"
        "- ask a maintainer: they can raise your credit or reopen this pull request at any time\n"
        "\n"
        "If you are new here and think this is a mistake, just say so in a comment. A comment with "
        "`/credit status` tells you your credit."
    )


def test_held() -> None:
    text = comments.denied("alice", score=40, threshold=50, closing=False)
    assert "so this one is on hold until a maintainer has had a look. The score alone decided this." in text
    assert "closed" not in text


def test_denied_in_the_repository_s_own_words() -> None:
    template = "Sorry {login}: {score} is below {threshold}. See {{CONTRIBUTING}}."
    assert comments.denied("alice", score=4, threshold=5, template=template) == (
        "Sorry alice: 4 is below 5. See {CONTRIBUTING}."
    )


def test_own_words_cannot_keep_the_score_back() -> None:
    assert comments.denied("alice", score=4, threshold=5, template=" No, {login}. ") == (
        "No, alice.\n\nYour credit here is **4**; opening a pull request takes **5**."
    )


def test_an_unknown_placeholder_is_left_alone() -> None:
    text = comments.denied(
        "a", score=4, threshold=5, template="{score} {threshold} {secret} {login.x} {} {0}"
    )
    assert text == "4 5 {secret} {login.x} {} {0}"


def test_blacklisted_gives_no_hint() -> None:
    text = comments.blacklisted()
    assert text == (
        "Thank you for your interest in this project.\n"
        "\n"
        "We are not going to take this change forward at this time, so this pull request has been closed."
    )
    for hint in ("credit", "score", "black", "list", "block", "ban", "spam", "bot", "automatic"):
        assert hint not in text.lower()
    assert comments.blacklisted(template=" Closing; we have no use for this. {score} ") == (
        "Closing; we have no use for this. {score}"
    )


def test_label_and_status_give_no_hint_either() -> None:
    said = (comments.LABEL, comments.STATUS_HELD, comments.STATUS_RELEASED)
    assert said == (
        "meritocrab:held",
        "Waiting for a maintainer to have a look",
        "No longer held",
    )
    assert comments.STATUS_CONTEXT == "meritocrab/credit"
    assert max(map(len, said)) <= 100  # GitHub's limits: label 50, its description 100, status 140


def test_status() -> None:
    assert comments.status("alice", credit=95, threshold=50) == (
        "@alice, your credit in this repository is **95**. Opening a pull request takes **50**."
    )


def test_check() -> None:
    assert comments.check("bob", credit=85, role=Role.NONE, blacklisted=False, latest=LINES) == (
        "`bob`\n"
        "\n"
        "- credit: **85**\n"
        "- role: none\n"
        "- blacklisted: no\n"
        "\n"
        "| when (UTC) | reason | change | credit |\n"
        "| --- | --- | ---: | ---: |\n"
        "| 2026-03-04 05:06 | changed by a maintainer | −10 | 85 |\n"
        "| 2026-03-04 05:06 | comment | ±0 | 95 |\n"
        "| 2026-03-04 05:06 | pull request | −5 | 95 |"
    )


def test_check_of_somebody_new() -> None:
    assert comments.check("bob", credit=100, role=Role.UNREADABLE, blacklisted=True, latest=()) == (
        "`bob`\n\n- credit: **100**\n- role: cannot be read\n- blacklisted: yes\n\nNo credit events yet."
    )


@pytest.mark.parametrize("reason", list(CreditReason))
def test_every_credit_reason_has_words(reason: CreditReason) -> None:
    text = comments.check(
        "b", credit=1, role=Role.READ, blacklisted=False, latest=(LedgerLine(1, reason.value, 1, 1, AT),)
    )
    assert "_" not in text


def test_override_done() -> None:
    assert comments.override_done("bob", before=90, after=100, reason="good tests", delta=10) == (
        "Credit of `bob`: **90** → **100** (+10). Reason: `good tests`"
    )
    assert comments.override_done("bob", before=5, after=0, reason="spam", delta=-10) == (
        "Credit of `bob`: **5** → **0** (−5). Reason: `spam`\n\n"
        "−10 was asked for; credit does not go below 0."
    )


def test_short_answers() -> None:
    assert comments.STATUS_UPDATED == "User status updated."
    assert comments.unblacklisted("bob", credit=50) == (
        "`bob` is not blacklisted any more. Their credit is **50**."
    )
    assert comments.holds_no_credit("renovate[bot]") == (
        "`renovate[bot]` is not a person's account: no credit is kept for it."
    )
    assert comments.unknown_account("@bob") == (
        "There is no GitHub account `@bob` that I know of; nothing was changed. "
        "If the name has changed, give the account's number, as in `id:123`."
    )
    assert comments.usage("/credit chek @bob", "there is no such command") == (
        "I did not understand `/credit chek @bob`: there is no such command. "
        "`/credit help` lists the commands."
    )


def test_ambiguous() -> None:
    assert comments.ambiguous("@bob", (5, 6)) == (
        "More than one account has gone by the name `@bob`; nothing was changed. "
        "Repeat the command with the number of the one you mean:\n\n- `id:5`\n- `id:6`"
    )
    assert comments.ambiguous("@bob", range(1, 13)).endswith("- `id:10`\n- and 2 more")


def test_help() -> None:
    assert comments.help_text() == (
        "Each command stands on a line of its own, outside quotes, lists and code. Commands and answers are "
        "public; the terminal UI is the place for delicate ones.\n"
        "\n"
        "- `/credit check @user`: credit, role, blacklist state and the last credit events\n"
        '- `/credit override @user ±N "reason"`: change the credit by N, at most 1000, as in `+10` or `-10`\n'
        "- `/credit blacklist @user`: close this person's pull requests from now on\n"
        "- `/credit unblacklist @user`: lift that again\n"
        "- `/credit status`: your own credit; anybody may ask\n"
        "- `/credit help`: this list\n"
        "\n"
        "`id:123` (the number of a GitHub account) may stand in place of `@user`."
    )


def test_reply_joins_answers_and_says_each_once() -> None:
    assert comments.reply(["one"]) == "one"
    assert comments.reply(["one", "two", "one"]) == "one\n\n---\n\ntwo"


# --- the marker ------------------------------------------------------------------------------------------


def test_marker() -> None:
    assert comments.marker("1/pull_request_opened/2/comment") == (
        "<!-- meritocrab:76cc4348334a635adc2ce03f915b17c1 -->"
    )


def test_a_marked_comment_is_recognised() -> None:
    body = comments.with_marker("text", "key")
    assert body == f"text\n\n{comments.marker('key')}"
    assert comments.has_marker(body, "key")
    assert comments.has_marker(body.replace("\n", "\r\n") + "\r\n", "key")
    assert comments.has_any_marker(body)
    assert not comments.has_marker(body, "other key")


def test_a_quoted_marker_does_not_count() -> None:
    quoted = "\n".join(f"> {line}" for line in comments.with_marker("text", "key").splitlines())
    for body in (quoted, f"`{comments.marker('key')}`", f"{comments.marker('key')} and more", "text"):
        assert not comments.has_marker(body, "key")
        assert not comments.has_any_marker(body)


def test_a_posted_comment_fits_and_keeps_its_marker() -> None:
    body = comments.with_marker("x" * 100_000, "key")
    assert len(body) <= comments.MAX_LENGTH
    assert comments.has_marker(body, "key")
    assert "(cut)" in body
    assert len(comments.reply(["y" * 70_000])) <= comments.MAX_LENGTH


# --- text from outside -----------------------------------------------------------------------------------

MARKDOWN = MarkdownIt("commonmark").enable("table")


def html_without_code(text: str) -> str:
    tokens = MARKDOWN.parse(text)
    kinds = []
    for token in tokens:
        children = token.children or [token]
        kinds += [child.content for child in children if child.type not in ("code_inline", "inline")]
    return "\n".join(kinds)


@pytest.mark.parametrize(
    "text",
    [
        "@victim",
        "a `@victim` b",
        "``` @victim",
        "`",
        "x\n\n@victim",
        "a | @victim | b",
        "<b>@victim",
        "\\`@victim",
    ],
)
def test_outside_text_stays_in_its_code_span(text: str) -> None:
    for said in (
        comments.override_done("bob", before=1, after=2, reason=text),
        comments.usage(text, "x"),
        comments.unknown_account(text),
        comments.holds_no_credit(text),
        comments.check(text, credit=1, role=Role.NONE, blacklisted=False, latest=()),
        comments.status(text, credit=1, threshold=2),
    ):
        assert "@victim" not in html_without_code(said)


@given(st.text())
def test_code_is_one_code_span(text: str) -> None:
    span = comments.code(text)
    assert "\n" not in span
    assert "|" not in span
    tokens = MARKDOWN.parseInline(f"a {span} b")[0].children or []
    if span != "(empty)":
        assert [token.type for token in tokens] == ["text", "code_inline", "text"]


@given(st.text(max_size=200), st.text(max_size=200))
def test_nothing_the_bot_says_is_a_command(login: str, text: str) -> None:
    for said in (
        comments.denied(login, score=1, threshold=2),
        comments.blacklisted(),
        comments.status(login, credit=1, threshold=2),
        comments.check(login, credit=1, role=Role.ADMIN, blacklisted=True, latest=LINES),
        comments.override_done(login, before=1, after=2, reason=text),
        comments.unblacklisted(login, credit=1),
        comments.usage(f"/credit {text}", "broken"),
        comments.usage("/credit status", "broken"),
        comments.unknown_account(text),
        comments.help_text(),
    ):
        assert parse_commands(comments.with_marker(said, "key")) == ()


def test_mention() -> None:
    assert comments.mention("octo_corp") == "@octo_corp"
    assert comments.mention("a b") == "`a b`"
    assert comments.mention("org/team") == "`org/team`"


def test_signed() -> None:
    assert [comments.signed(n) for n in (10, -10, 0)] == ["+10", "−10", "±0"]
