"""How a wind-down begins: with the freeze itself, one act of one person.

The case is written as FROZEN and every bank of the institution is asked for its balance at that
instant; lifting the freeze by two persons ends the case as LIFTED.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from ledger import parameters
from ledger.refusals import PolicyMissing
from ledger.rules.places import references
from ledger.transactions import Transaction, TransactionKind
from service.store import ids, reference, rows
from service.store.contracts import place_of
from service.store.facts import Change, Facts, Insert, Record
from service.store.tables import CustodyAccount, StatementRequest, WindDown
from service.store.unit import Unit
from service.store.wind_down_steps import ENDED, advanced, first_step

POOLED: Final = "POOLED"
TRACED_FIRST: Final = "TRACED_FIRST"

Begun = tuple[tuple[Transaction, ...], tuple[Change, ...]]


async def lock_accounts(unit: Unit, institutions: Iterable[UUID]) -> None:
    """Lock the accounts whose banks will be asked, FOR SHARE, after the institutions."""
    wanted = set(institutions)
    if wanted:
        await unit.lock(CustodyAccount, wanted, column="institution_id", share=True)


async def read_start(unit: Unit, institutions: Iterable[UUID]) -> None:
    """Read under the head what stands in those accounts, and how the rules share a pool."""
    wanted = set(institutions)
    if not wanted:
        return
    held = [row for row in unit.facts.all(CustodyAccount) if row.institution_id in wanted]
    await unit.balances([place_of(row).bank for row in held])
    unit.facts.extra["wind_down_basis"] = await _basis(unit)


def started(facts: Facts, *, base: UUID, institution: UUID, cause: str, at: int = 0) -> Begun:
    """Begin the case of an institution that is being frozen; `at` as in `advanced`.

    `base` is the id of the restraint, from which the new ids follow.
    """
    moment, wind_down = facts.moment, ids.derived(base, institution)
    case: dict[str, Any] = {
        "wind_down_id": wind_down,
        "institution_id": institution,
        "state": "FROZEN",
        "basis": facts.extra["wind_down_basis"],
        "cause": cause,
        "frozen_at": moment.now,
        "frozen_on": moment.today,
        "frozen_seq": moment.next_seq + at,
        **dict.fromkeys(("opened_on", "lessons_due_on", "published_on", "objections_until")),
        **dict.fromkeys(("plan_id", "closed_on")),
        **dict.fromkeys(("entitlements", "claimed_fen", "distributed_fen", "residual_fen"), 0),
        "steps": first_step(facts, at=at),
        "seq": moment.next_seq + at,
    }
    begun = Transaction(
        TransactionKind.WIND_DOWN_STARTED,
        references={"wind_down": str(wind_down), "institution": str(institution)},
        reason=cause,
    )
    held = [row for row in facts.all(CustodyAccount) if row.institution_id == institution]
    asked = [
        _asked(facts, wind_down, row, at=at + n)
        for n, row in enumerate(sorted(held, key=lambda row: str(row.account_number)), start=1)
    ]
    return (
        (begun, *(transaction for transaction, _ in asked)),
        (Insert(WindDown, case), *(change for _, change in asked)),
    )


async def lock_open(unit: Unit, institutions: Iterable[UUID]) -> Sequence[Record]:
    """Lock the open cases of institutions, after the institutions themselves."""
    wanted = sorted(set(institutions))
    source = rows.table_of(WindDown)
    return await unit.lock_where(
        WindDown,
        select(source)
        .where(
            source.c.journal_id == unit.facts.journal,
            source.c.institution_id.in_(wanted),
            source.c.state.not_in(sorted(ENDED)),
        )
        .order_by(source.c.wind_down_id),
    )


def lifted(facts: Facts, institution: UUID, *, at: int = 0) -> Begun:
    """End the case of an institution whose last freeze is lifted; nothing where there is none."""
    for row in facts.all(WindDown):
        if row.institution_id == institution and row.state == "FROZEN":
            said, change = advanced(facts, row, "LIFTED", at=at)
            return (said,), (change,)
    return (), ()


def _asked(
    facts: Facts, wind_down: UUID, account: Record, *, at: int
) -> tuple[Transaction, Insert]:
    moment = facts.moment
    request = ids.derived(wind_down, account.custody_account_id)
    row = {
        "request_id": request,
        "wind_down_id": wind_down,
        "institution_id": account.institution_id,
        "custody_account_id": account.custody_account_id,
        "bank_code": account.bank_code,
        "asked_at": moment.now,
        "balance_at": moment.now,
        "ledger_fen": facts.book.quantity(place_of(account).bank),
        "bank_fen": None,
        "answered_at": None,
        "document_hash": None,
        "state": "ASKED",
        "seq": moment.next_seq + at,
    }
    said = Transaction(
        TransactionKind.STATEMENT_REQUESTED,
        references=references(place_of(account), wind_down=wind_down, request=request),
    )
    return said, Insert(StatementRequest, row)


async def _basis(unit: Unit) -> str:
    """POOLED where the rules say so, else TRACED_FIRST: no freeze waits for a missing rule."""
    try:
        pack = await reference.rule_pack(unit.connection, unit.facts.journal)
        pooled = pack.value(parameters.POOLED_DISTRIBUTION, on=unit.facts.moment.today)
    except PolicyMissing:
        return TRACED_FIRST
    return POOLED if pooled else TRACED_FIRST
