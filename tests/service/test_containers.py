"""The container files: what must hold in their text, and where a container engine runs, the image itself."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from meritocrab import __version__
from meritocrab.cli.main import COMMANDS
from meritocrab.config_sources import CREDENTIALS
from tests.service.units import SERVICE, directives

ROOT = Path(__file__).parent.parent.parent
CONTAINERFILE = ROOT / "config" / "Containerfile"
COMPOSE = ROOT / "config" / "compose.yaml"
SECRET = re.compile(r"(?i)token|passw|secret|api_?key|private")


@dataclass(frozen=True)
class Instruction:
    """One instruction of a Containerfile, its lines joined."""

    word: str
    rest: str


def stages() -> list[list[Instruction]]:
    """The instructions of each stage, `FROM` first."""
    text = re.sub(r"(?m)^\s*#.*\n", "", CONTAINERFILE.read_text())
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    found: list[list[Instruction]] = []
    for line in filter(None, lines):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            found.append([])
        found[-1].append(Instruction(word, rest.strip()))
    return found


def of(stage: list[Instruction], word: str) -> list[str]:
    return [each.rest for each in stage if each.word == word]


# ---- the image


def test_what_builds_is_not_in_what_runs() -> None:
    build, last = stages()
    assert of(build, "FROM")[0].endswith(" AS build")
    assert [rest for rest in of(last, "COPY") if not rest.startswith("--from=build ")] == []
    assert of(build, "FROM")[0].split()[0] == of(last, "FROM")[0].split()[0]


def test_every_base_has_a_version() -> None:
    images = [of(stage, "FROM")[0].split()[0] for stage in stages()]
    images += [service["image"] for service in compose()["services"].values()]
    for image in images:
        name, _, tag = image.rpartition(":")
        assert name, image
        assert re.match(r"\d", tag), image


def test_it_runs_without_root_and_ends_like_a_service() -> None:
    last = stages()[-1]
    assert of(last, "USER") == ["meritocrab:meritocrab"]
    assert all(last.index(each) < _place(last, "USER") for each in last if each.word == "RUN")
    assert of(last, "STOPSIGNAL") == ["SIGTERM"]
    assert of(last, "VOLUME") == ["/var/lib/meritocrab"]
    assert json.loads(of(last, "ENTRYPOINT")[0]) == ["meritocrab"]
    assert json.loads(of(last, "CMD")[0]) == ["run"]


def _place(stage: list[Instruction], word: str) -> int:
    return next(index for index, each in enumerate(stage) if each.word == word)


def test_its_health_is_asked_by_a_command_that_there_is() -> None:
    (check,) = of(stages()[-1], "HEALTHCHECK")
    program, command, *options = json.loads(check.partition("CMD ")[2])
    assert program == "meritocrab"
    assert command in COMMANDS
    assert options == ["--quiet", "--degraded-ok"]


def test_no_secret_in_the_image() -> None:
    for stage in stages():
        for word in ("ENV", "ARG"):
            for rest in of(stage, word):
                names = re.findall(r"(\w+)=", rest)
                assert not [name for name in names if SECRET.search(name)]
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[0] == "*"
    let_through = {line[1:] for line in ignored if line.startswith("!")}
    copied = {name for rest in of(stages()[0], "COPY") for name in rest.split()[:-1]}
    assert let_through == copied


def test_its_places_are_those_of_the_systemd_unit() -> None:
    (settings,) = of(stages()[-1], "ENV")
    unit = directives(SERVICE)
    assert f"STATE_DIRECTORY=/var/lib/{unit['StateDirectory'][0]} " in settings
    assert f"CONFIGURATION_DIRECTORY=/etc/{unit['ConfigurationDirectory'][0]} " in settings


# ---- the services


def compose() -> Any:
    return yaml.safe_load(COMPOSE.read_text())


def test_the_daemon_waits_for_a_healthy_database() -> None:
    services = compose()["services"]
    assert set(services) == {"meritocrab", "postgres", "ollama"}
    assert services["meritocrab"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert "pg_isready" in services["postgres"]["healthcheck"]["test"][1]


def test_the_model_at_home_is_a_choice() -> None:
    services = compose()["services"]
    assert services["ollama"]["profiles"] == ["ollama"]
    assert all("profiles" not in services[name] for name in ("meritocrab", "postgres"))


def test_every_volume_and_secret_is_declared() -> None:
    whole = compose()
    for service in whole["services"].values():
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            assert source.startswith("./") or source in whole["volumes"]
        assert set(service.get("secrets", [])) <= set(whole["secrets"])
    used = {name for service in whole["services"].values() for name in service.get("secrets", [])}
    assert used == set(whole["secrets"])


def test_secrets_are_files_that_the_daemon_knows() -> None:
    whole = compose()
    assert set(whole["services"]["meritocrab"]["secrets"]) <= set(CREDENTIALS)
    assert all(set(secret) == {"file"} for secret in whole["secrets"].values())
    for service in whole["services"].values():
        for name in service.get("environment", {}):
            assert not SECRET.search(name) or name.endswith("_FILE")


def test_the_walls_are_those_of_the_unit() -> None:
    daemon = compose()["services"]["meritocrab"]
    assert daemon["read_only"] is True
    assert daemon["cap_drop"] == ["ALL"]
    assert daemon["security_opt"] == ["no-new-privileges:true"]
    assert daemon["stop_grace_period"] == directives(SERVICE)["TimeoutStopSec"][0]
    assert daemon["build"]["dockerfile"] == "config/Containerfile"
    assert not any("ports" in service for service in compose()["services"].values())


def test_the_image_is_named_after_this_version() -> None:
    assert compose()["services"]["meritocrab"]["image"] == f"meritocrab:{__version__.rpartition('.')[0]}"


# ---- the image itself


@pytest.fixture(scope="module")
def engine() -> str:
    """A container engine that answers; elsewhere these tests are skipped."""
    for name in ("podman", "docker"):
        found = shutil.which(name)
        if found and subprocess.run([found, "info"], capture_output=True, check=False).returncode == 0:
            return found
    pytest.skip("no container engine runs here")


def test_the_image_builds_runs_and_is_well(engine: str, tmp_path: Path) -> None:
    """It watches a repository at a GitHub that never answers: degraded at worst, and well for its engine."""
    form = ["--format", "docker"] if engine.endswith("podman") else []
    tag = f"meritocrab-test:{os.getpid()}"

    def run(*arguments: str) -> str:
        result = subprocess.run([engine, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    run("build", *form, "--file", str(CONTAINERFILE), "--tag", tag, ".")
    settings = ["--env", "MERITOCRAB_GITHUB__REPOSITORIES=octo/garden"]
    settings += ["--env", "MERITOCRAB_GITHUB__API_URL=http://127.0.0.1:9"]
    container = run(
        "run",
        "--detach",
        "--read-only",
        "--cap-drop",
        "ALL",
        *settings,
        "--tmpfs",
        "/run/meritocrab:uid=10500,gid=10500,mode=0750",
        tag,
    )
    try:
        health = ["exec", container, "meritocrab", "health", "--degraded-ok"]
        while subprocess.run([engine, *health], capture_output=True, check=False).returncode != 0:
            assert run("inspect", "--format", "{{.State.Running}}", container) == "true", run(
                "logs", container
            )
        assert run("exec", container, "id", "-u") == "10500"
        run("stop", "--time", "30", container)
        assert run("inspect", "--format", "{{.State.ExitCode}}", container) == "0"
    finally:
        run("rm", "--force", "--volumes", container)
        run("rmi", "--force", tag)
