"""Everybody who plays: tokens for regulators, operators, schools and parents, keys for banks.

Tokens are minted as `escrow token` does, straight into the database, because nobody has one to
ask with yet. Everything after that goes through the API.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from service.identity import tokens
from service.identity.bank_signer import BankSigner
from service.identity.callers import Role
from service.store import ids, reference
from service.store.clocks import start_clock
from service.store.facts import Verdict
from service.store.transact import Store

JOURNAL: Final = 1
ABOVE: Final = ("500000", "重庆市", "cn-national")
"""The jurisdiction above the district's: its regulator is the second of two levels."""

_VALID: Final = timedelta(days=1)


@dataclass(slots=True)
class Cast:
    """Tokens by role; `institutions` by number, `parents` by the guardian's party id.

    `banks` sign, each with a key that two operators registered; `bank_seeds` are their secrets.
    """

    code: str
    regulator: str
    second_regulator: str
    higher_regulator: str
    operator: str
    second_operator: str
    auditor: str
    banks: dict[str, BankSigner] = field(default_factory=dict)
    bank_seeds: dict[str, str] = field(default_factory=dict)
    institutions: dict[int, str] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)


async def open_district(
    engine: AsyncEngine, code: str, name: str, banks: Sequence[str], *, at: datetime
) -> Cast:
    """Add the jurisdiction with its journal, whose business time starts at `at`; mint the staff."""
    new = reference.NewJurisdiction(
        code=code, name=name, rule_pack=f"chongqing-{code}", journal=JOURNAL, banks=tuple(banks)
    )
    minted: list[str] = []

    async def add(connection: AsyncConnection) -> Verdict:
        await reference.add_jurisdiction(connection, reference.NewJurisdiction(*ABOVE), at=at)
        await reference.add_jurisdiction(connection, new, at=at)
        await start_clock(connection, JOURNAL, at=at)
        minted.extend(await _mint(connection, _staff(code)))
        return Verdict(answer={})

    await Store(engine).refer(add, key=None)
    regulator, second, higher, operator, second_operator, auditor = minted
    return Cast(code, regulator, second, higher, operator, second_operator, auditor)


async def admit_institutions(engine: AsyncEngine, cast: Cast, found: dict[int, str]) -> None:
    """Mint a token for each institution, given its public id by number."""
    callers = [
        (f"demo-institution-{number}", Role.INSTITUTION, _bound(cast.code, "ins", public))
        for number, public in found.items()
    ]
    cast.institutions |= dict(zip(found, await _minted(engine, callers), strict=True))


async def admit_parents(engine: AsyncEngine, cast: Cast, guardians: Sequence[str]) -> None:
    """Mint a token for each guardian, given by public party id."""
    callers = [
        (f"demo-parent-{public}", Role.PARENT, _bound(cast.code, "pty", public))
        for public in guardians
    ]
    cast.parents |= dict(zip(guardians, await _minted(engine, callers), strict=True))


def _staff(code: str) -> list[tuple[str, Role, tokens.Scope]]:
    scope = tokens.Scope(code)
    return [
        ("demo-regulator", Role.REGULATOR, scope),
        ("demo-second-regulator", Role.REGULATOR, scope),
        ("demo-higher-regulator", Role.REGULATOR, tokens.Scope(ABOVE[0])),
        ("demo-operator", Role.OPERATOR, scope),
        ("demo-second-operator", Role.OPERATOR, scope),
        ("demo-auditor", Role.AUDITOR, scope),
    ]


def _bound(code: str, prefix: str, public: str) -> tokens.Scope:
    journal, found = ids.parse(prefix, public)
    if prefix == "ins":
        return tokens.Scope(code, institution=found, journal=journal)
    return tokens.Scope(code, party=found, journal=journal)


async def _minted(engine: AsyncEngine, callers: list[tuple[str, Role, tokens.Scope]]) -> list[str]:
    minted: list[str] = []

    async def mint(connection: AsyncConnection) -> Verdict:
        minted.extend(await _mint(connection, callers))
        return Verdict(answer={})

    await Store(engine).refer(mint, key=None)
    return minted


async def _mint(
    connection: AsyncConnection, callers: list[tuple[str, Role, tokens.Scope]]
) -> list[str]:
    now = datetime.now(UTC)
    return await tokens.issue_many(connection, callers, issued_at=now, expires_at=now + _VALID)
