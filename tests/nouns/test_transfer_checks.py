"""Verify and money on its way: true histories are clean, and what was made up is found."""

import pytest

from ledger.accounts import Account, AccountKind
from ledger.entitlement import Contract
from ledger.money import Money
from ledger.rules import portings
from ledger.rules.places import Place
from ledger.transactions import Transaction, TransactionKind, Transfer
from service import verify
from service.verify import Report
from service.verify.snapshot import Snapshot
from service.verify.transfer_checks import crosses_lawfully
from tests.fixtures.corruptions import insider
from tests.fixtures.databases import Database
from tests.fixtures.portings import Move, Rescue
from tests.fixtures.service import District, fresh_id
from tests.fixtures.transfers import TwoAccounts, credited, debited, fetched


async def found(database: Database, district: District) -> list[tuple[str, object]]:
    """Verify a journal; return what is broken."""
    report = await verify.verify(database.url("escrow_audit"), journals=[district.journal])
    return [(finding.check, finding.example) for finding in report.findings]


async def corrupted(database: Database, district: District, statement: str) -> set[str]:
    """Return the checks that find what a corruption would leave."""
    async with insider(database) as connection:
        await connection.execute(statement.format(j=district.journal))
        await connection.execute("SET LOCAL session_replication_role = origin")
        await connection.execute("SET LOCAL ROLE escrow_audit")
        report: Report = await verify.verify_snapshot(
            Snapshot(connection), journals=[district.journal]
        )
    return {finding.check for finding in report.findings}


async def test_transfers_sent_arrived_and_back_leave_a_clean_journal(
    database: Database, accounts: TwoAccounts
) -> None:
    first = await accounts.covered("100.00")
    await debited(accounts.academy, "CMB", first)
    second = await accounts.covered("50.00")
    await debited(accounts.academy, "CMB", second, "D-2")
    await credited(accounts.academy, "ICBC", second)
    third = await accounts.covered("25.00")
    await debited(accounts.academy, "CMB", third, "D-3")
    await credited(
        accounts.academy,
        "CMB",
        third,
        "C-3",
        kind="RETURN",
        custody_account_id=accounts.source,
    )
    await accounts.covered("10.00")

    assert await found(database, accounts.academy.district) == []


async def test_a_porting_that_arrived_leaves_a_clean_journal(
    database: Database, move: Move
) -> None:
    order = await move.order(await move.accepted())
    await debited(move.leaving, "ICBC", order)
    on_its_way = await found(database, move.leaving.district)

    await credited(move.leaving, "ICBC", order)

    assert on_its_way == []
    assert await found(database, move.leaving.district) == []


async def test_a_porting_that_failed_leaves_a_clean_journal(database: Database, move: Move) -> None:
    order = await move.order(await move.accepted())
    await debited(move.leaving, "ICBC", order)
    custody = order["custody_account_id"]

    await credited(move.leaving, "ICBC", order, kind="RETURN", custody_account_id=custody)

    assert await found(database, move.leaving.district) == []


@pytest.mark.parametrize(
    "corruption",
    [
        "UPDATE escrow.porting SET state = 'SENT' WHERE journal_id = {j}",
        "UPDATE escrow.payment_order SET amount_fen = amount_fen + 1 WHERE journal_id = {j}",
        "UPDATE escrow.porting SET state = 'FAILED' WHERE journal_id = {j}",
        (
            "UPDATE escrow.enrolment SET price_fen = 1, received_fen = 1 WHERE journal_id = {j}"
            " AND contract_number LIKE 'PTG-%'"
        ),
        "UPDATE escrow.payment_order SET arrived_entry_id = NULL WHERE journal_id = {j}",
        (
            "UPDATE escrow.payment_order SET arrived_entry_id = executed_entry_id"
            " WHERE journal_id = {j}"
        ),
    ],
)
async def test_what_was_made_up_of_a_porting_is_found(
    database: Database, move: Move, corruption: str
) -> None:
    order = await move.order(await move.accepted())
    await debited(move.leaving, "ICBC", order)
    await credited(move.leaving, "ICBC", order)

    broken = await corrupted(database, move.leaving.district, corruption)

    assert "R-04" in broken


@pytest.mark.usefixtures("official_calendar")
async def test_placements_keep_refunds_and_the_way_of_the_money_in_step(
    database: Database, rescue: Rescue, higher: str
) -> None:
    await rescue.chosen(await rescue.offered())
    await rescue.collapse.approved(higher)
    await rescue.collapse.posted()
    await rescue.carried()
    academy = rescue.collapse.academy
    orders = await fetched(academy, "ICBC")
    (order,) = [each for each in orders if each["kind"] == "PORTING"]
    await debited(academy, "ICBC", order)
    on_its_way = await found(database, academy.district)

    await credited(academy, "ICBC", order)

    checked = {"R-02", "R-04", "I-24", "I-38", "I-35"}
    arrived = await found(database, academy.district)
    assert [each for each in (*on_its_way, *arrived) if each[0] in checked] == []


def arrival() -> Transaction:
    """Write the arrival of a porting in the journal that both institutions keep."""
    receiving = Contract(fresh_id(), fresh_id(), fresh_id(), Money.of("90.00"), 9)
    return portings.porting_arrived(
        receiving,
        porting=fresh_id(),
        order=fresh_id(),
        bank_entry=fresh_id(),
        refund=fresh_id(),
        amount=Money.of("100.00"),
        source=Place(institution=fresh_id(), custody=fresh_id()),
    )


def test_a_porting_alone_stands_in_two_institutions_books() -> None:
    arrived = arrival()

    assert crosses_lawfully(arrived)
    assert not crosses_lawfully(
        Transaction(TransactionKind.TOP_UP_RECEIVED, arrived.transfers, arrived.references)
    )


def test_a_porting_that_takes_other_money_along_crosses_unlawfully() -> None:
    arrived = arrival()
    place = Place(institution=fresh_id(), custody=arrived.transfers[0].debit.custody)
    payable = Transfer(place.bank, place.payable, Money.of("1.00"))
    short = arrived.transfers[1:]

    assert not crosses_lawfully(
        Transaction(arrived.kind, (*arrived.transfers, payable), arrived.references)
    )
    assert not crosses_lawfully(Transaction(arrived.kind, short, arrived.references))


def test_a_porting_to_two_institutions_crosses_unlawfully() -> None:
    arrived = arrival()
    (first, *others) = arrived.transfers
    stranger = Account(
        AccountKind.STUDENT_PREPAID, fresh_id(), first.debit.custody, None, fresh_id()
    )

    assert not crosses_lawfully(
        Transaction(arrived.kind, (Transfer(first.debit, stranger, first.amount), *others), {})
    )
