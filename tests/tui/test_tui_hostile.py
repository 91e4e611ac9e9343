"""Texts of strangers on every screen: nothing of them is obeyed, hidden, or read as markup, and nothing breaks."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import pytest

from meritocrab.core.names import Classification, EvaluationState, GateOutcome, RepositoryState
from meritocrab.localapi import protocol as p
from meritocrab.localapi.client import LocalClient, Refused
from tests.e2e.world_of_people import MORNING
from tests.tui.stage import LARGE, SMALL, Stage, staged

HOSTILE = {
    "ansi": "\x1b[31mred\x1b[0m \x1b]8;;http://evil.example\x07click\x1b]8;;\x07 \x9b2J \x1b]52;c;ZXZpbA==\x07",
    "markup": "[bold]big[/bold] [/] [link=http://evil.example]x[/link] [@click=app.quit]quit[/] [red on blue",
    "bidi": "abc \u202egpj.exe\u202c \u2066x\u2069 \u200e\u200f\u061c",
    "hidden": "z\u200be\u200bro \u2060wi\ufeffdth \U000e0041\U000e0042 \u3164\u3164 \ufe0f\ufe0f\ufe01",
    "emoji": "👩‍👩‍👧‍👦 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ❤️ 🇩🇪 ｗｉｄｅ 漢字 " * 5,
    "rtl": "שלום עולם مرحبا بالعالم",
    "zalgo": "Z" + "\u0337\u0301\u0335\u0322" * 200 + "algo",
    "controls": "".join(map(chr, range(32))) + "\x7f\x85\u2028\u2029\x00",
    "long": "word " * 14_000,
    "unbroken": "x" * 70_000,
    "markdown": "# [h](http://e.example)\n\n![](javascript:x)\n\n"
    + "> " * 90
    + "deep\n"
    + "- " * 90
    + "deep",
}
FORBIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


class HostileClient:
    """A daemon in whose every text a stranger has had a hand; nothing of it can come through GitHub's own checks."""

    def __init__(self, text: str) -> None:
        self.text, self.line, self.socket = text, text[:2000], Path("/run/x/" + text[:40])
        self.person = p.Person(id=7, login=self.line[:300])

    async def aclose(self) -> None:
        """Nothing to close."""

    async def events(self, **_: Any) -> Any:
        """Connected, once."""
        yield await self.health()

    async def health(self) -> p.Health:
        text = self.line
        return p.Health(
            status="degraded",
            reasons=(text, text),
            version=text[:20],
            started_at=MORNING,
            uptime_seconds=1,
            enforcement="close",
            database=p.DatabaseHealth(connected=False, driver=text, reason=text),
            llm=p.LlmHealth(
                provider=text, model=text, reason=text, budget=p.BudgetHealth(requests=1, tokens=2, cost=3.0)
            ),
            queues=p.Queues(review=1, events_parked=3),
            quota=(p.QuotaHealth(credential=text, limit=5000, remaining=1),),
            paused=p.PauseHealth(by=text, since=MORNING, reason=text),
        )

    async def repositories(self) -> p.RepositoryList:
        fields: dict[str, Any] = dict.fromkeys(p.RepositoryItem.model_fields, None)
        numbers = ("errors_in_row", "events_waiting", "reads_waiting", "review", "outbox_scheduled")
        fields |= dict.fromkeys((*numbers, "open_held", "contributors"), 1)
        fields |= {
            "name": self.line,
            "id": 1,
            "state": RepositoryState.REPLACED,
            "detail": self.line,
            "watched": True,
        }
        fields |= {"paused": False, "credential": self.line, "archived": False, "last_error": self.line}
        fields |= {"braked_at": MORNING, "brake_reason": self.line}
        return p.RepositoryList(items=(p.RepositoryItem(**fields | {"policy_error": self.line}),))

    def item(self, **more: Any) -> dict[str, Any]:
        fields: dict[str, Any] = dict.fromkeys(p.EvaluationItem.model_fields, None)
        text = self.line
        fields |= {
            "id": 1,
            "repository": text,
            "number": 3,
            "subject": text,
            "status": EvaluationState.PENDING,
        }
        fields |= {
            "reason": text,
            "spam_only": True,
            "author": self.person,
            "title": text,
            "excerpt": text,
            "link": text,
        }
        fields |= {
            "created_at": MORNING,
            "provider": text,
            "model": text,
            "classification": Classification.LOW,
        }
        fields |= {"confidence": 0.5, "reasoning": self.text, "flags": (text, text), "deltas": {"low": -5}}
        return fields | {"decided_by": text, "last_error": text, "credit": 3, "blacklisted": True, **more}

    async def evaluations(self, *_: Any, **__: Any) -> p.Page[p.EvaluationItem]:
        return p.Page(total=1, items=(p.EvaluationItem(**self.item()),))

    async def evaluation(self, *_: Any) -> p.EvaluationDetail:
        forecast = p.Forecast(
            delta=-5,
            applied=-3,
            credit_after=0,
            blacklists=True,
            proposes_blacklist=True,
            below_threshold=True,
            reopens=(1, 2),
        )
        more: dict[str, Any] = {"text": self.text, "role": None, "pr_threshold": 50, "blacklist_threshold": 0}
        more |= {
            "moves_credit": False,
            "approve": forecast,
            "forecasts": {"low": forecast},
            "folded": 2,
            "earlier": 1,
        }
        return p.EvaluationDetail(**self.item(**more, history=(self.row(),)))

    def row(self) -> p.LedgerItem:
        text = self.line
        return p.LedgerItem(
            id=1,
            repository=text,
            account=self.person,
            reason="override",
            words=text,
            requested=5,
            applied=3,
            before=0,
            after=3,
            blacklisted=True,
            actor=p.ActorView(kind="local", words=text),
            text=text,
            undone_by_id=4,
            enforcement="close",
            occurred_at=MORNING,
            appended_at=MORNING,
        )

    async def activity(self, *_: Any, **__: Any) -> p.Page[p.LedgerItem]:
        return p.Page(total=1, items=(self.row(),))

    async def contributor_ledger(self, *_: Any, **__: Any) -> p.Page[p.LedgerItem]:
        return p.Page(total=1, items=(self.row(),))

    def contributor_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = dict.fromkeys(p.ContributorItem.model_fields, None)
        return fields | {
            "account": self.person,
            "repository": self.line,
            "credit": 3,
            "blacklisted": True,
            "first_seen_at": MORNING,
            "changes": 1,
        }

    async def contributors(self, *_: Any, **__: Any) -> p.Page[p.ContributorItem]:
        return p.Page(total=1, items=(p.ContributorItem(**self.contributor_fields()),))

    async def contributor(self, *_: Any) -> p.ContributorDetail:
        pull = p.PullRequestItem(
            number=3,
            title=self.line,
            state=self.line,
            draft=False,
            merged=False,
            gate=GateOutcome.DENIED,
            created_at=MORNING,
            link=self.line,
            closed_by_us_at=None,
            touched_by_maintainer=False,
            withdrawn=False,
        )
        return p.ContributorDetail(
            **self.contributor_fields(),
            former_logins=(self.line, self.line),
            role_read_at=None,
            pr_threshold=None,
            blacklist_threshold=None,
            pull_requests=(pull,),
            evaluations=(),
            ledger=await self.contributor_ledger(),
        )

    async def approve(self, *_: Any, **__: Any) -> p.ActAnswer:
        raise Refused(409, "conflict", self.line)

    unblacklist = cancel = approve

    async def outbox(self, *_: Any, **__: Any) -> p.Page[p.ActionItem]:
        fields: dict[str, Any] = dict.fromkeys(p.ActionItem.model_fields, None)
        fields |= {
            "id": 1,
            "repository": self.line,
            "number": 3,
            "kind": "comment",
            "basis": "denied",
            "state": "scheduled",
        }
        fields |= {
            "account": self.person,
            "body": self.text,
            "enforcement": "close",
            "decided_at": MORNING,
            "attempts": 2,
        }
        fields |= {
            "not_before_at": MORNING,
            "next_attempt_at": MORNING,
            "reason": self.line,
            "cancellable": True,
        }
        return p.Page(total=1, items=(p.ActionItem(**fields),))

    async def why(self, *_: Any) -> p.WhyAnswer:
        fields: dict[str, Any] = dict.fromkeys(p.EventItem.model_fields, None)
        fields |= {"id": 1, "repository": self.line, "kind": "comment_created", "actor": self.person}
        fields |= {"occurred_at": MORNING, "received_at": MORNING, "is_history": True, "source": self.line}
        fields |= {"state": "handled", "attempts": 1, "next_attempt_at": MORNING, "last_error": self.line}
        fields |= {"note": self.line}
        person = await self.contributor()
        return p.WhyAnswer(
            repository=self.line,
            number=3,
            pull_request=person.pull_requests[0],
            author=p.ContributorItem(**self.contributor_fields()),
            gate_at=MORNING,
            policy=(p.PolicyValue(key=self.line, value=[self.line], source=self.line),),
            events=(
                p.EventItem(**fields, act="", by=""),
                p.EventItem(**fields, act=self.line, by=self.line),
            ),
            evaluations=(p.EvaluationItem(**self.item()),),
            ledger=(self.row(),),
            actions=(await self.outbox()).items,
        )

    async def policy(self, *_: Any) -> p.PolicyAnswer:
        return p.PolicyAnswer(
            repository=self.line,
            fingerprint=self.line,
            rules={"wording": {"denied": self.text}, "list": [self.line]},
            sources={"wording.denied": self.line},
            file=self.line,
            read_at=MORNING,
            error=f"{self.line}\n{self.line}",
        )


def assert_harmless(stage: Stage, where: str) -> None:
    """No control character, no bidi control, nothing invisible, no style that can be clicked, and no line too wide."""
    for strip in stage.app.screen._compositor.render_strips():
        for segment in strip:
            bad = {char for char in segment.text if unicodedata.category(char) in FORBIDDEN}
            assert not bad, (where, bad, segment.text)
            assert segment.style is None or segment.style.link is None, where
            meta = segment.style.meta if segment.style is not None else {}
            assert not any(key.startswith("@click") for key in meta), (where, meta)
        assert strip.cell_length == stage.app.size.width, where


WAYS = (
    (),
    ("2",),
    ("2", "t"),
    ("2", "enter", "end"),
    ("2", "n"),
    ("2", "v", "a"),
    ("2", "a"),
    ("2", "w"),
    ("2", "w", "end"),
    ("2", "y"),
    ("3", "enter", "p", "w"),
    ("4", "w"),
    ("4", "y"),
    ("4", "tab", "f"),
    ("3",),
    ("3", "enter"),
    ("3", "enter", "p"),
    ("3", "x"),
    ("3", "enter", "a"),
    ("3", "r"),
    ("4",),
    ("4", "tab"),
    ("4", "c"),
    ("5",),
    ("1", "question_mark"),
    ("1", "s"),
)


FEWER_WAYS = (("1",), ("2",), ("2", "enter", "end"), ("3", "enter"), ("4",), ("4", "tab"), ("4", "w"), ("5",))
"""Every screen; the dialogs and their like show the same lines as these."""


@pytest.mark.parametrize(
    ("name", "size"),
    [*((name, SMALL) for name in HOSTILE), *((name, LARGE) for name in ("ansi", "bidi", "long"))],
)
async def test_hostile_texts_are_only_texts(name: str, size: tuple[int, int]) -> None:
    client: Any = HostileClient(HOSTILE[name])
    async with staged(client, size) as stage:
        for keys in WAYS if name in ("ansi", "bidi") else FEWER_WAYS:
            await stage.press(*keys)
            assert_harmless(stage, f"{name} {keys} {size}")
            await stage.press("escape", "escape")
        await _notice_and_palette(stage, client)


async def _notice_and_palette(stage: Stage, client: Any) -> None:
    stage.app.notify(client.text, severity="error")
    await stage.calm()
    assert_harmless(stage, "notice")
    await stage.press("ctrl+p", *"con")
    assert_harmless(stage, "palette")
    await stage.press("escape")


async def test_markup_is_shown_as_it_was_written() -> None:
    client: Any = HostileClient(HOSTILE["markup"])
    async with staged(client, LARGE) as stage:
        await stage.press("2")
        assert "[bold]big[/bold] [/] [link=http://evil.example]x[/link]" in stage.text


async def test_a_reason_of_no_connection_is_a_text_as_well(tmp_path: Path) -> None:
    async with staged(LocalClient(tmp_path / "a\u202eb[bold].sock"), wait=False) as stage:
        await stage.until(lambda: stage.app._view == "no-daemon", "the page")
        assert_harmless(stage, "no daemon")
        assert "a<U+202E>b[bold].sock" in "".join(stage.text.split())
