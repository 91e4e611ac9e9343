"""Fixtures that every test folder may use live in plugins, one per part of the program."""

from __future__ import annotations

from collections.abc import Generator

import pytest

pytest_plugins = ["tests.store_fixtures"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let reports travel between processes: a captured log may hold lone surrogates, because tests log such texts."""
    report = yield
    report.sections = [
        (name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections
    ]
    return report
