"""Whose eyes a database transaction sees with: set as its first statement, gone at its end.

Row-level security reads these settings. An unset or malformed context sees nothing.
"""

from dataclasses import dataclass
from typing import Final, Self
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_SET: Final = text(
    "SELECT set_config('escrow.mode', :mode, true), set_config('escrow.journals', :journals, true),"
    " set_config('escrow.institution', :institution, true),"
    " set_config('escrow.bank', :bank, true), set_config('escrow.parties', :parties, true),"
    " set_config('escrow.parent', :parent, true),"
    " set_config('lock_timeout', :lock_timeout, true),"
    " set_config('statement_timeout', :statement_timeout, true),"
    " set_config('idle_in_transaction_session_timeout', '15s', true),"
    # Everything read or written here is named by key: on a table that has just grown the planner
    # does not know so yet and would rather scan it.
    " set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true),"
    # A long list is worth a plan of its own, in which it is hashed; a short one is not.
    " set_config('plan_cache_mode', :plan, true)"
)


@dataclass(frozen=True, slots=True)
class Context:
    """The journals in scope, and the institution, bank or parties a caller is bound to.

    `parties` are the guardians that a parent is linked to, over all its journals; none of them
    is a parent without a link, who sees nothing, and None is no parent at all. `parent` is the
    person, where it is known.
    """

    journals: tuple[int, ...]
    institution: UUID | None = None
    bank: str | None = None
    parties: tuple[UUID, ...] | None = None
    parent: UUID | None = None
    departments: tuple[str, ...] | None = None
    mode: str = "reader"

    @classmethod
    def writer(cls, journal: int) -> Self:
        """Return the journal context of a unit of work: set by the writer, never by a caller."""
        return cls((journal,), mode="writer")

    @classmethod
    def doorkeeper(cls) -> Self:
        """Return the eyes of a login: persons and their codes, and nothing of any journal."""
        return cls((), mode="doorkeeper")

    async def enter(
        self,
        connection: AsyncConnection,
        *,
        lock_timeout: str = "5s",
        statement_timeout: str,
        many: bool = True,
    ) -> None:
        """Set the context and the server-side limits for the running transaction.

        `many` plans each statement for its own values; without it plans are kept.
        """
        await connection.execute(
            _SET,
            {
                "mode": self.mode,
                "journals": ",".join(map(str, self.journals)),
                "institution": str(self.institution or ""),
                "bank": self.bank or "",
                "parties": "" if self.parties is None else _array(self.parties),
                "parent": str(self.parent or ""),
                "lock_timeout": lock_timeout,
                "statement_timeout": statement_timeout,
                "plan": "force_custom_plan" if many else "auto",
            },
        )


def _array(parties: tuple[UUID, ...]) -> str:
    """Write parties as PostgreSQL does: an empty array is not an empty setting."""
    return "{" + ",".join(map(str, parties)) + "}"
