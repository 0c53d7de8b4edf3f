"""The JSON contract of assets."""

from typing import Literal

from service.web.wire import (
    Amount,
    BankEntryId,
    Day,
    Page,
    WireIn,
    WireOut,
    example_id,
    examples,
)
from service.wind_downs.schemas import Digest

AssetKind = Literal["BANK_BALANCE", "VEHICLE", "EQUIPMENT", "RECEIVABLE", "PROPERTY", "OTHER"]


class AssetIn(WireIn):
    """Something found that may bring money to the pool (追回资产), and what it may bring."""

    model_config = examples({"kind": "VEHICLE", "estimated": "80000.00"})

    kind: AssetKind
    estimated: Amount
    document_hash: Digest | None = None


class RealizeIn(WireIn):
    """The receipt of kind RECOVERY that an asset brought."""

    model_config = examples({"receipt_id": example_id("bke")})

    receipt_id: BankEntryId


class AssetOut(WireOut):
    """An asset: estimated, and what it brought."""

    id: str
    wind_down_id: str
    kind: AssetKind
    estimated: Amount
    realized: Amount
    document_hash: str | None
    receipt_id: str | None
    state: Literal["FOUND", "REALIZED", "ABANDONED"]
    found_on: Day
    transaction_id: str | None = None


class AssetPage(Page[AssetOut]):
    """A page of assets."""
