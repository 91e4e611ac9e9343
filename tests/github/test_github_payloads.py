"""Shapes of GitHub's JSON: what is read, what is tolerated, what is refused."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from meritocrab.core.events import GHOST_ID, Account
from meritocrab.core.names import AccountType, Role
from meritocrab.github import payloads
from meritocrab.github.errors import BadAnswer
from meritocrab.github.fields import Fields, read_batch
from meritocrab.github.payloads import UNKNOWN

WHERE = "GET /repos/o/r/x"
USER = {"id": 5, "login": "ann", "type": "User"}
ISSUE: dict[str, Any] = {
    "id": 5_350_000_000,
    "number": 12,
    "title": "t",
    "body": None,
    "html_url": "https://github.com/o/r/pull/12",
    "user": USER,
    "state": "open",
    "draft": False,
    "locked": False,
    "comments": 3,
    "created_at": "2026-03-01T10:00:00Z",
    "updated_at": "2026-03-01T11:00:00Z",
    "closed_at": None,
    "pull_request": {"merged_at": None},
}
COMMENT: dict[str, Any] = {
    "id": 9,
    "node_id": "IC_9",
    "issue_url": "https://api.github.com/repos/o/r/issues/12",
    "html_url": "https://github.com/o/r/issues/12#issuecomment-9",
    "body": "b",
    "user": USER,
    "created_at": "2026-03-01T10:00:00Z",
    "updated_at": "2026-03-01T10:00:00Z",
}


def fields(data: Any) -> Fields:
    return Fields(data, WHERE)


def account(user: Any) -> Account | None:
    return fields({"user": user}).account("user")


def test_accounts_of_every_kind() -> None:
    assert account(None) is None
    assert account(USER) == Account(5, "ann")
    ghost = account({"id": GHOST_ID, "login": "ghost", "type": "User"})
    assert ghost is not None
    assert not ghost.holds_credit
    for kind in ("Bot", "Organization", "Mannequin"):
        found = account(USER | {"type": kind})
        assert found is not None
        assert found.type == kind
        assert not found.holds_credit
    unheard_of = account(USER | {"type": "Android"})
    assert unheard_of is not None
    assert unheard_of.type is AccountType.ORGANIZATION
    assert account({"id": 5, "login": "ann"}) == Account(5, "ann")


@pytest.mark.parametrize(
    "user",
    [
        7,
        [],
        {},
        {"id": "5", "login": "x"},
        {"id": True, "login": "x"},
        {"id": 2**63, "login": "x"},
        {"id": 5},
    ],
)
def test_broken_accounts(user: Any) -> None:
    with pytest.raises(BadAnswer, match="user"):
        account(user)


def test_the_fingerprint_changes_with_what_matters() -> None:
    first = payloads.parse_issue(fields(ISSUE))
    assert payloads.parse_issue(fields(ISSUE | {"reactions": 1, "comments_url": "x"})) == first
    changes: list[dict[str, Any]] = [
        {"updated_at": "2026-03-01T11:00:01Z"},
        {"state": "closed"},
        {"draft": True},
        {"pull_request": {"merged_at": "2026-03-01T11:00:00Z"}},
        {"closed_at": "2026-03-01T11:00:00Z"},
        {"comments": 4},
        {"locked": True},
        {"title": "u"},
        {"body": "x"},
    ]
    prints = {payloads.parse_issue(fields(ISSUE | change)).fingerprint for change in changes}
    assert len(prints | {first.fingerprint}) == len(changes) + 1


def test_comments() -> None:
    plain = payloads.parse_comment(fields(COMMENT))
    assert (plain.number, plain.on_pull_request, plain.edited, plain.app_id) == (12, False, False, None)
    other = payloads.parse_comment(
        fields(
            COMMENT
            | {
                "html_url": "https://github.com/o/r/pull/12#issuecomment-9",
                "updated_at": "2026-03-01T10:00:01Z",
                "user": None,
                "body": None,
                "performed_via_github_app": {"id": 4711},
            }
        )
    )
    assert (other.on_pull_request, other.edited, other.author, other.body, other.app_id) == (
        True,
        True,
        None,
        "",
        4711,
    )


def test_an_item_that_cannot_be_read_keeps_its_place() -> None:
    rows = [ISSUE, ISSUE | {"id": 2, "html_url": None}, ISSUE | {"id": 3}]
    batch = read_batch(rows, WHERE, payloads.parse_issue, "updated_at")
    assert [item.id for item in batch.items] == [ISSUE["id"], 3]
    assert [identity for identity, _ in batch.stamps] == [ISSUE["id"], 2, 3]
    assert batch.problems[0].id == 2
    assert "html_url" in batch.problems[0].reason


@pytest.mark.parametrize(
    "rows", [{}, None, "x", [1], [None], [{}], [{"id": 1}], [{"id": 1, "updated_at": "x"}]]
)
def test_a_list_without_places_is_refused(rows: Any) -> None:
    with pytest.raises(BadAnswer) as caught:
        read_batch(rows, WHERE, payloads.parse_issue, "updated_at")
    assert WHERE in str(caught.value)
    assert caught.value.applied is None


PERMISSIONS = {
    "admin": {"admin": True, "maintain": True, "push": True, "triage": True, "pull": True},
    "push": {"admin": False, "maintain": False, "push": True, "triage": True, "pull": True},
    "triage": {"admin": False, "maintain": False, "push": False, "triage": True, "pull": True},
    "pull": {"admin": False, "maintain": False, "push": False, "triage": False, "pull": True},
}


@pytest.mark.parametrize(
    ("role_name", "flags", "permission", "role"),
    [
        ("admin", "admin", "admin", Role.ADMIN),
        ("maintain", "push", "write", Role.MAINTAIN),
        ("write", "push", "write", Role.WRITE),
        ("triage", "triage", "read", Role.TRIAGE),
        ("read", "pull", "read", Role.NONE),
        ("none", None, "none", Role.NONE),
        ("security-champion", "push", "write", Role.WRITE),
        ("bug-hunter", "triage", "read", Role.TRIAGE),
        ("reader-plus", "pull", "read", Role.NONE),
        (None, "push", "write", Role.WRITE),
        (None, None, "admin", Role.ADMIN),
        (None, None, "read", Role.NONE),
    ],
)
def test_roles(role_name: str | None, flags: str | None, permission: str, role: Role) -> None:
    user = USER | ({"permissions": PERMISSIONS[flags]} if flags else {})
    found = payloads.parse_permission(
        fields({"permission": permission, "role_name": role_name, "user": user})
    )
    assert (found.account_id, found.role) == (5, role)


@pytest.mark.parametrize(
    "data",
    [
        {"permission": "admin", "role_name": "admin", "user": "ann"},
        {"permission": "godlike", "role_name": "godlike", "user": USER},
        {"role_name": "custom", "user": USER},
        {"permission": "admin", "role_name": 7, "user": USER},
    ],
)
def test_a_role_that_cannot_be_read_is_no_role(data: Any) -> None:
    with pytest.raises(BadAnswer):
        payloads.parse_permission(fields(data))


def test_a_role_of_nobody_named_and_a_comment_without_a_node() -> None:
    told = payloads.parse_permission(fields({"permission": "write", "role_name": "maintain", "user": None}))
    assert told == payloads.Permission(None, Role.MAINTAIN)


def test_file_contents() -> None:
    text = b"a = 1\n" * 30
    encoded = base64.encodebytes(text).decode()
    assert payloads.parse_content(fields({"type": "file", "encoding": "base64", "content": encoded})) == text
    for data in (
        {"type": "file", "encoding": "none", "content": ""},
        {"type": "symlink", "target": "x"},
        {"type": "file", "encoding": "base64", "content": "***"},
        {"type": "file", "encoding": "base64", "content": None},
    ):
        with pytest.raises(BadAnswer, match="content"):
            payloads.parse_content(fields(data))


def editor(node: Any) -> Any:
    return payloads.parse_editor({"data": {"node": node}}, WHERE)


def test_editors() -> None:
    person = {"__typename": "User", "login": "ann", "databaseId": 5}
    assert editor(None) is UNKNOWN
    assert editor({"lastEditedAt": None, "editor": None}) is None
    assert editor({"lastEditedAt": "2026-03-01T10:00:00Z", "editor": None}) is UNKNOWN
    assert editor({"lastEditedAt": "2026-03-01T10:00:00Z", "editor": person}) == Account(5, "ann")
    bot = editor({"editor": {"__typename": "Bot", "login": "crab", "databaseId": 6}})
    assert bot == Account(6, "crab[bot]", AccountType.BOT)
    assert editor({"editor": {"__typename": "EnterpriseUserAccount", "login": "x"}}) is UNKNOWN
    with pytest.raises(BadAnswer):
        payloads.parse_editor([], WHERE)


def test_pending_reviews_have_no_time() -> None:
    review = payloads.parse_review(fields({"id": 1, "state": "pending", "body": "", "user": USER}))
    assert (review.state, review.submitted_at) == ("PENDING", None)


def test_a_pull_request_of_a_deleted_fork_is_read() -> None:
    data = ISSUE | {
        "base": {"repo": {"id": 77}},
        "head": {"sha": "abc", "repo": None, "user": None},
        "merged_at": None,
    }
    pull = payloads.parse_pull(fields(data))
    assert (pull.head_sha, pull.repository_id, pull.additions) == ("abc", 77, None)


def test_a_comment_without_a_node_and_a_repository_without_a_branch() -> None:
    """Old Enterprise servers name no node; an empty repository has no default branch yet."""
    bare = {name: value for name, value in COMMENT.items() if name != "node_id"}
    assert payloads.parse_comment(fields(bare)).node_id == ""
    repository = payloads.parse_repository(
        fields({"id": 1, "full_name": "o/r", "archived": False, "private": False})
    )
    assert repository.default_branch == ""
