"""Distribution plans as they are made and read: the pool, the register, and a plan's own rows.

The pool of a custody account is the cash there that is nobody's by name: the bank's money less L4,
L5, L6, L7, L8, L9, L10, L14, L15 and L16 (A2 less L12 besides, under the risk-deposit mode). Own
funds belong to it as far as the institution owes something elsewhere. What came in after the
freeze from outside the account (deposit, advance, recovery, top-up, own funds from elsewhere) is
shared in the second tier.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import AccountKind
from ledger.money import Money
from service.store import ids, register_reads, rows
from service.store.context import Context
from service.store.enrolment_reads import in_departments
from service.store.facts import Facts, Record
from service.store.tables import CustodyAccount, DistributionPlan, PlanShare
from service.store.unit import Unit

_K: Final = AccountKind
NAMED: Final = (
    _K.INSTITUTION_PAYABLE,
    _K.PAYOUT_IN_TRANSIT,
    _K.REFUND_PAYABLE,
    _K.REFUND_IN_TRANSIT,
    _K.SUSPENSE_RECEIPT,
    _K.RETURNED_REFUND_HELD,
    _K.INTEREST_UNALLOCATED,
    _K.BANK_ERROR_CREDIT,
    _K.PORTING_IN_TRANSIT,
    _K.INSTITUTION_OWN_FUNDS,
)
"""L4 to L10, L14 to L16: what cash stands for by name, and so no plan shares."""

CASH: Final = (_K.CUSTODY_BANK, _K.RISK_DEPOSIT_BANK)
PENDING: Final = (_K.LESSON_PENDING, _K.LESSON_DISPUTED)
CLAIMED: Final = (_K.STUDENT_PREPAID, _K.STUDENT_INTEREST)
FROM_OUTSIDE: Final = (
    "ADVANCE_RECEIVED",
    "DEPOSIT_ARRIVED",
    "OWN_FUNDS_ARRIVED",
    "POOL_MOVED_IN",
    "RECOVERY_RECEIVED",
    "TOP_UP_RECEIVED",
)

_LATER: Final = text(
    """
    SELECT account.custody_account_id, sum(entry.amount)::bigint AS fen
    FROM escrow.account
    JOIN escrow.entry
      ON entry.journal_id = :journal AND entry.account_id = account.account_id
     AND entry.seq > :frozen
    JOIN escrow.journal_transaction AS sealed
      ON sealed.journal_id = :journal AND sealed.seq = entry.seq
    WHERE account.journal_id = :journal AND account.owner_id = ANY(:custodies)
      AND account.kind = 'CUSTODY_BANK' AND entry.amount > 0 AND sealed.kind = ANY(:kinds)
    GROUP BY account.custody_account_id
    """
).bindparams(bindparam("custodies", type_=ARRAY(Uuid)), bindparam("kinds", type_=ARRAY(Text)))

_REGISTER: Final = text(
    """
    SELECT register_number, entitlement_id, custody_account_id, guardian_id, state,
           CASE WHEN :round = 1 THEN claimed_fen ELSE residual_fen END AS claim,
           CASE WHEN :round = 1 THEN unfunded_fen ELSE 0 END AS unfunded
    FROM escrow.entitlement
    WHERE journal_id = :journal AND wind_down_id = :wind_down
      AND (:round = 1 OR residual_fen > 0)
    ORDER BY register_number
    """
)


_LONG_LISTS: Final = text("SELECT set_config('plan_cache_mode', 'force_custom_plan', true)")


@dataclass(frozen=True, slots=True)
class Sources:
    """What a plan is made from, read under the head; accounts are numbered from 1 in order.

    `pools` holds (pool, later) of each account in fen; `differs` says that the register does not
    add up to what the ledger holds for the students, `pending` what still waits in L2 and L3,
    `objections` how many parents' objections nobody has decided.
    """

    round: int
    accounts: Sequence[UUID]
    pools: Mapping[UUID, tuple[int, int]]
    register: Sequence[Mapping[str, Any]]
    differs: bool
    pending: int
    objections: int

    def inputs(self, basis: str) -> dict[str, Any]:
        """Write the inputs of a plan as `ledger.distribution` reads them."""
        numbers = {custody: number for number, custody in enumerate(self.accounts, start=1)}
        return {
            "basis": basis,
            "round": self.round,
            "accounts": [
                {"number": numbers[custody], "pool": pool, "later": later}
                for custody, (pool, later) in self.pools.items()
            ],
            "entitlements": [
                {
                    "number": row["register_number"],
                    "account": numbers[row["custody_account_id"]],
                    "claim": row["claim"],
                    "unfunded": row["unfunded"],
                }
                for row in self.register
            ],
        }


async def expect_long_lists(unit: Unit) -> None:
    """Plan each statement of this unit of work for its own values: one command, long lists.

    A long list is then hashed; a kept plan would compare each row with each of its values.
    """
    await unit.query(_LONG_LISTS)


async def lock_accounts(unit: Unit, institutions: set[UUID]) -> None:
    """Lock the institutions' custody and deposit accounts FOR SHARE."""
    await unit.lock(CustodyAccount, institutions, column="institution_id", share=True)


async def read_sources(unit: Unit, case: Record, *, round_number: int) -> Sources:
    """Read pool and register of a case for one round; its accounts were locked."""
    accounts = accounts_of(unit.facts, case.institution_id)
    await unit.custody_totals(accounts)
    journal = unit.facts.journal
    later = await unit.query(
        _LATER,
        journal=journal,
        frozen=case.frozen_seq,
        custodies=list(accounts),
        kinds=list(FROM_OUTSIDE),
    )
    register = await unit.query(
        _REGISTER, journal=journal, wind_down=case.wind_down_id, round=round_number
    )
    came_later = {row["custody_account_id"]: row["fen"] for row in later}
    return Sources(
        round=round_number,
        accounts=accounts,
        pools=_pools(unit.facts, accounts, came_later, round_number),
        register=register,
        differs=_differs(unit.facts, accounts, register, round_number),
        pending=sum(unit.facts.total(custody, PENDING) for custody in accounts),
        objections=await register_reads.objections_open(unit, case.wind_down_id),
    )


def accounts_of(facts: Facts, institution: UUID) -> Sequence[UUID]:
    """Return an institution's locked accounts in the order in which plans number them."""
    held = (row for row in facts.all(CustodyAccount) if row.institution_id == institution)
    return sorted(row.custody_account_id for row in held)


def pool_of(facts: Facts, custody: UUID) -> int:
    """Return the cash of an account that is nobody's by name, in fen; below zero when it lacks."""
    deposit = facts.total(custody, [_K.RISK_DEPOSIT_HELD])
    return facts.total(custody, CASH) - deposit - facts.total(custody, NAMED)


def _pools(
    facts: Facts, accounts: Sequence[UUID], came_later: Mapping[UUID, int], round_number: int
) -> dict[UUID, tuple[int, int]]:
    # Own funds cover what is owed elsewhere before anything of them is the institution's again.
    owed = sum(facts.total(custody, [_K.DUE_FROM_INSTITUTION]) for custody in accounts)
    pools: dict[UUID, tuple[int, int]] = {}
    for custody in accounts:
        own = min(owed, facts.total(custody, [_K.INSTITUTION_OWN_FUNDS]))
        owed -= own
        whole = max(pool_of(facts, custody) + own, 0)
        later = whole if round_number > 1 else min(whole, came_later.get(custody, 0) + own)
        pools[custody] = (whole - later, later)
    return pools


def _differs(
    facts: Facts,
    accounts: Sequence[UUID],
    register: Sequence[Mapping[str, Any]],
    round_number: int,
) -> bool:
    claimed = dict.fromkeys(accounts, 0)
    for row in register:
        claimed[row["custody_account_id"]] += row["claim"]
    kinds = CLAIMED if round_number == 1 else [_K.RESIDUAL_CLAIM]
    return any(facts.total(custody, kinds) != fen for custody, fen in claimed.items())


async def plans(
    connection: AsyncConnection, caller: Context, journal: int, wanted: Sequence[UUID]
) -> dict[UUID, Record]:
    """Return the plans of these ids that the caller sees, by id, without their inputs."""
    source = rows.table_of(DistributionPlan)
    statement = select(*(c for c in source.c if c.key != "inputs")).where(
        source.c.journal_id == journal, source.c.plan_id.in_(wanted)
    )
    found = await rows.fetch(connection, in_departments(statement, DistributionPlan, caller))
    return {row["plan_id"]: Record(row) for row in found}


async def inputs_text(
    connection: AsyncConnection, caller: Context, journal: int, plan: UUID
) -> str | None:
    """Return the canonical inputs of a plan the caller sees."""
    source = rows.table_of(DistributionPlan)
    statement = select(source.c.inputs).where(
        source.c.journal_id == journal, source.c.plan_id == plan
    )
    found = await rows.fetch(connection, in_departments(statement, DistributionPlan, caller))
    return str(found[0]["inputs"]) if found else None


async def shares(  # noqa: PLR0913 - which page of which plan
    connection: AsyncConnection,
    caller: Context,
    journal: int,
    plan: UUID,
    *,
    after: int,
    limit: int,
) -> Sequence[Record]:
    """Return a plan's shares after a register number, in register order; a parent sees their own.

    Row-level security narrows by guardian.
    """
    source = rows.table_of(PlanShare)
    statement = (
        select(source)
        .where(
            source.c.journal_id == journal,
            source.c.plan_id == plan,
            source.c.register_number > after,
        )
        .order_by(source.c.register_number)
        .limit(limit)
    )
    found = await rows.fetch(connection, in_departments(statement, PlanShare, caller))
    return [Record(row) for row in found]


async def of_case(
    connection: AsyncConnection, caller: Context, journal: int, wind_down: UUID
) -> Sequence[Record]:
    """Return every plan of a case, oldest first, without the inputs."""
    source = rows.table_of(DistributionPlan)
    statement = (
        select(*(c for c in source.c if c.key != "inputs"))
        .where(source.c.journal_id == journal, source.c.wind_down_id == wind_down)
        .order_by(source.c.seq, source.c.plan_id)
    )
    found = await rows.fetch(connection, in_departments(statement, DistributionPlan, caller))
    return [Record(row) for row in found]


def answer_of(journal: int, row: Record) -> dict[str, Any]:
    """Tell of a plan: its totals, hash and progress."""
    return {
        "id": ids.public("pln", journal, row.plan_id),
        "wind_down_id": ids.public("wdn", journal, row.wind_down_id),
        "institution_id": ids.public("ins", journal, row.institution_id),
        "round": row.round,
        "basis": row.basis,
        "state": row.state,
        "plan_hash": row.plan_hash.hex(),
        "inputs_hash": row.inputs_hash.hex(),
        "entitlements": row.entitlements,
        "claimed": str(Money.from_fen(row.claimed_fen)),
        "pool": str(Money.from_fen(row.pool_fen)),
        "distributed": str(Money.from_fen(row.distributed_fen)),
        "residual": str(Money.from_fen(row.residual_fen)),
        "posted_to": row.posted_to,
        "simulated_at": row.simulated_at.isoformat(),
        "approved_on": None if row.approved_on is None else row.approved_on.isoformat(),
    }


def share_of(journal: int, row: Record) -> dict[str, Any]:
    """Tell what a plan gives one entitlement."""
    return {
        "entitlement_id": ids.public("ent", journal, row.entitlement_id),
        "register_number": row.register_number,
        "claim": str(Money.from_fen(row.claim_fen)),
        "tier_one": str(Money.from_fen(row.tier_one_fen)),
        "tier_two": str(Money.from_fen(row.tier_two_fen)),
        "dividend": str(Money.from_fen(row.dividend_fen)),
        "residual": str(Money.from_fen(row.residual_fen)),
    }
