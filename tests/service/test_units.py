"""The units as systemd itself judges them, and what must agree between them, the program and its words."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from meritocrab.config import SYSTEM_SOCKETS
from meritocrab.config_sources import CREDENTIALS
from meritocrab.errors import ConfigError
from tests.service.units import SERVICE, SOCKET, UNITS, USER_SERVICE, directives

HIGHEST_EXPOSURE = 1.2


@pytest.fixture(scope="module")
def analyze() -> str:
    """`systemd-analyze`; where it is missing, tests are skipped (but fail in CI)."""
    found = shutil.which("systemd-analyze")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("the units must be checked in CI: install systemd")
        pytest.skip("systemd-analyze is not installed")
    return found


def placed(unit: Path, folder: Path) -> Path:
    """A copy whose program exists."""
    text = unit.read_text().replace("/opt/meritocrab/bin/meritocrab", f"{sys.executable} -m meritocrab")
    copy = folder / unit.name
    copy.write_text(text)
    return copy


def test_systemd_finds_nothing_wrong(analyze: str, tmp_path: Path) -> None:
    copies = [str(placed(unit, tmp_path)) for unit in (SERVICE, SOCKET)]
    result = subprocess.run([analyze, "verify", *copies], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_nor_with_the_unit_of_a_user(analyze: str, tmp_path: Path) -> None:
    result = subprocess.run(
        [analyze, "--user", "verify", str(placed(USER_SERVICE, tmp_path))],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_little_is_exposed(analyze: str) -> None:
    result = subprocess.run(
        [analyze, "security", "--offline=true", "--no-pager", str(SERVICE)],
        capture_output=True,
        text=True,
        check=True,
    )
    level = re.search(r"Overall exposure level for meritocrab.service: ([\d.]+)", result.stdout)
    assert level is not None, result.stdout
    assert float(level[1]) <= HIGHEST_EXPOSURE


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.parent.name + "-" + unit.name)
def test_a_reason_stands_above_what_each_unit_says(unit: Path) -> None:
    """Above each group of directives, as an empty line or the next comment ends it."""
    explained = False
    for line in unit.read_text().splitlines():
        if line.startswith("#"):
            explained = True
        elif line.startswith("["):
            explained = line in ("[Install]", "[Unit]", "[Socket]", "[Service]")
        elif line == "":
            explained = False
        else:
            assert explained, line


def test_every_credential_has_its_place() -> None:
    loaded = [value.partition(":") for value in directives(SERVICE)["LoadCredential"]]
    assert {name for name, _, _ in loaded} == set(CREDENTIALS)
    assert all(source == f"meritocrab.{name}" for name, _, source in loaded)


@pytest.mark.parametrize("unit", [SERVICE, USER_SERVICE])
def test_a_broken_configuration_is_not_tried_again(unit: Path) -> None:
    found = directives(unit)
    assert found["RestartPreventExitStatus"] == [str(ConfigError.exit_status)]
    assert found["Type"] == ["notify"]
    assert found["Restart"] == ["on-failure"]


@pytest.mark.parametrize("unit", [SERVICE, USER_SERVICE])
def test_a_reload_is_the_signal_that_the_daemon_obeys(unit: Path) -> None:
    assert directives(unit)["ExecReload"] == ["kill -HUP $MAINPID"]


def test_the_socket_lies_where_a_restart_does_not_take_it_away() -> None:
    path = Path(directives(SOCKET)["ListenStream"][0])
    own = [Path("/run") / name for name in directives(SERVICE)["RuntimeDirectory"]]
    assert not any(path.is_relative_to(folder) for folder in own)
    assert (path, *(folder / path.name for folder in own)) == SYSTEM_SOCKETS
    assert directives(SOCKET)["SocketMode"] == ["0660"]
    assert directives(SOCKET)["SocketGroup"] == directives(SERVICE)["Group"]
