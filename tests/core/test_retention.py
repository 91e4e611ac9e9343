"""How long words are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from meritocrab.core.retention import Erasable, Keep, next_step_at

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_by_default_everything_is_kept() -> None:
    assert Keep().cutoffs(NOW) == {}


def test_each_kind_has_its_own_age() -> None:
    assert Keep(event_payloads=30, messages=1).cutoffs(NOW) == {
        Erasable.EVENT_PAYLOADS: datetime(2026, 1, 30, tzinfo=UTC),
        Erasable.MESSAGES: datetime(2026, 2, 28, tzinfo=UTC),
    }


def test_a_pass_is_slow_and_comes_once_a_day() -> None:
    assert next_step_at(NOW, finished=False) == NOW + timedelta(seconds=1)
    assert next_step_at(NOW, finished=True) == NOW + timedelta(days=1)
