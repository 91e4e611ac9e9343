"""Fixtures that every test folder may use live in plugins, one per part of the program."""

from __future__ import annotations

import logging
import os
from collections.abc import Generator, Iterator

import pytest

from meritocrab.logs import ROOT

LONGEST = ("test_crash.py", "test_history.py", "test_history_lived.py", "test_sync.py", "test_containment.py")

pytest_plugins = ["tests.store_fixtures"]


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """Undo `setup_logging`: what one test makes of the log must not decide what the next one sees of it."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in [ROOT, *logging.Logger.manager.loggerDict]:
        if name == ROOT or name.startswith(f"{ROOT}."):
            logging.getLogger(name).setLevel(logging.NOTSET)
    logging.captureWarnings(False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let reports travel between processes: a captured log may hold lone surrogates, because tests log such texts."""
    report = yield
    report.sections = [
        (name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections
    ]
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: tests wait for daemons, sockets and databases most of their time."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, so that none of them runs on alone at the end."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))
