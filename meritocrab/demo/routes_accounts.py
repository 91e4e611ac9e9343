"""Addresses of accounts, Apps, installations and the caller's own quota: all that is below no repository."""

from __future__ import annotations

from meritocrab.demo.access import Installation
from meritocrab.demo.limits import quota_payload
from meritocrab.demo.listings import paged
from meritocrab.demo.messages import HttpError, Reply, not_found
from meritocrab.demo.objects import stamp
from meritocrab.demo.payloads_base import selection
from meritocrab.demo.quotas import Quota
from meritocrab.demo.rights import NOT_FOR_APPS, app_of
from meritocrab.demo.routing import Call, Routes

routes = Routes()


@routes.on("GET", "/users/{name}")
def get_user(call: Call) -> Reply:
    """Today's owner of a login."""
    account = call.world.find_account(call.args[0])
    if account is None:
        raise not_found()
    return Reply(call.render.full_user(account))


@routes.on("GET", "/user/{number}")
def get_user_by_id(call: Call) -> Reply:
    """The account with this id, whatever it is called today."""
    account = call.world.accounts.get(call.number)
    if account is None or account.deleted:
        raise not_found()
    return Reply(call.render.full_user(account))


@routes.on("GET", "/user")
def get_own_user(call: Call) -> Reply:
    """The owner of a personal token."""
    if call.principal.installation is not None:
        raise HttpError(403, NOT_FOR_APPS)
    return Reply(call.render.full_user(call.actor))


@routes.on("GET", "/app")
def get_app(call: Call) -> Reply:
    """The App itself."""
    app = app_of(call)
    count = sum(installation.app is app for installation in call.world.installations.values())
    created = stamp(app.owner.created_at)
    dates = {"created_at": created, "updated_at": created}
    return Reply((call.render.app(app) or {}) | dates | {"installations_count": count})


@routes.on("GET", "/app/installations")
def list_installations(call: Call) -> Reply:
    """Where the App is installed."""
    app = app_of(call)
    found = [installation for installation in call.world.installations.values() if installation.app is app]
    return paged(call, found, call.render.installation)


@routes.on("GET", "/app/installations/{number}")
def get_installation(call: Call) -> Reply:
    """One installation."""
    return Reply(call.render.installation(one_installation(call)))


@routes.on("POST", "/app/installations/{number}/access_tokens")
def create_token(call: Call) -> Reply:
    """An installation token for an hour."""
    installation = one_installation(call)
    if installation.suspended_at is not None:
        raise HttpError(403, "This installation has been suspended")
    token = call.world.issue_token(installation)
    payload = {
        "token": token.value,
        "expires_at": stamp(token.expires_at or call.world.now()),
        "permissions": installation.permissions,
        "repository_selection": selection(installation),
    }
    return Reply(payload, 201)


def one_installation(call: Call) -> Installation:
    """The App's installation that the path names."""
    app, found = app_of(call), call.world.installations.get(call.number)
    if found is None or found.app is not app:
        raise not_found()
    return found


@routes.on("GET", "/installation/repositories")
def list_installed_repositories(call: Call) -> Reply:
    """The repositories that an installation reaches."""
    installation = call.principal.installation
    if installation is None:
        raise HttpError(
            403, "You must authenticate with an installation access token in order to list repositories."
        )
    found = call.world.installed_repositories(installation)
    reply = paged(call, found, call.render.repo, wrap="repositories")
    reply.payload["repository_selection"] = selection(installation)
    return reply


@routes.on("GET", "/rate_limit")
def get_rate_limit(call: Call) -> Reply:
    """What is left of the hour; asking costs nothing."""
    core = call.world.quota(call.principal.key)
    graphql = call.world.quota(f"graphql:{call.principal.key}")
    resources = {
        "core": quota_payload(core),
        "graphql": quota_payload(graphql),
        "search": quota_payload(Quota(30)),
    }
    return Reply({"resources": resources, "rate": resources["core"]})
