"""Routes of a case's pool: set-off, the deposit, and assets that were found."""

from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from ledger.refusals import (
    AccountFenced,
    AssetUnknown,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    ReceiptUnknown,
    WindDownUnknown,
    WrongState,
)
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.store import ids, registry
from service.store.tables import Asset
from service.store.transact import Store
from service.web.command import Command
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.paths import object_id
from service.web.policy import STAFF, policy
from service.web.problems import refusing
from service.web.wire import money
from service.wind_downs import assets, use_cases
from service.wind_downs.asset_schemas import AssetIn, AssetOut, AssetPage, RealizeIn
from service.wind_downs.case_paths import case_named
from service.wind_downs.schemas import WindDownOut


@post(
    "/wind-downs/{wind_down_id:str}/set-off",
    operation_id="setOff",
    summary="Set off what the institution has in custody against what it owes",
    opt=policy(Role.REGULATOR, verb=Verb.PREPARE_WIND_DOWN),
    responses=refusing(IdempotencyKeyMissing, IdempotencyKeyReused, WindDownUnknown, WrongState),
    status_code=200,
)
async def set_off(
    wind_down_id: FromPath[str], command: NamedDependency[Command]
) -> Response[WindDownOut]:
    """Let own funds and what was earned close debts, account by account, after the objections."""
    journal, wind_down = case_named(wind_down_id, command)
    outcome = await command.run(
        use_cases.SET_OFF, [use_cases.CaseCommand(journal, wind_down)], journal=journal
    )
    return command.answer(outcome, WindDownOut, 200)


@post(
    "/wind-downs/{wind_down_id:str}/draw-deposit",
    operation_id="drawDepositOfWindDown",
    summary="Draw the risk deposit into custody",
    opt=policy(Role.REGULATOR, verb=Verb.PREPARE_WIND_DOWN),
    responses=refusing(
        IdempotencyKeyMissing, IdempotencyKeyReused, WindDownUnknown, WrongState, AccountFenced
    ),
    status_code=200,
)
async def draw_deposit(
    wind_down_id: FromPath[str], command: NamedDependency[Command]
) -> Response[WindDownOut]:
    """Order the draws; asked again once they have arrived, the case goes on."""
    journal, wind_down = case_named(wind_down_id, command)
    drawing = use_cases.DrawDeposit(journal, wind_down, base=command.new_id())
    outcome = await command.run(use_cases.DRAW, [drawing], journal=journal)
    return command.answer(outcome, WindDownOut, 200)


@post(
    "/wind-downs/{wind_down_id:str}/assets",
    operation_id="recordAsset",
    summary="Write down an asset that was found",
    opt=policy(Role.REGULATOR, verb=Verb.PREPARE_WIND_DOWN),
    responses=refusing(IdempotencyKeyMissing, IdempotencyKeyReused, WindDownUnknown, WrongState),
)
async def record_asset(
    wind_down_id: FromPath[str], data: JSONBody[AssetIn], command: NamedDependency[Command]
) -> Response[AssetOut]:
    """Keep what was found and what it may bring; only a receipt brings money."""
    journal, wind_down = case_named(wind_down_id, command)
    found = use_cases.RecordAsset(
        journal,
        wind_down,
        asset=command.new_id(),
        kind=data.kind,
        estimated=money(data.estimated),
        document_hash=data.document_hash,
    )
    outcome = await command.run(use_cases.RECORD_ASSET, [found], journal=journal)
    return command.answer(outcome, AssetOut)


@get(
    "/wind-downs/{wind_down_id:str}/assets",
    operation_id="listAssets",
    summary="List a case's assets",
    opt=policy(Role.INSTITUTION, *STAFF, verb=Verb.READ_BOOKS),
    responses=refusing(WindDownUnknown),
)
async def list_assets(
    wind_down_id: FromPath[str],
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> AssetPage:
    """List what was found, and what it brought."""
    journal, wind_down = object_id("wdn", wind_down_id, WindDownUnknown)
    bound = {"wind_down": wind_down_id}
    async with store.reading(caller.context) as connection:
        found, after = cut(
            await registry.page(
                connection,
                caller.context,
                Asset,
                equal={"journal_id": journal, "wind_down_id": wind_down},
                after=key_after(cursor, bound),
                limit=limit + 1,
            ),
            limit,
            "asset_id",
            bound,
        )
    items = [AssetOut.model_validate(assets.answer_of(row["journal_id"], row)) for row in found]
    return AssetPage(items=items, next_cursor=after)


@post(
    "/assets/{asset_id:str}/realize",
    operation_id="realizeAsset",
    summary="Say which receipt an asset brought",
    opt=policy(Role.REGULATOR, verb=Verb.PREPARE_WIND_DOWN),
    responses=refusing(
        IdempotencyKeyMissing, IdempotencyKeyReused, AssetUnknown, ReceiptUnknown, WrongState
    ),
    status_code=200,
)
async def realize_asset(
    asset_id: FromPath[str], data: JSONBody[RealizeIn], command: NamedDependency[Command]
) -> Response[AssetOut]:
    """Tie an asset to its RECOVERY receipt; one receipt is the proceeds of one asset."""
    of, receipt = ids.parse("bke", data.receipt_id)
    journal, asset = _asset_named(asset_id, command)
    if of != journal:
        raise ReceiptUnknown
    ending = use_cases.EndAsset(journal, asset, receipt)
    outcome = await command.run(use_cases.END_ASSET, [ending], journal=journal)
    return command.answer(outcome, AssetOut, 200)


@post(
    "/assets/{asset_id:str}/abandon",
    operation_id="abandonAsset",
    summary="Give an asset up",
    opt=policy(Role.REGULATOR, verb=Verb.PREPARE_WIND_DOWN),
    responses=refusing(IdempotencyKeyMissing, IdempotencyKeyReused, AssetUnknown, WrongState),
    status_code=200,
)
async def abandon_asset(
    asset_id: FromPath[str], command: NamedDependency[Command]
) -> Response[AssetOut]:
    """Say that nothing will come of an asset."""
    journal, asset = _asset_named(asset_id, command)
    outcome = await command.run(
        use_cases.END_ASSET, [use_cases.EndAsset(journal, asset, None)], journal=journal
    )
    return command.answer(outcome, AssetOut, 200)


def _asset_named(asset_id: str, command: Command) -> tuple[int, UUID]:
    journal, asset = object_id("ast", asset_id, AssetUnknown)
    if journal not in command.caller.journals:
        raise AssetUnknown
    return journal, asset
