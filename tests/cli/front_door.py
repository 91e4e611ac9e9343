"""The program as a process, beside whatever holds the database open here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def meritocrab(config: Path, *arguments: str, state: str = "state") -> subprocess.CompletedProcess[str]:
    """Run a command; `state` is its state directory, beside the configuration file."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MERITOCRAB")}
    environment |= {"PYTHONPATH": str(ROOT), "STATE_DIRECTORY": str(config.parent / state)}
    return subprocess.run(
        [sys.executable, "-m", "meritocrab", "--config", str(config), *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
