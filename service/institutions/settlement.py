"""Another settlement account (结算账户变更): asked for by one regulator, approved by a second.

The account is written down at once, as a party of its own, and used once two people agree; the old
one stays as it was. The version the request was made for must still be the institution's.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from ledger.four_eyes import ActKind
from ledger.refusals import WrongState
from service.institutions.commands import ChangeSettlement
from service.institutions.states import (
    decided,
    find_institutions,
    institution_row,
    load_institutions,
)
from service.store import approvals, ids, registry
from service.store.approvals import Approvable, Payload, Wanted
from service.store.facts import Decision, Facts, Record
from service.store.parties import party_added
from service.store.tables import Institution
from service.store.transact import UseCase
from service.store.unit import Unit


def decide_request(facts: Facts, command: ChangeSettlement) -> Decision:
    """Write the account down and let the change wait for its second person.

    Raises `VersionStale`, `WrongState`.
    """
    row = _changeable(facts, command.target, command.version)
    payload: dict[str, Any] = {
        "institution_id": ids.public("ins", facts.journal, row.institution_id),
        "payee_party_id": ids.public("pty", facts.journal, command.settlement.party),
        "version": row.version,
    }
    wanted = Wanted(command.approval, payload, row.institution_id, command.key)
    decision = approvals.requested(facts, SETTLEMENT, wanted)
    written = party_added(command.settlement, institution=row.institution_id, at=facts.moment.now)
    return replace(decision, changes=(written, *decision.changes))


async def load_approved(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Lock the institutions of approved changes."""
    await unit.lock(Institution, {_institution(payload) for payload in payloads})


def decide_approved(facts: Facts, payload: Payload) -> Decision:
    """Pay the institution to the agreed account from now on. Raises as `decide_request`."""
    row = _changeable(facts, _institution(payload), payload["version"])
    party = ids.parse("pty", str(payload["payee_party_id"]))[1]
    return decided(
        facts,
        row,
        {"settlement_party_id": party},
        "SETTLEMENT_ACCOUNT_CHANGED",
        party=str(party),
    )


def _changeable(facts: Facts, institution: UUID, version: int | None) -> Record:
    row = institution_row(facts, institution)
    registry.require_version(row, version)
    if row.state == "DEREGISTERED":
        raise WrongState(state=row.state)
    return row


def _institution(payload: Payload) -> UUID:
    return ids.parse("ins", str(payload["institution_id"]))[1]


SETTLEMENT: Final = approvals.approvable(
    Approvable(
        "change_settlement_account",
        frozenset({"regulator"}),
        load_approved,
        decide_approved,
        kind=ActKind.SETTLEMENT_ACCOUNT,
        title=("变更机构结算账户", "Pay an institution to another settlement account"),
        consequence=(
            "机构已消课款项自批准之日起付至新账户",
            "What the institution earned is paid to the new account from then on",
        ),
    )
)
REQUEST_SETTLEMENT: Final[UseCase[ChangeSettlement, ChangeSettlement]] = UseCase(
    "request_settlement_account", find_institutions, load_institutions, decide_request
)
