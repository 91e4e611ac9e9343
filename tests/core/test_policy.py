"""The policy: its defaults, a repository's file over it, and what a broken or hostile file leads to."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from meritocrab.core.comments import denied
from meritocrab.core.names import Classification, Enforcement, Role
from meritocrab.core.policy import (
    DEFAULT_APP_IDS,
    MAX_POLICY_BYTES,
    POLICY_FILE_NAME,
    BreakerRules,
    Policy,
    PolicyFile,
    PolicyRules,
    parse_repository_policy,
)
from meritocrab.core.toml_errors import Expected, Places, Table, key_lines, parse_toml, table_of, validate
from meritocrab.errors import ConfigError, PolicyError

SOURCE = "octo/crab/.meritocrab.toml"


def parse(text: str | bytes, base: Policy | None = None) -> PolicyFile:
    return parse_repository_policy(text, base or Policy(), SOURCE)


def problems(text: str | bytes, base: Policy | None = None) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        parse(text, base)
    return [str(problem).removeprefix(SOURCE) for problem in caught.value.problems]


# --- defaults ---


def test_the_defaults_are_the_documented_ones() -> None:
    policy = Policy()

    assert (policy.starting_credit, policy.pr_threshold, policy.blacklist_threshold) == (100, 50, 0)
    assert policy.earn_daily_cap == 10
    assert _scores(policy.pr_opened) == (-25, -5, 5, 15)
    assert _scores(policy.comment) == (-10, -2, 1, 3)
    assert _scores(policy.pr_merged) == (0, 0, 20, 20)
    assert _scores(policy.review_submitted) == (0, 0, 5, 5)
    assert policy.enforcement is Enforcement.OBSERVE
    assert not policy.answer_commands
    assert policy.roles.privileged == (Role.ADMIN, Role.MAINTAIN, Role.WRITE)
    assert policy.roles.commanders == (Role.ADMIN, Role.MAINTAIN)
    assert policy.exempt.apps == DEFAULT_APP_IDS
    assert policy.blacklist.automatic == "on"
    assert policy.blacklist.delay == (30, 120)
    assert policy.llm.confidence == 0.85
    assert policy.status_answers_per_day == 3


def _scores(table: Any) -> tuple[int, ...]:
    return tuple(table.for_class(each) for each in Classification)


def test_every_value_can_say_what_it_expects() -> None:
    def silent(table: type[Table], prefix: str = "") -> Iterator[str]:
        for name, field in table.model_fields.items():
            inner = table_of(field.annotation)
            if inner is not None:
                yield from silent(inner, f"{prefix}{name}.")
            elif not any(isinstance(each, Expected) for each in field.metadata):
                yield prefix + name

    assert list(silent(PolicyRules)) == []


def test_exempt_accounts_are_users_and_apps_by_id() -> None:
    exempt = parse("exempt.users = [7]").policy.exempt

    assert exempt.covers(7)
    assert exempt.covers(49_699_333)
    assert not exempt.covers(8)


# --- a repository's file over the daemon's settings ---


def test_an_empty_file_changes_nothing() -> None:
    base = Policy(pr_threshold=70)

    assert parse("", base) == PolicyFile(base, SOURCE)


def test_the_predecessors_file_keeps_working() -> None:
    policy = parse(
        """
        starting_credit = 120
        pr_threshold = 60
        blacklist_threshold = 10
        [pr_opened]
        spam = -30
        low = -6
        acceptable = 6
        high = 16
        [comment]
        spam = -11
        low = -3
        acceptable = 2
        high = 4
        [pr_merged]
        spam = 0
        low = 0
        acceptable = 25
        high = 30
        [review_submitted]
        spam = 0
        low = 1
        acceptable = 6
        high = 7
        """
    ).policy

    assert (policy.starting_credit, policy.pr_threshold, policy.blacklist_threshold) == (120, 60, 10)
    assert _scores(policy.pr_opened) == (-30, -6, 6, 16)
    assert _scores(policy.comment) == (-11, -3, 2, 4)
    assert _scores(policy.pr_merged) == (0, 0, 25, 30)
    assert _scores(policy.review_submitted) == (0, 1, 6, 7)


def test_tables_lie_over_tables_key_by_key() -> None:
    base = parse("[comment]\nspam = -20\nhigh = 9").policy

    policy = parse("[comment]\nhigh = 4", base).policy

    assert _scores(policy.comment) == (-20, -2, 1, 4)


def test_bonus_stands_for_acceptable_and_high() -> None:
    base = parse("[pr_merged]\nacceptable = 1\nhigh = 2").policy

    policy = parse("[pr_merged]\nbonus = 30", base).policy

    assert _scores(policy.pr_merged) == (0, 0, 30, 30)
    assert policy.fingerprint() == parse("pr_merged = {acceptable = 30, high = 30}").policy.fingerprint()
    assert parse("pr_merged.high = 40", policy).policy.pr_merged.acceptable == 30


def test_a_list_replaces_the_list_below() -> None:
    policy = parse('[exempt]\napps = [1]\n[roles]\nprivileged = ["triage", "admin", "triage"]').policy

    assert policy.exempt.apps == (1,)
    assert policy.roles.privileged == (Role.TRIAGE, Role.ADMIN)


@pytest.mark.parametrize("asked", list(Enforcement))
@pytest.mark.parametrize("allowed", list(Enforcement))
def test_a_repository_lowers_enforcement_and_never_raises_it(
    asked: Enforcement, allowed: Enforcement
) -> None:
    base = Policy(enforcement=allowed)

    read = parse(f'\nenforcement = "{asked}"', base)

    assert read.policy.enforcement.rank == min(asked.rank, allowed.rank)
    assert bool(read.notices) == (asked.rank > allowed.rank)


def test_what_is_cut_back_is_reported_with_its_place() -> None:
    read = parse('pr_threshold = 60\nenforcement = "close"\nanswer_commands = true', Policy())

    assert not read.policy.answer_commands
    assert read.policy.pr_threshold == 60
    assert [(notice.line, notice.key) for notice in read.notices] == [
        (2, "enforcement"),
        (3, "answer_commands"),
    ]
    assert "observe" in read.notices[0].text
    assert "enforcement" not in dict(read.policy.set_by)


@pytest.mark.parametrize(
    ("asked", "allowed", "kept"), [(3, 10, 3), (30, 10, 10), (0, 10, 10), (5, 0, 5), (0, 0, 0)]
)
def test_a_repository_lowers_the_breaker_and_never_raises_it(asked: int, allowed: int, kept: int) -> None:
    base = Policy(breaker=BreakerRules(closes_per_hour=allowed))

    read = parse(f"[breaker]\ncloses_per_hour = {asked}", base)

    assert read.policy.breaker.closes_per_hour == kept
    assert [notice.key for notice in read.notices] == ([] if kept == asked else ["breaker.closes_per_hour"])
    assert ("breaker.closes_per_hour" in dict(read.policy.set_by)) == (kept == asked)


def test_observing_is_another_policy_with_its_own_fingerprint_and_source() -> None:
    closing = Policy(enforcement=Enforcement.CLOSE)
    before = closing.fingerprint()

    observing = closing.at_most_observing("breaker")

    assert observing.enforcement is Enforcement.OBSERVE
    assert observing.sources()["enforcement"] == "breaker"
    assert observing.fingerprint() == Policy().fingerprint() != before
    assert closing.fingerprint() == before


def test_a_repository_may_switch_answers_off() -> None:
    assert not parse("answer_commands = false", Policy(answer_commands=True)).policy.answer_commands


def test_a_threshold_that_stops_every_newcomer_is_noticed() -> None:
    (notice,) = parse("pr_threshold = 101").notices

    assert str(notice).startswith(f"{SOURCE}:1: pr_threshold: newcomers start with 100 credit")


def test_bytes_with_a_byte_order_mark_are_text() -> None:
    assert parse("pr_threshold = 60".encode("utf-8-sig")).policy.pr_threshold == 60


# --- messages ---


CREDIT = "expected a whole number between 0 and 10000"
DELTA = "expected a whole number between -10000 and 10000"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pr_treshold = 5", ':1: pr_treshold: unknown key; did you mean "pr_threshold"?'),
        ("\n[pr_opened]\nhihg = 5", ':3: pr_opened.hihg: unknown key; did you mean "high"?'),
        ("confidence = 0.5", ":1: confidence: unknown key here; it belongs in [llm]"),
        (
            "[wording]\nenforcement = 1",
            ":2: wording.enforcement: unknown key here; it belongs at the top of the file",
        ),
        (
            "[credit]\npr_threshold = 5",
            ":1: credit: unknown key; in this file the keys of [credit] stand at the top, "
            "without that heading",
        ),
        ('pr_threshold = "60"', f':1: pr_threshold: {CREDIT}, found "60"'),
        ("pr_threshold = true", f":1: pr_threshold: {CREDIT}, found true"),
        ("pr_threshold = 6.0", f":1: pr_threshold: {CREDIT}, found 6.0"),
        ("pr_threshold = -1", f":1: pr_threshold: {CREDIT}, found -1"),
        ("comment.spam = 10001", f":1: comment.spam: {DELTA}, found 10001"),
        ("llm.confidence = nan", ":1: llm.confidence: expected a number between 0 and 1, found nan"),
        ("llm.confidence = true", ":1: llm.confidence: expected a number between 0 and 1, found true"),
        ("comment = 5", ":1: comment: expected a table, written [comment]"),
        ("answer_commands = 1", ":1: answer_commands: expected true or false, found 1"),
        (
            'enforcement = "shut"',
            ':1: enforcement: expected "observe", "label", "hold" or "close", found "shut"',
        ),
        (
            "blacklist.delay = [120, 30]",
            ":1: blacklist.delay: the first number is larger than the second; write the shortest delay first",
        ),
        ("starting_credit = [\n1]", f":1: starting_credit: {CREDIT}, found a list"),
        ("a = 1\n= 2", ":2: not valid TOML: Invalid statement (column 1)"),
        (b"\xff", ": is not UTF-8 text; save it as UTF-8"),
        ("pr_threshold = 1979-05-27", f":1: pr_threshold: {CREDIT}, found another kind of value"),
    ],
)
def test_a_message_says_where_what_and_what_to_do(text: str | bytes, message: str) -> None:
    assert problems(text) == [message]


def test_logins_in_exempt_lists_are_refused_with_the_remedy() -> None:
    (message,) = problems('[exempt]\nusers = [\n  7,\n  "octocat",\n]')

    assert message.startswith(":4: exempt.users[1]: expected a list of up to 1000 numeric account ids")
    assert message.endswith('found "octocat"')


@pytest.mark.parametrize("role", ["read", "none", "unreadable"])
def test_a_role_that_everybody_has_is_not_privileged(role: str) -> None:
    (message,) = problems(f'[roles]\nprivileged = ["admin", "{role}"]')

    assert message.startswith(f':2: roles.privileged[1]: "{role}" cannot be listed')


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("blacklist_threshold = 100\npr_threshold = 200", "blacklist_threshold"),
        ("starting_credit = 0", "starting_credit"),
        ("pr_threshold = 0", "pr_threshold"),
        ("blacklist_threshold = 50", "blacklist_threshold"),
        ("pr_merged = {bonus = 5, high = 6}", "pr_merged.bonus"),
    ],
)
def test_rules_between_keys_are_kept(text: str, key: str) -> None:
    (message,) = problems(text)

    assert message.startswith(f":1: {key}: ")


def test_the_rules_hold_for_the_file_and_the_daemons_settings_together() -> None:
    base = Policy(starting_credit=300, pr_threshold=200)

    assert parse("blacklist_threshold = 150", base).policy.blacklist_threshold == 150
    assert problems("blacklist_threshold = 200", base)[0].startswith(
        ":1: blacklist_threshold: pr_threshold (200)"
    )


def test_all_problems_are_told_at_once_and_in_order() -> None:
    found = problems(
        "\n".join(
            [
                "pr_threshold = 0",
                "answer_comands = true",
                "[pr_opened]",
                'spam = "much"',
                "[roles]",
                'commanders = ["boss"]',
                "[wording]",
                'denied = "{score"',
            ]
        )
    )

    assert [line.split(":")[1] for line in found] == ["1", "2", "4", "6", "8"]


def test_a_rule_that_involves_a_broken_value_is_not_held_against_the_reader() -> None:
    found = problems('starting_credit = "300"\nblacklist_threshold = 150\npr_threshold = 200')

    assert len(found) == 1
    assert "starting_credit" in found[0]


def test_what_a_stranger_wrote_is_escaped_and_cut() -> None:
    (message,) = problems('"a\\u001b[31m\\u202e' + "x" * 500 + '" = 1')

    assert message.isprintable()
    assert "\\u001b" in message
    assert len(message) < 500


# --- wording ---


@pytest.mark.parametrize(
    ("key", "text", "complaint"),
    [
        ("denied", "Hello {name}", 'unknown placeholder "{name}"'),
        ("denied", "{login.__class__}", "unknown placeholder"),
        ("denied", "{login!r:>9}", "unknown placeholder"),
        ("denied", "{}", "unknown placeholder"),
        ("denied", "{score", "unpaired brace"),
        ("denied", "<!-- meritocrab -->", "HTML comment"),
        ("denied", " \\n", "is empty"),
        ("denied", "a\\u0000", "control character U+0000"),
        ("denied", "a\\u202e", "control character U+202E"),
        ("denied", "x" * 2001, "up to 2000 characters"),
        ("blacklisted", "You have {score}", "allowed: none"),
        ("judge_notes", "x" * 4001, "up to 4000 characters"),
    ],
)
def test_texts_are_checked(key: str, text: str, complaint: str) -> None:
    table = "" if key == "judge_notes" else "[wording]\n"

    (message,) = problems(f'{table}{key} = "{text}"')

    assert complaint in message


def test_a_text_of_ones_own_is_filled_in() -> None:
    wording = parse('[wording]\ndenied = "Hi {login}: {score} < {threshold} {{ok}}\\n"').policy.wording

    assert wording.denied is not None
    assert wording.blacklisted is None
    assert denied("a-b", score=3, threshold=50, template=wording.denied) == "Hi a-b: 3 < 50 {ok}"


# --- fingerprint, storage, sources ---


def test_the_fingerprint_is_the_same_in_every_version_until_a_rule_changes() -> None:
    assert Policy().fingerprint() == "7987b4c03b5e9b32"
    assert parse("comment.spam = -11").policy.fingerprint() != Policy().fingerprint()


def test_the_source_of_a_rule_is_no_rule() -> None:
    written_out = parse("pr_threshold = 50").policy

    assert written_out != Policy()
    assert written_out.fingerprint() == Policy().fingerprint()


def test_a_policy_survives_being_stored() -> None:
    policy = parse('pr_merged.bonus = 3\nexempt.users = [7]\njudge_notes = "Grüße 🦀"').policy

    assert Policy.from_json(policy.to_json()) == policy
    assert hash(Policy.from_json(policy.to_json())) == hash(policy)


@pytest.mark.parametrize(
    "text", ["", "{}x", '{"pr_threshold": "5"}', '{"unheard_of": 1}', '{"pr_threshold": 0}']
)
def test_a_stored_policy_of_another_version_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        Policy.from_json(text)


def test_sources_name_every_rule() -> None:
    base = Policy().overlaid({"comment": {"spam": -9}}, Places("x"), "configuration")

    sources = parse("pr_merged.bonus = 3", base).policy.sources()

    assert sources["comment.spam"] == "configuration"
    assert sources["pr_merged.high"] == POLICY_FILE_NAME
    assert sources["pr_threshold"] == "default"
    assert set(sources) > {"enforcement", "blacklist.delay", "wording.denied"}


def test_the_sources_cannot_be_set_from_a_file() -> None:
    (message,) = problems("set_by = []")

    assert message.startswith(":1: set_by: unknown key")


# --- hostile files ---

HOSTILE = {
    "too large": "#" * (MAX_POLICY_BYTES + 1),
    "long dotted key": "a." * 30_000 + "a = 1",
    "long quoted dotted key": '"a" . ' * 10_000 + "a = 1",
    "dotted header": "[" + "a." * 30_000 + "a]",
    "dotted key in an inline table": "x = {" + "a." * 30_000 + "a = 1}",
    "nested lists": "x = " + "[" * 30_000,
    "balanced lists": "x = " + "[" * 300 + "]" * 300,
    "nested tables": "x = " + "{a = " * 10_000,
    "endless number": "x = " + "9" * 60_000,
    "huge hexadecimal number": "pr_threshold = 0x" + "f" * 60_000,
    "many keys": "\n".join(f"k{number} = 1" for number in range(6_000)),
    "many tables": "\n".join(f"[t{number}{'.a' * 30}]" for number in range(800)),
    "many keys under a long header": f"[{'a.' * 31}a]\n"
    + "\n".join(f"k{'.b' * 30}{n} = 1" for n in range(700)),
    "one long word": "a" * 65_000,
    "quotes": '"' * 65_000,
    "apostrophes": "'" * 65_000,
    "NUL": 'judge_notes = "\x00"',
    "escaped NUL": 'judge_notes = "\\u0000"',
    "lone surrogate": "judge_notes = '\ud800'",
    "not UTF-8": b"judge_notes = '\xff'",
    "UTF-16": "pr_threshold = 1".encode("utf-16"),
    "duplicate key": "pr_threshold = 1\npr_threshold = 2",
    "infinite": "llm.confidence = inf",
    "placeholder bomb": f"wording.denied = '{'{login:{login:{login}}}'}'",
}


@pytest.mark.parametrize("name", list(HOSTILE))
def test_a_hostile_file_raises_nothing_else(name: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse(HOSTILE[name])

    assert len(caught.value.problems) <= 51
    assert all(str(problem).isprintable() for problem in caught.value.problems)


@given(st.one_of(st.text(max_size=300), st.binary(max_size=300)))
def test_any_text_is_a_policy_or_a_policy_error(text: str | bytes) -> None:
    _parse_or_policy_error(text)


TOKENS = st.sampled_from(
    [
        *("pr_threshold", "comment", "pr_merged", "bonus", "exempt", "users", "x", ".", "=", "[", "]", "[["),
        *("{", "}", ",", "\n", " ", "1", "-3", "true", "nan", '"a"', "'b'", '"""', "'''", "\\", "#", "0xF"),
        "1979-05-27 07:32:00",
    ]
)


@settings(max_examples=400)
@given(st.lists(TOKENS, max_size=30).map("".join))
def test_anything_that_looks_like_toml_is_a_policy_or_a_policy_error(text: str) -> None:
    _parse_or_policy_error(text)


def _parse_or_policy_error(text: str | bytes) -> None:
    try:
        policy = parse(text).policy
    except PolicyError:
        return
    assert Policy.from_json(policy.to_json()) == policy


# --- the scanner ---

KEYS = ["a", "b", "key-1", "_", "9", "ä", "x.y", 'q"uote', "it's", "", " ", "[z]", "# no", "a = b", "\n"]
LEAVES = [
    "1",
    "-2.5e3",
    "true",
    "inf",
    "1979-05-27",
    "1979-05-27 07:32:00",
    "1979-05-27T07:32:00.5-07:00",
    "07:32:00",
    '"x"',
    '""',
    '"[a] # = \\" , }"',
    "'a\\'",
    "''",
    '"""one"""',
    "'''[fake]\nkey = 1\n'''",
    '"""\\"""\n[fake]\nb = 2"""',
    '""""q"""""',
    "''''q'''''",
    '"""a\\\n   b"""',
    '"""""" ',
    "''''''",
    '"""\n\n"""',
    "0xDEAD",
    "'#'",
]


class Author:
    """Writes a random TOML document and notes on which line each path begins."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.text = ""
        self.lines: dict[tuple[str | int, ...], int] = {}

    def choose(self, *options: Any) -> Any:
        return self.draw(st.sampled_from(options))

    def write(self, text: str) -> None:
        self.text += text

    def mark(self, path: tuple[str | int, ...]) -> None:
        self.lines.setdefault(path, self.text.count("\n") + 1)

    def key(self, key: str) -> str:
        bare = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
        escaped = key.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        spellings = [f'"{escaped}"']
        spellings += [key] if bare or key == "_" else []
        spellings += [f"'{key}'"] if "'" not in key and "\n" not in key else []
        return str(self.choose(*spellings))

    def keys(self, most: int) -> list[str]:
        return self.draw(st.lists(st.sampled_from(KEYS), unique=True, max_size=most))  # type: ignore[no-any-return]

    def gap(self) -> None:
        self.write(self.choose("", " ", "\t", "\n", "# c ] } = '\n", "\n \n"))

    def value(self, path: tuple[str | int, ...], depth: int) -> None:
        kind = self.choose("leaf", "leaf", "list", "table") if depth else "leaf"
        if kind == "leaf":
            self.write(self.choose(*LEAVES))
        elif kind == "list":
            self.items(path, depth)
        else:
            self.inline(path, depth)

    def items(self, path: tuple[str | int, ...], depth: int) -> None:
        self.write("[")
        count = self.draw(st.integers(0, 3))
        for index in range(count):
            self.gap()
            self.mark((*path, index))
            self.value((*path, index), depth - 1)
            self.gap()
            self.write("," if index < count - 1 else self.choose("", ","))
        self.gap()
        self.write("]")

    def inline(self, path: tuple[str | int, ...], depth: int) -> None:
        self.write("{ ")
        for index, key in enumerate(self.keys(2)):
            self.write(", " if index else "")
            self.pair(path, key, depth - 1)
        self.write(" }")

    def pair(self, path: tuple[str | int, ...], key: str, depth: int) -> None:
        dots = self.choose(0, 0, 1)
        parts = [key, *(["sub"] if dots else [])]
        for part in parts:
            path = (*path, part)
            self.mark(path)
        self.write(self.choose(".", " . ").join(self.key(part) for part in parts) + self.choose("=", " = "))
        self.value(path, depth)

    def body(self, path: tuple[str | int, ...]) -> None:
        for key in self.keys(3):
            self.pair(path, f"p{key}", 2)
            self.write(self.choose("\n", "  # [x]\n", "\n\n"))

    def header(self, path: tuple[str | int, ...], names: list[str], repeated: bool) -> None:
        opening, closing = ("[[", "]]") if repeated else ("[", "]")
        self.write(opening + self.choose(".", " . ").join(self.key(name) for name in names) + closing + "\n")
        self.body(path)

    def document(self) -> None:
        self.body(())
        for key in self.keys(3):
            name = f"t{key}"
            if self.choose(True, False):
                self.tables(name)
            else:
                self.mark((name,))
                self.mark((name, "deep"))
                self.header((name, "deep"), [name, "deep"], repeated=False)

    def tables(self, name: str) -> None:
        for index in range(self.draw(st.integers(1, 3))):
            self.mark((name,))
            self.mark((name, index))
            self.header((name, index), [name], repeated=True)
            if self.choose(True, False):
                self.mark((name, index, "inner"))
                self.header((name, index, "inner"), [name, "inner"], repeated=False)


@st.composite
def documents(draw: Any) -> Author:
    author = Author(draw)
    author.document()
    return author


def _paths(value: Any, prefix: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield (*prefix, key)
        yield from _paths(inner, (*prefix, key))


@settings(max_examples=300, deadline=None)
@given(documents())
def test_the_scanner_finds_what_the_parser_finds_on_its_line(author: Author) -> None:
    found = key_lines(author.text)

    assert set(found) == set(_paths(tomllib.loads(author.text)))
    assert found == author.lines


@given(st.text(max_size=200))
def test_the_scanner_never_raises(text: str) -> None:
    key_lines(text)


def test_carriage_returns_do_not_shift_the_lines() -> None:
    assert problems("\r\n\r\npr_threshold = 'x'\r\n")[0].startswith(":3:")


# --- the validator ---


def test_hopeless_documents_are_not_worded_to_the_end() -> None:
    found = problems("\n".join(f"k{number} = 1" for number in range(500)))

    assert len(found) == 51
    assert found[-1] == ": and 450 more problems"


def test_messages_do_not_repeat_what_looks_like_a_secret() -> None:
    for secret in ("ghp_0123456789abcdef", "sk-0123456789", "postgresql://u:hunter2@h/d"):
        assert secret not in problems(f'pr_threshold = "{secret}"')[0]
        assert secret not in problems(f'comment = "{secret}"')[0]


def test_syntax_is_reported_with_its_line() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_toml('a = 1\nb = "x', "some.toml")

    assert str(caught.value).startswith("some.toml")
    assert validate(PolicyRules, {}, Places("x")) == PolicyRules()
