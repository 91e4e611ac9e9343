"""The daemon's configuration: where it comes from, what is checked, what is never shown, and that the examples hold."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_origin

import pytest
from pydantic import ValidationError
from pydantic_core import PydanticUndefined

from meritocrab.config import Config, find_config_file, load_config, masked_url
from meritocrab.core.names import Enforcement
from meritocrab.core.policy import Policy, PolicyRules, parse_repository_policy
from meritocrab.core.toml_errors import Expected, Table, dotted, table_of
from meritocrab.errors import ConfigError
from meritocrab.settings import GithubSettings, Settings

TOKEN = "ghp_0123456789abcdefSECRET"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0LWtleQ==\n-----END RSA PRIVATE KEY-----\n"
EXAMPLES = Path(__file__).parent.parent / "config"


class Home:
    """A machine with a configuration file, an environment and nothing of the developer's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "meritocrab.toml"
        self.environ: dict[str, str] = {
            "XDG_CONFIG_HOME": str(folder / "xdg-config"),
            "XDG_STATE_HOME": str(folder / "xdg-state"),
        }

    def write(self, name: str, text: str, mode: int = 0o600) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
        return file

    def load(self, text: str | None = None, **environ: str) -> Config:
        if text is None:
            return load_config(None, {**self.environ, **environ})
        self.write("meritocrab.toml", text)
        return load_config(self.file, {**self.environ, **environ})

    def problems(self, text: str | None = None, **environ: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            self.load(text, **environ)
        return [str(each).removeprefix(f"{self.file}:") for each in caught.value.problems]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


# --- finding the file ---


def test_without_a_file_the_defaults_are_in_use_and_said_so(home: Home) -> None:
    config = home.load()

    assert config.path is None
    assert config.base_policy == Policy()
    assert config.database_url == f"sqlite:///{home.folder}/xdg-state/meritocrab/meritocrab.db"
    assert config.poll.interval == 60
    assert any("no configuration file found" in warning for warning in config.warnings)
    assert any("nothing to watch" in warning for warning in config.warnings)


def test_the_file_is_looked_for_in_order(home: Home) -> None:
    environ = dict(home.environ)
    own = home.write("xdg-config/meritocrab/meritocrab.toml", "")
    assert find_config_file(None, environ) == own

    system = home.write("etc/meritocrab.toml", "")
    environ["CONFIGURATION_DIRECTORY"] = f"{home.folder}/none:{home.folder}/etc"
    assert find_config_file(None, environ) == system

    environ["MERITOCRAB_CONFIG"] = str(home.folder / "named.toml")
    assert find_config_file(None, environ) == home.folder / "named.toml"
    assert find_config_file("given.toml", environ) == Path("given.toml")


def test_a_named_file_must_be_readable_text(home: Home) -> None:
    (missing,) = home.problems(None, MERITOCRAB_CONFIG=f"{home.folder}/missing.toml")
    assert "there is no such file" in missing

    (folder,) = home.problems(None, MERITOCRAB_CONFIG=str(home.folder))
    assert "it is a directory" in folder

    home.file.write_bytes(b"# caf\xc3\xa9\n# caf\xe9\n")
    (latin,) = home.problems(None, MERITOCRAB_CONFIG=str(home.file))
    assert "line 2 is not UTF-8 text" in latin

    (beyond,) = home.problems(None, MERITOCRAB_CONFIG=f"{home.file}/x.toml")
    assert "not a directory" in beyond


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_a_problem_in_words(home: Home) -> None:
    home.write("meritocrab.toml", "", mode=0)

    (message,) = home.problems(None, MERITOCRAB_CONFIG=str(home.file))

    assert "this user may not read it" in message


def test_the_state_directory_is_systemds_or_the_users(home: Home) -> None:
    assert home.load(STATE_DIRECTORY="/var/lib/a:/var/lib/b").state_dir == Path("/var/lib/a")

    made = home.load().make_state_dir()

    assert made == home.folder / "xdg-state" / "meritocrab"
    assert made.stat().st_mode & 0o777 == 0o700
    assert home.load().make_state_dir() == made


def test_a_state_directory_that_cannot_be_made_is_a_config_error(home: Home) -> None:
    blocked = home.write("file", "")

    with pytest.raises(ConfigError, match="state directory cannot be created"):
        home.load(STATE_DIRECTORY=str(blocked / "state")).make_state_dir()


# --- precedence ---


def test_the_environment_goes_before_credentials_and_those_before_the_file(home: Home) -> None:
    text = f'[github]\ntoken = "{TOKEN}-file"\nrepositories = ["o/r"]'
    home.write("credentials/github-token", f"{TOKEN}-credential\n")
    credentials = {"CREDENTIALS_DIRECTORY": str(home.folder / "credentials")}

    assert _token(home.load(text)) == f"{TOKEN}-file"
    assert _token(home.load(text, **credentials)) == f"{TOKEN}-credential"
    assert _token(home.load(text, **credentials, MERITOCRAB_GITHUB__TOKEN=f"{TOKEN}-env")) == f"{TOKEN}-env"


def _token(config: Config) -> str:
    assert config.github.token is not None
    return config.github.token.get_secret_value()


def test_variables_set_every_kind_of_key(home: Home) -> None:
    config = home.load(
        "[poll]\ninterval = 100\n[credit.pr_opened]\nspam = -9",
        MERITOCRAB_POLL__INTERVAL="5",
        MERITOCRAB_ANSWER_COMMANDS="no",
        MERITOCRAB_LLM__CONFIDENCE="0.5",
        MERITOCRAB_RELAY__SETTLE="2",
        MERITOCRAB_CREDIT__PR_OPENED__LOW="-7",
        MERITOCRAB_CREDIT__PR_MERGED__BONUS="3",
        MERITOCRAB_BLACKLIST__DELAY="1, 2",
        MERITOCRAB_EXEMPT__USERS="[1, 2]",
        MERITOCRAB_GITHUB__REPOSITORIES="o/r,o/s",
        MERITOCRAB_GITHUB__API_URL="http://127.0.0.1:8000/",
        MERITOCRAB_LOGGING__AREAS__RELAY="debug",
        MERITOCRAB_ROLES__COMMANDERS="admin",
    )

    assert (config.poll.interval, config.poll.min_interval, config.poll.max_interval) == (5, 5, 900)
    assert config.llm.confidence == 0.5
    assert config.relay.settle == 2
    policy = config.policy_for("o/r")
    assert (policy.pr_opened.spam, policy.pr_opened.low, policy.pr_merged.high) == (-9, -7, 3)
    assert policy.llm.confidence == 0.5
    assert policy.blacklist.delay == (1, 2)
    assert policy.exempt.users == (1, 2)
    assert config.github.repositories == ("o/r", "o/s")
    assert config.github.api_url == "http://127.0.0.1:8000"
    assert config.logging.areas == {"relay": "debug"}
    assert [role.value for role in policy.roles.commanders] == ["admin"]


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("MERITOCRAB_POLL__INTERVAL", "fast", "poll.interval: expected an integer number of seconds"),
        ("MERITOCRAB_POLL__INTERVALL", "5", "unknown key; did you mean MERITOCRAB_POLL__INTERVAL?"),
        ("MERITOCRAB_POLL__INTERVAL__X", "5", "unknown key; interval holds no keys"),
        ("MERITOCRAB_ENFORCMENT", "close", "unknown key; did you mean MERITOCRAB_ENFORCEMENT?"),
        ("MERITOCRAB_REPOSITORY__X", "5", "tables of single repositories can only stand in the file"),
        ("MERITOCRAB_ANSWER_COMMANDS", "maybe", 'answer_commands: expected true or false, found "maybe"'),
        ("MERITOCRAB_EXEMPT__USERS", "octocat", "exempt.users[0]: expected a list of up to 1000 numeric"),
        ("MERITOCRAB_EXEMPT__USERS", "[1", "exempt.users: expected a list of up to 1000 numeric"),
        ("MERITOCRAB_RELAY", "5", "names a whole table; set one of MERITOCRAB_RELAY__SETTLE"),
        ("MERITOCRAB_ZZZ__KEY", "5", "unknown key; known here: MERITOCRAB_ENFORCEMENT"),
    ],
)
def test_errors_name_the_variable(home: Home, variable: str, value: str, message: str) -> None:
    (problem,) = home.problems("", **{variable: value})

    assert problem.startswith(f"{variable}: {message}")


def test_empty_and_unknown_variables_do_no_harm(home: Home) -> None:
    config = home.load("", MERITOCRAB_GITHUB__TOKEN="", MERITOCRAB_ZZZ="1")

    assert config.github.token is None
    assert "MERITOCRAB_ZZZ: unknown variable, ignored" in config.warnings


def test_a_variable_goes_before_the_other_spelling_of_the_same_secret(home: Home) -> None:
    text = '[github]\ntoken_file = "missing"\nrepositories = ["o/r"]\n[database]\nurl_file = "missing"'

    config = home.load(text, MERITOCRAB_GITHUB__TOKEN=TOKEN, MERITOCRAB_DATABASE__URL="sqlite:///x.db")

    assert _token(config) == TOKEN
    assert config.database_url == f"sqlite:///{config.state_dir / 'x.db'}"


# --- secrets ---


def test_secrets_are_read_from_files_beside_the_configuration(home: Home) -> None:
    home.write("app.pem", PEM)
    home.write("key", "sk-0123456789\n")
    home.write("db", "postgres://u:hunter2@h/d\n")

    config = home.load(
        '[github]\napp_id = 7\nprivate_key_path = "app.pem"\n'
        '[llm]\napi_key_file = "key"\n[database]\nurl_file = "db"'
    )

    assert config.github.auth == "app"
    assert config.github.private_key is not None
    assert config.github.private_key.get_secret_value() == PEM.strip()
    assert config.llm.api_key is not None
    assert config.llm.api_key.get_secret_value() == "sk-0123456789"
    assert config.database_url == "postgresql://u:hunter2@h/d"
    assert set(config.secrets()) == {PEM.strip(), "sk-0123456789", "hunter2"}


def test_a_secret_file_that_cannot_be_used_is_a_problem_with_its_line(home: Home) -> None:
    home.write("short", "x")
    home.write("pem", f"not a key {TOKEN}")

    found = home.problems(
        '[github]\nrepositories = ["o/r"]\ntoken_file = "missing"\n[llm]\napi_key_file = "short"'
    )
    (pem,) = home.problems('[github]\napp_id = 7\nprivate_key_path = "pem"')

    assert found[0].startswith("3: github.token_file:")
    assert found[0].endswith("there is no such file")
    assert found[1].startswith("5: llm.api_key_file:")
    assert "is not a private key" in pem
    assert TOKEN not in pem


SECRET_MISTAKES = [
    f'[github]\ntoken = "{TOKEN} {TOKEN}"',
    f"[github]\ntoken = ['{TOKEN}']",
    f'[github]\napp_id = "{TOKEN}"',
    f'github = "{TOKEN}"',
    f'[github]\nprivate_key = "{TOKEN}"\napp_id = 1',
    f'[github]\nrepositories = ["{TOKEN}"]',
    f'[github]\napi_url = "https://u:{TOKEN}@h"',
    f'[llm]\napi_key = "{TOKEN} "',
    f'[llm]\nprovider = "{TOKEN}"',
    f'[database]\nurl = "mysql://u:{TOKEN}@h/d"',
    f'[database]\nurl = "postgresql://u:{TOKEN}@h:port/d"',
    f'[database]\nurl = "postgresql://u:{TOKEN}@h"',
    f'[github]\ntoken = "{TOKEN}',
    f'[github]\ntoken = "{TOKEN}"\ntoken_file = "x"',
    f'[github]\ntoken = "{TOKEN}"\nrepositories = [',
]


@pytest.mark.parametrize("text", SECRET_MISTAKES)
def test_no_error_shows_a_secret(home: Home, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        home.load(text)

    assert TOKEN not in str(caught.value)
    assert TOKEN not in repr(caught.value)
    assert TOKEN not in repr(caught.value.problems)


def test_validation_errors_do_not_repeat_their_input() -> None:
    with pytest.raises(ValidationError) as caught:
        GithubSettings.model_validate({"token": [TOKEN], "app_id": TOKEN, "timeout": TOKEN})

    assert TOKEN not in str(caught.value)


def test_nothing_that_is_shown_holds_a_secret(home: Home) -> None:
    config = home.load(
        f'[github]\ntoken = "{TOKEN}"\nrepositories = ["o/r"]\n[llm]\napi_key = "sk-{TOKEN}"\n'
        f'[database]\nurl = "postgresql://u:{TOKEN}@h/d"\n'
        f'[notify]\nurl = "https://ntfy.example/topic"\ntoken = "tk_{TOKEN}"'
    )

    for shown in (
        repr(config),
        str(config),
        str(config.masked()),
        str(config.sources()),
        str(config.warnings),
    ):
        assert TOKEN not in shown
    assert config.masked()["database"]["url"] == "postgresql://u:**********@h/d"


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("sqlite:///a/b.db", "sqlite:///a/b.db"),
        ("sqlite:////a/b.db", "sqlite:////a/b.db"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("postgresql://u:p%40w@h:5/d", "postgresql://u:**********@h:5/d"),
        ("postgresql://u:p:w@h/d", "postgresql://u:**********@h/d"),
        ("postgresql:///d?host=/run&password=x&a=b", "postgresql:///d?host=/run&password=**********&a=b"),
        ("postgresql://u:p@[::1", "**********"),
    ],
)
def test_passwords_in_addresses_are_masked(url: str, masked: str) -> None:
    assert masked_url(url) == masked


def test_files_with_secrets_that_everybody_can_read_are_warned_about(home: Home) -> None:
    text = f'[github]\ntoken = "{TOKEN}"\nrepositories = ["o/r"]'
    home.load(text)
    home.file.chmod(0o644)
    home.write("token", TOKEN, mode=0o644)

    by_value = load_config(home.file, home.environ).warnings
    by_file = home.load('[github]\ntoken_file = "token"\nrepositories = ["o/r"]').warnings

    assert [warning for warning in by_value if "chmod 600" in warning and str(home.file) in warning]
    assert [warning for warning in by_file if "chmod 600" in warning and "token:" in warning]
    assert not home.load(text).warnings


def test_a_readable_file_without_secrets_is_fine(home: Home) -> None:
    home.write(
        "meritocrab.toml", '[database]\nurl = "sqlite:///x.db"\n[github]\nrepositories=["o/r"]', mode=0o644
    )

    assert load_config(home.file, home.environ).warnings == ()


# --- what is checked ---


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[poll]\nintervall = 5", '2: poll.intervall: unknown key; did you mean "interval"?'),
        (
            '[poll]\ninterval = "fast"',
            '2: poll.interval: expected an integer number of seconds between 1 and 86400, found "fast"',
        ),
        ("[poll]\ninterval = 0", "2: poll.interval: expected an integer number of seconds"),
        (
            "[poll]\ninterval = 5\nmin_interval = 6",
            "3: poll.min_interval: min_interval (6) is above interval (5)",
        ),
        (
            "[poll]\ninterval = 5\nmax_interval = 4",
            "3: poll.max_interval: max_interval (4) is below interval (5)",
        ),
        ("pr_threshold = 5", "1: pr_threshold: unknown key here; it belongs in [credit]"),
        ("[credit]\npr_threshold = 0", "2: credit.pr_threshold: pr_threshold (0) must be above"),
        ('[github]\ntoken = "ghp_12345678"', "2: github.token: with a token, name what to watch"),
        ("[github]\napp_id = 5", "2: github.app_id: an App needs its private key; set private_key_path"),
        (
            '[github]\nprivate_key_path = "x"',
            "2: github.private_key_path: a private key needs its App; set app_id",
        ),
        (
            '[github]\napi_url = "http://ghe.example"',
            "2: github.api_url: http would send the token in the clear",
        ),
        ('[github]\napi_url = "ftp://x"', "2: github.api_url: is not an address"),
        (
            '[github]\nrepositories = ["https://github.com/o/r"]',
            '2: github.repositories[0]: expected a repository written "owner/name"',
        ),
        ('[github]\nrepositories = ["o/r", "O/R"]', '2: github.repositories: lists "O/R" twice'),
        (
            '[notify]\nurl = "http://ntfy.example/topic"',
            "2: notify.url: http would send what happens here in the clear",
        ),
        (
            '[notify]\nurl = "https://u:p@ntfy.example/topic"',
            "2: notify.url: must hold a host and a path only",
        ),
        (
            '[notify]\ntoken = "tk_12345678"',
            "2: notify.token: a token needs the address that takes it; set url",
        ),
        (
            '[notify]\nevents = ["merge"]',
            '2: notify.events[0]: expected a list out of "queue", "close", "error" and "breaker"',
        ),
        ("[breaker]\ncloses_per_hour = -1", "2: breaker.closes_per_hour: expected a whole number between 0"),
        ('[database]\nurl = "sqlite://x.db"', "2: database.url: needs three slashes and a path"),
        (
            '[llm]\nprovider = "claude"',
            '2: llm.provider: the "claude" provider needs a key; set api_key_file',
        ),
        (
            '[llm]\nprovider = "openai"',
            '2: llm.provider: the "openai" provider needs a key, or a server of yours',
        ),
        (
            '[llm]\nprovider = "gemini"',
            '2: llm.provider: expected "heuristic", "claude", "openai" or "mock", found "gemini"',
        ),
        (
            '[llm]\nmock_script = "x"',
            '2: llm.mock_script: only the "mock" provider reads a script; remove it',
        ),
        (
            '[logging]\nlevel = "loud"',
            '2: logging.level: expected "debug", "info", "warning" or "error", found "loud"',
        ),
        ("repository = 5", "1: repository: expected a table for each repository, written"),
        ("[repository.name]", "1: repository.name: expected a repository in quotes, written"),
        ('[repository."o/r"]\nintervall = 5', '2: repository."o/r".intervall: unknown key'),
        (
            '[repository."o/r"]\npr_threshold = 0',
            '2: repository."o/r".pr_threshold: pr_threshold (0) must be above',
        ),
        (
            '[repository."o/r".credit]\nenforcement = "close"',
            '2: repository."o/r".credit.enforcement: unknown key',
        ),
        (
            '[repository."o/r"]\npr_threshold = 5\ncredit.pr_threshold = 5',
            '3: repository."o/r".credit.pr_threshold: is set twice',
        ),
        ('[repository."o/r"]\n[repository."O/R"]', '2: repository."O/R": this repository has two tables'),
    ],
)
def test_a_message_says_where_what_and_what_to_do(home: Home, text: str, message: str) -> None:
    (problem,) = home.problems(text)

    assert problem.startswith(message)


def test_all_problems_are_told_at_once(home: Home) -> None:
    found = home.problems(
        'enforcement = "shut"\n[poll]\nmin_interval = 70\nmax_interval = "x"\n[repository."o/r"]\nx = 1',
        MERITOCRAB_LLM__CONFIDENCE="2",
    )

    assert [each.partition(":")[0] for each in found] == ["1", "3", "4", "6", "MERITOCRAB_LLM__CONFIDENCE"]


@pytest.mark.parametrize("key", ['enforcement = "label"', "answer_commands = true"])
@pytest.mark.parametrize("table", ["", '[repository."o/r"]\n'])
def test_without_credentials_nothing_can_be_written(home: Home, key: str, table: str) -> None:
    (problem,) = home.problems(table + key)

    assert "nothing can be written without a token or an App" in problem


def test_broken_credentials_are_the_only_complaint(home: Home) -> None:
    (problem,) = home.problems('enforcement = "close"\n[github]\nrepositories = ["o/r"]\ntoken = "short"')

    assert problem.startswith("4: github.token: is not a token")


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1:8000", "[::1]:8000", "api.localhost"])
def test_http_is_for_this_machine(home: Home, host: str) -> None:
    assert home.load(f'[github]\napi_url = "http://{host}/api/v3/"').github.api_url == f"http://{host}/api/v3"


@pytest.mark.parametrize(
    "host", ["localhost:1", "10.0.0.7:8000", "[fd00::7]", "ntfy", "ntfy.home.arpa", "nas.local"]
)
def test_notifications_may_go_in_the_clear_at_home(home: Home, host: str) -> None:
    assert home.load(f'[notify]\nurl = "http://{host}/topic"').notify.url == f"http://{host}/topic"


def test_people_look_at_repositories_where_the_api_belongs_to(home: Home) -> None:
    assert home.load().github.web_url == "https://github.com"
    loaded = home.load('[github]\napi_url = "https://ghe.example/api/v3"')
    assert loaded.github.web_url == "https://ghe.example"


def test_intervals_go_down_to_a_second(home: Home) -> None:
    poll = home.load("[poll]\ninterval = 1\nmin_interval = 1\nmax_interval = 1\nreview_interval = 1").poll

    assert (poll.interval, poll.min_interval, poll.max_interval, poll.review_interval) == (1, 1, 1, 1)
    assert home.load("[poll]\ninterval = 5000").poll.max_interval == 5000


@pytest.mark.parametrize(("host", "warned"), [("10.0.0.7", True), ("localhost", False), ("127.0.0.1", False)])
def test_a_model_elsewhere_in_the_house_is_warned_about_without_tls(
    home: Home, host: str, warned: bool
) -> None:
    loaded = home.load(f'[llm]\nprovider = "openai"\nbase_url = "http://{host}:11434/v1"')
    assert any("llm.base_url: http sends the contributions" in each for each in loaded.warnings) == warned


def test_legal_settings_that_are_probably_meant_otherwise_are_warned_about(home: Home) -> None:
    warnings = home.load(
        '[github]\nrepositories = ["octo/crab", "octo/shrimp"]\n[relay]\nsettle = 1\nwrite_spacing = 0\n'
        '[llm]\nprovider = "mock"\n[credit]\npr_threshold = 150\n[repository."octo/crap"]\n'
    ).warnings

    text = "\n".join(warnings)
    assert "credit.pr_threshold: newcomers start with 100 credit" in text
    assert 'did you mean "octo/crab"?' in text
    assert "60 requests an hour" in text
    assert "relay.settle" in text
    assert "relay.write_spacing" in text
    assert "the mock provider's verdicts mean nothing" in text


def test_the_script_of_the_mock_provider_is_found_beside_the_file(home: Home) -> None:
    script = home.write("answers.json", "[]")

    config = home.load('[llm]\nprovider = "mock"\nmock_script = "answers.json"')
    (problem,) = home.problems('[llm]\nprovider = "mock"\nmock_script = "missing.json"')

    assert config.llm.mock_script == str(script)
    assert "there is no such file" in problem


# --- policies ---


def test_a_repositorys_table_lies_over_the_rest(home: Home) -> None:
    config = home.load(
        f'enforcement = "label"\n[github]\ntoken = "{TOKEN}"\nrepositories = ["Octo/Crab", "octo/other"]\n'
        "[credit]\npr_threshold = 60\n[credit.pr_merged]\nbonus = 9\n"
        '[repository."Octo/Crab"]\nenforcement = "close"\ncomment.spam = -99\n'
        '[repository."Octo/Crab".credit]\npr_threshold = 70\npr_merged.bonus = 8\n'
        '[repository."Octo/Crab".llm]\nconfidence = 0.9\n'
    )

    crab, other = config.policy_for("octo/CRAB"), config.policy_for("octo/other")

    assert crab.enforcement is Enforcement.CLOSE
    assert (crab.pr_threshold, crab.comment.spam, crab.pr_merged.high) == (70, -99, 8)
    assert crab.llm.confidence == 0.9
    assert other == config.base_policy
    assert other.enforcement is Enforcement.LABEL
    assert (other.pr_threshold, other.comment.spam, other.pr_merged.high) == (60, -10, 9)
    assert crab.sources()["pr_threshold"] == "configuration for this repository"
    assert crab.sources()["pr_merged.acceptable"] == "configuration for this repository"
    assert other.sources()["pr_threshold"] == "configuration"
    assert other.sources()["comment.spam"] == "default"


def test_the_rules_of_a_repository_are_checked_with_those_below(home: Home) -> None:
    text = (
        '[credit]\nstarting_credit = 300\npr_threshold = 200\n[repository."o/r"]\nblacklist_threshold = 150'
    )

    assert home.load(text).policy_for("o/r").blacklist_threshold == 150


def test_sources_tell_the_line_or_the_variable(home: Home) -> None:
    config = home.load(
        '[github]\nrepositories = ["o/r"]\n[credit.pr_merged]\nbonus = 9\n[repository."o/r".credit]\npr_threshold = 70',
        MERITOCRAB_POLL__INTERVAL="5",
    )

    sources = config.sources()

    assert sources["poll.interval"] == "MERITOCRAB_POLL__INTERVAL"
    assert sources["credit.pr_merged.high"] == f"{home.file}:4"
    assert sources["credit.pr_merged.spam"] == "default"
    assert sources['repository."o/r".credit.pr_threshold'] == f"{home.file}:6"
    assert sources["relay.settle"] == "default"
    assert set(sources) == set(_keys(config.masked()))


def _keys(values: Mapping[str, Any], prefix: tuple[str, ...] = ()) -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _keys(value, (*prefix, key))
        else:
            yield dotted((*prefix, key))


# --- the examples ---


def test_every_setting_can_say_what_it_expects() -> None:
    silent = [
        key
        for key, field in _fields(Settings)
        if not any(isinstance(each, Expected) for each in field.metadata)
    ]

    assert silent == []


def _fields(table: type[Table], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, field in table.model_fields.items():
        inner = table_of(field.annotation)
        if inner is None:
            yield prefix + name, field
        else:
            yield from _fields(inner, f"{prefix}{name}.")


def _default(field: Any) -> Any:
    """A key's default as TOML would hold it; None for keys without one."""
    default = field.get_default(call_default_factory=True)
    assert default is not PydanticUndefined
    return list(default) if isinstance(default, tuple) else default


def _uncommented(text: str) -> str:
    return re.sub(r"(?m)^#(?=\"?[a-z_-]+\"? = |\[)", "", text)


def _example(name: str) -> tuple[str, dict[str, Any]]:
    text = (EXAMPLES / name).read_text()
    values = tomllib.loads(_uncommented(text))
    values.pop("repository", None)
    return text, {key: _at(values, key) for key in _keys(values)}


def _at(values: dict[str, Any], key: str) -> Any:
    for part in key.split("."):
        values = values[part]
    return values


@pytest.mark.parametrize(("name", "model"), [("meritocrab", Settings), ("repository", PolicyRules)])
def test_an_example_holds_every_key_with_its_default(name: str, model: type[Table]) -> None:
    _, shown = _example(f"{name}.example.toml")
    known = dict(_fields(model))
    tables = ("logging.areas", "llm.prices")
    shown = {
        next((table for table in tables if key.startswith(f"{table}.")), key): value
        for key, value in shown.items()
    }

    assert set(shown) == set(known)
    for key, field in known.items():
        default = _default(field)
        if default is not None and get_origin(field.annotation) is not dict:
            assert shown[key] == default, key


@pytest.mark.parametrize(("name", "model"), [("meritocrab", Settings), ("repository", PolicyRules)])
def test_an_example_says_the_default_of_every_key(name: str, model: type[Table]) -> None:
    text, _ = _example(f"{name}.example.toml")
    text = text.partition("# A repository's own rules:")[0] or text
    lines = text.splitlines()

    for number, line in enumerate(lines):
        if re.match(r"#[a-z_]+ = ", line):
            assert "Default:" in _comment_above(lines, number) or "the default is" in _comment_above(
                lines, number
            ), line


def _comment_above(lines: list[str], number: int) -> str:
    above: list[str] = []
    for line in reversed(lines[:number]):
        if not line.startswith("# "):
            break
        above.insert(0, line[2:])
    return " ".join(above)


def test_the_example_as_it_is_changes_nothing(home: Home) -> None:
    config = load_config(EXAMPLES / "meritocrab.example.toml", home.environ)

    assert config.base_policy == Policy()
    assert config.settings == Settings()


def test_the_example_with_every_default_written_out_changes_nothing(home: Home) -> None:
    text, shown = _example("meritocrab.example.toml")
    without_default = [
        key for key, field in _fields(Settings) if not _default(field) and key != "judge_notes"
    ]
    optional = {key.rpartition(".")[2] for key in without_default} & {
        *("token", "token_file", "app_id", "private_key", "private_key_path", "url", "url_file", "model"),
        *("api_key", "api_key_file", "base_url", "mock_script", "denied", "blacklisted", "relay"),
        *(f"max_{what}_per_day_per_repository" for what in ("tokens", "cost")),
        *("max_cost_per_day", "socket", "listen"),
    }

    kept = "\n".join(
        line
        for line in text.splitlines()
        if line[1:].partition(" = ")[0] not in {*optional, "relay", '"name-of-the-model"'}
    )
    config = home.load(_uncommented(kept))

    assert config.base_policy.fingerprint() == Policy().fingerprint()
    assert config.settings.model_dump() == Settings().model_dump()
    assert config.policy_for("owner/name").fingerprint() == Policy().fingerprint()
    assert shown["github.timeout"] == 30


def test_the_example_of_a_repository_changes_nothing() -> None:
    text = (EXAMPLES / "repository.example.toml").read_text()
    kept = re.sub(r"(?m)^#(denied|blacklisted) = .*$", "", text)

    assert parse_repository_policy(text, Policy(), "x").policy == Policy()
    written_out = parse_repository_policy(_uncommented(kept), Policy(), "x")
    assert written_out.notices == ()
    assert written_out.policy.fingerprint() == Policy().fingerprint()
    assert parse_repository_policy(_uncommented(text), Policy(), "x").policy.wording.denied is not None
