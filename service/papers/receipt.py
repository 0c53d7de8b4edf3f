"""The custody receipt (托管收据): which money of a parent rests in custody, and where."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import AccountKind
from ledger.money import Money
from ledger.refusals import ReceiptUnknown, WrongState
from service.identity.callers import Caller
from service.papers.paper import Fact, Paper, Section, Words, amount, day, instant, or_dash
from service.papers.standing import contract_section, of_kind, proof, standing
from service.store import paper_reads, positions, registry
from service.store.facts import Record
from service.store.paper_reads import Line
from service.store.tables import BankEntry, Enrolment
from service.web import masks

CREDITS = frozenset({"RECEIPT_MATCHED", "SUSPENSE_MATCHED", "PORTING_ARRIVED"})
"""What brings a bank entry's money onto an enrolment."""


async def receipt(
    connection: AsyncConnection, caller: Caller, journal: int, entry_id: UUID
) -> Paper:
    """Make the receipt of one bank entry; raises `ReceiptUnknown`, `WrongState`.

    Whoever sees the enrolment sees its receipts: a parent is no reader of bank entries, but this
    is their own money. Money that stands on no enrolment has no receipt.
    """
    entry, enrolment = await _found(connection, caller, journal, entry_id)
    told = await standing(connection, caller, journal, enrolment)
    at = await positions.resolve(connection, [journal])
    lines = await paper_reads.lines_of(connection, journal, enrolment, at.seq(journal))
    credited = _credited(lines, entry_id)
    told_by_bank = (await paper_reads.payers(connection, journal, [entry_id])).get(entry_id)
    received = Section(
        Words("收款", "Money received"),
        (
            amount(Words("存入托管金额", "Credited to this contract"), _sum(credited)),
            Fact(
                Words("银行到账金额", "Received by the bank"),
                f"¥{Money.from_fen(entry.amount_fen)}",
            ),
            Fact(Words("付款人", "Payer"), or_dash(_payer(told_by_bank))),
            Fact(Words("银行流水号", "Bank reference"), entry.bank_ref),
            Fact(Words("银行记账日", "Book date"), day(entry.book_on)),
            Fact(Words("起息日", "Value date"), day(entry.value_on)),
            Fact(Words("报送时间", "Reported at"), instant(entry.received_at)),
            Fact(Words("缴费码", "Payment code"), enrolment.payment_code),
        ),
    )
    return Paper(
        title=Words("预收费托管收据", "Custody receipt for prepaid tuition"),
        number=told.public("bke", entry_id),
        sections=(received, contract_section(told)),
        proof=await proof(connection, journal, at, (line.seq for line in credited)),
        notes=(
            Words(
                "本款存放于托管专户,按课时确认逐次划拨;未消课部分属学员所有。",
                "This money rests in the custody account and is released lesson by lesson;"
                " what is not taken remains the student's.",
            ),
        ),
    )


async def _found(
    connection: AsyncConnection, caller: Caller, journal: int, entry_id: UUID
) -> tuple[Record, Record]:
    """Find the entry, and its enrolment with the caller's own eyes."""
    if journal not in caller.journals:
        raise ReceiptUnknown
    await paper_reads.widen(connection, journal)
    entries = await paper_reads.keyed(connection, BankEntry, journal, [entry_id])
    await paper_reads.narrow(connection, caller.context)
    if entry_id not in entries:
        raise ReceiptUnknown
    entry = entries[entry_id]
    if entry.enrolment_id is None:
        own = await registry.seen(connection, caller.context, BankEntry, journal, [entry_id])
        raise WrongState(object="receipt", state=entry.outcome) if own else ReceiptUnknown
    seen = await registry.seen(connection, caller.context, Enrolment, journal, [entry.enrolment_id])
    if not seen:
        raise ReceiptUnknown
    if entry.direction != "CRDT":
        raise WrongState(object="receipt", state=entry.outcome)
    return entry, seen[entry.enrolment_id]


def _credited(lines: Iterable[Line], entry: UUID) -> list[Line]:
    """Return the lines by which a bank entry's money came onto the enrolment."""
    return [
        line
        for line in of_kind(lines, AccountKind.STUDENT_PREPAID)
        if line.kind in CREDITS
        and line.refs.get("receipt", line.refs.get("bank_entry")) == str(entry)
    ]


def _sum(lines: Iterable[Line]) -> Money:
    return Money.from_fen(sum(line.amount for line in lines))


def _payer(told: Record | None) -> str:
    """Name the payer as the bank did, masked for everybody: it may be anyone's account."""
    if told is None:
        return ""
    parts = (masks.name(told.payer_name), masks.account(told.payer_account))
    return " ".join(part for part in parts if part)
