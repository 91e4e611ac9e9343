"""The report: what was or would have been done, beside what maintainers did with the same pull requests."""

from __future__ import annotations

from datetime import timedelta

from meritocrab.core.names import ActionKind, ActionState, Classification, EvaluationState, GateOutcome
from meritocrab.localapi.protocol import Fate, RepositoryReport
from tests.e2e.conftest import MakeDay
from tests.e2e.world_of_people import REPO, Day
from tests.localapi.conftest import Serve, Served, doubtful


async def report(served: Served, **asked: object) -> RepositoryReport:
    answer = await served.client.report(**asked)  # type: ignore[arg-type]
    (found,) = answer.repositories
    assert found.name == REPO
    return found


async def six_fates(day: Day) -> list[int]:
    """Pull requests below the threshold: merged, closed by hand, withdrawn, open, and reopened where possible."""
    await day.give_credit("newt", 20)
    return [day.pull("newt", f"Change {number}") for number in range(5)]


async def test_what_would_have_been_closed_beside_what_maintainers_did(
    either_url: str, make_day: MakeDay, serve: Serve
) -> None:
    day = make_day(either_url, enforcement="observe")
    await day.begin()
    served = await serve(day)
    merged, by_hand, withdrawn, still_open, also_merged = await six_fates(day)
    admitted = day.pull("nora", "Fine")
    await day.settle()
    for number in (merged, also_merged, admitted):
        day.world.merge(REPO, number, "mia")
    day.world.close(REPO, by_hand, "wes")
    day.world.close(REPO, withdrawn, "newt")
    await day.settle()
    found = await report(served)
    assert found.gate == {GateOutcome.DENIED: 5, GateOutcome.ADMITTED: 1}
    assert found.actions[ActionKind.CLOSE] == {ActionState.OBSERVED: 5}
    assert found.observed == {Fate.MERGED: 2, Fate.CLOSED: 1, Fate.WITHDRAWN: 1, Fate.OPEN: 1}
    assert found.stopped == {}
    assert found.admitted == {Fate.MERGED: 1}
    assert [item.number for item in found.disagreements] == [also_merged, merged]
    shown = found.disagreements[1]
    assert (shown.title, shown.done, shown.fate) == ("Change 0", ActionState.OBSERVED, Fate.MERGED)
    assert shown.link == f"{day.github.url}/{REPO}/pull/{merged}"
    assert day.is_open(still_open)


async def test_what_was_closed_and_taken_up_again(served: Served) -> None:
    day = served.day
    left, reopened, lifted, *_ = await six_fates(day)
    await day.settle()
    day.world.reopen(REPO, reopened, "mia")
    await day.settle()
    found = await report(served)
    assert found.stopped == {Fate.LEFT_CLOSED: 4, Fate.REOPENED: 1}
    assert found.observed == {}
    assert found.reversals["reopen"] == 1
    await day.give_credit("newt", 80)
    await day.settle()
    found = await report(served)
    assert found.stopped == {Fate.REOPENED: 5}
    assert {item.number for item in found.disagreements} >= {left, lifted, reopened}
    assert found.reversals["adjust"] >= 2


async def test_verdicts_reversals_and_reasons(served: Served) -> None:
    day, client = served.day, served.client
    item = await doubtful(day)
    await client.override(REPO, item, classification=Classification.HIGH)
    await doubtful(day, "Another", by="nora")
    await day.give_credit("zoe", 20)
    number = day.pull("zoe")
    await day.decide()
    day.world.merge(REPO, number, "mia")
    await day.settle()
    found = await report(served)
    assert found.verdicts["high"] == {EvaluationState.OVERRIDDEN: 1}
    assert found.verdicts["low"] == {EvaluationState.PENDING: 1}
    assert found.reversals["verdict"] == 1
    assert sum(found.reasons.values()) == 2
    assert found.stopped == {}


async def test_only_since_then_and_only_that_repository(served: Served) -> None:
    day = served.day
    await six_fates(day)
    await day.settle()
    day.later(days=8)
    assert (await report(served)).stopped == {}
    assert sum((await report(served, since=day.now() - timedelta(days=9))).stopped.values()) == 5
    status, code, words = await served.refusal("GET", "/api/report?repo=octo/nowhere")
    assert (status, code) == (404, "not_found")
    status, code, words = await served.refusal("GET", "/api/report?since=2999-01-01T00:00:00Z")
    assert (status, words) == (422, "since: lies in the future")
    status, code, words = await served.refusal("GET", "/api/report?since=2026-03-02T00:00:00")
    assert status == 422
