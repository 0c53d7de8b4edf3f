"""Bank entries: facts that are always kept.

Commands are refused; bank facts never are (decisions.md). Only a contradiction, the same bank
reference with other content, is a conflict, and opens a break.
"""

from typing import Any, Final
from uuid import UUID

from ledger.accounts import Reason
from ledger.money import Money
from service.bank_entries import contradictions, suspected
from service.bank_entries.batch_entries import part_rows
from service.bank_entries.effects import effect_of
from service.bank_entries.facts import KEPT, Detail, Effect, EntryFact, Part
from service.bank_entries.restated import restated
from service.store import ids
from service.store.contracts import place_of
from service.store.facts import Decision, Facts, Insert, Record, Update
from service.store.tables import (
    BankEntry,
    BankEntryDetail,
    BankNarrative,
    CustodyAccount,
)

BUSINESS_KEY: Final = ("custody_account_id", "bank_ref")


def decide_entry(facts: Facts, fact: EntryFact) -> Decision:
    """Post a bank entry, answer it as a duplicate, or refuse a contradiction."""
    account = facts.get(CustodyAccount, fact.custody_account)
    assert account is not None, "the custody account was found and locked"
    known = facts.by(BankEntry, BUSINESS_KEY, fact.custody_account, fact.bank_ref)
    if known is not None:
        differs = contradictions.differing(known, fact)
        if differs:
            return contradictions.contradicted(facts, known, fact, account, differs)
        return told_again(facts, known, fact, account)
    twin = suspected.twin_of(facts, fact)
    if twin is None:
        effect = effect_of(facts, fact, account)
    else:
        effect = suspected.held(facts, fact, account, twin)
    if effect.outcome == KEPT:
        facts.noticed.add(KEPT)
    row = row_of(facts, fact, account, effect)
    return Decision(
        answer=answer_of(facts.journal, row),
        transactions=effect.transactions,
        changes=(
            Insert(BankEntry, row),
            Insert(BankNarrative, narrative_of(fact, account)),
            *_detailed(fact, account),
            *part_rows(fact, account),
            *effect.changes,
        ),
        shows={"custody_bank": place_of(account).bank},
    )


def told_again(facts: Facts, known: Record, fact: EntryFact, account: Record) -> Decision:
    """Post an open entry as a fuller word says; answer any other as a duplicate (I-39)."""
    shows = {"custody_bank": place_of(account).bank}
    more = restated(facts, known, fact)
    if more is None:
        answer = answer_of(facts.journal, known)
        return Decision(answer=answer, shows=shows, duplicate=True)
    key = known.bank_entry_id
    own = fact._replace(bank_entry=key)
    return Decision(
        answer=answer_of(facts.journal, Record({**known, **more.entry})),
        transactions=more.transactions,
        changes=(
            Update(BankEntry, (key,), more.entry),
            more.narrative,
            *_detailed(own, account),
            *part_rows(own, account),
            *more.effect.changes,
        ),
        shows=shows,
    )


def decide_kept(facts: Facts, bank_entry: UUID, parts: tuple[Part, ...] = ()) -> Decision:
    """Post a kept entry now that what it waits for may be there; unchanged when it is not."""
    row = facts.get(BankEntry, bank_entry)
    assert row is not None, "a kept entry was found and locked"
    account = facts.get(CustodyAccount, row.custody_account_id)
    assert account is not None, "its custody account was found and locked"
    fact = fact_of(row, facts.get(BankEntryDetail, bank_entry), parts)
    effect = effect_of(facts, fact, account) if row.outcome == "KEPT" else None
    if effect is None or effect.outcome == "KEPT":
        return Decision(answer=answer_of(facts.journal, row), duplicate=True)
    changed = {
        "outcome": effect.outcome,
        "suspense_reason": effect.suspense_reason,
        "suspense_fen": effect.suspense_fen,
        "enrolment_id": effect.enrolment,
        "posted_seq": facts.moment.next_seq,
    }
    return Decision(
        answer=answer_of(facts.journal, Record({**row, **changed})),
        transactions=effect.transactions,
        changes=(Update(BankEntry, (bank_entry,), changed), *effect.changes),
    )


def answer_of(journal: int, row: Record) -> dict[str, Any]:
    """Tell what became of an entry."""
    enrolment, order = row["enrolment_id"], row["order_id"]
    return {
        "id": ids.public("bke", journal, row["bank_entry_id"]),
        "custody_account_id": ids.public("cus", journal, row["custody_account_id"]),
        "bank_ref": row["bank_ref"],
        "direction": row["direction"],
        "amount": str(Money.from_fen(row["amount_fen"])),
        "book_on": row["book_on"].isoformat(),
        "value_on": row["value_on"].isoformat(),
        "kind": row["kind"],
        "outcome": row["outcome"],
        "suspense_reason": row["suspense_reason"],
        "suspense": str(Money.from_fen(row["suspense_fen"])),
        "enrolment_id": None if enrolment is None else ids.public("enr", journal, enrolment),
        "order_id": None if order is None else ids.public("ord", journal, order),
    }


def fact_of(row: Record, detail: Record | None = None, parts: tuple[Part, ...] = ()) -> EntryFact:
    """Make the fact of a kept entry again; payer and purpose played their part when it came."""
    return EntryFact(
        bank_entry=row.bank_entry_id,
        custody_account=row.custody_account_id,
        bank_ref=row.bank_ref,
        direction=row.direction,
        kind=row.kind,
        amount=Money.from_fen(row.amount_fen),
        book_on=row.book_on,
        value_on=row.value_on,
        payment_code=row.payment_code,
        order=row.order_id,
        payer_name=None,
        payer_account=None,
        purpose=None,
        detail=None if detail is None else _told(detail),
        parts=parts,
    )


def _told(detail: Record) -> Detail:
    return Detail(
        channel=None if detail.channel is None else Reason(detail.channel),
        fee=Money.from_fen(detail.fee_fen),
        document_number=detail.document_number,
        corrects=detail.corrects_ref,
        failure=detail.failure_id,
    )


def _detailed(fact: EntryFact, account: Record) -> tuple[Insert, ...]:
    detail = fact.detail
    if detail is None:
        return ()
    row = {
        "bank_entry_id": fact.bank_entry,
        "institution_id": account["institution_id"],
        "bank_code": account["bank_code"],
        "channel": None if detail.channel is None else detail.channel.value,
        "fee_fen": detail.fee.fen,
        "document_number": detail.document_number,
        "corrects_ref": detail.corrects,
        "failure_id": detail.failure,
    }
    return (Insert(BankEntryDetail, row),)


def row_of(facts: Facts, fact: EntryFact, account: Record, effect: Effect) -> Record:
    """Make the row that keeps an entry with what it became."""
    moment = facts.moment
    row = {
        "bank_entry_id": fact.bank_entry,
        "custody_account_id": fact.custody_account,
        "institution_id": account["institution_id"],
        "bank_code": account["bank_code"],
        "bank_ref": fact.bank_ref,
        "direction": fact.direction,
        "amount_fen": fact.amount.fen,
        "book_on": fact.book_on,
        "value_on": fact.value_on,
        "kind": fact.kind,
        "payment_code": fact.payment_code,
        "content_hash": fact.content_hash,
        "outcome": effect.outcome,
        "suspense_reason": effect.suspense_reason,
        "suspense_fen": effect.suspense_fen,
        "enrolment_id": effect.enrolment,
        "order_id": fact.order,
        "received_at": moment.now,
        "seq": moment.next_seq,
        "posted_seq": None if effect.outcome == "KEPT" else moment.next_seq,
        "likeness": suspected.own_likeness(facts, fact),
        "source": fact.source,
    }
    return Record(row)


def narrative_of(fact: EntryFact, account: Record) -> dict[str, Any]:
    """Make the row that keeps what the bank wrote beside an entry."""
    return {
        "bank_entry_id": fact.bank_entry,
        "bank_code": account["bank_code"],
        "payer_name": fact.payer_name,
        "payer_account": fact.payer_account,
        "purpose": fact.purpose,
    }
