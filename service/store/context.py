"""Whose eyes a database transaction sees with: set as its first statement, gone at its end.

Row-level security reads these settings. An unset or malformed context sees nothing.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_SET: Final = text(
    "SELECT set_config('escrow.mode', :mode, true), set_config('escrow.journals', :journals, true),"
    " set_config('escrow.institution', :institution, true),"
    " set_config('escrow.bank', :bank, true), set_config('escrow.parties', :parties, true),"
    " set_config('escrow.parent', :parent, true), set_config('escrow.caller', :caller, true),"
    " set_config('escrow.narrowing', :narrowing, true),"
    " set_config('lock_timeout', :lock_timeout, true),"
    " set_config('statement_timeout', :statement_timeout, true),"
    " set_config('idle_in_transaction_session_timeout', '15s', true),"
    # Everything read or written here is named by key: on a table that has just grown the planner
    # does not know so yet and would rather scan it.
    " set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true),"
    # A long list is worth a plan of its own, in which it is hashed; a short one is not.
    " set_config('plan_cache_mode', :plan, true)"
)


class Sight(StrEnum):
    """Of which institutions something is seen: all in scope, the collapsed ones, or none."""

    ALL = "all"
    COLLAPSED = "collapsed"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Context:
    """The journals in scope, and the institution, bank or parties a caller is bound to.

    `parties` are the guardians that a parent is linked to, over all its journals; none of them
    is a parent without a link, who sees nothing, and None is no parent at all. `parent` is the
    person, where it is known.

    Within its journals a caller may be narrowed to institutions of some departments, of some
    authorities (`areas`, paths), or of those to what its duty is: `students` says whose students
    and payers it sees, `institutions` whose everything else. `caller` is who it is, for ever.
    """

    journals: tuple[int, ...]
    institution: UUID | None = None
    bank: str | None = None
    parties: tuple[UUID, ...] | None = None
    parent: UUID | None = None
    departments: tuple[str, ...] | None = None
    mode: str = "reader"
    areas: tuple[str, ...] | None = None
    institutions: Sight = Sight.ALL
    students: Sight = Sight.ALL
    caller: str = ""

    @classmethod
    def writer(cls, journal: int) -> Self:
        """Return the journal context of a unit of work: set by the writer, never by a caller."""
        return cls((journal,), mode="writer")

    @classmethod
    def doorkeeper(cls) -> Self:
        """Return the eyes of a login: persons and their codes, and nothing of any journal."""
        return cls((), mode="doorkeeper")

    @property
    def narrowing(self) -> str:
        """What is narrowed within the journals, as JSON; "-" for nothing.

        Neither is ever empty: an empty setting is one that was never made, and sees nothing.
        """
        narrowed: dict[str, Any] = {}
        if self.departments is not None:
            narrowed["departments"] = self.departments
        if self.areas is not None:
            narrowed["areas"] = self.areas
        if self.institutions is not Sight.ALL:
            narrowed["institutions"] = self.institutions
        if self.students is not Sight.ALL:
            narrowed["students"] = self.students
        return json.dumps(narrowed) if narrowed else "-"

    @property
    def is_narrowed(self) -> bool:
        """Tell whether it sees less than the whole of its journals, though bound to nobody."""
        return self.narrowing != "-"

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
                "caller": self.caller,
                "narrowing": self.narrowing,
                "lock_timeout": lock_timeout,
                "statement_timeout": statement_timeout,
                "plan": "force_custom_plan" if many else "auto",
            },
        )


def _array(parties: tuple[UUID, ...]) -> str:
    """Write parties as PostgreSQL does: an empty array is not an empty setting."""
    return "{" + ",".join(map(str, parties)) + "}"
