"""The figures of a real scrape, and that the dashboard and the alerts ask for nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from meritocrab.core.names import ActionKind, Classification
from tests.e2e.world_of_people import REPO
from tests.localapi.conftest import Served, doubtful
from tests.localapi.test_localapi_verdicts import PRICED, Judged, judged, model

__all__ = ["judged", "model"]

CONFIG = Path(__file__).parent.parent.parent / "config"


async def scrape(served: Served) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Every name with its samples; a family without samples has an empty list."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(await served.client.metrics()):
        if not family.samples:
            found[family.name] = []
        for sample in family.samples:
            found.setdefault(sample.name, []).append((dict(sample.labels), sample.value))
    return found


def value(found: dict[str, list[tuple[dict[str, str], float]]], name: str, **labels: str) -> float:
    """The one sample with exactly these labels."""
    (one,) = [number for each, number in found[name] if each == labels]
    return one


async def test_decisions_and_actions(served_on_both: Served) -> None:
    day = served_on_both.day
    await day.give_credit("newt", 10)
    denied = day.pull("newt")
    day.pull("nora")
    await day.settle()
    assert not day.is_open(denied)
    found = await scrape(served_on_both)
    assert value(found, "meritocrab_gate_decisions", outcome="denied") == 1
    assert value(found, "meritocrab_gate_decisions", outcome="admitted") == 1
    assert value(found, "meritocrab_outbox_actions", kind="close", state="delivered") == 1
    assert value(found, "meritocrab_outbox_actions", kind="comment", state="delivered") == 1


async def test_how_long_the_oldest_waits(served_on_both: Served) -> None:
    day = served_on_both.day
    found = await scrape(served_on_both)
    for queue in ("events", "review", "outbox"):
        assert value(found, "meritocrab_queue_oldest_seconds", queue=queue) == 0
    item = await doubtful(day)
    created = next(row.created_at for row in day.judged("newt") if row.id == item)
    day.later(hours=3)
    await doubtful(day, "Another", by="nora")
    found = await scrape(served_on_both)
    age = (day.now() - created).total_seconds()
    assert value(found, "meritocrab_queue_oldest_seconds", queue="review") == age > 3 * 3600
    served_on_both.handling = False
    await served_on_both.client.pause(REPO, request_id="one")
    day.later(minutes=10)
    found = await scrape(served_on_both)
    assert value(found, "meritocrab_queue_oldest_seconds", queue="events") >= 600


async def test_what_maintainers_took_back(served_on_both: Served) -> None:
    day, client = served_on_both.day, served_on_both.client
    found = await scrape(served_on_both)
    kinds = {labels["kind"]: number for labels, number in found["meritocrab_reversals"]}
    assert kinds == dict.fromkeys(("undo", "adjust", "unblacklist", "verdict", "reopen"), 0)
    item = await doubtful(day)
    await client.override(REPO, item, classification=Classification.HIGH)
    await day.give_credit("nora", 40)
    closed = day.pull("nora")
    await day.settle()
    assert not day.is_open(closed)
    day.world.reopen(REPO, closed, "mia")
    await day.settle()
    row = day.ledger_rows("newt")[-1]
    await client.undo(REPO, row.id)
    await client.blacklist(REPO, "newt")
    await client.unblacklist(REPO, "newt")
    await day.settle()
    found = await scrape(served_on_both)
    kinds = {labels["kind"]: number for labels, number in found["meritocrab_reversals"]}
    assert kinds == {"undo": 1, "adjust": 1, "unblacklist": 1, "verdict": 1, "reopen": 1}


async def test_what_we_opened_again_ourselves_is_no_reopening(served: Served) -> None:
    day = served.day
    await day.give_credit("nora", 40)
    closed = day.pull("nora")
    await day.settle()
    assert not day.is_open(closed)
    await served.client.adjust(REPO, "nora", 30)
    await day.settle()
    assert day.is_open(closed)
    assert day.action(closed, ActionKind.REOPEN).state == "delivered"
    assert value(await scrape(served), "meritocrab_reversals", kind="reopen") == 0


async def test_polls_by_outcome(served: Served) -> None:
    day = served.day
    before = await scrape(served)
    day.pull("newt")
    await day.settle()
    day.later(hours=1)
    day.world.faults.offline = True
    await day.poll()
    day.world.faults.offline = False
    after = await scrape(served)

    def more(outcome: str, name: str = "meritocrab_polls_total") -> float:
        return value(after, name, outcome=outcome) - value(before, name, outcome=outcome)

    assert more("news") >= 1
    assert (more("error"), more("fault")) == (1, 0)
    requests = "meritocrab_github_requests_total"
    assert more("ok", requests) >= 3
    assert more("unanswered", requests) >= 1
    assert more("limited", requests) == 0


async def test_the_pulse_is_measured(served: Served) -> None:
    found = await scrape(served)
    for name in ("meritocrab_event_loop_lag", "meritocrab_database"):
        assert value(found, f"{name}_seconds_count") == 0
        assert value(found, f"{name}_seconds_sum") == 0
        assert value(found, f"{name}_worst_seconds") == 0


async def test_without_a_database_what_needs_none(served: Served) -> None:
    await served.day.store.close()
    found = await scrape(served)
    assert value(found, "meritocrab_database_up") == 0
    assert "meritocrab_polls_total" in found
    assert "meritocrab_gate_decisions" not in found
    served.day.store = type(served.day.store).open(served.day.config.database_url)


# ---- the dashboard and the alerts


def expressions(name: str) -> list[str]:
    """Every expression of the file."""
    text = (CONFIG / name).read_text()
    if name.endswith(".json"):
        return [target["expr"] for panel in json.loads(text)["panels"] for target in panel["targets"]]
    return [rule["expr"] for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("file", ["grafana-dashboard.json", "alerts.yml"])
async def test_only_figures_that_there_are(judged: Judged, file: str) -> None:
    served = await judged(PRICED)
    served.day.pull("newt", "Paid for")
    await served.day.settle()
    found = await scrape(served)
    for expression in expressions(file):
        names = re.findall(r"\bmeritocrab_\w+", expression)
        assert names, expression
        assert set(names) <= set(found), expression
        assert expression.count("(") == expression.count(")")
        for name, label in re.findall(r"\b(meritocrab_\w+)\{(\w+)=", expression):
            assert all(label in labels for labels, _ in found[name]), expression


def test_every_alert_says_what_and_how_bad() -> None:
    rules = [
        rule
        for group in yaml.safe_load((CONFIG / "alerts.yml").read_text())["groups"]
        for rule in group["rules"]
    ]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("info", "warning", "critical")
        assert rule["annotations"]["summary"]
        assert re.fullmatch(r"\d+[smhd]", rule.get("for", "0s"))


def _panels() -> Iterator[Any]:
    yield from json.loads((CONFIG / "grafana-dashboard.json").read_text())["panels"]


def test_the_panels_lie_beside_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in _panels():
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in _panels()}) == len(list(_panels()))
