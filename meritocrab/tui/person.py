"""The head of somebody's page: who it is, how they stand, and how their credit went. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from textual.content import Content

from meritocrab.localapi.protocol import ContributorDetail
from meritocrab.tui import words
from meritocrab.tui.chart import credit_rows
from meritocrab.tui.shows import login
from meritocrab.tui.text import plain

FORMER_SHOWN = 5
CHART_WIDTH = 100


def portrait(
    person: ContributorDetail, values: Sequence[int], now: datetime, width: int, *, tall: bool
) -> Content:
    """All of it, in a few lines; the chart is higher where there is room."""
    chart = (
        credit_rows(values, person.pr_threshold, min(width, CHART_WIDTH), 5 if tall else 3) if values else []
    )
    return Content("\n").join(
        [_name(person), _standing(person, now), *_former(person), Content(""), *chart, _limits(person)]
    )


def _name(person: ContributorDetail) -> Content:
    parts = [
        Content(" "),
        login(person.account.login).stylize("bold $accent"),
        Content.styled(f"  id:{person.account.id}  ", "dim"),
        plain(person.repository),
        Content.styled(f"  credit {person.credit:,}", "bold"),
    ]
    if person.blacklisted:
        parts.append(
            Content.styled(f"  ✗ blacklisted since {words.moment(person.blacklisted_at)}", "$error bold")
        )
    return Content("").join(parts)


def _standing(person: ContributorDetail, now: datetime) -> Content:
    role = str(person.role) if person.role not in (None, "none") else "no role"
    read = f" (read {words.ago(person.role_read_at, now)})" if person.role_read_at else ""
    parts = [
        role + read,
        f"first seen {words.ago(person.first_seen_at, now)}",
        words.counted(person.changes, "change"),
        f"last {words.ago(person.last_change_at, now)}",
    ]
    return Content(" " + " · ".join(parts))


def _former(person: ContributorDetail) -> list[Content]:
    """Names of the past, which others may have taken."""
    if not person.former_logins:
        return []
    names = Content(", ").join(login(name) for name in person.former_logins[:FORMER_SHOWN])
    more = len(person.former_logins) - FORMER_SHOWN
    return [Content(" formerly ") + names + Content(f" and {more} more" if more > 0 else "")]


def _limits(person: ContributorDetail) -> Content:
    return Content.styled(
        f"       pull requests take {words.signed(person.pr_threshold).lstrip('+')}"
        f" · blacklist at {person.blacklist_threshold if person.blacklist_threshold is not None else '–'} or less",
        "dim",
    )
