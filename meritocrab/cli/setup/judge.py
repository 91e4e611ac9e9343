"""Who judges contributions: the provider is looked at at once, and nothing is spent."""

from __future__ import annotations

import click

from meritocrab.cli.checks.base import Status
from meritocrab.cli.checks.provider import check_provider
from meritocrab.cli.setup.session import Session, Unfit, ask_secret, choose
from meritocrab.core.toml_errors import Places, validate
from meritocrab.settings import LlmSettings

PROVIDERS = ("heuristic", "claude", "openai")


def settle_provider(session: Session) -> None:
    """Who judges, with key, address and model where it needs them."""
    answers = session.answers
    present = session.present.llm if session.present else LlmSettings()
    given = answers.provider
    if given is None and not session.asking:
        if answers.model or answers.base_url or answers.llm_key:
            answers.provider = given = present.provider
        else:
            return
    if given is None:
        click.echo("Contributions are judged by built-in rules (nothing leaves this machine), or by a model.")
        given = choose("Provider", _choices(present), present.provider)
        if given == present.provider and session.present and click.confirm("Keep it as it is?", default=True):
            return
        _settle_by_asking(session, given)
    elif session.asking and _lacks_key(session, given):
        _settle_by_asking(session, given)
    else:
        session.settle(given, lambda: given, lambda name: _verify(session, name))
    answers.provider = given


def _settle_by_asking(session: Session, provider: str) -> None:
    options = session.answers.model, session.answers.base_url, session.answers.llm_key

    def ask() -> str:
        session.answers.model, session.answers.base_url, session.answers.llm_key = options
        return _ask(session, provider)

    session.settle(None, ask, lambda _: _verify(session, provider))


def _lacks_key(session: Session, provider: str) -> bool:
    """Does it want a key, and has none, neither given nor from before?"""
    answers, present = session.answers, session.present.llm if session.present else None
    at_home = provider == "openai" and answers.base_url is not None
    kept = present is not None and present.provider == provider and present.api_key is not None
    return provider in ("claude", "openai") and not at_home and answers.llm_key is None and not kept


def _choices(present: LlmSettings) -> tuple[str, ...]:
    """Those to choose from; the one for trials is offered to whoever has it already."""
    return PROVIDERS if present.provider in PROVIDERS else (*PROVIDERS, present.provider)


def _ask(session: Session, provider: str) -> str:
    """Ask for what this provider needs, as far as no option gave it."""
    answers = session.answers
    if provider not in ("claude", "openai"):
        return provider
    if provider == "openai" and answers.base_url is None:
        words = "Address of a server of your own (empty: OpenAI's)"
        answers.base_url = click.prompt(words, default="", show_default=False) or None
    wants_key = answers.base_url is None or click.confirm("Does it want a key?", default=False)
    if answers.llm_key is None and wants_key:
        answers.llm_key = ask_secret("the API key", "the key")
    answers.model = answers.model or click.prompt("Model", default=_default_model(provider))
    return provider


def _default_model(provider: str) -> str:
    from meritocrab.evaluators.base import build_evaluator

    return build_evaluator(provider).model


def effective(session: Session, provider: str) -> LlmSettings:
    """The settings that the answers lead to; those of another provider do not count.

    Raises:
        ConfigError: they cannot be used.
    """
    answers, present = session.answers, session.present.llm if session.present else None
    kept = present.model_dump(exclude_unset=True) if present and present.provider == provider else {}
    kept.pop("api_key_file", None)
    given = {"provider": provider, "model": answers.model, "base_url": answers.base_url}
    key = answers.llm_key.value if answers.llm_key else kept.pop("api_key", None)
    values = {**kept, **{name: value for name, value in given.items() if value is not None}}
    values |= {"api_key": getattr(key, "get_secret_value", lambda: key)()} if key else {}
    return validate(LlmSettings, values, Places("answer", "", {}))


def _verify(session: Session, provider: str) -> str:
    llm = effective(session, provider)

    async def look() -> str:
        found = await check_provider(llm)
        if found.status is Status.FAILURE:
            raise Unfit(f"{found.what}; {found.remedy}" if "no model" in found.what else found.what)
        return found.what

    return session.look(look)
