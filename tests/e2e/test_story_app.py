"""Stories about a GitHub App: installations come and go, and every token ends within the hour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from meritocrab.core.names import EventKind
from meritocrab.store import repositories
from tests.e2e.conftest import MakeDay
from tests.e2e.world_of_people import REPO, Day

APP = 4711
OTHER = "acme/widgets"

StartApp = Callable[..., Day]


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    """The App's key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def app_day(make_day: MakeDay, key: rsa.RSAPrivateKey) -> Day:
    """A day with the App installed on two accounts, not begun yet."""
    day = make_day()
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    path = day.folder / "app.pem"
    path.write_bytes(private)
    path.chmod(0o600)
    day.world.add_repository(OTHER)
    day.world.add_app(APP, "merit", public)
    day.world.install(APP, "octo", [REPO], id=1)
    day.world.install(APP, "acme", id=2)
    day.setup = replace(day.setup, credentials=f'app_id = {APP}\nprivate_key_path = "{path}"')
    return day


async def started(day: Day) -> Day:
    """The day after a restart with the App's credentials and the first look."""
    await day.restart()
    await day.settle()
    return day


async def test_two_installations_are_found_and_watched_by_themselves(app_day: Day) -> None:
    day = await started(app_day)
    await day.give_credit("newt", 20)
    first, second = day.pull("newt"), day.world.open_pull(OTHER, "newt")
    await day.settle()
    assert (day.row().access, day.row(OTHER).access) == ("installation:1", "installation:2")
    assert not day.is_open(first)
    assert day.world.thread(OTHER, second).state == "open"
    assert day.world.comments(REPO, first)[0].author is day.world.account("merit[bot]")


async def test_a_new_installation_and_a_new_repository_are_followed(app_day: Day) -> None:
    day = await started(app_day)
    day.world.add_repository("octo/new")
    day.world.add_to_installation(1, "octo/new")
    await day.follow()
    await day.settle()
    number = day.world.open_pull("octo/new", "newt")
    await day.settle()
    assert day.row("octo/new").state == "ok"
    assert day.gate(number) == "admitted"


async def test_tokens_are_renewed_before_they_end(app_day: Day) -> None:
    day = await started(app_day)
    for i in range(4):
        day.later(minutes=40)
        day.pull("newt", f"Change {i}")
        await day.settle()
    assert day.row().state == "ok"
    assert len(day.events(EventKind.PULL_REQUEST_OPENED)) == 4
    assert day.world.count(status=401) == 0
    assert day.world.installations[1].tokens_issued >= 3


async def test_a_token_that_github_withdrew_early_is_replaced_at_once(app_day: Day) -> None:
    day = await started(app_day)
    for token in day.world.tokens.values():
        token.revoked = True
    number = day.pull("newt")
    await day.settle()
    assert day.gate(number) == "admitted"


async def test_one_full_answer_per_hour_and_then_free_again(app_day: Day) -> None:
    day = await started(app_day)
    day.pull("newt")
    await day.settle(rounds=3)
    mark = day.world.mark()
    for _ in range(5):
        day.later(minutes=1)
        await day.poll()
    assert day.world.count(mark, counted=True, path=f"/repos/{REPO}") == 0
    day.later(minutes=61)
    await day.poll()
    mark = day.world.mark()
    day.later(minutes=1)
    await day.poll()
    assert day.world.count(mark, counted=True, path=f"/repos/{REPO}/issues") == 0


async def test_a_clock_that_is_hours_off_still_signs_good_proofs(make_day: MakeDay, app_day: Day) -> None:
    app_day.skew = timedelta(hours=-5)
    day = await started(app_day)
    number = day.pull("newt")
    await day.follow()
    await day.settle()
    assert day.gate(number) == "admitted"
    assert day.row().state == "ok"


async def test_a_suspended_installation_is_named_and_goes_on_when_it_is_lifted(app_day: Day) -> None:
    day = await started(app_day)
    day.world.suspend(1)
    number = day.pull("newt")
    await day.settle()
    await day.follow()
    assert day.row().state == "suspended"
    assert day.row(OTHER).state == "ok"
    day.world.unsuspend(1)
    await day.follow()
    day.later(minutes=16)
    await day.settle()
    assert day.row().state == "ok"
    assert day.gate(number) == "admitted"


async def test_a_removed_installation_is_not_watched_and_comes_back_with_its_history(app_day: Day) -> None:
    day = await started(app_day)
    await day.give_credit("newt", 20)
    number = day.pull("newt")
    await day.decide()
    day.world.uninstall(1)
    await day.follow()
    day.later(seconds=70)
    await day.settle()
    assert (day.row().state, day.row().watched) == ("removed", False)
    assert day.is_open(number)
    day.world.install(APP, "octo", [REPO], id=3)
    await day.follow()
    await day.settle()
    assert (day.row().state, day.row().watched) == ("ok", True)
    assert day.credit("newt") == 20
    other = day.pull("newt", "Another")
    await day.settle()
    assert not day.is_open(other)


async def test_a_repository_taken_from_the_installation(app_day: Day) -> None:
    day = await started(app_day)
    day.world.add_repository("octo/new")
    day.world.add_to_installation(1, "octo/new")
    day.world.remove_from_installation(1, REPO)
    await day.follow()
    await day.settle()
    assert (day.row().state, day.row().watched) == ("removed", False)
    assert day.row("octo/new").state == "ok"


async def test_a_failed_answer_about_the_installations_changes_nothing(app_day: Day) -> None:
    day = await started(app_day)
    day.world.faults.add("status", "/app/installations", status=502, times=1)
    await day.follow()
    day.world.faults.add("status", "/installation/repositories", status=500, times=2)
    assert await day.service.accesses.step() is not None  # asked again before the usual time
    assert await day.service.accesses.step() is None
    assert day.row().watched
    assert day.row(OTHER).watched


async def test_a_renamed_repository_keeps_its_row(app_day: Day) -> None:
    day = await started(app_day)
    row = day.row()
    day.world.rename_repository(REPO, "meadow")
    await day.follow()
    await day.settle()
    assert day.row("octo/meadow").id == row.id
    assert day.row("octo/meadow").state == "ok"


async def test_a_replaced_repository_starts_no_row_of_the_old_ones_decisions(app_day: Day) -> None:
    day = await started(app_day)
    await day.give_credit("newt", 20)
    number = day.pull("newt")
    await day.decide()
    old = day.row()
    day.world.replace_repository(REPO)
    day.world.add_to_installation(1, REPO)
    assert day.world.open_pull(REPO, "newt") == number
    mark = day.world.mark()
    for _ in range(3):
        await day.follow()
        await day.settle()
    assert day.writes(mark) == []
    assert day.is_open(number)
    assert day.look(lambda: repositories.get(old.id)).state == "replaced"


async def test_our_own_comments_are_neither_commands_nor_contributions(app_day: Day) -> None:
    day = await started(app_day)
    await day.give_credit("newt", 20)
    number = day.pull("newt")
    day.command(number, "ada", "/credit help")
    await day.settle(rounds=3)
    assert len(day.said(number)) == 2
    assert {question.subject for question in day.judge.questions} == {"pull_request"}
    assert day.credit("merit[bot]") is None


async def test_what_the_installation_may_not_do_is_shown_and_tried_again(app_day: Day) -> None:
    day = await started(app_day)
    await day.give_credit("newt", 20)
    day.world.installations[1].permissions["issues"] = "read"
    day.world.installations[1].permissions["pull_requests"] = "read"
    number = day.pull("newt")
    await day.settle()
    assert day.is_open(number)
    assert day.action(number, "comment").state == "scheduled"
    assert "403" in day.action(number, "comment").reason
    day.world.installations[1].permissions["issues"] = "write"
    day.world.installations[1].permissions["pull_requests"] = "write"
    day.later(minutes=6)
    await day.settle()
    assert not day.is_open(number)
