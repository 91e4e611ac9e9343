"""GitHub Apps: keys, installations, hourly tokens and what they may do."""

from __future__ import annotations

from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from meritocrab.demo.world import World

REPO = "octo/crab"
AT = "/repos/octo/crab"
APP = 4711


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def installation(world: World, key: rsa.RSAPrivateKey) -> int:
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    world.add_repository("octo/other")
    world.add_app(APP, "merit", pem)
    return world.install(APP, "octo", [REPO], id=99).id


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def proof(world: World, key: rsa.RSAPrivateKey, **claims: Any) -> dict[str, str]:
    now = int(world.now().timestamp())
    return bearer(
        jwt.encode({"iat": now - 30, "exp": now + 540, "iss": str(APP), **claims}, key, algorithm="RS256")
    )


def fresh_token(
    world: World, key: rsa.RSAPrivateKey, client: httpx.Client, installation: int
) -> dict[str, str]:
    answer = client.post(f"/app/installations/{installation}/access_tokens", headers=proof(world, key))
    assert answer.status_code == 201
    return bearer(answer.json()["token"])


def test_an_app_finds_its_installations(
    world: World, key: rsa.RSAPrivateKey, nobody: httpx.Client, installation: int
) -> None:
    proven = proof(world, key)
    assert nobody.get("/app", headers=proven).json()["slug"] == "merit"
    assert nobody.get("/app", headers=proof(world, key, iss=world.apps[APP].client_id)).status_code == 200
    (found,) = nobody.get("/app/installations", headers=proven).json()
    assert (found["id"], found["account"]["login"]) == (installation, "octo")
    assert found["repository_selection"] == "selected"
    assert nobody.get(f"{AT}/installation", headers=proven).json()["id"] == installation
    assert nobody.get("/repos/octo/other/installation", headers=proven).status_code == 404


@pytest.mark.parametrize(
    ("claims", "status", "word"),
    [
        ({"exp": 1}, 401, "'exp'"),
        ({"exp_ahead": 601}, 401, "too far in the future"),
        ({"iat_ahead": 61}, 401, "'iat'"),
        ({"iat_ahead": 59}, 200, ""),
        ({"iss": "1"}, 404, "Integration not found"),
    ],
)
def test_proofs_are_checked_against_the_worlds_clock(
    world: World,
    key: rsa.RSAPrivateKey,
    nobody: httpx.Client,
    installation: int,
    claims: dict[str, Any],
    status: int,
    word: str,
) -> None:
    now = int(world.now().timestamp())
    told = {name: value for name, value in claims.items() if "_" not in name}
    told |= {name[:3]: now + value for name, value in claims.items() if "_" in name}
    answer = nobody.get("/app", headers=proof(world, key, **told))
    assert answer.status_code == status
    assert word in answer.text


def test_a_foreign_key_proves_nothing(world: World, nobody: httpx.Client, installation: int) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    answer = nobody.get("/app", headers=proof(world, other))
    assert (answer.status_code, answer.json()["message"]) == (401, "A JSON web token could not be decoded")


def test_writes_are_the_bots(
    world: World, key: rsa.RSAPrivateKey, nobody: httpx.Client, installation: int
) -> None:
    number = world.open_pull(REPO, "bob")
    token = fresh_token(world, key, nobody, installation)
    made = nobody.post(f"{AT}/issues/{number}/comments", json={"body": "hi"}, headers=token).json()
    assert (made["user"]["login"], made["user"]["type"]) == ("merit[bot]", "Bot")
    assert made["performed_via_github_app"]["id"] == APP
    nobody.patch(f"{AT}/pulls/{number}", json={"state": "closed"}, headers=token)
    event = nobody.get(f"{AT}/issues/{number}/events", headers=token).json()[0]
    assert event["performed_via_github_app"]["slug"] == "merit"
    world.open_pull("octo/other", "bob")
    outside = nobody.post("/repos/octo/other/issues/1/comments", json={"body": "hi"}, headers=token)
    assert (outside.status_code, outside.json()["message"]) == (403, "Resource not accessible by integration")
    assert nobody.get("/user", headers=token).status_code == 403
    assert nobody.get("/users/merit%5Bbot%5D").json()["type"] == "Bot"
    assert nobody.get(f"{AT}/collaborators/merit%5Bbot%5D/permission", headers=token).status_code == 404


def test_installations_list_and_lose_repositories(
    world: World, key: rsa.RSAPrivateKey, nobody: httpx.Client, installation: int
) -> None:
    token = fresh_token(world, key, nobody, installation)

    def names() -> list[str]:
        answer = nobody.get("/installation/repositories", headers=token).json()
        assert answer["total_count"] == len(answer["repositories"])
        return [repository["full_name"] for repository in answer["repositories"]]

    assert names() == [REPO]
    world.add_to_installation(installation, "octo/other")
    assert names() == [REPO, "octo/other"]
    world.remove_from_installation(installation, REPO)
    assert names() == ["octo/other"]


def test_tokens_last_an_hour_of_the_worlds_time(
    world: World, key: rsa.RSAPrivateKey, nobody: httpx.Client, installation: int
) -> None:
    token = fresh_token(world, key, nobody, installation)
    etag = nobody.get(AT, headers=token).headers["etag"]
    world.advance(minutes=59)
    assert nobody.get(AT, headers=token | {"If-None-Match": etag}).status_code == 304
    world.advance(minutes=1)
    assert nobody.get(AT, headers=token).status_code == 401
    token = fresh_token(world, key, nobody, installation)
    assert nobody.get(AT, headers=token | {"If-None-Match": etag}).status_code == 200


def test_suspension_and_removal(
    world: World, key: rsa.RSAPrivateKey, nobody: httpx.Client, installation: int
) -> None:
    token = fresh_token(world, key, nobody, installation)
    address = f"/app/installations/{installation}"
    world.suspend(installation)
    assert nobody.get(AT, headers=token).status_code == 403
    assert nobody.post(f"{address}/access_tokens", headers=proof(world, key)).status_code == 403
    assert nobody.get(address, headers=proof(world, key)).json()["suspended_at"] is not None
    world.unsuspend(installation)
    assert nobody.get(AT, headers=token).status_code == 200
    world.uninstall(installation)
    assert nobody.get(AT, headers=token).status_code == 401
    assert nobody.post(f"{address}/access_tokens", headers=proof(world, key)).status_code == 404


def test_missing_permissions_refuse(world: World, key: rsa.RSAPrivateKey, nobody: httpx.Client) -> None:
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    world.add_app(APP, "merit", pem)
    number = world.install(APP, "octo", permissions={"metadata": "read", "issues": "read"}).id
    world.open_issue(REPO, "bob")
    token = fresh_token(world, key, nobody, number)
    assert nobody.post(f"{AT}/issues/1/comments", json={"body": "x"}, headers=token).status_code == 403
    assert nobody.get(f"{AT}/contents/a", headers=token).status_code == 403
