"""Where the daemon listens and where a client looks: the same place, whoever may read what."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from meritocrab.config import find_socket, load_config
from meritocrab.errors import ConfigError
from meritocrab.localapi.sockets import bind_socket


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path), "STATE_DIRECTORY": str(tmp_path / "state")}


def write(folder: Path, text: str) -> Path:
    path = folder / "meritocrab.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, "state/meritocrab.sock"),
        ({"XDG_RUNTIME_DIR": "{tmp}/user"}, "user/meritocrab/meritocrab.sock"),
        ({"XDG_RUNTIME_DIR": "relative"}, "state/meritocrab.sock"),
        ({"RUNTIME_DIRECTORY": "{tmp}/run", "XDG_RUNTIME_DIR": "{tmp}/user"}, "run/meritocrab.sock"),
        ({"RUNTIME_DIRECTORY": "{tmp}/run:{tmp}/more"}, "run/meritocrab.sock"),
        ({"MERITOCRAB_API__SOCKET": "{tmp}/mine.sock", "RUNTIME_DIRECTORY": "{tmp}/run"}, "mine.sock"),
    ],
)
def test_daemon_and_client_mean_the_same_place(
    tmp_path: Path, environ: dict[str, str], more: dict[str, str], expected: str
) -> None:
    path = write(tmp_path, "")
    environ |= {name: value.format(tmp=tmp_path) for name, value in more.items()}
    assert load_config(path, environ).socket == tmp_path / expected
    assert find_socket(path, environ) == tmp_path / expected


def test_a_socket_in_the_file_starts_at_its_folder(tmp_path: Path, environ: dict[str, str]) -> None:
    path = write(tmp_path, '[api]\nsocket = "run/api.sock"\n')
    assert load_config(path, environ).socket == tmp_path / "run" / "api.sock"
    assert find_socket(path, environ) == tmp_path / "run" / "api.sock"


def test_a_client_takes_the_usual_place_where_a_socket_is(tmp_path: Path, environ: dict[str, str]) -> None:
    environ["XDG_RUNTIME_DIR"] = str(tmp_path / "user")
    with bind_socket(tmp_path / "state" / "meritocrab.sock"):
        assert find_socket(write(tmp_path, ""), environ) == tmp_path / "state" / "meritocrab.sock"


@pytest.mark.parametrize("text", ["[[[", "api = 7", "[api]\nsocket = 7", '[github]\ntoken = "x"\n'])
def test_a_client_minds_no_other_mistakes(tmp_path: Path, environ: dict[str, str], text: str) -> None:
    assert find_socket(write(tmp_path, text), environ) == tmp_path / "state" / "meritocrab.sock"


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_client_need_not_be_allowed_to_read_the_secrets(tmp_path: Path, environ: dict[str, str]) -> None:
    path = write(tmp_path, "")
    path.chmod(0)
    assert find_socket(path, environ) == tmp_path / "state" / "meritocrab.sock"


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("127.0.0.1:9464", ("127.0.0.1", 9464)),
        ("[::1]:9464", ("::1", 9464)),
        ("127.3.2.1:1", ("127.3.2.1", 1)),
    ],
)
def test_a_port_on_this_machine(
    tmp_path: Path, environ: dict[str, str], listen: str, address: tuple[str, int]
) -> None:
    assert load_config(write(tmp_path, f'[api]\nlisten = "{listen}"\n'), environ).api.address == address


@pytest.mark.parametrize(
    "listen",
    ["0.0.0.0:9464", ":9464", "9464", "127.0.0.1:0", "127.0.0.1:70000", "example.org:80", "[::]:9464"],
)
def test_a_port_that_others_could_reach_is_refused(
    tmp_path: Path, environ: dict[str, str], listen: str
) -> None:
    with pytest.raises(ConfigError, match=r"api\.listen"):
        load_config(write(tmp_path, f'[api]\nlisten = "{listen}"\n'), environ)


def test_nothing_listens_on_a_port_by_default(tmp_path: Path, environ: dict[str, str]) -> None:
    assert load_config(write(tmp_path, ""), environ).api.address is None
