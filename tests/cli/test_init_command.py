"""`meritocrab init`: questions at a terminal, answers by options, and what becomes of a file that is there."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from meritocrab.cli.main import cli
from meritocrab.cli.setup import writing
from meritocrab.cli.setup.document import UnusualFile, begun, edited
from meritocrab.cli.setup.meanings import meanings
from tests.cli.home import APP, BLIND, TOKEN, Home, mode_of
from tests.evaluators.fake_vendors import FakeVendor

ENTER = ""
MINE = """\
# My own words.
enforcement = "label"  # for now

[github]
# ours
api_url = "{url}"
token_file = "token"
repositories = [
  "octo/garden",  # the first
]

# About the database.
[database]

# About polling.
[poll]
interval = 30
"""


def test_a_newcomer_answers_and_each_answer_is_checked_at_once(newcomer: Home) -> None:
    result = newcomer.converse(
        ("init", "--api-url", newcomer.github.url),
        ("How .*: ", "token"),
        ("empty: type it in", ENTER),
        ("is not shown", "ghp_wrongwrongwrong"),
        ("! .*401: Bad credentials(?s:.*)empty: type it in", ENTER),
        ("is not shown", TOKEN),
        ("knows it as @keeper \\(classic, scopes: repo\\)(?s:.*)Repository", "octo/nowhere"),
        ("! .*404(?s:.*)Repository", "octo/old-name"),
        ("! octo/old-name was renamed(?s:.*)Repository", "garden"),
        ("! garden: expected a repository(?s:.*)Repository", "octo/garden"),
        ("octo/garden: public, our role is maintain(?s:.*)Repository", "octo/attic"),
        ("Repository", ENTER),
        ("Provider", "heuristic"),
        ("Keep|Database", "sqlite"),
        ("the first run makes (?s:.*)Write this", "y"),
    )

    assert result.status == 0, result.out
    assert "Wrote " in result.out
    assert "meritocrab doctor" in result.out
    assert TOKEN not in result.out, "what is typed as a secret is not shown"
    assert TOKEN not in newcomer.config.read_text()
    token = newcomer.config.parent / "github-token"
    assert (token.read_text(), mode_of(token), mode_of(newcomer.config)) == (f"{TOKEN}\n", 0o600, 0o600)
    assert newcomer.values() == {
        "enforcement": "observe",
        "github": {
            "api_url": newcomer.github.url,
            "token_file": "github-token",
            "repositories": ["octo/garden", "octo/attic"],
        },
        "llm": {"provider": "heuristic"},
    }
    text = newcomer.config.read_text()
    assert "# The file that holds the token" in text
    assert "# The repositories to watch" in text
    check = newcomer.run("config", "check")
    assert (check.status, "warning" in check.out) == (0, False), check.out
    assert not (newcomer.folder / "state").exists()


def test_a_second_time_only_what_is_answered_anew_changes(newcomer: Home) -> None:
    newcomer.configure(MINE)
    newcomer.secret("config/meritocrab/token", TOKEN)
    before = newcomer.config.read_text()
    result = newcomer.converse(
        ("init",),
        ("How .*: ", ENTER),
        ("Keep the present one", ENTER),
        ("Watched: octo/garden(?s:.*)Keep these", ENTER),
        ("Repository", "octo/cellar"),
        ("octo/cellar: private(?s:.*)Repository", ENTER),
        ("Provider", ENTER),
        ("Keep it as it is", ENTER),
        ("Database: sqlite(?s:.*)Keep it", ENTER),
        ("Write this", ENTER),
    )

    assert result.status == 0, result.out
    after = newcomer.config.read_text()
    assert newcomer.values()["github"]["repositories"] == ["octo/garden", "octo/cellar"]
    kept = [line for line in before.splitlines() if line.startswith(("#", "[d", "[p", "i", "e", "t", "a"))]
    assert [line for line in after.splitlines() if line in kept] == kept
    again = newcomer.run("init", "--yes")
    assert (again.status, "Nothing to change." in again.out) == (0, True)
    assert newcomer.config.read_text() == after


@pytest.mark.parametrize("at", ["How .*: ", "Write this"])
def test_an_interrupt_leaves_nothing_behind(newcomer: Home, at: str) -> None:
    token = newcomer.secret("token", TOKEN)
    options = ("--token-file", str(token), "--repository", "octo/garden", "--provider", "heuristic")
    options = (*options, "--database", "sqlite") if at == "Write this" else ()
    result = newcomer.converse(("init", "--api-url", newcomer.github.url, *options), (at, b"\x04\x04"))
    assert result.status == 130, result.out
    assert newcomer.files() == set()


def test_all_by_options_and_a_secret_from_standard_input(newcomer: Home) -> None:
    result = newcomer.init("--token-file", "-", "--repository", "octo/garden", given=f"{TOKEN}\n")

    assert result.status == 0, result.err
    assert newcomer.files() == {"meritocrab.toml", "github-token"}
    assert TOKEN not in result.out + result.err
    assert newcomer.run("config", "check").status == 0


def test_without_a_terminal_what_is_missing_is_named(newcomer: Home) -> None:
    result = newcomer.run("init")
    assert result.status == 2
    for option in ("--token-file", "--app-id", "--no-credentials", "--repository", "--yes"):
        assert option in result.err
    assert "--private-key-path" in newcomer.init("--app-id", str(APP)).err
    assert newcomer.files() == set()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--token-file", "{folder}/none", "--repository", "octo/garden"), "there is no such file"),
        (("--token-file", "{bad}", "--repository", "octo/garden"), "401"),
        (("--token-file", "{token}", "--repository", "octo/nowhere"), "404"),
        (("--token-file", "{token}", "--repository", "octo/garden", "--app-id", "7"), "choose one of"),
        (("--token-file", "-", "--api-key-file", "-"), "one secret only"),
        (("--no-credentials", "--database", "postgresql://me:geheimgeheim@h/db"), "--database-url-file"),
        (
            ("--no-credentials", "--repository", "octo/garden", "--database", "mysql://h/db"),
            "expected sqlite:///",
        ),
        (("--no-credentials", "--repository", "octo/garden", "--provider", "claude"), "needs a key"),
    ],
)
def test_answers_that_do_not_fit_are_refused(newcomer: Home, options: tuple[str, ...], words: str) -> None:
    places = {
        "folder": str(newcomer.folder),
        "token": str(newcomer.secret("token", TOKEN)),
        "bad": str(newcomer.secret("bad", "ghp_badbadbadbad")),
    }
    result = newcomer.init(*(option.format(**places) for option in options))
    assert result.status in (1, 2, 78), result.out
    assert words in result.err
    assert "badbadbad" not in result.out + result.err
    assert newcomer.files() == set()


def test_no_check_needs_no_network(newcomer: Home) -> None:
    token = newcomer.secret("token", TOKEN)
    newcomer.github.stop()
    result = newcomer.init("--no-check", "--token-file", str(token), "--repository", "octo/garden")
    assert result.status == 0, result.err
    assert newcomer.values()["github"]["token_file"] == str(token)


def test_a_dry_run_shows_and_writes_nothing(newcomer: Home) -> None:
    options = ("--token-file", str(newcomer.secret("token", TOKEN)), "--repository", "octo/garden")
    result = newcomer.run("init", "--api-url", newcomer.github.url, "--dry-run", *options)
    assert (result.status, newcomer.files()) == (0, set()), result.err
    assert '+repositories = ["octo/garden"]' in result.out


def test_from_a_token_to_an_app_and_back(newcomer: Home) -> None:
    newcomer.add_app()
    token = newcomer.secret("token", TOKEN)
    assert newcomer.init("--token-file", str(token), "--repository", "octo/garden").status == 0
    before = newcomer.config.read_text()
    result = newcomer.init(
        "--app-id", str(APP), "--private-key-path", str(newcomer.pem), "--all-repositories"
    )

    assert result.status == 0, result.err
    assert "the App merit, installed on octo" in result.out
    github = newcomer.values()["github"]
    assert github == {
        "api_url": newcomer.github.url,
        "app_id": APP,
        "private_key_path": str(newcomer.pem),
    }
    elsewhere = newcomer.init("--repository", "octo/cellar")
    assert "the App is not installed on octo/cellar" in elsewhere.err
    assert newcomer.init("--token-file", str(token), "--repository", "octo/garden").status == 0
    assert [
        line for line in before.splitlines() if line not in newcomer.config.read_text().splitlines()
    ] == []


def test_a_key_of_a_model_is_looked_at_and_kept_apart(newcomer: Home) -> None:
    with FakeVendor() as vendor:
        vendor.offers, vendor.key = ("small-1",), "sk-goodgoodgood"
        options = ("--no-credentials", "--repository", "octo/garden", "--provider", "openai")
        options = (*options, "--base-url", f"{vendor.url}/v1", "--api-key-file", "-")
        refused = newcomer.init(*options, "--model", "small-1", given="sk-wrongwrong")
        assert "does not accept the API key" in refused.err
        unknown = newcomer.init(*options, "--model", "smal-1", given="sk-goodgoodgood")
        assert "has no model smal-1; set [llm] model to small-1" in unknown.err
        assert newcomer.files() == set()
        result = newcomer.init(*options, "--model", "small-1", given="sk-goodgoodgood")

    assert result.status == 0, result.err
    assert "has the model small-1" in result.out
    assert newcomer.values()["llm"]["api_key_file"] == "llm-api-key"
    assert mode_of(newcomer.config.parent / "llm-api-key") == 0o600
    assert newcomer.run("config", "check").status == 0
    # another provider does not inherit the address of this one
    assert newcomer.init("--provider", "heuristic").status == 0
    assert newcomer.values()["llm"] == {"provider": "heuristic"}


@pytest.mark.postgres
def test_an_address_with_a_password_becomes_a_file(newcomer: Home, postgres_url: str) -> None:
    url = newcomer.secret("url", postgres_url)
    options = ("--no-credentials", "--repository", "octo/garden", "--database-url-file")
    result = newcomer.init(*options, str(url))
    assert result.status == 0, result.err
    assert "answers, schema version " in result.out
    assert newcomer.values()["database"] == {"url_file": str(url)}
    assert (
        newcomer.init(*options, str(newcomer.secret("off", "postgresql://u:geheimnis@127.0.0.1:1/x"))).status
        == 75
    )


def test_a_broken_file_is_refused_with_its_line(newcomer: Home) -> None:
    for text, where in (("[github\n", ":1"), ("\n[poll]\nintervall = 3\n", ":3: poll.intervall")):
        newcomer.configure(text)
        result = newcomer.init("--no-credentials", "--repository", "octo/garden")
        assert result.status == 78
        assert f"{newcomer.config}{where}" in result.err
        assert newcomer.config.read_text() == text


def test_what_is_asked_here_can_be_mended_here(newcomer: Home) -> None:
    newcomer.configure(
        '# mine\n[github]\napi_url = "{url}"\ntoken_file = "gone"\nrepositories = ["octo/garden"]\n'
    )
    token = newcomer.secret("token", TOKEN)
    result = newcomer.init("--token-file", str(token), "--repository", "octo/garden")
    assert result.status == 0, result.err
    assert "there is no such file" in result.err
    assert newcomer.config.read_text().startswith("# mine\n")
    assert newcomer.run("config", "check").status == 0


def test_an_inline_secret_goes_and_is_not_shown(newcomer: Home) -> None:
    newcomer.configure(
        f'[github]\napi_url = "{{url}}"\ntoken = "{TOKEN}"\nrepositories = ["octo/garden"]\n', 0o640
    )
    token = newcomer.secret("token", TOKEN)
    result = newcomer.init("--token-file", str(token))
    assert result.status == 0, result.err
    assert TOKEN not in result.out + result.err + newcomer.config.read_text()
    assert mode_of(newcomer.config) == 0o640, "as it was"


def test_a_link_stays_one_and_a_token_without_rights_is_said(newcomer: Home) -> None:
    newcomer.config.parent.mkdir(parents=True)
    real = newcomer.folder / "real.toml"
    real.write_text("")
    newcomer.config.symlink_to(real)
    token = newcomer.secret("token", BLIND)
    result = newcomer.init("--token-file", str(token), "--repository", "octo/garden")
    assert result.status == 0, result.err
    assert "without the role write GitHub shows no roles, and nobody is gated" in result.out
    assert newcomer.config.is_symlink()
    assert "octo/garden" in real.read_text()


# --- the text


def test_every_key_that_init_may_write_has_its_meaning() -> None:
    known = meanings()
    for key in (("github", "token_file"), ("llm", "base_url"), ("database", "url_file"), ("", "enforcement")):
        assert known[key]
        assert all(line.startswith("# ") for line in known[key])


def test_the_example_is_filled_in_below_its_own_explanations() -> None:
    example = (Path(__file__).parents[2] / "config" / "meritocrab.example.toml").read_text()
    changed = edited(
        example, {("github", "token_file"): "t", ("github", "repositories"): ["a/b"], ("llm", "model"): "m"}
    )
    added = set(changed.splitlines()) - set(example.splitlines())
    assert added == {'token_file = "t"', 'repositories = ["a/b"]', 'model = "m"'}
    assert '#token_file = "/etc/meritocrab/github-token"\ntoken_file = "t"\n' in changed


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_new_key_stays_clear_of_the_next_table_s_comments(newline: str) -> None:
    text = newline.join(["[github]", 'token_file = "t" # keep', "", "# About the model.", "[llm]", ""])
    changed = edited(text, {("github", "repositories"): ["a/b"], ("llm", "provider"): "claude"})
    assert changed.replace(newline, "\n").endswith(
        'repositories = ["a/b"]\ntoken_file = "t" # keep\n\n# About the model.\n[llm]\n'
        + "\n".join((*meanings()["llm", "provider"], 'provider = "claude"\n'))
    )
    assert newline == "\n" or "\n" not in changed.replace("\r\n", "")


@pytest.mark.parametrize(
    "text",
    [
        'github.token_file = "t"\n',
        "[github]",
        "[database]\n[github.x]\n",
        '[llm]\n[github]\ntoken_file="""\n[x]\n"""',
    ],
)
def test_an_odd_file_is_changed_rightly_or_refused(text: str) -> None:
    changes = {("github", "token_file"): "u", ("github", "repositories"): ["a/b"]}
    try:
        changed = tomllib.loads(edited(text, changes))
    except UnusualFile:
        return
    wanted = tomllib.loads(text)
    wanted.setdefault("github", {}).update({"token_file": "u", "repositories": ["a/b"]})
    assert changed == wanted


def test_what_was_put_out_comes_back_in_its_place() -> None:
    full = edited(begun(), {("llm", "provider"): "openai", ("llm", "base_url"): "http://localhost:1/v1"})
    out = edited(full, {("llm", "base_url"): None})
    assert '#base_url = "http://localhost:1/v1"' in out.splitlines()
    assert edited(out, {("llm", "base_url"): "http://localhost:1/v1"}) == full


# --- writing


def test_nothing_takes_its_place_when_the_disk_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new" / "meritocrab.toml"

    def fails(_: int) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(writing.CannotWrite, match="No space left"):
        writing.write(path, lambda _: "", {"github-token": "x"}, lambda _: None, before="")
    assert list(tmp_path.iterdir()) == []


def test_what_somebody_else_wrote_meanwhile_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "meritocrab.toml"
    path.write_text("# theirs\n")
    with pytest.raises(writing.CannotWrite, match="changed meanwhile"):
        writing.write(path, lambda _: "ours", {}, lambda _: None, before="")
    assert path.read_text() == "# theirs\n"
    assert [each.name for each in tmp_path.iterdir()] == ["meritocrab.toml"]


def test_what_root_writes_the_system_s_daemon_may_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda _, uid, gid: owners.append((uid, gid)))
    monkeypatch.setattr(writing.grp, "getgrnam", lambda _: SimpleNamespace(gr_gid=4242))
    path = tmp_path / "etc" / "meritocrab.toml"
    writing.write(path, lambda _: "", {"github-token": "x"}, lambda _: None, before="")
    assert {mode_of(each) for each in (path, path.with_name("github-token"))} == {0o640}
    assert set(owners) == {(0, 4242)}


def test_help_says_that_a_new_one_only_observes() -> None:
    assert "only observes" in CliRunner().invoke(cli, ["init", "--help"]).output
