"""The file that pauses everything: made, found, removed, and what counts as one."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from meritocrab import pausing
from meritocrab.pausing import Pause, PauseFailed

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def test_it_says_by_whom_since_when_and_why(tmp_path: Path) -> None:
    assert pausing.find(tmp_path) is None
    assert pausing.pause(tmp_path, Pause("local:ada", NOON, "holidays\nuntil Monday"))
    assert pausing.find(tmp_path) == Pause("local:ada", NOON, "holidays\nuntil Monday")
    assert [path.name for path in tmp_path.iterdir()] == ["paused"]
    assert not pausing.pause(tmp_path, Pause("local:mia", NOON, "again"))
    assert pausing.find(tmp_path) == Pause("local:ada", NOON, "holidays\nuntil Monday")
    assert pausing.resume(tmp_path)
    assert not pausing.resume(tmp_path)
    assert pausing.find(tmp_path) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", ""),
        (b"gone fishing\n", "gone fishing"),
        (b"\xff\xfe\0", "\ufffd\ufffd\0"),
        (b"paused by x at nonsense-nonsense-no", "paused by x at nonsense-nonsense-no"),
        (b"paused by x at 2026-03-02T12:00:00", "paused by x at 2026-03-02T12:00:00"),
    ],
)
def test_a_file_made_by_hand_pauses_whatever_it_holds(tmp_path: Path, text: bytes, reason: str) -> None:
    (tmp_path / "paused").write_bytes(text)
    found = pausing.find(tmp_path)
    assert found is not None
    assert (found.by, found.reason) == ("", reason)
    assert found.since is not None


def test_no_more_of_it_is_read_than_must_be(tmp_path: Path) -> None:
    (tmp_path / "paused").write_bytes(b"x" * 1_000_000)
    found = pausing.find(tmp_path)
    assert found is not None
    assert len(found.reason) == pausing.LARGEST_FILE


def test_what_is_no_plain_file_pauses_too_and_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "paused")
    assert pausing.find(tmp_path) is not None
    (tmp_path / "paused").unlink()
    (tmp_path / "paused").symlink_to(tmp_path / "nowhere")
    assert pausing.find(tmp_path) is not None
    (tmp_path / "paused").unlink()
    (tmp_path / "paused").mkdir()
    assert pausing.find(tmp_path) is not None
    with pytest.raises(PauseFailed, match="remove it by hand"):
        pausing.resume(tmp_path)


def test_a_brake_that_cannot_be_seen_counts_as_pulled(tmp_path: Path) -> None:
    gone = pausing.find(tmp_path / "unmounted")
    assert gone is not None
    assert "no state directory" in gone.reason
    (tmp_path / "file").write_text("")
    broken = pausing.find(tmp_path / "file")
    assert broken is not None
    assert "cannot be looked at" in broken.reason
    with pytest.raises(PauseFailed, match="make it by hand"):
        pausing.pause(tmp_path / "unmounted", Pause("local:ada", NOON))
