"""The ledger in both databases: append-only, repeatable, and always provable."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import peewee
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meritocrab.core.ledger import fold
from meritocrab.core.names import ActorKind, CreditReason, Enforcement
from meritocrab.store import ledger, models
from meritocrab.store.database import Store, StoreError
from meritocrab.store.models import ContributorRow, LedgerNote, LedgerRow

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REPOSITORY, ALICE, BOB = 1, 5_000_000_001, 5_000_000_002


def _open(account_id: int = ALICE, credit: int = 100) -> ContributorRow:
    return ledger.open_contributor(REPOSITORY, account_id, credit, NOW, enforcement=Enforcement.OBSERVE)


def _append(key: str, requested: int, **changes: Any) -> LedgerRow:
    values: dict[str, Any] = {
        "key": key,
        "repository_id": REPOSITORY,
        "account_id": ALICE,
        "requested": requested,
        "reason": CreditReason.PULL_REQUEST,
        "now": NOW,
        "occurred_at": NOW,
        "enforcement": Enforcement.CLOSE,
        "actor_kind": ActorKind.SYSTEM,
    }
    return ledger.append(**values | changes)


def _person(account_id: int = ALICE) -> tuple[int, bool]:
    row = ledger.find_contributor(REPOSITORY, account_id)
    assert row is not None
    return row.credit, row.blacklisted


def _problems(store: Store) -> tuple[str, ...]:
    return store.read_now(ledger.verify).problems


# ---- stories ----


def test_the_first_row_is_the_opening_balance(store: Store) -> None:
    opened = store.write_now(_open)
    assert (opened.credit, opened.blacklisted, opened.first_seen_at) == (100, False, NOW)
    (row,) = store.read_now(ledger.rows_for, REPOSITORY, ALICE)
    assert (row.key, row.reason, row.before, row.applied, row.after) == (
        f"{REPOSITORY}/opening/{ALICE}",
        "opening",
        0,
        100,
        100,
    )


def test_opening_again_changes_nothing(store: Store) -> None:
    store.write_now(_open)
    store.write_now(_append, "a", -30)
    again = store.write_now(_open, ALICE, 500)
    assert again.credit == 70
    assert len(store.read_now(ledger.rows_for, REPOSITORY, ALICE)) == 2


def test_credit_moves_with_the_rows(store: Store) -> None:
    store.write_now(_open)
    row = store.write_now(_append, "a", 15, number=7, event_id=3, actor_id=9)
    assert (row.before, row.applied, row.after, row.number, row.event_id) == (100, 15, 115, 7, 3)
    assert store.read_now(_person) == (115, False)
    found = store.read_now(ledger.find, row.id)
    assert found is not None
    assert (found.appended_at, found.enforcement, found.actor_kind) == (NOW, "close", "system")


def test_the_same_key_counts_once(store: Store) -> None:
    store.write_now(_open)
    first = store.write_now(_append, "a", 15)
    second = store.write_now(_append, "a", 99)
    assert (second.id, second.applied) == (first.id, 15)
    assert store.read_now(_person) == (115, False)


def test_a_key_names_one_persons_row(store: Store) -> None:
    store.write_now(_open)
    store.write_now(_open, BOB)
    store.write_now(_append, "a", 15)
    with pytest.raises(StoreError, match="already names"):
        store.write_now(_append, "a", 15, account_id=BOB)


def test_nobody_gets_a_row_before_the_opening_balance(store: Store) -> None:
    with pytest.raises(StoreError, match="no opening balance"):
        store.write_now(_append, "a", 15)


def test_the_floor_is_zero_and_undo_gives_back_what_applied(store: Store) -> None:
    store.write_now(_open, ALICE, 10)
    spam = store.write_now(_append, "spam", -25)
    assert (spam.requested, spam.applied, spam.after) == (-25, -10, 0)
    store.write_now(_append, "undo", -spam.applied, reason=CreditReason.UNDO, reverses_id=spam.id)
    assert store.read_now(_person) == (10, False)
    assert _problems(store) == ()


def test_the_flag_moves_with_the_rows(store: Store) -> None:
    store.write_now(_open)
    store.write_now(_append, "b", 0, reason=CreditReason.BLACKLISTED, set_blacklisted=True)
    assert store.read_now(_person) == (100, True)
    store.write_now(_append, "c", -5)
    assert store.read_now(_person) == (95, True)
    store.write_now(_append, "u", 0, reason=CreditReason.UNBLACKLISTED, set_blacklisted=False)
    assert store.read_now(_person) == (95, False)
    flags = [row.blacklisted for row in store.read_now(ledger.rows_for, REPOSITORY, ALICE)]
    assert flags == [False, True, True, False]
    assert _problems(store) == ()


def test_words_lie_beside_the_ledger(store: Store) -> None:
    store.write_now(_open)
    row = store.write_now(_append, "a", 5, actor_kind=ActorKind.LOCAL, actor_name="root", text="well done")
    note = store.read_now(lambda: LedgerNote.get_by_id(row.id))
    assert (note.actor_name, note.text) == ("root", "well done")
    store.write_now(_append, "b", 5)
    assert store.read_now(lambda: LedgerNote.select().count()) == 1
    store.write_now(lambda: LedgerNote.delete().execute())
    assert _problems(store) == ()


def test_the_daily_cap_bounds_a_day_of_github(store: Store) -> None:
    store.write_now(_open)
    late, later = NOW.replace(hour=23, minute=59), NOW + timedelta(days=1)
    applied = [
        store.write_now(_append, str(i), 4, cap=10, occurred_at=moment).applied
        for i, moment in enumerate([NOW, NOW, late, late, later])
    ]
    assert applied == [4, 4, 2, 0, 4]
    day = ledger.day_of(NOW)
    assert store.read_now(ledger.earned_on, REPOSITORY, ALICE, day) == 10
    assert store.read_now(_person) == (114, False)


def test_a_loss_is_not_capped_and_makes_no_room(store: Store) -> None:
    store.write_now(_open)
    store.write_now(_append, "a", 10, cap=10)
    assert store.write_now(_append, "b", -10, cap=10).applied == -10
    assert store.write_now(_append, "c", 3, cap=10).applied == 0


def test_taking_back_a_capped_row_makes_room_on_its_day(store: Store) -> None:
    store.write_now(_open)
    first = store.write_now(_append, "a", 10, cap=10)
    undo = {"reason": CreditReason.UNDO, "reverses_id": first.id, "cap_day": first.cap_day}
    store.write_now(_append, "undo", -10, occurred_at=NOW + timedelta(days=3), **undo)
    assert store.write_now(_append, "b", 3, cap=10).applied == 3
    assert _problems(store) == ()


def test_rows_come_in_either_order(store: Store) -> None:
    store.write_now(_open)
    for key in "abc":
        store.write_now(_append, key, 1)
    assert [row.key for row in store.read_now(ledger.rows_for, REPOSITORY, ALICE, 2)] == ["c", "b"]
    oldest = store.read_now(lambda: ledger.rows_for(REPOSITORY, ALICE, newest_first=False))
    assert [row.key for row in oldest][1:] == ["a", "b", "c"]


def test_a_failed_transaction_leaves_neither_row_nor_credit(store: Store) -> None:
    store.write_now(_open)

    def append_and_fail() -> None:
        _append("a", 15, text="lost")
        raise KeyError

    with pytest.raises(KeyError):
        store.write_now(append_and_fail)
    assert store.read_now(_person) == (100, False)
    assert store.read_now(lambda: (LedgerRow.select().count(), LedgerNote.select().count())) == (1, 0)


# ---- append-only ----

COLUMNS = (
    "key, repository_id, account_id, reason, requested, applied, before, after, blacklisted, actor_kind,"
    " enforcement, occurred_at, appended_at"
)
ROW = (
    "'{key}', 1, 5000000001, '{reason}', {requested}, {applied}, {before}, {after}"
    ", FALSE, 'system', 'close', 0, 0"
)


def _insert_sql(verb: str = "INSERT", columns: str = "", values: str = "", **changes: Any) -> str:
    numbers = {"key": "k", "reason": "comment", "requested": 1, "applied": 1, "before": 100, "after": 101}
    row = ROW.format_map(numbers | changes)
    return f"{verb} INTO ledger ({columns}{COLUMNS}) VALUES ({values}{row})"


def _run(sql: str) -> None:
    models.database.execute_sql(sql)


ATTACKS = {
    "update": "UPDATE ledger SET applied = 999",
    "update nothing new": "UPDATE ledger SET key = key",
    "delete": "DELETE FROM ledger",
    "upsert": _insert_sql(key="a") + " ON CONFLICT (key) DO UPDATE SET applied = 999",
    "same id": _insert_sql(columns="id, ", values="1, "),
    "after is no sum": _insert_sql(after=150),
    "below zero": _insert_sql(requested=-101, applied=-101, after=-1),
    "more than wanted": _insert_sql(requested=1, applied=5, after=105),
    "against the sign": _insert_sql(requested=-5, applied=5, after=105),
    "opening that is none": _insert_sql(reason="opening"),
}
ON_SQLITE = {
    "replace by key": _insert_sql("REPLACE", key="a"),
    "replace by id": _insert_sql("INSERT OR REPLACE", columns="id, ", values="1, "),
    "update or replace": "UPDATE OR REPLACE ledger SET key = 'a' WHERE id = 1",
    "negative id": _insert_sql(columns="id, ", values="-1, "),
}
ON_POSTGRESQL = {
    "truncate": "TRUNCATE ledger",
    "truncate cascade": "TRUNCATE ledger CASCADE",
    "as a replica": "SET LOCAL session_replication_role = replica; DELETE FROM ledger",
}


def _all_rows(store: Store) -> list[dict[str, Any]]:
    return store.read_now(lambda: list(LedgerRow.select().order_by(LedgerRow.id).dicts()))


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_database_itself_refuses(store: Store, attack: str) -> None:
    store.write_now(_open)
    store.write_now(_append, "a", 15)
    before = _all_rows(store)
    with pytest.raises(peewee.IntegrityError):
        store.write_now(_run, ATTACKS[attack])
    assert _all_rows(store) == before


@pytest.mark.parametrize("attack", ON_SQLITE)
def test_sqlite_refuses_its_own_ways_too(sqlite_store: Store, attack: str) -> None:
    sqlite_store.write_now(_open)
    sqlite_store.write_now(_append, "a", 15)
    before = _all_rows(sqlite_store)
    with pytest.raises(peewee.IntegrityError):
        sqlite_store.write_now(_run, ON_SQLITE[attack])
    assert _all_rows(sqlite_store) == before


@pytest.mark.postgres
@pytest.mark.parametrize("attack", ON_POSTGRESQL)
def test_postgresql_refuses_its_own_ways_too(postgres_url: str, attack: str) -> None:
    store = Store.open(postgres_url)
    store.write_now(_open)
    before = _all_rows(store)

    def attack_now() -> None:
        for sql in ON_POSTGRESQL[attack].split("; "):
            _run(sql)

    with pytest.raises(peewee.IntegrityError):
        store.write_now(attack_now)
    assert _all_rows(store) == before
    store.close_now()


def test_a_row_that_fits_is_accepted(store: Store) -> None:
    """The attacks above fail for their own reason, not because the statement is wrong."""
    store.write_now(_open)
    store.write_now(_run, _insert_sql())
    assert len(_all_rows(store)) == 2


# ---- verify ----


def test_a_sound_ledger_is_proved(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "BATCH", 3)

    def fill() -> None:
        for account_id in range(1, 6):
            _open(account_id, 10 * account_id)
            for i in range(account_id):
                _append(f"{account_id}/{i}", i, account_id=account_id)

    store.write_now(fill)
    report = store.read_now(ledger.verify)
    assert (report.contributors, report.rows, report.problems, report.ok) == (5, 5 + 15, (), True)


def test_an_empty_ledger_is_sound(store: Store) -> None:
    assert store.read_now(ledger.verify) == ledger.VerifyReport(0, 0, ())


def test_every_lie_is_found(store: Store) -> None:
    def lie() -> None:
        for account_id in (1, 2, 3, 5):
            _open(account_id)
        ContributorRow.update(credit=101).where(ContributorRow.account_id == 1).execute()
        ContributorRow.update(blacklisted=True).where(ContributorRow.account_id == 2).execute()
        ContributorRow.delete().where(ContributorRow.account_id == 3).execute()
        values = {"repository_id": REPOSITORY, "credit": 100, "first_seen_at": NOW}
        ContributorRow.insert(account_id=4, **values).execute()
        _run(_insert_sql(key="chain", before=50, after=51).replace("5000000001", "5"))

    store.write_now(lie)
    report = store.read_now(ledger.verify)
    assert (report.contributors, report.rows) == (4, 5)
    assert report.problems == (
        "repository 1, account 1: is stored with 101 credit, but the ledger adds up to 100",
        "repository 1, account 2: is stored as blacklisted, but by the ledger is not blacklisted",
        "repository 1, account 3: has rows in the ledger but is no contributor",
        "repository 1, account 4: has no row in the ledger",
        "repository 1, account 5: row 5 starts from 50, but row 4 ended at 100",
        "repository 1, account 5: is stored with 100 credit, but the ledger adds up to 101",
    )


# ---- properties ----

REPOSITORIES = count(10)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("change"), st.integers(-150, 60)),
        st.tuples(st.just("earn"), st.integers(0, 12)),
        st.tuples(st.just("undo"), st.integers(0, 20)),
        st.tuples(st.just("flag"), st.booleans()),
        st.tuples(st.just("again"), st.integers(0, 20)),
    ),
    max_size=25,
)
# one database serves all examples, each in a repository of its own
PROPERTY = settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _play(steps: list[tuple[str, Any]], repository_id: int, opening: int, cap: int) -> list[LedgerRow]:
    """Do what the steps say, in the repository; returns all rows, oldest first."""
    ledger.open_contributor(repository_id, ALICE, opening, NOW, enforcement=Enforcement.OBSERVE)
    where: dict[str, Any] = {"repository_id": repository_id}
    undone: set[int] = set()
    calls: list[dict[str, Any]] = []
    for number, (kind, value) in enumerate(steps):
        rows = ledger.rows_for(repository_id, ALICE, newest_first=False)
        call: dict[str, Any] = {"key": f"{repository_id}/{number}", "requested": 0, **where}
        if kind == "change":
            call["requested"] = value
        elif kind == "earn":
            call |= {"requested": value, "reason": CreditReason.COMMENT, "cap": cap}
        elif kind == "flag":
            reason = CreditReason.BLACKLISTED if value else CreditReason.UNBLACKLISTED
            call |= {"reason": reason, "set_blacklisted": value}
        elif kind == "undo":
            row = rows[value % len(rows)]
            if row.reason == "opening" or row.id in undone:
                continue
            undone.add(row.id)
            call |= {
                "requested": -row.applied,
                "reason": CreditReason.UNDO,
                "reverses_id": row.id,
                "cap_day": row.cap_day,
                # taking back the taking back of a capped row is earning again
                "cap": None if row.cap_day is None else cap,
            }
        elif calls:
            call = calls[value % len(calls)]
        else:
            continue
        calls.append(call)
        _append(**call)
    return ledger.rows_for(repository_id, ALICE, newest_first=False)


@PROPERTY
@given(steps=STEPS, opening=st.integers(0, 120), cap=st.integers(0, 15))
def test_whatever_happens_the_ledger_can_be_proved(store: Store, steps: Any, opening: int, cap: int) -> None:
    repository_id = next(REPOSITORIES)
    rows = store.write_now(_play, steps, repository_id, opening, cap)
    assert _problems(store) == ()
    person = store.read_now(ledger.find_contributor, repository_id, ALICE)
    assert person is not None
    assert person.credit == fold(map(ledger.entry, rows)) == rows[-1].after
    assert min(row.after for row in rows) >= 0
    assert store.read_now(ledger.earned_on, repository_id, ALICE, ledger.day_of(NOW)) <= cap


@PROPERTY
@given(earned=st.lists(st.integers(0, 12), max_size=12), cap=st.integers(0, 30), data=st.data())
def test_capped_earnings_add_up_alike_in_any_order(store: Store, earned: Any, cap: int, data: Any) -> None:
    totals = set()
    for order in (earned, data.draw(st.permutations(earned))):
        steps = [("earn", value) for value in order]
        rows = store.write_now(_play, steps, next(REPOSITORIES), 100, cap)
        totals.add(rows[-1].after)
    assert totals == {100 + min(sum(earned), cap)}
