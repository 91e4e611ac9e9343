"""How fast one token may go."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meritocrab.github.pace import HOUR, MINUTE, Pace


def test_writes_keep_their_distance() -> None:
    pace = Pace(write_spacing=1.0)
    assert pace.delay(10.0, writes=True) == 0
    pace.note(10.0, writes=True)
    assert pace.delay(10.25, writes=True) == 0.75
    assert pace.delay(10.25, writes=False) == 0
    assert pace.delay(11.0, writes=True) == 0


def test_an_hour_holds_so_many_writes() -> None:
    pace = Pace(writes_per_hour=2)
    pace.note(0.0, writes=True)
    pace.note(100.0, writes=True)
    assert pace.hour_delay(200.0) == HOUR - 200
    assert pace.hour_delay(HOUR) == 0


@given(st.lists(st.tuples(st.floats(0, 5), st.booleans()), max_size=120), st.integers(10, 40))
def test_no_minute_ever_holds_more_points(requests: list[tuple[float, bool]], points: int) -> None:
    pace = Pace(write_spacing=0.5, points_per_minute=points)
    now, sent = 0.0, []
    for pause, writes in requests:
        now += pause
        now += pace.delay(now, writes=writes)
        assert pace.delay(now, writes=writes) < 1e-6
        pace.note(now, writes=writes)
        sent.append((now, 5 if writes else 1))
    for start, _ in sent:
        spent = sum(cost for moment, cost in sent if start <= moment < start + MINUTE - 1e-6)
        assert spent <= points
