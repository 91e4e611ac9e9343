"""Somebody who takes notifications: a real HTTP server, as ntfy is one, and a real command."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class Listener:
    """What was posted; `status` is what is answered from now on, with `headers`."""

    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    heard: list[tuple[dict[str, str], str]] = field(default_factory=list)

    def texts(self) -> list[str]:
        """The bodies, in order."""
        return [text for _, text in self.heard]


@contextmanager
def listening() -> Iterator[Listener]:
    """A listener behind a port of this machine."""
    listener = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            listener.heard.append((dict(self.headers.items()), body))
            self.send_response(listener.status)
            for name, value in listener.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quietly."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.url = f"http://127.0.0.1:{server.server_port}/garden-topic"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        server.shutdown()
        server.server_close()


def script(folder: Path, body: str) -> list[str]:
    """A command that notes what it was told in `told.jsonl`, and then does as `body` says."""
    path = folder / "tell.py"
    path.write_text(
        "import json, os, sys, time\n"
        f"with open({str(folder / 'told.jsonl')!r}, 'a') as out:\n"
        "    out.write(json.dumps([json.load(sys.stdin), dict(os.environ)]) + '\\n')\n"
        f"{body}\n"
    )
    return [sys.executable, str(path)]


def told(folder: Path) -> list[tuple[dict[str, Any], dict[str, str]]]:
    """What the command was told: the message, and its environment."""
    path = folder / "told.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(each[0], each[1]) for each in map(json.loads, lines)]
