"""Payments: a parent's money, on the enrolment it names or in suspense with a reason."""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from ledger.accounts import Account
from ledger.money import Money
from ledger.rules import receipts as receipt_rules
from ledger.rules.receipts import HeldReason
from service.bank_entries.facts import Effect, EntryFact, Kind, open_own
from service.store import rows
from service.store.contracts import contract_of, place_of, received_change
from service.store.facts import Facts, Record
from service.store.tables import Course, CustodyAccount, Enrolment, Institution, WindDown
from service.store.unit import Unit
from service.store.wind_down_steps import ENDED

FROZEN: Final = frozenset({"FROZEN", "WINDING_DOWN", "EXITED", "DEREGISTERED"})
TAKING_MONEY: Final = frozenset({"AWAITING_PAYMENT", "ACTIVE"})


def payment(facts: Facts, fact: EntryFact, account: Record) -> Effect:
    """Credit a payment to the enrolment it names, or hold it in suspense with a reason."""
    place = place_of(account)
    enrolment = None
    if fact.payment_code is not None:
        enrolment = facts.by(Enrolment, ("payment_code",), fact.payment_code)
    reason = held_because(facts, fact, account, enrolment)
    if reason is not None or enrolment is None:
        open_own(facts, place.suspense(fact.bank_entry))
        held = receipt_rules.receipt_held(
            place,
            bank_entry=fact.bank_entry,
            amount=fact.amount,
            reason=reason or HeldReason.UNKNOWN_ENROLMENT,
        )
        return Effect(
            "SUSPENSE", (held,), (), (reason or HeldReason.UNKNOWN_ENROLMENT).value, fact.amount.fen
        )
    contract = contract_of(enrolment)
    received = Money.from_fen(enrolment["received_fen"])
    matched = min(fact.amount, receipt_rules.still_due(contract, received))
    excess = fact.amount - matched
    if excess:
        open_own(facts, place.suspense(fact.bank_entry))
    return Effect(
        "ENROLMENT",
        (
            receipt_rules.receipt_matched(
                contract,
                bank_entry=fact.bank_entry,
                amount=fact.amount,
                received_before=received,
            ),
        ),
        (received_change(enrolment, matched),),
        HeldReason.EXCESS.value if excess else None,
        excess.fen,
        enrolment["enrolment_id"],
    )


def held_because(  # noqa: PLR0911 - one return a reason, in documented order
    facts: Facts, fact: EntryFact, account: Record, enrolment: Record | None
) -> HeldReason | None:
    """Say why a payment may not stand on the enrolment it names, or None when it may."""
    if enrolment is None:
        return HeldReason.UNKNOWN_ENROLMENT
    another = enrolment["custody_account_id"] != account["custody_account_id"]
    if another or account["purpose"] != "CUSTODY":
        return HeldReason.WRONG_ACCOUNT
    institution = facts.get(Institution, account["institution_id"])
    if institution is None or (
        institution["state"] in FROZEN and not _before_freeze(facts, fact, account)
    ):
        return HeldReason.AFTER_FREEZE
    if enrolment["state"] not in TAKING_MONEY:
        return HeldReason.ENROLMENT_CLOSED
    if enrolment["received_fen"] >= enrolment["price_fen"]:
        return HeldReason.EXCESS
    if enrolment["origin"] != "REGULAR":
        return None
    course_id = enrolment["course_id"]
    course = facts.get(Course, course_id) if course_id else None
    if course is None or course["state"] != "FILED":
        return HeldReason.COURSE_NOT_FILED
    cap: Money | None = facts.extra.get("amount_cap")
    if cap is None or fact.amount > cap:
        return HeldReason.OVER_CAP
    return None


def payment_accounts(facts: Facts, fact: EntryFact, account: Record) -> Iterable[Account]:
    """Return the accounts that a payment may touch; any credit may end as one.

    Its own account in suspense is not among them: nothing can have been posted there before.
    """
    enrolment = facts.by(Enrolment, ("payment_code",), fact.payment_code)
    if enrolment is None:
        return (place_of(account).bank,)
    return (place_of(account).bank, contract_of(enrolment).prepaid)


async def read_freezes(unit: Unit, facts: Sequence[EntryFact]) -> None:
    """Read since when institutions are frozen, where any of those that are paid is."""
    frozen: set[UUID] = set()
    for fact in facts:
        account = unit.facts.get(CustodyAccount, fact.custody_account)
        row = None if account is None else unit.facts.get(Institution, account["institution_id"])
        if row is not None and row["state"] in FROZEN:
            frozen.add(row["institution_id"])
    if not frozen:
        return
    source = rows.table_of(WindDown)
    cases = rows.keyed(WindDown, unit.facts.journal, frozen, "institution_id")
    await unit.read(WindDown, cases.where(source.c.state.not_in(sorted(ENDED))))


def _before_freeze(facts: Facts, fact: EntryFact, account: Record) -> bool:
    """Tell whether the bank booked a payment on a day before the freeze, and only said so later."""
    case = facts.by(WindDown, ("institution_id",), account.institution_id)
    return case is not None and fact.book_on < case.frozen_on


KINDS: Final = (Kind("PAYMENT", "CRDT", payment, payment_accounts, read=read_freezes),)
