"""An older backup in the place of a newer database: what was said on GitHub meanwhile is not said again."""

from __future__ import annotations

from pathlib import Path

from meritocrab.store import backups
from tests.e2e.world_of_people import Day


async def test_a_restored_older_backup_repeats_nothing(day: Day, tmp_path: Path) -> None:
    await day.give_credit("newt", 20)
    before = day.pull("newt", "Before the backup")
    await day.settle()
    backups.make(day.config.database_url, tmp_path / "backup.db")  # the daemon goes on
    after = day.pull("newt", "After the backup")
    await day.settle()
    day.command(before, "ada", "/credit check @newt")
    await day.settle()
    said = {number: day.said(number) for number in (before, after)}
    assert [len(words) for words in said.values()] == [2, 1]

    await day.close()
    restored = backups.restore(day.config.database_url, tmp_path / "backup.db", day.now(), force=True)
    assert restored.report.ok
    await day._reopen()
    assert day.fates(after) == []
    day.later(minutes=5)
    await day.settle()
    day.later(minutes=5)
    await day.settle()

    assert {number: day.said(number) for number in (before, after)} == said
    assert not day.is_open(before)
    assert not day.is_open(after)
