"""The register (债权登记): what every parent is owed, built from the ledger in one decision.

First, refunds that were not sent are taken back into their enrolments and open claims end, as the
collapse came first. Then every enrolment with something left gets a number in the order of its
contract date and number, its parent a notice, and a period to object begins.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from ledger import parameters
from ledger.chain import canonical_json
from ledger.policy import Category, RulePack
from ledger.refusals import Busy
from ledger.rules.places import references
from ledger.transactions import Transaction, TransactionKind
from service.store import (
    ids,
    notices,
    reference,
    refund_orders,
    register_reads,
    rows,
    wind_down_reads,
)
from service.store.claim_progress import OPEN as CLAIM_OPEN
from service.store.contracts import contract_of, place_of
from service.store.facts import Change, Decision, Facts, Insert, Record, Update
from service.store.register_reads import Standing
from service.store.tables import Claim, CustodyAccount, Enrolment, Entitlement, Refund
from service.store.transact import UseCase
from service.store.unit import Unit
from service.store.wind_down_steps import advanced, case_of, lock_cases, require_state
from service.wind_downs.found import CaseCommand, find_cases, institution_of

PUBLISHED: Final = "REGISTER_PUBLISHED"
COLLAPSE: Final = "COLLAPSE"
IN_WIND_DOWN: Final = "IN_WIND_DOWN"
TAUGHT: Final = ("AWAITING_PAYMENT", "ACTIVE")
"""States of an enrolment with prepaid money."""


@dataclass(frozen=True, slots=True)
class Owed:
    """An enrolment in the register: its claim c and what of it the institution owed, in fen."""

    enrolment: Record
    claimed_fen: int
    unfunded_fen: int


async def load_register(unit: Unit, commands: Sequence[CaseCommand]) -> None:
    """Lock case, accounts, every enrolment with something left, and refunds that were not sent."""
    cases = await lock_cases(unit, {command.target for command in commands})
    institutions = {case.institution_id for case in cases}
    accounts = await unit.lock(CustodyAccount, institutions, column="institution_id", share=True)
    journal, within = unit.facts.journal, sorted(institutions)
    enrolment = rows.table_of(Enrolment)
    taught = await unit.query(
        select(enrolment.c.enrolment_id).where(
            enrolment.c.journal_id == journal,
            enrolment.c.institution_id.in_(within),
            enrolment.c.state.in_(TAUGHT),
        )
    )
    # What has ended has no prepaid money left, but interest may stand on it.
    ended = await register_reads.interest_owners(unit, _keys(accounts))
    refund = rows.table_of(Refund)
    unsent = await unit.query(
        select(refund.c.refund_id, refund.c.enrolment_id).where(
            refund.c.journal_id == journal,
            refund.c.institution_id.in_(within),
            refund.c.payable_fen > 0,
        )
    )
    claim = rows.table_of(Claim)
    claimed = await unit.query(
        select(claim.c.claim_id, claim.c.enrolment_id).where(
            claim.c.journal_id == journal,
            claim.c.institution_id.in_(within),
            claim.c.state.in_(sorted(CLAIM_OPEN)),
        )
    )
    wanted = ended | {row["enrolment_id"] for row in (*taught, *unsent, *claimed)}
    enrolments = await unit.lock(Enrolment, wanted)
    await unit.lock(Claim, {row["claim_id"] for row in claimed})
    await refund_orders.lock_refunds(unit, {row["refund_id"] for row in unsent})
    await notices.read_reachable(unit, {row.guardian_id for row in enrolments})


async def read_register(unit: Unit, _commands: Sequence[CaseCommand]) -> None:
    """Read under the head what stands on every enrolment, and how long parents may object."""
    facts = unit.facts
    facts.extra["standings"] = await register_reads.standings(
        unit, _keys(facts.all(CustodyAccount))
    )
    pack = await reference.rule_pack(unit.connection, facts.journal)
    facts.extra["pack"] = pack
    facts.extra["policy_version"] = pack.label
    accounts = []
    for row in facts.all(Refund):
        enrolment = facts.get(Enrolment, row.enrolment_id)
        if enrolment is not None:
            accounts.append(contract_of(enrolment).prepaid)
            accounts.append(place_of(row).refund_payable(row.refund_id))
    await unit.balances(accounts)


def decide_register(facts: Facts, command: CaseCommand) -> Decision:
    """Publish the register. Raises `WrongState`, and `Busy` where money moved meanwhile."""
    case = case_of(facts, command.target)
    require_state(case, "LESSONS_SETTLED")
    transactions, changes, back = _taken_back(facts, case)
    owed = _owed(facts, case, back)
    claimed = sum(item.claimed_fen for item in owed)
    transactions.append(_registered(case, owed, claimed))
    changes += [
        change
        for number, item in enumerate(owed, start=1)
        for change in _entered(facts, case, item, number)
    ]
    said, published = advanced(
        facts,
        case,
        PUBLISHED,
        at=len(transactions),
        published_on=facts.moment.today,
        objections_until=facts.moment.today + timedelta(days=_days(facts, case)),
        entitlements=len(owed),
        claimed_fen=claimed,
    )
    transactions.append(said)
    changes.append(published)
    return Decision(
        answer=wind_down_reads.answer_of(facts.journal, Record({**case, **published.values})),
        transactions=tuple(transactions),
        changes=tuple(changes),
    )


def entitlement_key(case: Record, enrolment: Record) -> UUID:
    """Return an entitlement's id; it follows from the case and the enrolment."""
    return ids.derived(case.wind_down_id, enrolment.enrolment_id)


def entitlement_row(  # noqa: PLR0913 - a row of the register
    facts: Facts,
    case: Record,
    enrolment: Record,
    *,
    entitlement: UUID,
    number: int,
    claimed_fen: int,
    unfunded_fen: int,
    late: bool,
    notice: UUID | None,
) -> dict[str, Any]:
    """Make a row of the register."""
    return {
        "entitlement_id": entitlement,
        "wind_down_id": case.wind_down_id,
        "register_number": number,
        "enrolment_id": enrolment.enrolment_id,
        "institution_id": case.institution_id,
        "custody_account_id": enrolment.custody_account_id,
        "guardian_id": enrolment.guardian_id,
        "contract_on": enrolment.contract_on,
        "contract_number": enrolment.contract_number,
        "claimed_fen": claimed_fen,
        "unfunded_fen": unfunded_fen,
        "dividend_fen": 0,
        "residual_fen": 0,
        "written_off_fen": 0,
        "late": late,
        "notice_id": notice,
        "state": "ADMITTED" if late else "REGISTERED",
        "posted_round": 0,
        "seq": facts.moment.next_seq,
    }


def _taken_back(
    facts: Facts, case: Record
) -> tuple[list[Transaction], list[Change], dict[UUID, int]]:
    """Take back refunds that were not sent (L6 | L1) and end open claims; fen by enrolment."""
    transactions: list[Transaction] = []
    changes: list[Change] = []
    back: dict[UUID, int] = {}
    for refund in list(facts.all(Refund)):
        if refund.institution_id == case.institution_id and refund.payable_fen > 0:
            enrolment = facts.get(Enrolment, refund.enrolment_id)
            assert enrolment is not None, "the enrolment was locked with its refund"
            step = refund_orders.taken_back(refund, contract_of(enrolment))
            transactions += step.transactions
            changes += step.changes
            before = back.get(enrolment.enrolment_id, 0)
            back[enrolment.enrolment_id] = before + refund.payable_fen
    for claim in list(facts.all(Claim)):
        if claim.institution_id == case.institution_id and claim.state in CLAIM_OPEN:
            transactions.append(_dismissed(claim))
            changes.append(
                Update(
                    Claim,
                    (claim.claim_id,),
                    {
                        "state": "DISMISSED",
                        "decision": COLLAPSE,
                        "decided_by": facts.moment.actor,
                        "decided_on": facts.moment.today,
                        "seq": facts.moment.next_seq + len(transactions) - 1,
                    },
                )
            )
    return transactions, changes, back


def _owed(facts: Facts, case: Record, back: dict[UUID, int]) -> list[Owed]:
    """Put every enrolment with something left in the order of the register."""
    standings: dict[UUID, Standing] = facts.extra["standings"]
    found: list[Owed] = []
    for key in standings.keys() | back.keys():
        standing = standings.get(key)
        claimed = back.get(key, 0) + (0 if standing is None else standing.claimed_fen)
        if not claimed:
            continue
        enrolment = facts.get(Enrolment, key)
        if enrolment is None:
            raise Busy
        if enrolment.institution_id == case.institution_id:
            unfunded = 0 if standing is None else standing.unfunded_fen
            found.append(Owed(enrolment, claimed, min(unfunded, claimed)))
    return sorted(
        found, key=lambda item: (item.enrolment.contract_on, item.enrolment.contract_number)
    )


def _entered(facts: Facts, case: Record, item: Owed, number: int) -> tuple[Change, ...]:
    enrolment = item.enrolment
    entitlement = entitlement_key(case, enrolment)
    told = notices.guardian_told(
        facts,
        base=entitlement,
        kind=PUBLISHED,
        subject=entitlement,
        institution=case.institution_id,
        guardian=enrolment.guardian_id,
    )
    row = entitlement_row(
        facts,
        case,
        enrolment,
        entitlement=entitlement,
        number=number,
        claimed_fen=item.claimed_fen,
        unfunded_fen=item.unfunded_fen,
        late=False,
        notice=told.values["notice_id"],
    )
    moved = Update(Enrolment, (enrolment.enrolment_id,), {"state": IN_WIND_DOWN})
    return Insert(Entitlement, row), told, moved


def _registered(case: Record, owed: Sequence[Owed], claimed: int) -> Transaction:
    """Say what was registered, with a hash over every number, claim and unfunded part."""
    listed = [
        [number, item.enrolment.contract_number, item.claimed_fen, item.unfunded_fen]
        for number, item in enumerate(owed, start=1)
    ]
    return Transaction(
        TransactionKind.ENTITLEMENTS_REGISTERED,
        references={
            "wind_down": str(case.wind_down_id),
            "institution": str(case.institution_id),
            "entitlements": str(len(owed)),
            "claimed_fen": str(claimed),
            "register_hash": hashlib.sha256(canonical_json(listed).encode()).hexdigest(),
        },
    )


def _dismissed(claim: Record) -> Transaction:
    return Transaction(
        TransactionKind.CLAIM_DISMISSED,
        references=references(place_of(claim), claim=claim.claim_id, enrolment=claim.enrolment_id),
        reason=COLLAPSE,
    )


def _days(facts: Facts, case: Record) -> int:
    pack: RulePack = facts.extra["pack"]
    return pack.value(
        parameters.WIND_DOWN_OBJECTION_DAYS,
        on=facts.moment.today,
        category=Category(institution_of(facts, case).category),
    )


def _keys(accounts: Iterable[Record]) -> set[UUID]:
    return {row.custody_account_id for row in accounts}


REGISTER: Final[UseCase[CaseCommand, CaseCommand]] = UseCase(
    "publish_register", find_cases, load_register, decide_register, read_register
)
