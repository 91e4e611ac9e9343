"""`meritocrab evaluate`: one thing judged from the command line, and everything about it shown."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from meritocrab.cli import evaluate as command
from meritocrab.cli import explaining
from meritocrab.cli import main as cli_main
from meritocrab.core.question import Question
from meritocrab.demo.github import SimulatedGitHub
from meritocrab.demo.world import World
from meritocrab.evaluators.base import build_evaluator
from tests.evaluators.fake_vendors import (
    FakeVendor,
    Play,
    Seen,
    chat_body,
    claude_body,
    claude_error,
    openai_error,
    response_body,
)

KEY = "sk-test-0123456789abcdefSECRET"


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("MERITOCRAB_") or name in ("CONFIGURATION_DIRECTORY", "STATE_DIRECTORY"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def vendor() -> Iterator[FakeVendor]:
    with FakeVendor() as server:
        server.play(Play(200, claude_body()))
        yield server


@pytest.fixture
def github() -> Iterator[SimulatedGitHub]:
    world = World(datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC))
    world.add_repository("octo/crab")
    world.add_user("walk-in")
    world.set_file("octo/crab", ".meritocrab.toml", 'judge_notes = "We like crabs."')
    patch = "@@ -1 +1,2 @@\n title\n+crabs walk sideways"
    files = [("README.md", 1, 0, patch)]
    world.open_pull("octo/crab", "walk-in", "Explain crabs", "I am @walk-in\u202e. <!-- hi -->", files=files)
    with SimulatedGitHub(world) as server:
        yield server


def configure(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "meritocrab.toml"
    file.write_text(text)
    file.chmod(0o600)
    return file


def claude(tmp_path: Path, vendor: FakeVendor, more: str = "") -> Path:
    llm = f'[llm]\nprovider = "claude"\napi_key = "{KEY}"\nbase_url = "{vendor.url}"\n'
    return configure(tmp_path, f"{more}\n{llm}")


class Run:
    """What one call of the command printed and how it ended."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *args: object) -> None:
        with pytest.raises(SystemExit) as caught:
            cli_main.main(["evaluate", *map(str, args)])
        self.status = caught.value.code or 0
        self.out, self.err = capsys.readouterr()
        assert KEY not in self.out + self.err


def test_a_file_is_judged_by_the_heuristic_provider(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "comment.md"
    text.write_text("Best online casino with a welcome bonus: https://lucky-spins.example")
    run = Run(capsys, "--file", text, "--kind", "comment", "--explain")

    assert run.status == 0
    assert "The provider heuristic sends nothing anywhere; a model would be sent this:" in run.out
    assert "spam (confidence 0." in run.out
    assert "a suspicion only" in run.out
    assert not (tmp_path / "state").exists(), "no database is needed, none is made"


def test_explain_shows_what_is_sent_and_what_came_back(
    tmp_path: Path, vendor: FakeVendor, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "body.md"
    text.write_text("It crashed.\x1b[31m")
    file = claude(tmp_path, vendor, 'judge_notes = "We want tests."')
    run = Run(capsys, "--file", text, "--title", "Fix the parser", "--explain", "--config", file)

    assert run.status == 0
    (seen,) = vendor.seen
    assert seen.body["system"] in run.out
    assert seen.body["system"].endswith("We want tests.")
    assert seen.body["messages"][0]["content"] in run.out
    assert '"enum"' in run.out
    assert '"classification": "acceptable"' in run.out
    assert (
        "acceptable (confidence 0.90)\nIt does what it says.\nby claude, model claude-haiku-5-5, 1,234"
        in run.out
    )
    assert "\x1b" not in run.out


def test_a_pull_request_is_fetched_with_its_files_and_the_policy_s_notes(
    tmp_path: Path, vendor: FakeVendor, github: SimulatedGitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    file = claude(tmp_path, vendor, f'[github]\napi_url = "{github.url}"\nrepositories = ["octo/crab"]')
    run = Run(capsys, "octo/crab#1", "--json", "--explain", "--config", file)

    assert run.status == 0, run.err
    values = json.loads(run.out)
    assert (values["provider"], values["classification"], values["error"]) == ("claude", "acceptable", None)
    assert values["flags"] == [
        {"code": "bidi_characters", "place": "text"},
        {"code": "html_comment", "place": "text"},
    ]
    assert values["prompt_version"] == values["explain"]["prompt_version"]
    assert values["explain"]["user"] == vendor.seen[0].body["messages"][0]["content"]
    assert "+crabs walk sideways" in values["explain"]["user"]
    assert "walk-in" not in values["explain"]["user"]
    assert values["explain"]["system"].endswith("We like crabs.")
    assert not (tmp_path / "state").exists()
    assert github.errors == []


@pytest.mark.parametrize(
    ("play", "said"),
    [
        (Play(401, claude_error("authentication_error", f"bad {KEY}")), "does not accept the API key"),
        (Play(200, claude_body({"classification": "x"})), "the model's class is x, not one of"),
    ],
)
def test_no_verdict_ends_with_1(
    play: Play, said: str, tmp_path: Path, vendor: FakeVendor, capsys: pytest.CaptureFixture[str]
) -> None:
    vendor.play(play)
    text = tmp_path / "body.md"
    text.write_text("x")
    run = Run(capsys, "--file", text, "--config", claude(tmp_path, vendor), "--explain")
    assert run.status == 1
    assert f"no verdict from claude: {run.out.partition('no verdict from claude: ')[2]}" in run.out
    assert said in run.out
    assert ('{"classification": "x"}' in run.out) is (play.status == 200), "what came back is shown"


def at_home(tmp_path: Path, url: str, more: str = "") -> Path:
    llm = f'[llm]\nprovider = "openai"\nbase_url = "{url}"\nmodel = "qwen3:8b"\ntimeout = 7\n'
    return configure(tmp_path, llm + more)


HOME: list[tuple[tuple[str, ...], tuple[str, ...], list[str]]] = [
    ((), (), ["responses_effort"]),
    (("reasoning",), (), ["responses_effort", "responses"]),
    ((), ("chat",), ["responses_effort", "chat_schema"]),
    (("response_format.type=json_schema",), ("chat",), ["responses_effort", "chat_schema", "chat_json"]),
    (("response_format",), ("chat",), ["responses_effort", "chat_schema", "chat_plain"]),
]


@pytest.mark.parametrize(("refuses", "knows", "dialects"), HOME)
def test_each_request_is_explained_as_it_was_sent(
    refuses: tuple[str, ...],
    knows: tuple[str, ...],
    dialects: list[str],
    tmp_path: Path,
    vendor: FakeVendor,
    capsys: pytest.CaptureFixture[str],
) -> None:
    vendor.refuses = refuses
    vendor.knows = ("/v1/chat/completions",) if knows else None
    vendor.play(Play(200, chat_body() if "chat" in dialects[-1] else response_body()))
    text = tmp_path / "body.md"
    text.write_text("It crashed.")
    file = at_home(tmp_path, f"{vendor.url}/v1")

    shown = Run(capsys, "--file", text, "--explain", "--config", file).out
    for number, (seen, dialect) in enumerate(zip(vendor.seen, dialects, strict=True), start=1):
        assert f"===== request {number} of {len(dialects)}: POST {vendor.url}{seen.path}\n" in shown
        assert f"model qwen3:8b, dialect {dialect}, prompt version" in shown
        texts = [seen.body.get("instructions"), seen.body.get("input")]
        texts += [message["content"] for message in seen.body.get("messages", ())]
        assert all(each in shown for each in texts if each)
    assert "at most 4,096 tokens out, at most 7 s for all requests" in shown
    assert "what came back: status 200, 1,234 tokens in, 80 tokens out\n{" in shown
    assert shown.count("You judge contributions") == len(set(map(_system, vendor.seen)))

    vendor.seen.clear()
    values = json.loads(Run(capsys, "--file", text, "--explain", "--json", "--config", file).out)["explain"]
    assert (values["sent"], values["timeout_seconds"]) == (True, 7)
    assert [each["request"] for each in values["requests"]] == [seen.body for seen in vendor.seen]
    assert [each["address"] for each in values["requests"]] == [
        vendor.url + seen.path for seen in vendor.seen
    ]
    assert [each["dialect"] for each in values["requests"]] == dialects
    assert [each["status"] for each in values["requests"][:-1]] == [
        404 if knows and seen.path == "/v1/responses" else 400 for seen in vendor.seen[:-1]
    ]
    last = values["requests"][-1]
    assert (last["status"], last["input_tokens"], last["output_tokens"]) == (200, 1234, 80)
    assert json.loads(last["answer"])["usage"]


def _system(seen: Seen) -> str:
    return seen.body["instructions"] if "instructions" in seen.body else seen.body["messages"][0]["content"]


def test_what_a_server_says_to_its_refusal_is_shown_bounded_and_without_the_key(
    tmp_path: Path, vendor: FakeVendor, capsys: pytest.CaptureFixture[str]
) -> None:
    vendor.play(Play(401, openai_error("x", f"no such key: {KEY} \x1b[31m" + "crab " * 5000)))
    text = tmp_path / "body.md"
    text.write_text("x")
    file = at_home(tmp_path, f"{vendor.url}/v1", f'api_key = "{KEY}"\n')
    run = Run(capsys, "--file", text, "--explain", "--config", file)

    assert "===== what came back: status 401, the first 8,000 of 25," in run.out
    assert "characters, secrets and e-mail addresses masked\n" in run.out
    assert '"no such key: ***' in run.out
    assert "\x1b" not in run.out

    (told,) = json.loads(Run(capsys, "--file", text, "--explain", "--json", "--config", file).out)["explain"][
        "requests"
    ]
    assert (told["status"], len(told["answer"]), told["is_cut"], told["is_masked"]) == (401, 8000, True, True)
    assert told["answer_characters"] > 25_000


async def test_without_a_key_nothing_was_sent_and_none_is_said_to_have_been() -> None:
    question = Question(1, "comment", "t", "A remark.", "l")
    outcome = await command._ask(build_evaluator("openai"), question)
    explained = json.loads(explaining.as_json(outcome, explain=True))["explain"]
    assert (explained["sent"], explained["requests"]) == (False, [])
    shown = "\n".join(explaining.as_text(outcome, explain=True))
    assert "The provider openai was sent nothing; a model would be sent this:" in shown
    assert "no verdict from openai: the provider 'openai' has no API key" in shown


def test_an_answer_that_never_came_is_said_where_it_would_stand(
    tmp_path: Path, vendor: FakeVendor, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "body.md"
    text.write_text("x")
    for url, is_sent in (("http://127.0.0.1:9/v1", False), (vendor.url, True)):
        vendor.play(Play(silent=True))
        file = at_home(tmp_path, url)
        run = Run(capsys, "--file", text, "--explain", "--config", file)
        assert "===== no answer: the provider cannot be reached" in run.out
        values = json.loads(Run(capsys, "--file", text, "--explain", "--json", "--config", file).out)
        assert values["explain"]["sent"] is is_sent
        assert [each["status"] for each in values["explain"]["requests"]] == [None]


@pytest.mark.parametrize("args", [(), ("octo/crab#1", "--stdin"), ("--stdin", "--file", __file__)])
def test_one_thing_has_to_be_named(args: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(capsys, *args)
    assert run.status == 2
    assert "name one thing to judge" in run.err


@pytest.mark.parametrize(
    "target", ["octo/crab", "octo/crab#0", "https://github.com/octo/crab/pull/1", "a/..#1"]
)
def test_a_target_is_a_pull_request(target: str, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(capsys, target)
    assert run.status == 2
    assert "OWNER/NAME#N" in run.err


def test_a_pull_request_that_is_not_there_is_said(
    tmp_path: Path, github: SimulatedGitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    file = configure(tmp_path, f'[github]\napi_url = "{github.url}"\n')
    run = Run(capsys, "octo/crab#99", "--config", file)
    assert run.status == 1
    assert "meritocrab: GET /repos/octo/crab/pulls/99" in run.err
