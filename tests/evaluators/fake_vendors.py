"""A local server that speaks as Anthropic, OpenAI and a home server do, and fails in all the ways they fail.

The providers are tested through the vendors' real SDKs, over real HTTP; what is faked is only the far end. Answers
are played in the order in which they were put in line, the last one again and again.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

GOOD = {"reasoning": "It does what it says.", "classification": "acceptable", "confidence": 0.9}


@dataclass(frozen=True)
class Play:
    """One answer. `cut` sends half of it and hangs up with a reset; `silent` hangs up at once."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float = 0.0
    cut: bool = False
    silent: bool = False


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]


class FakeVendor:
    """The server; use it in `with`.

    `knows` are the paths it answers and `takes` what it accepts in a request (None: everything), for playing a
    server that lacks structured output.
    """

    def __init__(self) -> None:
        self.line: list[Play] = []
        self.seen: list[Seen] = []
        self.knows: tuple[str, ...] | None = None
        self.refuses: tuple[str, ...] = ()
        """Keys (dotted) that make a request a bad one; `key=value` refuses that value only."""
        self.offers: tuple[str, ...] | None = None
        """The models that it lists; None for a server that keeps no list."""
        self.key: str | None = None
        """The key that it accepts; None for any."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> FakeVendor:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The address without a path."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def play(self, *plays: Play) -> None:
        """Put answers in line."""
        self.line = list(plays)

    def answer(self, request: Seen) -> Play:
        """The answer to this request."""
        self.seen.append(request)
        if self.knows is not None and request.path not in self.knows:
            return Play(404, "404 page not found")
        for key in self.refuses:
            if _holds(request.body, key):
                return Play(
                    400, {"error": {"message": f"unsupported: {key}", "type": "invalid_request_error"}}
                )
        return self.line.pop(0) if len(self.line) > 1 else self.line[0]

    def look_up(self, request: Seen) -> Play:
        """The answer to a question about models: all of them, or one."""
        self.seen.append(request)
        shown = request.headers.get("x-api-key") or request.headers.get("authorization", "")
        if self.key is not None and not shown.endswith(self.key):
            return Play(401, claude_error("authentication_error", f"invalid x-api-key {shown}"))
        _, _, name = request.path.partition("?")[0].rpartition("/v1/models")
        if self.offers is None:
            return Play(404, "404 page not found")
        if name:
            found = name.removeprefix("/") in self.offers
            return Play(200, {"id": name}) if found else Play(404, claude_error("not_found_error", "model"))
        return Play(200, {"object": "list", "data": [{"id": name} for name in self.offers]})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16  # head and body in one segment: else each answer waits for an acknowledgement

            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                _send(self, vendor.look_up(Seen(self.path, headers, {})))

            def do_POST(self) -> None:
                size = int(self.headers.get("content-length", 0))
                body = json.loads(self.rfile.read(size))
                headers = {name.lower(): value for name, value in self.headers.items()}
                _send(self, vendor.answer(Seen(self.path, headers, body)))

            def log_message(self, *_: object) -> None:
                """Quiet."""

        return Handler


def _send(handler: BaseHTTPRequestHandler, play: Play) -> None:
    time.sleep(play.wait)
    if play.silent:
        _reset(handler)
        return
    text = play.body if isinstance(play.body, str) else json.dumps(play.body)
    data = text.encode()
    try:
        handler.send_response(play.status)
        for name, value in {"content-type": "application/json", **play.headers}.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[: len(data) // 2] if play.cut else data)
        handler.wfile.flush()
    except OSError:
        return
    if play.cut:
        _reset(handler)


def _reset(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


def _holds(body: Mapping[str, Any], key: str) -> bool:
    path, _, wanted = key.partition("=")
    value: Any = body
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return False
        value = value[part]
    return not wanted or value == wanted


def words(verdict: object) -> str:
    """A verdict as the model would write it."""
    return verdict if isinstance(verdict, str) else json.dumps(verdict)


def claude_body(verdict: object = GOOD, stop: str = "end_turn") -> dict[str, Any]:
    """Anthropic's answer."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-5-5",
        "content": [{"type": "text", "text": words(verdict)}],
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": 1200, "output_tokens": 80, "cache_read_input_tokens": 34},
    }


def claude_error(kind: str, message: str) -> dict[str, Any]:
    """Anthropic's error."""
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


def response_body(verdict: object = GOOD, **more: Any) -> dict[str, Any]:
    """OpenAI's answer on /responses."""
    text = {"type": "output_text", "text": words(verdict), "annotations": []}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_790_000_000,
        "status": "completed",
        "model": "gpt-6-luna-2026-09-01",
        "output": [
            {"type": "reasoning", "id": "rs_1", "summary": []},
            {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [text]},
        ],
        "usage": {
            "input_tokens": 1234,
            "input_tokens_details": {"cached_tokens": 1000},
            "output_tokens": 80,
            "output_tokens_details": {"reasoning_tokens": 16},
            "total_tokens": 1314,
        },
        **more,
    }


def chat_body(verdict: object = GOOD, finish: str = "stop", **message: Any) -> dict[str, Any]:
    """OpenAI's older answer, which home servers give."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": "qwen3:8b",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": words(verdict), **message},
                "finish_reason": finish,
            }
        ],
        "usage": {"prompt_tokens": 1234, "completion_tokens": 80, "total_tokens": 1314},
    }


def openai_error(kind: str, message: str, code: str | None = None) -> dict[str, Any]:
    """OpenAI's error."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}
