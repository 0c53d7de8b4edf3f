"""What balances are asked of: a division's subtree, one institution, or one custody account.

Every answer is a function of journal positions, so it can be asked again and is the same.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, Text, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import (
    CustodyAccountUnknown,
    InstitutionUnknown,
    JurisdictionUnknown,
    RequestInvalid,
)
from service.identity.callers import Caller
from service.store import (
    area_reads,
    balance_reads,
    balance_units,
    positions,
    reference,
    registry,
)
from service.store.area_reads import Stand
from service.store.balance_reads import Figures, Scope
from service.store.balance_units import Area, Custody, UnitKey
from service.store.positions import Asked, Positions
from service.store.rows import table_of
from service.store.tables import Adcode, CustodyAccount, Institution

_NAMES: Final = text(
    "SELECT code, name, 1 AS later FROM escrow.adcode WHERE code = ANY(:codes)"
    " UNION ALL SELECT code, name, 2 FROM escrow.jurisdiction WHERE code = ANY(:codes)"
    " ORDER BY later"
).bindparams(bindparam("codes", type_=ARRAY(Text)))


@dataclass(frozen=True, slots=True)
class Question:
    """What a caller asks about; at most one of the three is given, none is its own scope."""

    adcode: str | None = None
    institution: tuple[int, UUID] | None = None
    custody: tuple[int, UUID] | None = None
    department: str | None = None
    asked: Asked = field(default_factory=Asked)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an answer: a code and name where it is a division, what stands, figures."""

    code: str | None
    name: str | None
    scope: Scope
    figures: Figures


@dataclass(frozen=True, slots=True)
class Answer:
    """The lines of an answer and the positions they were read at; the first is the whole."""

    positions: Positions
    lines: tuple[Line, ...]


async def balances(connection: AsyncConnection, caller: Caller, question: Question) -> Answer:
    """Answer for one scope: raises `RequestInvalid`, and 404 for what the caller may not see."""
    given = (question.adcode, question.institution, question.custody)
    if sum(each is not None for each in given) > 1:
        raise RequestInvalid(reason="one_scope")
    institution = question.institution
    if all(each is None for each in given) and caller.institution is not None:
        institution = (caller.journal, caller.institution)
    if institution is not None:
        return await _of_institution(connection, caller, institution, question.asked)
    if question.custody is not None:
        return await _of_custody(connection, caller, question.custody, question.asked)
    path = await _path(connection, caller, question.adcode)
    areas = await _areas(connection, caller, path, question)
    return await _of_areas(connection, [(path, areas)], question.asked)


async def children(connection: AsyncConnection, caller: Caller, question: Question) -> Answer:
    """Answer for a division and each of its children; the children add up to the whole."""
    path = await _path(connection, caller, question.adcode)
    areas = await _areas(connection, caller, path, question)
    grouped: dict[str, list[Area]] = {}
    for area in areas:
        grouped.setdefault(balance_units.child_of(path, area.path), []).append(area)
    return await _of_areas(connection, [(path, areas), *sorted(grouped.items())], question.asked)


async def _path(connection: AsyncConnection, caller: Caller, adcode: str | None) -> str:
    """Return the path of a division in the caller's scope; its own when none is named."""
    if caller.institution is not None:
        raise JurisdictionUnknown(code=str(adcode))
    if adcode is None:
        return caller.path
    node = await reference.jurisdiction(connection, adcode)
    known = node is not None or adcode in reference.NATION
    if not known:
        source = table_of(Adcode)
        found = select(source.c.code).where(source.c.code == adcode)
        known = await connection.scalar(found) is not None
    path = node.path if node is not None else reference.scope_path(adcode)
    if not known or not caller.covers(path):
        raise JurisdictionUnknown(code=adcode)
    return path


async def _areas(
    connection: AsyncConnection, caller: Caller, path: str, question: Question
) -> list[Area]:
    """Return the areas of a path that the caller's departments and the question leave."""
    wanted = None if caller.departments is None else set(caller.departments)
    if question.department is not None:
        wanted = {question.department} & ({question.department} if wanted is None else wanted)
    found = await balance_units.areas(connection, path, wanted)
    areas = [area for area in found if area.journal in caller.journals]
    if not areas:
        raise JurisdictionUnknown(code=balance_units.code_of(path))
    return areas


async def _of_areas(
    connection: AsyncConnection, groups: Sequence[tuple[str, list[Area]]], asked: Asked
) -> Answer:
    areas = list(dict.fromkeys(area for _, held in groups for area in held))
    journals = sorted({area.journal for area in areas})
    at = await positions.resolve(connection, journals, asked)
    units = await balance_reads.unit_balances(connection, [area.unit for area in areas], at)
    used = {area for area in areas if balance_reads.is_used(units[area.unit])}
    stands = await area_reads.stands(connection, areas, at, used)
    scopes = [_scope([(area, stands[area]) for area in held]) for _, held in groups]
    codes = [balance_units.code_of(path) for path, _ in groups]
    names = await _names(connection, codes)
    called = [(code, names.get(code)) for code in codes]
    return _answer(at, scopes, await balance_reads.figures(connection, scopes, at, units), called)


def _scope(stands: Sequence[tuple[Area, Stand]]) -> Scope:
    return Scope(
        tuple(area.unit for area, _ in stands),
        sum(stand.institutions for _, stand in stands),
        sum(stand.custody_accounts for _, stand in stands),
        all(stand.known for _, stand in stands),
    )


async def _of_institution(
    connection: AsyncConnection, caller: Caller, named: tuple[int, UUID], asked: Asked
) -> Answer:
    journal, institution = named
    row = await registry.one(connection, caller.context, Institution, *named)
    if row is None:
        raise InstitutionUnknown
    at = await positions.resolve(connection, [journal], asked)
    held = await balance_units.custodies(connection, at, institution=institution)
    registered = row.registered_on < at.as_of or row.seq <= at.seq(journal)
    unit = UnitKey(journal, "INSTITUTION", str(institution))
    return await _of_accounts(connection, at, unit, held, int(registered))


async def _of_custody(
    connection: AsyncConnection, caller: Caller, named: tuple[int, UUID], asked: Asked
) -> Answer:
    journal, custody = named
    if await registry.one(connection, caller.context, CustodyAccount, *named) is None:
        raise CustodyAccountUnknown
    at = await positions.resolve(connection, [journal], asked)
    held = await balance_units.custodies(connection, at, custody=custody)
    unit = UnitKey(journal, "CUSTODY_ACCOUNT", str(custody))
    return await _of_accounts(connection, at, unit, held, len(held))


async def _of_accounts(
    connection: AsyncConnection,
    at: Positions,
    unit: UnitKey,
    held: Sequence[Custody],
    institutions: int,
) -> Answer:
    known = await balance_reads.closings_known(connection, held, at)
    scope = Scope((unit,), institutions, len(held), all(known.values()), tuple(held))
    units = await balance_reads.unit_balances(connection, [unit], at)
    return _answer(at, [scope], await balance_reads.figures(connection, [scope], at, units))


def _answer(
    at: Positions,
    scopes: Sequence[Scope],
    found: Sequence[Figures],
    called: Sequence[tuple[str | None, str | None]] = ((None, None),),
) -> Answer:
    return Answer(
        at,
        tuple(
            Line(code, name, scope, figures)
            for (code, name), scope, figures in zip(called, scopes, found, strict=True)
        ),
    )


async def _names(connection: AsyncConnection, codes: Iterable[str]) -> dict[str, str]:
    """Return the names of divisions and zones by their code; a jurisdiction's own wins."""
    found = await connection.execute(_NAMES, {"codes": list(codes)})
    return {row.code: row.name for row in found}
