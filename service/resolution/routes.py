"""Routes of resolution packs: made on demand by a regulator, listed, read and fetched."""

from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from ledger.refusals import (
    BodyTooLarge,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    InstitutionUnknown,
    PackKeysMissing,
    PackUnknown,
)
from service.identity.callers import Caller, Role
from service.identity.limits import CostClass
from service.identity.verbs import Verb
from service.resolution import use_cases
from service.resolution.schemas import PackOut, PackPage
from service.resolution.sealing import Keys
from service.store import pack_reads, registry
from service.store.context import Context
from service.store.tables import Institution
from service.store.transact import Store
from service.web.command import Command
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.paths import object_id
from service.web.policy import policy
from service.web.problems import refusing

READERS: Final = (Role.REGULATOR, Role.AUDITOR)
SLICE: Final = 1024 * 1024
ZIP: Final = "application/zip"


@post(
    "/institutions/{institution_id:str}/resolution-packs",
    operation_id="makeResolutionPack",
    summary="Make a resolution pack",
    opt=policy(Role.REGULATOR, verb=Verb.PREPARE_WIND_DOWN, cost_class=CostClass.EXPORT),
    responses=refusing(
        IdempotencyKeyMissing,
        IdempotencyKeyReused,
        BodyTooLarge,
        InstitutionUnknown,
        PackKeysMissing,
    ),
)
async def make_resolution_pack(
    institution_id: FromPath[str],
    command: NamedDependency[Command],
    request: Request[Any, Any, Any],
) -> Response[PackOut]:
    """Pack everything of one institution into a signed archive, as it stands now (处置包)."""
    journal, institution = object_id("ins", institution_id, InstitutionUnknown)
    await _require_seen(command.store, command.caller.context, journal, institution)
    keys = Keys.load(request.app.state.settings.pack_keys)
    made = await use_cases.made(command.store, journal, institution, keys)
    kept = use_cases.KeepPack(journal, command.new_id(), institution, "ON_DEMAND", made)
    outcome = await command.run(use_cases.KEEP, [kept], journal=journal)
    return command.answer(outcome, PackOut)


@get(
    "/institutions/{institution_id:str}/resolution-packs",
    operation_id="listResolutionPacks",
    summary="List an institution's resolution packs",
    opt=policy(*READERS, verb=Verb.READ_PACKS),
    responses=refusing(InstitutionUnknown),
)
async def list_resolution_packs(
    institution_id: FromPath[str],
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> PackPage:
    """List the packs of one institution in the caller's scope, oldest first."""
    journal, institution = object_id("ins", institution_id, InstitutionUnknown)
    await _require_seen(store, caller.context, journal, institution)
    bound = {"institution_id": institution_id}
    async with store.reading(caller.context) as connection:
        found = await pack_reads.packs(
            connection,
            caller.context,
            journal,
            institution=institution,
            after=key_after(cursor, bound),
            limit=limit + 1,
        )
    shown, following = cut(found, limit, "pack_id", bound)
    return PackPage(
        items=[PackOut.model_validate(use_cases.answer_of(journal, row)) for row in shown],
        next_cursor=following,
    )


@get(
    "/resolution-packs/{pack_id:str}",
    operation_id="getResolutionPack",
    summary="Read about a resolution pack",
    opt=policy(*READERS, verb=Verb.READ_PACKS),
    responses=refusing(PackUnknown),
)
async def get_resolution_pack(
    pack_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> PackOut:
    """Tell when a pack was made, at which position, and its hash and signature."""
    journal, pack = object_id("pck", pack_id, PackUnknown)
    return PackOut.model_validate(await _told(store, caller.context, journal, pack))


@get(
    "/resolution-packs/{pack_id:str}/content",
    operation_id="getResolutionPackContent",
    summary="Fetch a resolution pack",
    opt=policy(*READERS, verb=Verb.READ_PACKS, cost_class=CostClass.EXPORT),
    responses=refusing(PackUnknown),
    media_type=ZIP,
)
async def get_resolution_pack_content(
    pack_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> Stream:
    """Fetch the archive; identities in it are sealed to their recipient's key."""
    journal, pack = object_id("pck", pack_id, PackUnknown)
    told = await _told(store, caller.context, journal, pack)
    return Stream(
        _slices(store, caller.context, journal, pack, told["size_bytes"]),
        media_type=ZIP,
        headers={
            "Content-Length": str(told["size_bytes"]),
            "Content-Disposition": f'attachment; filename="{pack_id}.zip"',
            "ETag": f'"{told["sha256"]}"',
            "Cache-Control": "private, no-store",
        },
    )


async def _require_seen(store: Store, caller: Context, journal: int, institution: UUID) -> None:
    """Refuse an institution outside the caller's scope: `InstitutionUnknown`."""
    async with store.reading(caller) as connection:
        if not await registry.seen(connection, caller, Institution, journal, [institution]):
            raise InstitutionUnknown


async def _told(store: Store, caller: Context, journal: int, pack: UUID) -> dict[str, Any]:
    async with store.reading(caller) as connection:
        found = await pack_reads.packs(connection, caller, journal, pack=pack)
    if not found:
        raise PackUnknown
    return use_cases.answer_of(journal, found[0])


async def _slices(
    store: Store, caller: Context, journal: int, pack: UUID, size: int
) -> AsyncIterator[bytes]:
    """Read the content slice by slice, so that a slow reader holds no connection."""
    for start in range(0, size, SLICE):
        async with store.reading(caller) as connection:
            part = await pack_reads.content(connection, journal, pack, start=start, size=SLICE)
        yield part


router = Router(
    "/v1",
    route_handlers=[
        make_resolution_pack,
        list_resolution_packs,
        get_resolution_pack,
        get_resolution_pack_content,
    ],
    tags=["resolution"],
)
