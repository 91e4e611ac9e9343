"""What is asked and what answers mean, without any network."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meritocrab.core.names import RepositoryState
from meritocrab.github import sansio
from meritocrab.github.errors import (
    BadAnswer,
    Forbidden,
    GitHubError,
    Gone,
    Moved,
    NotFound,
    RateLimited,
    Refused,
    ServerTrouble,
    Suspended,
    Unauthorized,
)
from meritocrab.github.sansio import Answer, Request

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
GET = Request("GET", "/repos/o/r/issues?since=secret-query")


def said(status: int, message: str, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, named, json.dumps({"message": message}).encode())


def http_date(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


@pytest.mark.parametrize(
    ("answer", "kind", "state"),
    [
        (said(401, "Bad credentials"), Unauthorized, RepositoryState.UNAUTHORIZED),
        (said(403, "Resource not accessible by integration"), Forbidden, RepositoryState.FORBIDDEN),
        (said(403, "Repository access blocked"), Forbidden, RepositoryState.FORBIDDEN),
        (said(451, "Repository access blocked"), Forbidden, RepositoryState.FORBIDDEN),
        (said(403, "This installation has been suspended"), Suspended, RepositoryState.SUSPENDED),
        (said(403, "Sorry. Your account was suspended."), Suspended, RepositoryState.SUSPENDED),
        (
            said(403, "This installation has been suspended", x_ratelimit_remaining="0"),
            Suspended,
            RepositoryState.SUSPENDED,
        ),
        (
            said(403, "Unable to create comment because issue is locked."),
            Refused,
            RepositoryState.GITHUB_ERROR,
        ),
        (said(403, "Repository was archived so is read-only."), Refused, RepositoryState.ARCHIVED),
        (said(404, "Not Found"), NotFound, RepositoryState.NOT_FOUND),
        (said(410, "This issue was deleted"), Gone, RepositoryState.NOT_FOUND),
        (said(422, "Validation Failed"), Refused, RepositoryState.GITHUB_ERROR),
        (said(409, "Conflict"), Refused, RepositoryState.GITHUB_ERROR),
        (said(400, "Problems parsing JSON"), Refused, RepositoryState.GITHUB_ERROR),
        (said(500, "Server Error"), ServerTrouble, RepositoryState.GITHUB_ERROR),
        (Answer(502, {}, b"<html>"), ServerTrouble, RepositoryState.GITHUB_ERROR),
        (Answer(404, {}, b"<html>"), BadAnswer, RepositoryState.BAD_ANSWER),
        (Answer(403, {}, b""), BadAnswer, RepositoryState.BAD_ANSWER),
        (Answer(404, {}, b"[]"), BadAnswer, RepositoryState.BAD_ANSWER),
        (said(429, "whatever"), RateLimited, RepositoryState.RATE_LIMITED),
        (Answer(429, {}, b"<html>"), RateLimited, RepositoryState.RATE_LIMITED),
        (said(403, "whatever", retry_after="5"), RateLimited, RepositoryState.RATE_LIMITED),
        (said(403, "whatever", x_ratelimit_remaining="0"), RateLimited, RepositoryState.RATE_LIMITED),
        (
            said(403, "You have exceeded a secondary rate limit.", x_ratelimit_remaining="4000"),
            RateLimited,
            RepositoryState.RATE_LIMITED,
        ),
        (
            said(403, "You have triggered an abuse detection mechanism."),
            RateLimited,
            RepositoryState.RATE_LIMITED,
        ),
        (
            Answer(403, {}, b"<p>You have exceeded a secondary rate limit"),
            RateLimited,
            RepositoryState.RATE_LIMITED,
        ),
        (
            Answer(
                422,
                {},
                json.dumps(
                    {"message": "Validation Failed", "errors": [{"message": "was submitted too quickly"}]}
                ).encode(),
            ),
            RateLimited,
            RepositoryState.RATE_LIMITED,
        ),
    ],
)
def test_classification(answer: Answer, kind: type[GitHubError], state: RepositoryState) -> None:
    error = sansio.classify(GET, answer, now=NOW)
    assert type(error) is kind
    assert error.state is state
    assert "GET /repos/o/r/issues" in str(error)
    assert "secret-query" not in str(error)
    assert "\n" not in str(error)
    if answer.status < 500 and kind is not BadAnswer:
        assert error.applied is False


@pytest.mark.parametrize("status", [200, 201, 204, 304])
def test_success_is_no_error(status: int) -> None:
    assert sansio.classify(GET, Answer(status), now=NOW) is None


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_told(status: int) -> None:
    location = "https://api.github.com/repositories/1296269/issues?page=2"
    error = sansio.classify(GET, Answer(status, {"location": location}), now=NOW)
    assert isinstance(error, Moved)
    assert (error.location, error.repository_id) == (location, 1296269)


def test_a_redirect_to_a_login_page_is_no_rename() -> None:
    error = sansio.classify(GET, Answer(302, {"location": "http://portal.example/login"}), now=NOW)
    assert isinstance(error, BadAnswer)


def test_githubs_message_is_passed_on_in_one_clean_line() -> None:
    body = {"message": "No\x1b[31m\nway\x00", "errors": ["really", {"message": "no"}, {"code": 1}, 7]}
    error = sansio.classify(GET, Answer(422, {}, json.dumps(body).encode()), now=NOW)
    assert isinstance(error, Refused)
    assert error.reason == "No [31m way; really; no"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("0", 1),
        ("99999999999999999999", 86_400),
        (http_date(NOW + timedelta(seconds=90)), 90),
        (http_date(NOW - timedelta(seconds=90)), 1),
        (http_date(NOW + timedelta(days=400)), 86_400),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    local = NOW + timedelta(days=3)  # a wrong local clock must not matter: dates are compared with `Date`
    found = sansio.retry_after(Answer(403, {"retry-after": value, "date": http_date(NOW)}), local)
    assert found == (None if seconds is None else timedelta(seconds=seconds))


def test_the_reset_is_reckoned_by_githubs_clock() -> None:
    reset = str(int((NOW + timedelta(minutes=20)).timestamp()))
    headers = {
        "x-ratelimit-limit": "60",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": reset,
        "date": http_date(NOW),
    }
    local = NOW - timedelta(hours=7)
    error = sansio.classify(GET, Answer(403, headers, b"{}"), now=local)
    assert isinstance(error, RateLimited)
    assert error.retry_at == local + timedelta(minutes=20, seconds=1)


@pytest.mark.parametrize("row", [0, 1, 2, 5, 6, 1000])
def test_waits_without_advice_double_up_to_an_hour(row: int) -> None:
    wait = sansio.limit_wait(Answer(403), now=NOW, limits_in_row=row)
    assert wait == min(timedelta(seconds=60 * 2 ** min(row, 10)), timedelta(hours=1))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-ratelimit-limit": "x", "x-ratelimit-remaining": "1", "x-ratelimit-reset": "1"},
        {"x-ratelimit-limit": "1", "x-ratelimit-remaining": "1", "x-ratelimit-reset": "9" * 30},
    ],
)
def test_no_quota_without_its_headers(headers: dict[str, str]) -> None:
    assert sansio.read_quota(headers) is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"link": '<https://x/?page=2>; rel="next", <https://x/?page=5>; rel="last"'}, True),
        ({"link": '<https://x/?page=1>; rel="prev", <https://x/?page=1>; rel="first"'}, False),
    ],
)
def test_link(headers: dict[str, str], expected: bool | None) -> None:
    assert sansio.has_next(headers) is expected


# Addresses


def test_equal_arguments_give_equal_addresses() -> None:
    since = datetime(2026, 3, 1, 14, 0, 0, 999, tzinfo=timezone(timedelta(hours=2)))
    assert sansio.since_target("/repos/o/r/issues", since, 1, state="all") == (
        "/repos/o/r/issues?state=all&sort=updated&direction=asc&per_page=100&since=2026-03-01T12:00:00Z"
    )
    assert sansio.since_target("/x", None, 3) == "/x?sort=updated&direction=asc&per_page=100&page=3"


@pytest.mark.parametrize(
    "name", ["", "o", "o/", "/r", "o/r/x", "o/..", "./r", "o/r?x", "o/r#", "o r/x", "ö/r"]
)
def test_what_is_no_repository_name(name: str) -> None:
    with pytest.raises(ValueError, match="owner/name"):
        sansio.repository_path(name)


@given(st.text(min_size=1).filter(lambda text: sansio.clean_text(text) == text))
def test_a_segment_stays_one_segment(text: str) -> None:
    quoted = sansio.segment(text)
    assert "/" not in quoted
    assert "?" not in quoted
    assert quoted not in {".", ".."}


def test_logins_of_bots_are_quoted() -> None:
    assert sansio.segment("dependabot[bot]") == "dependabot%5Bbot%5D"


# Texts and times


@given(st.text(alphabet=st.characters(), max_size=30))
def test_cleaned_text_can_be_stored_and_is_stable(text: str) -> None:
    cleaned = sansio.clean_text(text)
    cleaned.encode()
    assert "\x00" not in cleaned
    assert sansio.clean_text(cleaned) == cleaned


def test_surrogates() -> None:
    assert sansio.clean_text("a\ud800b") == "a\ufffdb"
    assert sansio.clean_text("\ud83e\udd80") == "\U0001f980"
    assert sansio.clean_text("c\x00d") == "cd"


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_stamps_return(moment: datetime) -> None:
    whole = moment.replace(microsecond=0)
    assert sansio.parse_stamp(sansio.format_stamp(moment)) == whole


@pytest.mark.parametrize("text", ["", "yesterday", "2026-03-01T12:00:00", "2026-13-01T00:00:00Z"])
def test_what_is_no_stamp(text: str) -> None:
    with pytest.raises(ValueError):
        sansio.parse_stamp(text)


def test_a_time_without_a_zone_is_not_sent() -> None:
    with pytest.raises(ValueError):
        sansio.format_stamp(datetime(2026, 3, 1))  # noqa: DTZ001


@given(
    st.binary(max_size=40),
    st.integers(min_value=200, max_value=599),
    st.dictionaries(
        st.sampled_from(["retry-after", "date", "x-ratelimit-remaining", "x-ratelimit-reset", "location"]),
        st.text(max_size=12),
    ),
)
def test_no_answer_breaks_the_classification(body: bytes, status: int, headers: dict[str, str]) -> None:
    error = sansio.classify(GET, Answer(status, headers, body), now=NOW)
    assert (error is None) == (status < 300 or status == 304)
    if isinstance(error, RateLimited):
        assert error.retry_at is not None
        assert error.retry_at > NOW
