"""Assets (资产): what was found and may bring money to the pool, and what it brought.

An asset is realized by a receipt of kind RECOVERY at a custody account of the institution; one
receipt is the proceeds of one asset.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.money import Money
from ledger.refusals import AssetUnknown, ReceiptUnknown, Refusal, WrongState
from ledger.transactions import Transaction, TransactionKind
from service.store import ids, registry, rows
from service.store.context import Context
from service.store.facts import Decision, Facts, Insert, Record, Update
from service.store.tables import Asset, BankEntry
from service.store.transact import UseCase
from service.store.unit import Unit
from service.store.wind_down_steps import ENDED, case_of, lock_cases, require_state
from service.wind_downs.found import find_cases

RECOVERY: Final = "RECOVERY"
REALIZED: Final = "REALIZED"
ABANDONED: Final = "ABANDONED"


@dataclass(frozen=True, slots=True)
class RecordAsset:
    """Write down what was found; the estimate is nobody's promise."""

    journal: int
    target: UUID
    asset: UUID
    kind: str
    estimated: Money
    document_hash: str | None


@dataclass(frozen=True, slots=True)
class EndAsset:
    """Say what an asset brought, by its receipt; without one it is given up."""

    journal: int
    target: UUID
    receipt: UUID | None


async def load_record(unit: Unit, commands: Sequence[RecordAsset]) -> None:
    """Lock the cases as they stand."""
    await lock_cases(unit, {command.target for command in commands}, share=True)


def decide_record(facts: Facts, command: RecordAsset) -> Decision:
    """Write an asset down. Raises `WrongState` when the case has ended."""
    case = case_of(facts, command.target)
    if case.state in ENDED:
        require_state(case)
    row = {
        "asset_id": command.asset,
        "wind_down_id": case.wind_down_id,
        "institution_id": case.institution_id,
        "kind": command.kind,
        "estimated_fen": command.estimated.fen,
        "realized_fen": 0,
        "document_hash": command.document_hash,
        "receipt_entry_id": None,
        "state": "FOUND",
        "found_on": facts.moment.today,
        "seq": facts.moment.next_seq,
    }
    return Decision(
        answer=answer_of(facts.journal, Record(row)),
        transactions=(_said(Record(row)),),
        changes=(Insert(Asset, row),),
    )


async def find_assets(
    connection: AsyncConnection, caller: Context, commands: Sequence[EndAsset]
) -> list[EndAsset | Refusal]:
    """Find assets and receipts in the caller's scope."""
    found = await registry.find_seen(connection, caller, commands, Asset, AssetUnknown)
    wanted = {command.receipt for command in commands if command.receipt is not None}
    seen = await registry.seen(connection, caller, BankEntry, commands[0].journal, wanted)
    return [
        ReceiptUnknown()
        if isinstance(item, EndAsset) and item.receipt is not None and item.receipt not in seen
        else item
        for item in found
    ]


async def load_assets(unit: Unit, commands: Sequence[EndAsset]) -> None:
    """Lock the assets and their receipts, and read what other assets those receipts realized."""
    await unit.lock(Asset, {command.target for command in commands})
    wanted = {command.receipt for command in commands if command.receipt is not None}
    await unit.lock(BankEntry, wanted)


async def read_assets(unit: Unit, commands: Sequence[EndAsset]) -> None:
    """Read which assets the receipts have realized already."""
    wanted = {command.receipt for command in commands if command.receipt is not None}
    if wanted:
        await unit.read(Asset, rows.keyed(Asset, unit.facts.journal, wanted, "receipt_entry_id"))


def decide_end(facts: Facts, command: EndAsset) -> Decision:
    """Realize an asset, or give it up. Raises `WrongState` of asset and receipt."""
    row = facts.get(Asset, command.target)
    assert row is not None, "the asset was found and locked"
    if row.state != "FOUND":
        raise WrongState(object="asset", state=row.state)
    values: dict[str, Any] = {"state": ABANDONED, "seq": facts.moment.next_seq}
    if command.receipt is not None:
        receipt = facts.get(BankEntry, command.receipt)
        assert receipt is not None, "the receipt was found and locked"
        taken = any(asset.receipt_entry_id == command.receipt for asset in facts.all(Asset))
        ours = receipt.institution_id == row.institution_id
        if taken or not ours or receipt.outcome != RECOVERY:
            raise WrongState(object="receipt", state="ASSET_REALIZED" if taken else receipt.outcome)
        values |= {
            "state": REALIZED,
            "realized_fen": receipt.amount_fen,
            "receipt_entry_id": command.receipt,
        }
    ended = Record({**row, **values})
    return Decision(
        answer=answer_of(facts.journal, ended),
        transactions=(_said(ended),),
        changes=(Update(Asset, (row.asset_id,), values),),
    )


def answer_of(journal: int, row: Record) -> dict[str, Any]:
    """Tell of an asset."""
    receipt = row.receipt_entry_id
    return {
        "id": ids.public("ast", journal, row.asset_id),
        "wind_down_id": ids.public("wdn", journal, row.wind_down_id),
        "kind": row.kind,
        "estimated": str(Money.from_fen(row.estimated_fen)),
        "realized": str(Money.from_fen(row.realized_fen)),
        "document_hash": row.document_hash,
        "receipt_id": None if receipt is None else ids.public("bke", journal, receipt),
        "state": row.state,
        "found_on": row.found_on.isoformat(),
    }


def _said(row: Record) -> Transaction:
    return Transaction(
        TransactionKind.ASSET_RECORDED,
        references={
            "institution": str(row.institution_id),
            "wind_down": str(row.wind_down_id),
            "asset": str(row.asset_id),
            "estimated_fen": str(row.estimated_fen),
            "realized_fen": str(row.realized_fen),
        },
        reason=row.state,
    )


RECORD: Final[UseCase[RecordAsset, RecordAsset]] = UseCase(
    "record_asset", find_cases, load_record, decide_record
)
END: Final[UseCase[EndAsset, EndAsset]] = UseCase(
    "end_asset", find_assets, load_assets, decide_end, read_assets
)
