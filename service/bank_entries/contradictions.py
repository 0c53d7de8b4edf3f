"""Contradictions (矛盾): a bank says of an entry that stands what it is not.

The entry stays as it stands and the message is refused; what was said is opened as a break of its
own, once however often and by whichever way it is said, and stays open until a person has signed it
off. It says in what the two differ, never who pays.
"""

from collections.abc import Sequence
from typing import Final

from ledger.breaks import BreakClass, Finding, Subject
from ledger.refusals import BankEntryContradicted
from service.bank_entries.facts import STATEMENT, EntryFact
from service.store import break_changes, driver, ids
from service.store.break_changes import Steps
from service.store.facts import Decision, Facts, Record
from service.store.tables import BankEntry, Break
from service.store.unit import Unit

_BUSINESS_KEY: Final = ("custody_account_id", "bank_ref")
_OPENED: Final = (
    "SELECT * FROM escrow.reconciliation_break"
    " WHERE journal_id = $1 AND subject_key = ANY($2::text[]) AND subject = 'BANK_MESSAGE'"
)


def differing(known: Record, fact: EntryFact) -> tuple[str, ...]:
    """Name in what an entry that stands is told of otherwise; nothing where it says the same.

    Statements seldom name the payer: where one is involved only amount, sign and date count.
    """
    if STATEMENT in {known["source"], fact.source}:
        return differing_in_money(known, fact)
    if known["content_hash"] == fact.content_hash:
        return ()
    found = differing_in_money(known, fact)
    return (*found, "PAYER") if _names_another(known, fact) else found


def differing_in_money(known: Record, fact: EntryFact) -> tuple[str, ...]:
    """Name which of amount, sign and date differ: all that counts of a line of a file."""
    said = (
        ("AMOUNT", known["amount_fen"], fact.amount.fen),
        ("DIRECTION", known["direction"], fact.direction),
        ("DATE", known["book_on"], fact.book_on),
    )
    return tuple(name for name, stands, told in said if stands != told)


async def read_contradictions(unit: Unit, facts: Sequence[EntryFact]) -> None:
    """Read under the head which contradictions of these entries were opened; mostly of none."""
    if not unit.facts.knows_any(BankEntry):
        return
    keys = set()
    for fact in facts:
        known = unit.facts.by(BankEntry, _BUSINESS_KEY, fact.custody_account, fact.bank_ref)
        if known is not None and differing(known, fact):
            keys.add(ids.public("bke", unit.facts.journal, known["bank_entry_id"]))
    if keys:
        opened = await driver.records(unit.connection, _OPENED, unit.facts.journal, list(keys))
        unit.facts.take(Break, opened)


def contradicted(
    facts: Facts, known: Record, fact: EntryFact, account: Record, differs: Sequence[str]
) -> Decision:
    """Refuse what contradicts an entry, and open the break that people answer for; once."""
    key = ids.public("bke", facts.journal, known["bank_entry_id"])
    said = _signed(fact.direction, fact.amount.fen)
    stands = _signed(known["direction"], known["amount_fen"])
    finding = Finding(
        BreakClass.CONTRADICTED,
        Subject.BANK_MESSAGE,
        key,
        fact.book_on,
        said - stands,
        outside=False,
    )
    steps, told = Steps(facts), ",".join(differs)
    if not _was_opened(facts, finding, told):
        break_changes.opened(
            steps, account, finding, fact.bank_entry, bank_ref=fact.bank_ref, differs=told
        )
    return Decision(
        answer={},
        transactions=tuple(steps.transactions),
        changes=tuple(steps.changes),
        refusal=BankEntryContradicted(bank_ref=fact.bank_ref),
    )


def _names_another(known: Record, fact: EntryFact) -> bool:
    """Tell whether the payer is another: the rest taken as it stands, the content still differs."""
    amount = type(fact.amount).from_fen(known["amount_fen"])
    alike = fact._replace(direction=known["direction"], amount=amount, book_on=known["book_on"])
    return bool(alike.content_hash != known["content_hash"])


def _was_opened(facts: Facts, finding: Finding, differs: str) -> bool:
    asked = (Subject.BANK_MESSAGE, finding.day, finding.amount_fen, differs)
    return any(
        (row["subject"], row["arose_on"], row["amount_fen"], row["differs"]) == asked
        for row in facts.each_by(Break, "subject_key", finding.key)
    )


def _signed(direction: str, fen: int) -> int:
    return -fen if direction == "DBIT" else fen
