"""What one person may decide alone: the limits in force, and what was decided alone of late.

A use case with a limit reads both under the journal's head (`read_limits`), asks whether its act
crosses one (`crossing_of`), and where it does not writes the act down (`decided_alone`). The sums
are of those rows, so they cannot drift, and a replay of the same facts gives the same verdict.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger import four_eyes, parameters
from ledger.four_eyes import WINDOW, Act, ActKind, Crossing, Limits
from ledger.money import Money
from ledger.parameters import Category, Parameter
from ledger.policy import RulePack
from ledger.refusals import PolicyMissing
from service.store import reference, rows
from service.store.facts import Facts, Insert
from service.store.tables import DecidedAlone
from service.store.unit import Unit
from service.store.vault_rows import vault_of

_PACK: Final = "four_eyes_pack"
_LIMITS: Final[dict[ActKind, tuple[Parameter[Money], Parameter[Money]]]] = {
    ActKind.REFUND: (parameters.REFUND_TWO_PERSON_ABOVE, parameters.REFUND_DAY_SUM_ABOVE),
    ActKind.SUSPENSE_MATCH: (
        parameters.SUSPENSE_TWO_PERSON_ABOVE,
        parameters.SUSPENSE_DAY_SUM_ABOVE,
    ),
    ActKind.SUSPENSE_RETURN: (
        parameters.SUSPENSE_TWO_PERSON_ABOVE,
        parameters.SUSPENSE_DAY_SUM_ABOVE,
    ),
    ActKind.BREAK_SIGN_OFF: (
        parameters.SUSPENSE_TWO_PERSON_ABOVE,
        parameters.SUSPENSE_DAY_SUM_ABOVE,
    ),
}


@dataclass(frozen=True, slots=True)
class Deed:
    """What is about to be decided; who decides it and when is the batch's moment."""

    kind: ActKind
    amount: Money
    institution: UUID
    category: Category
    payee: UUID | None = None


def payee_of_account(connection: AsyncConnection, account: str) -> UUID:
    """Tell payees apart by their account, of which only the blind index is kept."""
    return UUID(bytes=vault_of(connection).blind("account", account)[:16])


async def read_limits(
    unit: Unit, kind: ActKind, *, institutions: Iterable[UUID], payees: Iterable[UUID] = ()
) -> None:
    """Read under the head the rule pack, and what was decided alone within the window."""
    facts = unit.facts
    pack = await reference.rule_pack(unit.connection, facts.journal)
    facts.extra |= {_PACK: pack, "policy_version": pack.label}
    source = rows.table_of(DecidedAlone)
    await unit.read(
        DecidedAlone,
        select(source).where(
            source.c.journal_id == facts.journal,
            source.c.kind == kind.value,
            source.c.decided_at > facts.moment.now - WINDOW,
            or_(
                source.c.maker == unit.actor,
                source.c.institution_id.in_(sorted(set(institutions))),
                source.c.payee_id.in_(sorted(set(payees))),
            ),
        ),
    )


def crossing_of(facts: Facts, deed: Deed) -> Crossing | None:
    """Return the limit that a deed crosses, None when its maker may decide it alone."""
    alone = [
        Act(
            ActKind(row.kind),
            Money.from_fen(row.amount_fen),
            row.maker,
            row.decided_at,
            row.payee_id,
            row.institution_id,
        )
        for row in facts.all(DecidedAlone)
    ]
    return four_eyes.crossing(_act(facts, deed), alone, limits(facts, deed))


def decided_alone(facts: Facts, deed: Deed) -> Insert:
    """Write down what one person decides alone."""
    moment, judged = facts.moment, limits(facts, deed)
    return Insert(
        DecidedAlone,
        {
            "seq": moment.next_seq,
            "kind": deed.kind.value,
            "amount_fen": deed.amount.fen,
            "maker": moment.actor,
            "payee_id": deed.payee,
            "institution_id": deed.institution,
            "at_once_fen": judged.at_once.fen,
            "day_sum_fen": judged.day_sum.fen,
            "decided_at": moment.now,
        },
    )


def limits(facts: Facts, deed: Deed) -> Limits:
    """Return the limits in force today; raises `PolicyMissing` without one for a single act.

    A pack that says nothing of a day's sum allows no more in a day than at once.
    """
    pack: RulePack = facts.extra[_PACK]
    at_once_of, day_sum_of = _LIMITS[deed.kind]
    today = facts.moment.today
    at_once = pack.value(at_once_of, on=today, category=deed.category)
    try:
        day_sum = pack.value(day_sum_of, on=today, category=deed.category)
    except PolicyMissing:
        day_sum = at_once
    return Limits(at_once, max(at_once, day_sum))


def _act(facts: Facts, deed: Deed) -> Act:
    moment = facts.moment
    return Act(deed.kind, deed.amount, moment.actor, moment.now, deed.payee, deed.institution)
