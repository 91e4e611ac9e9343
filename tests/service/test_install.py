"""`meritocrab service install`: what is written, what is said, what is refused, and that updates heed other hands."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from meritocrab.cli import units
from meritocrab.cli.main import cli
from meritocrab.cli.units import Condition
from tests.service.units import SERVICE, SOCKET, UNITS, USER_SERVICE, directives

PROGRAM = "/opt/crab/bin/meritocrab"


def install(prefix: Path, *arguments: str) -> Result:
    command = ["service", "install", "--prefix", str(prefix), "--program", PROGRAM, *arguments]
    return CliRunner().invoke(cli, command)


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_both_units_and_nothing_else(tmp_path: Path) -> None:
    result = install(tmp_path)
    folder = tmp_path / "etc/systemd/system"
    assert result.exit_code == 0, result.output
    assert files(tmp_path) == {f"etc/systemd/system/{unit.name}" for unit in (SERVICE, SOCKET)}
    for unit in (SERVICE, SOCKET):
        assert f"wrote: {folder / unit.name}\n" in result.output
        assert (folder / unit.name).stat().st_mode & 0o777 == 0o644
    assert directives(folder / SERVICE.name) == directives(SERVICE) | {"ExecStart": [f"{PROGRAM} run"]}
    assert directives(folder / SOCKET.name) == directives(SOCKET)
    for words in (
        "systemctl daemon-reload",
        "systemctl enable --now meritocrab.socket meritocrab.service",
        "usermod -aG meritocrab",
        "useradd --system",
    ):
        assert words in result.output


def test_the_unit_of_a_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    result = CliRunner().invoke(cli, ["service", "install", "--user"])
    assert result.exit_code == 0, result.output
    unit = tmp_path / "config/systemd/user/meritocrab.service"
    assert files(tmp_path) == {str(unit.relative_to(tmp_path))}
    assert directives(unit) == directives(USER_SERVICE) | {"ExecStart": [f"{units.this_program()[0]} run"]}
    assert "systemctl --user enable --now meritocrab.service" in result.output
    assert "loginctl enable-linger" in result.output


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    result = install(tmp_path, "--dry-run")
    assert result.exit_code == 0
    assert result.output.count("would write: ") == 2
    assert files(tmp_path) == set()


def test_again_there_is_nothing_to_do(tmp_path: Path) -> None:
    install(tmp_path)
    result = install(tmp_path)
    assert result.output.count("as it should be: ") == 2


def test_an_older_unit_of_ours_is_replaced(tmp_path: Path) -> None:
    install(tmp_path)
    old = tmp_path / "etc/systemd/system/meritocrab.service"
    old.write_text(units.sealed("[Service]\nExecStart=/old/meritocrab run\n"))
    result = install(tmp_path)
    assert result.exit_code == 0
    assert f"replaced: {old}" in result.output
    assert f"ExecStart={PROGRAM} run" in old.read_text()


@pytest.mark.parametrize("other", ["[Service]\n", ""])
def test_a_changed_unit_is_not_overwritten(tmp_path: Path, other: str) -> None:
    install(tmp_path)
    service, socket = (tmp_path / "etc/systemd/system" / unit.name for unit in (SERVICE, SOCKET))
    changed = service.read_text().replace("MemoryMax=1G", "MemoryMax=2G") if other else other
    service.write_text(changed)
    socket.unlink()
    for more in ([], ["--dry-run"]):
        result = install(tmp_path, *more)
        assert result.exit_code == 1
        assert f"changed by hand, and left as it is: {service}" in result.output
    assert service.read_text() == changed
    assert not socket.exists()
    assert install(tmp_path, "--force").exit_code == 0
    assert "MemoryMax=1G" in service.read_text()
    assert socket.exists()


def test_without_permission_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "may_write", lambda folder: False)
    result = install(tmp_path)
    assert result.exit_code == 1
    assert "run this with sudo, or with --user" in result.output
    assert files(tmp_path) == set()


def test_who_may_write(tmp_path: Path) -> None:
    assert units.may_write(tmp_path / "not" / "there")
    (tmp_path / "file").touch()
    assert not units.may_write(tmp_path / "file" / "below")


def test_a_program_that_the_unit_hides_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/home/fern/bin")
    for program in ("/home/fern/venv/bin/meritocrab", tmp_path / "link" / "meritocrab"):
        result = CliRunner().invoke(
            cli, ["service", "install", "--prefix", str(tmp_path), "--program", str(program)]
        )
        assert result.exit_code == 1
        assert "python3 -m venv /opt/meritocrab" in result.output
    assert files(tmp_path) == set()


def test_a_system_without_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "SYSTEM_FOLDER", tmp_path / "none")
    result = CliRunner().invoke(cli, ["service", "install", "--program", PROGRAM])
    assert result.exit_code == 1
    assert "is systemd at work here?" in result.output


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("/opt/crab/bin/meritocrab", "/opt/crab/bin/meritocrab"),
        ("/opt/my crab/bin", '"/opt/my crab/bin"'),
        ("/opt/100%/$HOME", "/opt/100%%/$$HOME"),
        ("/opt/a\\b", "/opt/a\\\\b"),
    ],
)
def test_words_are_written_as_systemd_reads_them(word: str, written: str) -> None:
    assert units.quoted(word) == written


def test_conditions() -> None:
    wanted = units.sealed("b\n")
    assert units.condition(None, wanted) is Condition.FREE
    assert units.condition(wanted, wanted) is Condition.SAME
    assert units.condition(units.sealed("a\n"), wanted) is Condition.OURS
    assert units.condition(units.sealed("a\n") + "c", wanted) is Condition.CHANGED


def test_the_wheel_brings_the_units(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path)]
    source = tmp_path / "source"
    root = SERVICE.parent.parent
    for name in ("meritocrab", "systemd", "config"):
        shutil.copytree(root / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"):
        shutil.copy(root / name, source / name)
    result = subprocess.run([*build, str(source)], capture_output=True, text=True, check=False)
    if result.returncode != 0 and "No matching distribution" in result.stderr:
        pytest.skip("the build needs hatchling, and there is no package index here")
    assert result.returncode == 0, result.stderr
    wheel = next(tmp_path.glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        for unit in UNITS:
            name = f"meritocrab/data/systemd/{unit.relative_to(SERVICE.parent)}"
            assert archive.read(name) == unit.read_bytes()
        example = "meritocrab.example.toml"
        assert archive.read(f"meritocrab/data/{example}") == (root / "config" / example).read_bytes()


def test_an_installed_package_finds_them(tmp_path: Path) -> None:
    """As from a wheel: the package alone, its units under `data`, and no sources beside it."""
    site = tmp_path / "site"
    shutil.copytree(units_package(), site / "meritocrab", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(SERVICE.parent, site / "meritocrab" / "data" / "systemd")
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "meritocrab",
            "service",
            "install",
            "--prefix",
            str(tmp_path / "root"),
            "--program",
            PROGRAM,
        ],
        env={**os.environ, "PYTHONPATH": str(site)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.count("wrote: ") == 2


def units_package() -> Path:
    return Path(units.__file__).parents[1]
