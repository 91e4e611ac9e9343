"""The log: what a line looks like, and that no secret and no control character of a stranger gets into it."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from pathlib import Path
from typing import get_args

import pytest

import meritocrab
from meritocrab.logs import correlation_id, escaped, log_context, redact, register_secret, setup_logging
from meritocrab.settings import Area

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----"


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


def rows(out: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def log(area: str = "poller") -> logging.Logger:
    return logging.getLogger(f"meritocrab.{area}")


def test_a_line_for_humans(out: io.StringIO) -> None:
    setup_logging(stream=out, environ={})

    with log_context(repo="octo/crab", correlation_id="c1"):
        log().warning("polled %s", 3, extra={"seconds": 0.5})

    line = out.getvalue()
    assert line.endswith(" WARNING poller: polled 3 [repo=octo/crab correlation_id=c1 seconds=0.5]\n")
    assert line[10] == "T"
    assert line.split()[0].endswith("Z")


def test_json_lines(out: io.StringIO) -> None:
    setup_logging(format="json", stream=out)

    with log_context(repo="octo/crab", correlation_id="c1", message="no"):
        log().info("polled")
        try:
            raise ValueError("bad")
        except ValueError:
            log().exception("failed")

    first, second = rows(out)
    assert first == {
        "time": first["time"],
        "level": "info",
        "area": "poller",
        "message": "polled",
        "repo": "octo/crab",
        "correlation_id": "c1",
    }
    assert "ValueError: bad" in str(second["exception"])


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "shape", "as_json"),
    [
        (io.StringIO, {"JOURNAL_STREAM": "8:1"}, "auto", True),
        (io.StringIO, {}, "auto", False),
        (Terminal, {"JOURNAL_STREAM": "8:1"}, "auto", False),
        (Terminal, {}, "json", True),
        (io.StringIO, {"JOURNAL_STREAM": "8:1"}, "text", False),
    ],
)
def test_the_journal_gets_json(
    out: io.StringIO, stream: type[io.StringIO], environ: dict[str, str], shape: str, as_json: bool
) -> None:
    target = stream()
    setup_logging(format=shape, stream=target, environ=environ)

    log().info("hello")

    assert target.getvalue().startswith("{") == as_json


def test_levels_by_area_and_quiet_libraries(out: io.StringIO) -> None:
    setup_logging("warning", areas={"relay": "debug"}, format="json", stream=out)

    log().info("no")
    log("relay").debug("yes")
    for name in ("apscheduler.scheduler", "httpx", "httpcore.http11", "githubkit", "some.library"):
        logging.getLogger(name).info("no")
    logging.getLogger("apscheduler").warning("missed")

    assert [row["message"] for row in rows(out)] == ["yes", "missed"]


def test_the_last_set_up_counts(out: io.StringIO) -> None:
    setup_logging("debug", areas={"relay": "debug"}, stream=io.StringIO())
    setup_logging("info", format="json", stream=out)

    log("relay").debug("no")
    log("relay").info("once")

    assert [row["message"] for row in rows(out)] == ["once"]


# --- context ---


def test_contexts_nest_and_share_the_correlation_id(out: io.StringIO) -> None:
    setup_logging(format="json", stream=out)

    with log_context(repo="a") as outer:
        with log_context(event="e") as inner:
            log().info("inside")
        log().info("between")
    log().info("outside")

    inside, between, outside = rows(out)
    assert outer == inner
    assert (inside["repo"], inside["event"], inside["correlation_id"]) == ("a", "e", outer)
    assert "event" not in between
    assert "correlation_id" not in outside


async def test_each_task_has_its_own_context(out: io.StringIO) -> None:
    setup_logging(format="json", stream=out)

    async def work(name: str) -> str:
        with log_context(task=name) as correlation:
            await asyncio.sleep(0)
            log().info("work")
            return correlation

    one, two = await asyncio.gather(work("one"), work("two"))

    assert one != two
    assert {row["task"]: row["correlation_id"] for row in rows(out)} == {"one": one, "two": two}


# --- redaction ---

SECRETS = [
    ("token ghp_0123456789abcdef", "token ***"),
    ("ghs_01234567.abc-def_x, next", "***, next"),
    ("github_pat_11ABC_defghijk", "***"),
    ("key sk-ant-api03-abcdefgh", "key ***"),
    ("Authorization: Bearer abcdef123", "Authorization: ***"),
    ("{'authorization': 'token abcdef123'}", "{'authorization': '***'}"),
    ("{'x-api-key': 'abcdef123'}", "{'x-api-key': '***'}"),
    ("bearer abcdef123", "bearer ***"),
    ("postgresql://u:hunter2@h/d", "postgresql://u:***@h/d"),
    ("https://h/x?access_token=abc&page=2", "https://h/x?access_token=***&page=2"),
    ("eyJhbGciOi.eyJpc3Mi.c2ln", "***"),
    (f"key: {KEY}!", "key: ***!"),
    ("-----BEGIN PRIVATE KEY-----\nMIIabc cut", "***"),
    ("mail octo.cat+x@mail.example.org now", "mail [e-mail] now"),
]
HARMLESS = [
    "octo/crab#7: @alice opened a pull request",
    "https://api.github.com:443/repos/o/r?page=2&per_page=100",
    "task-scheduler risk-assessment",
    "token refreshed, basic understanding",
    "sqlite:////var/lib/meritocrab.db",
    "actions/checkout@v4 and pkg@1.2.3",
]


@pytest.mark.parametrize(("text", "clean"), SECRETS)
def test_secrets_are_masked(text: str, clean: str) -> None:
    cleaned = redact(text)

    assert cleaned.replace("Bearer ***", "***").replace("token ***'", "***'") == clean


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("shape", ["text", "json"])
def test_registered_secrets_are_masked_wherever_they_stand(out: io.StringIO, shape: str) -> None:
    setup_logging(format=shape, stream=out, secrets=["s3cret/value", "abc"], environ={})

    with log_context(where="at s3cret/value"):
        log().info("message s3cret/value")
        log().info("argument %s %r", "s3cret/value", {"k": "s3cret/value"})
        log().info("quoted s3cret%2Fvalue", extra={"more": ["s3cret/value"]})
        try:
            try:
                raise KeyError("s3cret/value")
            except KeyError as error:
                raise RuntimeError("url https://u:pw@h s3cret/value") from error
        except RuntimeError:
            log().exception("failed")

    text = out.getvalue()
    assert "s3cret" not in text
    assert "pw@" not in text
    assert text.count("***") >= 8


def test_arguments_that_do_not_fit_are_neither_lost_nor_shown(
    out: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.getLogger().handlers.clear()  # pytest's own handlers object to such records
    setup_logging(format="json", stream=out)

    log().info("%d items", "ghp_0123456789abcdef")

    assert rows(out)[0]["message"] == "%d items (its arguments do not fit)"
    assert capsys.readouterr().err == ""


def test_a_stream_that_is_gone_stops_nothing(out: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    setup_logging(stream=out)
    out.close()

    log().info("hello")

    assert capsys.readouterr().err == ""


def test_short_secrets_are_not_registered() -> None:
    register_secret("ab")

    assert redact("about") == "about"


# --- control characters ---

NASTY = "a\x1b[31m\r\nfake line\x00\u202e\ud800\u2028"


def test_a_message_is_one_line_without_control_characters(out: io.StringIO) -> None:
    setup_logging(stream=out, environ={})

    with log_context(title=NASTY):
        log().info("title %s", NASTY)

    assert out.getvalue().count("\n") == 1
    assert out.getvalue().rstrip("\n").isprintable()
    assert "\\x1b[31m\\r\\nfake line\\x00\\u202e\\ud800\\u2028" in out.getvalue()


def test_json_is_ascii_and_one_line(out: io.StringIO) -> None:
    setup_logging(format="json", stream=out)

    log().info("title %s", NASTY, extra={"number": float("nan"), "thing": object})

    assert out.getvalue().isascii()
    assert rows(out)[0]["message"] == f"title {NASTY}"
    assert rows(out)[0]["number"] == "nan"


def test_a_traceback_keeps_its_lines_indented(out: io.StringIO) -> None:
    setup_logging(stream=out, environ={})

    try:
        raise ValueError("x\x1by\n2026 INFO forged")
    except ValueError:
        log().exception("failed", stack_info=True)

    _, *lines = out.getvalue().splitlines()
    assert all(line.startswith("    ") for line in lines)
    assert "\x1b" not in out.getvalue()


def test_long_messages_are_cut(out: io.StringIO) -> None:
    setup_logging(stream=out, environ={})

    log().info("x" * 100_000)

    assert len(out.getvalue()) < 21_000
    assert "(100000 characters)" in out.getvalue()


def test_printable_text_is_not_touched() -> None:
    assert escaped("Grüße 🦀 ok") == "Grüße 🦀 ok"
    assert escaped("a\nb", keep="\n") == "a\nb"


def test_the_words_of_errors_are_cut_in_tracebacks(out: io.StringIO) -> None:
    setup_logging(format="json", stream=out)
    body = " ".join(f"petal{n}" for n in range(400))

    try:
        try:
            raise ValueError(f"row contains ({body})")
        except ValueError as cause:
            raise RuntimeError(body) from cause
    except RuntimeError:
        log().exception("failed")

    (row,) = rows(out)
    assert "petal9 " in str(row["exception"])
    assert "petal99 " not in str(row["exception"])
    assert "RuntimeError: petal0" in str(row["exception"])
    assert "ValueError: row contains (petal0" in str(row["exception"])


def test_an_empty_correlation_id_stands_for_none() -> None:
    with log_context(correlation_id="") as own:
        assert own
        assert correlation_id() == own
    assert correlation_id() == ""


def test_every_part_that_logs_has_a_level_of_its_own() -> None:
    sources = Path(meritocrab.__file__).parent.rglob("*.py")
    named = {
        name for file in sources for name in re.findall(r'getLogger\("meritocrab\.(\w+)', file.read_text())
    }
    assert named == set(get_args(Area))
