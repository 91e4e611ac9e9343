"""The benchmarks still run; their figures are for `python -m tests.benchmarks`."""

from __future__ import annotations

import pytest

from tests.benchmarks.__main__ import BENCHMARKS, TINY, figures


@pytest.mark.parametrize("name", TINY)
def test_a_benchmark_runs(name: str) -> None:
    lines = figures(TINY[name])
    assert lines
    assert all(line.strip() for line in lines)


def test_a_tiny_benchmark_is_one_of_the_real_ones() -> None:
    assert set(TINY) < set(BENCHMARKS)
