"""Commands: what is obeyed, what is answered with a usage note, and what is only somebody's example."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meritocrab.core.commands import (
    MAX_BODY_LENGTH,
    MAX_COMMANDS,
    MAX_DELTA,
    Blacklist,
    Broken,
    Check,
    Command,
    Help,
    Override,
    Status,
    Target,
    Unblacklist,
    is_command_comment,
    parse_commands,
)

ALICE = Target(login="alice")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("/credit check @alice", Check(ALICE)),
        ("/credit CHECK @Alice", Check(Target(login="Alice"))),
        ("/credit\tcheck   @alice  ", Check(ALICE)),
        ("/credit check @a-b-c", Check(Target(login="a-b-c"))),
        ("/credit check @old-style-", Check(Target(login="old-style-"))),
        ("/credit check @octo_corp", Check(Target(login="octo_corp"))),
        ("/credit check @dependabot[bot]", Check(Target(login="dependabot[bot]"))),
        ("/credit check id:9007199254740993", Check(Target(id=9007199254740993))),
        ('/credit override @alice +10 "thanks for the tests"', Override(ALICE, 10, "thanks for the tests")),
        ('/credit override @alice 10 "x"', Override(ALICE, 10, "x")),
        ('/credit override @alice -10 "x"', Override(ALICE, -10, "x")),
        ("/credit override @alice −10 “spams in threads”", Override(ALICE, -10, "spams in threads")),
        ("/credit override id:5 -1 „kurz und gut“", Override(Target(id=5), -1, "kurz und gut")),
        ('/credit override @alice +5 "`code`, *stars* & <b>"', Override(ALICE, 5, "`code`, *stars* & <b>")),
        ("/credit blacklist @alice", Blacklist(ALICE)),
        ("/credit unblacklist @alice", Unblacklist(ALICE)),
        ("/credit status", Status()),
        ("/credit help", Help()),
        ("   /credit status", Status()),
        ("Thank you!\n/credit status\nSee you.", Status()),
        ("Thank you!\r\n/credit status\r\nSee you.", Status()),
        ("Thank you!\\\n/credit status", Status()),
        ("A list:\n\n- one\n\n/credit status", Status()),
        ("> quoted\n\n/credit status", Status()),
        ("Vec<T> is fine\n/credit status", Status()),
        ("<br>\n\n/credit status", Status()),
        ("Some `code` here.\n/credit status", Status()),
    ],
)
def test_a_command_is_read(body: str, expected: Command) -> None:
    assert parse_commands(body) == (expected,)
    assert is_command_comment(body)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "/credits status",
        "see /credit status",
        "https://example.com/credit status",
        "\\/credit status",
        "&#47;credit status",
        "`/credit status`",
        "    /credit status",
        "\t/credit status",
        "```\n/credit status\n```",
        "~~~sh\n/credit status",
        "```\nunclosed\n\n/credit status",
        "> /credit status",
        "> so they said\n/credit status",
        ">quoted\n> > deeper\n/credit status",
        "- /credit status",
        "- item\n/credit status",
        "1. item\n\n   /credit status",
        "# /credit status",
        "/credit status\n---",
        "/credit status | x\n--- | ---\n1 | 2",
        "a | b\n--- | ---\n/credit status | x",
        "<!-- /credit status -->",
        "<!--\n\n/credit status\n\n-->",
        "text <!--\n/credit status\n-->",
        "<pre>\n\n/credit status\n\n</pre>",
        "<details>\n\n/credit status\n\n</details>",
        "<blockquote>\n\nhe wrote\n\n/credit status\n\n</blockquote>",
        "text <code>\n/credit status\n</code>",
        "text `span\n/credit status\nspan`",
        "text ``a ` b\n/credit status\n`` end",
        '[link](https://example.com "title\n/credit status\n")',
        "[a link\n/credit status\nbroken over lines](https://example.com)",
        '<a title="\n/credit status\n">x</a>',
        '[ref]: https://example.com "title\n/credit status\nend"',
        "![image\n/credit status](https://example.com/x.png)",
    ],
)
def test_what_is_not_visibly_typed_as_a_command_is_none(body: str) -> None:
    assert parse_commands(body) == ()
    assert not is_command_comment(body)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("/credit", "the command is missing"),
        ("/credit chek @alice", "there is no such command"),
        ("/credit status.", "there is no such command"),
        ("/credit status please", "this command takes nothing after it"),
        ("/credit help @alice", "this command takes nothing after it"),
        ("/credit status <!-- x -->", "this command takes nothing after it"),
        ("/credit check", "name one user, as in `@login` or `id:123`, and nothing after it"),
        ("/credit check alice", "name one user, as in `@login` or `id:123`, and nothing after it"),
        ("/credit check @alice.", "name one user, as in `@login` or `id:123`, and nothing after it"),
        ("/credit check @alice @bob", "name one user, as in `@login` or `id:123`, and nothing after it"),
        ("/credit check @-", "name one user, as in `@login` or `id:123`, and nothing after it"),
        ("/credit check @ålice", "name one user, as in `@login` or `id:123`, and nothing after it"),
        ("/credit check id:0", "name one user, as in `@login` or `id:123`, and nothing after it"),
        ("/credit check id:٣", "name one user, as in `@login` or `id:123`, and nothing after it"),
        (
            "/credit check id:9999999999999999999",
            "name one user, as in `@login` or `id:123`, and nothing after it",
        ),
        ('/credit override @alice ten "x"', "the change must be a whole number, as in `+10` or `-10`"),
        ('/credit override @alice ±10 "x"', "the change must be a whole number, as in `+10` or `-10`"),
        ('/credit override @alice 1e3 "x"', "the change must be a whole number, as in `+10` or `-10`"),
        ('/credit override @alice 0 "x"', "the change must be between 1 and 1000, up or down"),
        ('/credit override @alice +1001 "x"', "the change must be between 1 and 1000, up or down"),
        ('/credit override @alice +10 ""', "the reason is empty"),
        ('/credit override @alice +10 " … "', "the reason is empty"),
        (
            "/credit override @alice +10",
            'give the user, the change and the reason in double quotes, as in `@login +10 "reason"`',
        ),
        (
            "/credit override @alice +10 reason",
            "the reason must stand in one pair of double quotes, with nothing after it",
        ),
        (
            '/credit override @alice +10 "a" b',
            "the reason must stand in one pair of double quotes, with nothing after it",
        ),
        (
            '/credit override @alice +10 "a "b" c"',
            "the reason must stand in one pair of double quotes, with nothing after it",
        ),
    ],
)
def test_a_broken_command_says_what_is_wrong(line: str, problem: str) -> None:
    assert parse_commands(line) == (Broken(line, problem),)
    assert is_command_comment(line)


def test_a_reason_is_bounded() -> None:
    long = f'/credit override @alice +10 "{"x" * 501}"'
    (broken,) = parse_commands(long)
    assert isinstance(broken, Broken)
    assert broken.problem == "the reason is longer than 500 characters"
    assert len(broken.line) <= 201


def test_several_commands_run_in_order() -> None:
    body = "/credit check @alice\nand\n/credit nonsense\n\n```\n/credit help\n```\n\n/credit status"
    assert parse_commands(body) == (
        Check(ALICE),
        Broken("/credit nonsense", "there is no such command"),
        Status(),
    )


def test_the_number_of_commands_is_bounded() -> None:
    commands = parse_commands("/credit status\n" * 50)
    assert commands[:MAX_COMMANDS] == (Status(),) * MAX_COMMANDS
    assert commands[MAX_COMMANDS:] == (Broken("/credit status", "only the first 10 commands are read"),)


def test_a_comment_github_would_refuse_is_not_parsed() -> None:
    body = "/credit status\n" + "x" * MAX_BODY_LENGTH
    assert parse_commands(body) == (Broken("/credit", "the comment is too long to be read for commands"),)
    assert parse_commands("x" * 10 * MAX_BODY_LENGTH) == ()


def test_a_target_is_a_login_or_an_id() -> None:
    assert str(Target(login="Al-ice")) == "@Al-ice"
    assert str(Target(id=5)) == "id:5"
    with pytest.raises(ValueError, match="not both"):
        Target()
    with pytest.raises(ValueError, match="not both"):
        Target(login="a", id=1)


# --- properties ------------------------------------------------------------------------------------------

LETTERS = "abcXYZ019"
logins = st.builds(
    lambda head, tail, bot: head + tail + bot,
    st.sampled_from(LETTERS),
    st.text(LETTERS + "-", max_size=30),
    st.sampled_from(["", "[bot]"]),
)
targets = st.one_of(
    st.builds(lambda login: Target(login=login), logins),
    st.builds(lambda number: Target(id=number), st.integers(1, 2**63 - 1)),
)
reasons = (
    st.text(
        st.characters(exclude_categories=("C", "Z"), exclude_characters='"“”„«»'), min_size=1, max_size=60
    )
    .map(lambda text: " ".join(text.split()))
    .filter(lambda text: any(c.isalnum() for c in text))
)
commands = st.one_of(
    st.builds(Check, targets),
    st.builds(Blacklist, targets),
    st.builds(Unblacklist, targets),
    st.just(Status()),
    st.just(Help()),
    st.builds(Override, targets, st.integers(-MAX_DELTA, MAX_DELTA).filter(bool), reasons),
)
WRAPPERS = (
    "```\n{}\n```",
    "~~~\n{}",
    "    {}",
    "`{}`",
    "``{}``",
    "> {}",
    "> quoted\n{}",
    "- {}",
    "* item\n  {}",
    "1. {}",
    "<!-- {} -->",
    "<!--\n{}\n-->",
    "<pre>\n{}\n</pre>",
    "<details>\n\n{}\n\n</details>",
    "# {}",
    "he wrote {}",
)


def rendered(command: Command) -> str:
    match command:
        case Override(target, delta, reason):
            return f'/credit override {target} {delta:+d} "{reason}"'
        case Check(target) | Blacklist(target) | Unblacklist(target):
            return f"/credit {type(command).__name__.lower()} {target}"
    return f"/credit {type(command).__name__.lower()}"


@given(st.lists(commands, min_size=1, max_size=MAX_COMMANDS))
def test_rendered_commands_parse_back(wanted: list[Command]) -> None:
    assert parse_commands("\n\n".join(map(rendered, wanted))) == tuple(wanted)


@given(
    st.one_of(
        st.text(),
        st.lists(
            st.sampled_from(
                [
                    "/credit",
                    " check",
                    "\n",
                    " ",
                    "`",
                    "```",
                    ">",
                    "- ",
                    "<!--",
                    "-->",
                    "<b>",
                    "@a",
                    '"',
                    "[",
                    "](",
                    "|",
                ]
            ),
            max_size=40,
        ).map("".join),
    )
)
def test_no_text_breaks_the_parser(text: str) -> None:
    for body in (text, f"{text}\n/credit status", f"/credit {text}"):
        found = parse_commands(body)
        assert len(found) <= MAX_COMMANDS + 1


@given(commands, st.sampled_from(WRAPPERS))
def test_a_wrapped_command_is_never_obeyed(command: Command, wrapper: str) -> None:
    line = rendered(command).replace("`", "'").replace("--", "-").replace("<", "(").replace("]:", "]")
    assert parse_commands(wrapper.format(line)) == ()
