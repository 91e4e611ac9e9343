"""Who we are to GitHub: credentials, the App's signature, and the short life of an installation's token.

Pure: a signature or a decision to renew depends on the time that is passed in, which is GitHub's. A home
server whose clock is off by minutes would otherwise sign tokens that GitHub refuses.

Sources, by the titles of GitHub's documentation pages: "Generating a JSON Web Token (JWT) for a GitHub App",
"Generating an installation access token for a GitHub App".
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import jwt

from meritocrab.github.errors import Unauthorized
from meritocrab.github.fields import Fields

JWT_BACKDATED: Final = timedelta(seconds=60)
"""GitHub's advice against clocks that run fast."""

JWT_LIFE: Final = timedelta(minutes=9)
"""How long a signature is good for; with the minute before it stays within the ten minutes GitHub allows."""

RENEW_BEFORE: Final = timedelta(minutes=5)
"""An installation token is replaced this long before it ends."""


@dataclass(frozen=True, slots=True)
class Anonymous:
    """No credential: public repositories only, 60 requests an hour, and even 304s count."""


@dataclass(frozen=True, slots=True)
class PersonalToken:
    """A personal access token, classic or fine-grained.

    Raises:
        Unauthorized: the text cannot be a token.
    """

    token: str = field(repr=False)

    def __post_init__(self) -> None:
        if not self.token or not self.token.isascii() or not self.token.isprintable() or " " in self.token:
            raise Unauthorized("The GitHub token is empty or holds blanks or other characters no token has.")


@dataclass(frozen=True, slots=True)
class AppKey:
    """A GitHub App's identity: its id (or client id) and its private key in PEM form.

    Raises:
        Unauthorized: the key cannot be read.
    """

    app_id: str
    pem: str = field(repr=False)
    _key: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            key = jwt.get_algorithm_by_name("RS256").prepare_key(self.pem)
        except (ValueError, TypeError, jwt.PyJWTError):
            # the library's own message is not passed on: it may quote the key
            raise Unauthorized(
                "The GitHub App's private key cannot be read. "
                "It must be the unencrypted .pem file that GitHub gave out for the App."
            ) from None
        object.__setattr__(self, "_key", key)

    def sign(self, github_now: datetime) -> str:
        """A JSON Web Token for the App, good for nine minutes of GitHub's time."""
        claims = {
            "iss": self.app_id,
            "iat": int((github_now - JWT_BACKDATED).timestamp()),
            "exp": int((github_now + JWT_LIFE).timestamp()),
        }
        return jwt.encode(claims, self._key, algorithm="RS256")


@dataclass(frozen=True, slots=True)
class Installation:
    """One installation of an App, which the App's own connection gets tokens for."""

    id: int


Credential = Anonymous | PersonalToken | AppKey | Installation


@dataclass(frozen=True, slots=True)
class InstallationToken:
    """A token of about an hour; `expires_at` is GitHub's time."""

    token: str = field(repr=False)
    expires_at: datetime

    def good(self, github_now: datetime) -> bool:
        """Whether it lasts longer than the margin for renewal."""
        return self.expires_at - github_now > RENEW_BEFORE


def parse_installation_token(fields: Fields) -> InstallationToken:
    """The answer to a request for a token. Raises `BadAnswer`."""
    return InstallationToken(fields.text("token"), fields.stamp("expires_at"))


def generation(token: str) -> str:
    """A short digest that names a token without telling it: ETags belong to one token."""
    return hashlib.sha256(f"meritocrab:{token}".encode()).hexdigest()[:12]
