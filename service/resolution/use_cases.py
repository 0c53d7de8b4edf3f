"""Use cases of resolution packs: make one from a snapshot, then note and keep it."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import InstitutionUnknown, Refusal
from ledger.transactions import Transaction, TransactionKind
from service.resolution import contents
from service.resolution.sealing import Keys
from service.store import ids, registry
from service.store.context import Context
from service.store.facts import Decision, Facts, Insert, Record
from service.store.tables import Institution, ResolutionPack
from service.store.transact import Store, UseCase
from service.store.unit import Unit

IN_MEMORY_MAX: Final = 32 * 1024 * 1024
"""A pack that grows beyond this is written to a temporary file."""


@dataclass(frozen=True, slots=True)
class Made:
    """A pack as it was made: its bytes, and the position and signature that it has."""

    position_seq: int
    sha256: str
    signature: str
    key_id: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeepPack:
    """Keep a pack that was made of one institution, and why it was."""

    journal: int
    pack: UUID
    institution: UUID
    cause: str
    made: Made

    @property
    def target(self) -> UUID:
        """The institution."""
        return self.institution


async def made(store: Store, journal: int, institution: UUID, keys: Keys) -> Made:
    """Make a pack from one snapshot of the whole journal; the caller was seen to see it."""
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_MAX) as target:
        async with store.reading(Context((journal,))) as connection:
            written = await contents.write(connection, journal, institution, keys, target)
        target.seek(0)
        content = target.read()
    return Made(
        position_seq=written.seq,
        sha256=sha256(content).hexdigest(),
        signature=written.signature["signature"],
        key_id=written.signature["key_id"],
        content=content,
    )


async def find_institutions(
    connection: AsyncConnection, caller: Context, commands: Sequence[KeepPack]
) -> list[KeepPack | Refusal]:
    """Find the institutions in the caller's scope."""
    return await registry.find_seen(connection, caller, commands, Institution, InstitutionUnknown)


async def load_institutions(unit: Unit, commands: Sequence[KeepPack]) -> None:
    """Lock the institutions."""
    await unit.lock(Institution, (command.institution for command in commands), share=True)


def decide_keep(facts: Facts, command: KeepPack) -> Decision:
    """Keep the pack, and say in the journal that there is one, by its hash."""
    moment, pack = facts.moment, command.made
    row = Record(
        {
            "pack_id": command.pack,
            "institution_id": command.institution,
            "cause": command.cause,
            "made_at": moment.now,
            "made_on": moment.today,
            "position_seq": pack.position_seq,
            "size_bytes": len(pack.content),
            "sha256": pack.sha256,
            "signature": pack.signature,
            "key_id": pack.key_id,
        }
    )
    noted = Transaction(
        TransactionKind.RESOLUTION_PACK_MADE,
        references={
            "institution": str(command.institution),
            "pack": str(command.pack),
            "position": str(pack.position_seq),
            "sha256": pack.sha256,
        },
        reason=command.cause,
    )
    return Decision(
        answer=answer_of(facts.journal, row),
        transactions=(noted,),
        changes=(Insert(ResolutionPack, {**row, "content": pack.content}),),
    )


def answer_of(journal: int, row: Record) -> dict[str, Any]:
    """Tell a pack without its content."""
    return {
        "id": ids.public("pck", journal, row.pack_id),
        "institution_id": ids.public("ins", journal, row.institution_id),
        "cause": row.cause,
        "made_at": row.made_at.isoformat(),
        "made_on": row.made_on.isoformat(),
        "position": f"{journal}:{row.position_seq}",
        "size_bytes": row.size_bytes,
        "sha256": row.sha256,
        "signature": row.signature,
        "key_id": row.key_id,
    }


KEEP: Final = UseCase(
    "keep_resolution_pack", find=find_institutions, load=load_institutions, decide=decide_keep
)
