"""Supervision agreements (监管协议): without one in force no custody account and no orders (S49).

The first version knows two modes: release lesson by lesson (一课一消), settled by lesson or week,
and risk deposit (风险保证金); any other release basis is refused.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import select

from ledger.refusals import AlreadyExists, BankNotSelected, ModeNotSupported, WrongState
from ledger.transactions import Transaction, TransactionKind
from service.institutions.commands import SignAgreement
from service.institutions.states import find_institutions, institution_row
from service.store import custodians, ids, rows
from service.store.facts import Change, Decision, Facts, Insert, Record, Update
from service.store.tables import Agreement, Institution
from service.store.transact import UseCase
from service.store.unit import Unit

MODES: Final = frozenset({"LESSON_BY_LESSON", "RISK_DEPOSIT"})
OPEN: Final = frozenset({"REGISTERED", "LICENSED", "ENROLMENT_SUSPENDED", "SUSPENDED"})
"""States in which an institution may sign."""


async def load_agreements(unit: Unit, commands: Sequence[SignAgreement]) -> None:
    """Lock the institutions; read their agreements and the banks their jurisdictions selected."""
    institutions = await unit.lock(Institution, (command.target for command in commands))
    source = rows.table_of(Agreement)
    statement = select(source).where(
        source.c.journal_id == unit.facts.journal,
        source.c.institution_id.in_([row.institution_id for row in institutions]),
    )
    await unit.read(Agreement, statement.order_by(source.c.valid_from))
    unit.facts.extra["selected"] = await custodians.selected(
        unit.connection, unit.facts.journal, {row.jurisdiction_code for row in institutions}
    )


def decide_agreement(facts: Facts, command: SignAgreement) -> Decision:
    """Record an agreement; a later one with the same bank ends the one before it."""
    row = institution_row(facts, command.target)
    standing = [
        agreement
        for agreement in facts.all(Agreement)
        if agreement.institution_id == command.target and agreement.bank_code == command.bank
    ]
    values = _row(facts, command)
    for agreement in standing:
        if agreement.document_hash == command.document_hash:
            return _again(facts, agreement, values)
    if row.state not in OPEN:
        raise WrongState(state=row.state)
    if any(agreement.valid_from >= command.valid_from for agreement in standing):
        raise AlreadyExists(bank=command.bank, valid_from=command.valid_from.isoformat())
    if command.mode not in MODES or command.release_basis != "LESSON":
        raise ModeNotSupported(mode=command.mode, release_basis=command.release_basis)
    if (row.jurisdiction_code, command.bank) not in facts.extra["selected"]:
        raise BankNotSelected(bank=command.bank)
    return Decision(
        answer=answer_of(facts.journal, values),
        transactions=(_signed(command),),
        changes=(*_ended(standing, command), Insert(Agreement, values)),
    )


def _again(facts: Facts, standing: Record, values: Mapping[str, Any]) -> Decision:
    """Answer the same document with what stands; with other terms it contradicts itself."""
    terms = ("mode", "release_basis", "settlement_cadence", "residual_interest", "valid_from")
    if any(standing[name] != values[name] for name in terms):
        raise AlreadyExists(document_hash=standing.document_hash)
    return Decision(answer=answer_of(facts.journal, standing), duplicate=True)


def _row(facts: Facts, command: SignAgreement) -> dict[str, Any]:
    return {
        "agreement_id": command.agreement,
        "institution_id": command.target,
        "bank_code": command.bank,
        "mode": command.mode,
        "release_basis": command.release_basis,
        "settlement_cadence": command.settlement_cadence,
        "residual_interest": command.residual_interest,
        "document_hash": command.document_hash,
        "valid_from": command.valid_from,
        "valid_to": command.valid_to,
        "seq": facts.moment.next_seq,
    }


def _ended(standing: Sequence[Record], command: SignAgreement) -> tuple[Change, ...]:
    until = command.valid_from - timedelta(days=1)
    return tuple(
        Update(Agreement, (agreement.agreement_id,), {"valid_to": until})
        for agreement in standing
        if agreement.valid_to is None or agreement.valid_to > until
    )


def _signed(command: SignAgreement) -> Transaction:
    return Transaction(
        TransactionKind.AGREEMENT_SIGNED,
        references={
            "institution": str(command.target),
            "agreement": str(command.agreement),
            "bank": command.bank,
            "mode": command.mode,
            "document_hash": command.document_hash,
        },
    )


def answer_of(journal: int, row: Mapping[str, Any]) -> dict[str, Any]:
    """Tell what an agreement says."""
    until = row["valid_to"]
    return {
        "id": ids.public("agr", journal, row["agreement_id"]),
        "institution_id": ids.public("ins", journal, row["institution_id"]),
        "bank": row["bank_code"],
        "mode": row["mode"],
        "release_basis": row["release_basis"],
        "settlement_cadence": row["settlement_cadence"],
        "residual_interest": row["residual_interest"],
        "document_hash": row["document_hash"],
        "valid_from": row["valid_from"].isoformat(),
        "valid_to": None if until is None else until.isoformat(),
    }


SIGN: Final[UseCase[SignAgreement, SignAgreement]] = UseCase(
    "sign_agreement", find_institutions, load_agreements, decide_agreement
)
