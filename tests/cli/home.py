"""A home directory of a newcomer, a simulated GitHub, and the program run there as a process."""

from __future__ import annotations

import io
import os
import stat
import sys
import tomllib
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from meritocrab.cli.main import main
from meritocrab.demo.github import SimulatedGitHub
from meritocrab.demo.world import World
from tests.cli.terminal import Answers, at_terminal

TOKEN = "ghp_keeperkeeperkeeper"
FINE = "github_pat_keeperkeeper"
BLIND = "ghp_strangerstranger"
APP = 4711


@dataclass
class Result:
    """What one call printed and how it ended."""

    status: int
    out: str
    err: str = ""


class Home:
    """One user's files and environment."""

    def __init__(self, folder: Path, github: SimulatedGitHub) -> None:
        self.folder, self.github = folder, github
        self.config = folder / "config" / "meritocrab" / "meritocrab.toml"
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.pem = folder / "app.pem"
        self.environment = {
            **{name: value for name, value in os.environ.items() if name in ("LANG", "LC_ALL", "TMPDIR")},
            "HOME": str(folder),
            "PATH": str(self.bin),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_RUNTIME_DIR": str(folder / "run"),
            "STATE_DIRECTORY": str(folder / "state"),
        }

    @property
    def world(self) -> World:
        return self.github.world

    def run(self, *arguments: str, given: str = "", **environment: str) -> Result:
        """The program without a terminal, in this process: its libraries are imported only once."""
        out, err = io.StringIO(), io.StringIO()
        with (
            patch.dict(os.environ, {**self.environment, **environment}, clear=True),
            patch.object(sys, "stdin", io.StringIO(given)),
            redirect_stdout(out),
            redirect_stderr(err),
            pytest.raises(SystemExit) as caught,
        ):
            main(arguments)
        assert "Traceback" not in out.getvalue() + err.getvalue()
        return Result(int(caught.value.code or 0), out.getvalue(), err.getvalue())

    def converse(self, arguments: tuple[str, ...], *answers: tuple[str, str | bytes]) -> Result:
        """The program at a terminal."""
        told: Answers = answers
        status, screen = at_terminal(arguments, told, self.environment)
        assert "Traceback" not in screen
        return Result(status, screen)

    def init(self, *arguments: str, given: str = "") -> Result:
        """`init` by options, towards the simulated GitHub."""
        return self.run("init", "--api-url", self.github.url, "--yes", *arguments, given=given)

    def values(self) -> dict[str, Any]:
        """The configuration as written."""
        return tomllib.loads(self.config.read_text())

    def secret(self, name: str, text: str, mode: int = 0o600) -> Path:
        """A file with a secret."""
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def configure(self, text: str, mode: int = 0o600) -> None:
        """Write the configuration; `{url}` is GitHub's address."""
        self.config.parent.mkdir(parents=True, exist_ok=True)
        self.config.write_text(text.replace("{url}", self.github.url))
        self.config.chmod(mode)

    def add_app(self, **permissions: str) -> None:
        """An App with these permissions, installed on octo."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        self.pem.write_bytes(private)
        self.pem.chmod(0o600)
        self.world.add_app(APP, "merit", public)
        self.world.install(APP, "octo", ["octo/garden"], id=1, permissions=permissions or None)

    def files(self) -> set[str]:
        """What lies beside the configuration."""
        return {path.name for path in self.config.parent.glob("*")} if self.config.parent.exists() else set()


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def new_world() -> World:
    """Real time; a public, a private and an archived repository, a renamed one, and three tokens."""
    world = World()
    for name in ("octo/garden", "octo/attic", "octo/old-name"):
        world.add_repository(name)
    world.add_repository("octo/cellar", private=True)
    world.archive("octo/attic")
    world.rename_repository("octo/old-name", "new-name")
    for name in ("octo/garden", "octo/cellar", "octo/attic"):
        world.set_role(name, "keeper", "maintain")
    world.add_user("stranger")
    world.add_token(TOKEN, "keeper")
    world.add_token(BLIND, "stranger", "read:user")
    days = world.now() + timedelta(days=5, hours=2)
    world.add_token(FINE, "keeper", permissions={"metadata": "read", "issues": "write"}, expires_at=days)
    return world
