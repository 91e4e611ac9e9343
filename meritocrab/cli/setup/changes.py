"""From answers to keys of the configuration file: what is set, and what must go because it would contradict."""

from __future__ import annotations

from collections.abc import Mapping

from meritocrab.cli.setup.document import Value
from meritocrab.cli.setup.meanings import Key
from meritocrab.cli.setup.session import Answers, Secret, Session

TOKEN, KEY, LLM_KEY, DATABASE = "github-token", "github-private-key.pem", "llm-api-key", "database-url"
"""The names of the files that typed secrets go to, beside the configuration."""

_ACCESS = ("token", "token_file", "app_id", "private_key", "private_key_path")
_OTHERS = ("model", "base_url", "api_key", "api_key_file", "mock_script")
"""What belongs to one provider and means nothing, or something else, to another."""


def unwritten(answers: Answers) -> dict[str, str]:
    """The secrets that have yet to be written: file name and value."""
    named = {
        TOKEN: answers.token,
        KEY: answers.key,
        LLM_KEY: answers.llm_key,
        DATABASE: answers.database_secret,
    }
    return {name: secret.value for name, secret in named.items() if secret is not None and not secret.file}


def changes(session: Session, names: Mapping[str, str]) -> dict[Key, Value | None]:
    """What to set (None: to take away), when the unwritten secrets lie under these names."""
    answers = session.answers
    found: dict[Key, Value | None] = {}
    if answers.api_url is not None:
        found["github", "api_url"] = answers.api_url
    if answers.auth is not None:
        found |= {("github", key): value for key, value in _access(answers, names).items()}
    if answers.repositories is not None:
        found["github", "repositories"] = list(answers.repositories) or None
    if answers.provider is not None:
        found |= {("llm", key): value for key, value in _judge(session, names).items()}
    if answers.database or answers.database_url or answers.database_secret:
        found["database", "url"] = answers.database_url
        secret = answers.database_secret
        found["database", "url_file"] = _file(secret, DATABASE, names) if secret else None
    return found


def _access(answers: Answers, names: Mapping[str, str]) -> dict[str, Value | None]:
    values: dict[str, Value | None] = dict.fromkeys(_ACCESS)
    if answers.token is not None and answers.auth == "token":
        values["token_file"] = _file(answers.token, TOKEN, names)
    if answers.key is not None and answers.auth == "app":
        values |= {"app_id": answers.app_id, "private_key_path": _file(answers.key, KEY, names)}
    return values


def _judge(session: Session, names: Mapping[str, str]) -> dict[str, Value | None]:
    answers, present = session.answers, session.present.llm if session.present else None
    values: dict[str, Value | None] = {"provider": answers.provider}
    if present is None or present.provider != answers.provider:
        values |= dict.fromkeys(_OTHERS)
    given = {"model": answers.model, "base_url": answers.base_url}
    values |= {key: value for key, value in given.items() if value is not None}
    if answers.llm_key is not None:
        values |= {"api_key": None, "api_key_file": _file(answers.llm_key, LLM_KEY, names)}
    return values


def _file(secret: Secret, name: str, names: Mapping[str, str]) -> str:
    return secret.file or names[name]
