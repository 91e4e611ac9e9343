"""Who asks: from the `Authorization` header to an account, an installation or an App.

Tokens that expire, Apps that prove themselves by a signature and clocks that disagree are where clients fail
in the field, so each refusal here is the one that GitHub gives.
"""

from __future__ import annotations

from dataclasses import dataclass

import jwt

from meritocrab.demo.access import Installation, Token
from meritocrab.demo.messages import JSON, HttpError
from meritocrab.demo.objects import Account, App
from meritocrab.demo.world import World


@dataclass(slots=True)
class Principal:
    """Who asks, and on whose quota."""

    key: str
    token: str | None = None
    account: Account | None = None
    scopes: tuple[str, ...] = ()
    installation: Installation | None = None
    app: App | None = None
    permissions: dict[str, str] | None = None
    """What an installation's token or a fine-grained personal one may do; None for all others."""

    @property
    def anonymous(self) -> bool:
        """Whether nobody in particular asks."""
        return self.token is None


def authenticate(world: World, token: str | None) -> Principal:
    """The caller behind a credential."""
    if token is None:
        return Principal("anonymous")
    if token.count(".") == 2:
        return _app_principal(world, token)
    known = world.tokens.get(token)
    if known is None or not _valid(world, known):
        raise HttpError(401, "Bad credentials")
    installation = known.installation
    if installation is not None and installation.suspended_at is not None:
        raise HttpError(403, "This installation has been suspended")
    app = installation.app if installation is not None else None
    permissions = installation.permissions if installation is not None else known.permissions
    return Principal(
        world.quota_key(token), token, known.account, known.scopes, installation, app, permissions
    )


def _valid(world: World, token: Token) -> bool:
    expired = token.expires_at is not None and world.now() >= token.expires_at
    removed = token.installation is not None and token.installation.removed
    return not (token.revoked or expired or removed or token.account.deleted)


def _app_principal(world: World, token: str) -> Principal:
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
        app = _app_called(world, str(claims["iss"]))
    except (jwt.InvalidTokenError, KeyError):
        raise HttpError(401, "A JSON web token could not be decoded") from None
    if app is None:
        raise HttpError(404, "Integration not found")
    off = dict.fromkeys(("verify_exp", "verify_iat", "verify_nbf", "verify_aud", "verify_iss"), False)
    try:
        jwt.decode(token, app.public_key, algorithms=["RS256"], options=off)  # type: ignore[arg-type]
    except jwt.InvalidTokenError:
        raise HttpError(401, "A JSON web token could not be decoded") from None
    _check_claims(claims, world.now().timestamp())
    return Principal(f"app:{app.id}", token, None, (), None, app)


def _app_called(world: World, issuer: str) -> App | None:
    """The App behind an issuer, which is its id or its client id."""
    return next((app for app in world.apps.values() if issuer in (str(app.id), app.client_id)), None)


def _check_claims(claims: JSON, now: float) -> None:
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(expires, int | float) or expires <= now:
        raise HttpError(
            401,
            "'Expiration time' claim ('exp') must be a numeric value representing "
            "the future time at which the assertion expires",
        )
    if expires > now + 600:
        raise HttpError(401, "'Expiration time' claim ('exp') is too far in the future")
    if not isinstance(issued, int | float) or issued > now + 60:
        raise HttpError(
            401,
            "'Issued at' claim ('iat') must be an Integer representing the time "
            "that the assertion was issued",
        )
