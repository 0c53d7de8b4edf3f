"""Money recovered for the pool of a wind-down (追回款, E50); without an open case, suspense."""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import select

from ledger.accounts import Account
from ledger.rules import wind_downs
from service.bank_entries.facts import Effect, EntryFact, Kind
from service.store import rows
from service.store.contracts import debts_of, place_of
from service.store.facts import Facts, Record
from service.store.tables import CustodyAccount, WindDown
from service.store.unit import Unit
from service.store.wind_down_steps import ENDED


async def _read_cases(unit: Unit, facts: Sequence[EntryFact]) -> None:
    """Read the open cases of the institutions whose accounts are credited."""
    known = (unit.facts.get(CustodyAccount, fact.custody_account) for fact in facts)
    source = rows.table_of(WindDown)
    wanted = sorted({row.institution_id for row in known if row is not None})
    await unit.read(
        WindDown,
        select(source).where(
            source.c.journal_id == unit.facts.journal,
            source.c.institution_id.in_(wanted),
            source.c.state.not_in(sorted(ENDED)),
        ),
    )


def _recovered(facts: Facts, fact: EntryFact, account: Record) -> Effect | None:
    """Close what is due in the account; the rest is own funds, which belong to the pool (E50)."""
    if facts.by(WindDown, ("institution_id",), account.institution_id) is None:
        return None
    place = place_of(account)
    received = wind_downs.recovery_received(
        place,
        bank_entry=fact.bank_entry,
        amount=fact.amount,
        debts=debts_of(facts, place.custody),
    )
    return Effect("RECOVERY", (received,))


def _accounts(_facts: Facts, _fact: EntryFact, account: Record) -> Iterable[Account]:
    place = place_of(account)
    return (place.bank, place.own_funds)


KINDS: Final = (Kind("RECOVERY", "CRDT", _recovered, _accounts, owes=True, read=_read_cases),)
