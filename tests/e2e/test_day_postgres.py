"""The day on which PostgreSQL is stopped, and started again: in the middle of polling, handling and sending."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.e2e.house import House
from tests.e2e.world_of_people import REPO
from tests.store_fixtures import PostgresServer

pytestmark = pytest.mark.postgres

PEOPLE = ("newt", "nora", "zoe")


@pytest.fixture
def house_on_postgres(house: House, postgres_server: PostgresServer) -> Iterator[House]:
    """Its database is on a server that the test may stop."""
    house.database = postgres_server.create()
    yield house
    house.kill()
    postgres_server.drop(house.database)


def test_stopped_for_a_while_it_is_waited_out(
    house_on_postgres: House, postgres_server: PostgresServer
) -> None:
    house = house_on_postgres
    house.start()
    house.distrust("newt")
    postgres_server.stop()
    mark = house.world.mark()
    number = house.world.open_pull(REPO, "newt", "A change", "It helps.")
    house.health("unhealthy", "cannot be used at the moment")
    assert house.world.requests_since(mark, method="POST") == []
    postgres_server.start()
    house.closes(number)
    house.health("healthy")
    assert house.end() == 0
    assert house.books()["ledger"] == [("newt", "opening", 100, 100), ("newt", "override", -80, -80)]


def test_crashed_in_the_middle_it_ends_as_undisturbed(
    house_on_postgres: House, postgres_server: PostgresServer
) -> None:
    house = house_on_postgres
    house.start()
    strikes = iter(("GET", "POST", "PATCH"))
    wanted = next(strikes)

    def restart(method: str, path: str, _: int) -> None:
        """While GitHub answers a poll, a comment, a close: our answer finds another server."""
        nonlocal wanted
        if (method == wanted and "/issues" in path) or method == wanted == "PATCH":
            wanted = next(strikes, "")
            postgres_server.restart()

    house.world.after_apply = restart
    for login in PEOPLE:
        house.distrust(login)
    numbers = [house.world.open_pull(REPO, login, f"By {login}", "It helps.") for login in PEOPLE]
    for number in numbers:
        house.closes(number)
    house.rests()
    assert wanted == ""
    assert house.end() == 0
    books = house.books()
    assert books["ledger"] == [
        row
        for login in sorted(PEOPLE)
        for row in ((login, "opening", 100, 100), (login, "override", -80, -80))
    ]
    kinds = Counter((kind, basis, state) for _, kind, basis, state in books["actions"])
    assert kinds == {
        ("reaction", "command", "delivered"): 3,
        ("comment", "command", "delivered"): 3,
        ("comment", "denied", "delivered"): 3,
        ("close", "denied", "delivered"): 3,
    }
    assert {state for _, _, state in books["events"]} <= {"handled", "recorded"}


def test_who_lost_the_lock_does_nothing_until_it_is_free(
    house_on_postgres: House, postgres_server: PostgresServer
) -> None:
    import psycopg  # not installed everywhere

    house = house_on_postgres
    house.start()
    house.distrust("newt")
    lock = "pg_try_advisory_lock(1835364969, hashtext(current_schema()))"
    with psycopg.connect(house.database, autocommit=True) as other:
        cut = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        other.execute(cut)
        taken = other.execute(f"SELECT {lock}").fetchone()
        if taken != (True,):  # the daemon was back before us
            other.execute(cut)
            taken = other.execute(f"SELECT {lock}").fetchone()
        assert taken == (True,)
        mark = house.world.mark()
        number = house.world.open_pull(REPO, "newt", "A change", "It helps.")
        house.health("unhealthy", "works on it now")
        assert house.world.requests_since(mark, method="POST") == []
    house.closes(number)
    house.health("healthy")
    assert house.end() == 0
