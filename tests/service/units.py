"""Reads the units as the tests need them: which directive has which values, and with which words above it."""

from __future__ import annotations

import subprocess
from pathlib import Path

SYSTEMD = Path(__file__).parent.parent.parent / "systemd"
SERVICE = SYSTEMD / "meritocrab.service"
SOCKET = SYSTEMD / "meritocrab.socket"
USER_SERVICE = SYSTEMD / "user" / "meritocrab.service"
UNITS = (SERVICE, SOCKET, USER_SERVICE)


def directives(unit: Path) -> dict[str, list[str]]:
    """Every directive with its values, in order."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def system_calls(unit: Path) -> set[str]:
    """The names that `SystemCallFilter=` lets through, its groups expanded by systemd itself."""
    allowed: set[str] = set()
    for value in directives(unit)["SystemCallFilter"]:
        names = {name for group in value.removeprefix("~").split() for name in _expanded(group)}
        allowed = allowed - names if value.startswith("~") else allowed | names
    return allowed


def _expanded(name: str) -> set[str]:
    if not name.startswith("@"):
        return {name}
    listed = subprocess.run(
        ["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True
    ).stdout
    lines = (line.strip() for line in listed.splitlines()[1:])
    return {each for line in lines if line and not line.startswith("#") for each in _expanded(line)}
