"""What a proposal would do on the packs of now: the versions it makes, and the words that say so.

The same plan is made when it is proposed, shown and approved; what is refused, is refused at each.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.pack_changes import (
    changed,
    differences,
    followed,
    require_not_looser,
    tightened,
)
from ledger.policy import RulePack
from ledger.refusals import (
    AlreadyExists,
    JurisdictionUnknown,
    LevelTooLow,
    NothingChanged,
    PastRejudged,
    RulePackUnknown,
)
from service.parameters import words
from service.store import approval_words, reference, rule_pack_proposals, rule_pack_rows
from service.store.approval_terms import Words
from service.store.facts import Record
from service.store.rule_pack_proposals import CHANGE


@dataclass(frozen=True, slots=True)
class Plan:
    """The versions a proposal makes, its own first, and the words of it."""

    versions: tuple[RulePack, ...]
    said: tuple[Words, ...]

    @property
    def written(self) -> str:
        """The words as canonical JSON."""
        return approval_words.written(self.said)

    def covered(self, row: Record) -> bytes:
        """The hash over what is asked for and the words."""
        return approval_words.covered(row.delta_hash, self.said)


async def planned(connection: AsyncConnection, row: Record, scope: str) -> Plan:
    """Make the plan of a proposal for somebody of this scope.

    Raises `RulePackUnknown`, `LevelTooLow`
    (the rules are those of a higher or another level), `PastRejudged`, `ParameterInvalid`,
    `NothingChanged`, `RuleLoosened`, and of an assignment `JurisdictionUnknown`, `AlreadyExists`.
    """
    if row.action == CHANGE:
        return await _change(connection, row, scope)
    return await _assignment(connection, row, scope)


async def newest(connection: AsyncConnection, code: str) -> RulePack:
    """Return the newest version of a pack; raises `RulePackUnknown`."""
    found = await reference.pack_by_code(connection, code)
    if found is None:
        raise RulePackUnknown(pack=code)
    return found


async def _change(connection: AsyncConnection, row: Record, scope: str) -> Plan:
    since: date = row.effective_on
    pack = await _begun_from(connection, row)
    path = await _require_level(connection, pack.jurisdiction, scope)
    nodes = await rule_pack_rows.nodes_with(connection, [pack.code])
    above, below = await rule_pack_proposals.packs_around(connection, path)
    affected = await rule_pack_rows.nodes_with(connection, [pack.code, *(p.code for p in below)])
    await _require_open(connection, affected, since)
    made = changed(pack, rule_pack_proposals.delta_of(row), since=since)
    for higher in above:
        require_not_looser(made, higher, since=since)
    followers = _followers(below, made, since)
    said = [
        *words.asked(row),
        *words.differing(made.label, differences(pack, made)),
        words.reach(nodes),
    ]
    for before, after in followers:
        said += words.differing(after.label, differences(before, after))
    versions = (made, *(after for _, after in followers))
    return Plan(versions, (*said, words.past()))


def _followers(
    below: Sequence[RulePack], made: RulePack, since: date
) -> list[tuple[RulePack, RulePack]]:
    """Packs of lower levels that would become looser follow in the same act."""
    found: list[tuple[RulePack, RulePack]] = []
    for pack in below:
        delta = tightened(pack, made, since=since)
        if delta:
            found.append((pack, changed(pack, delta, since=since)))
    return found


async def _assignment(connection: AsyncConnection, row: Record, scope: str) -> Plan:
    since: date = row.effective_on
    pack = await newest(connection, row.code)
    node = await reference.jurisdiction(connection, row.jurisdiction_code)
    if node is None or not reference.is_within(node.path, scope):
        raise JurisdictionUnknown(code=row.jurisdiction_code)
    levels = await rule_pack_proposals.level_paths(connection, [pack.jurisdiction])
    level = levels.get(pack.jurisdiction or "")
    if level is None or not reference.is_within(node.path, level):
        raise LevelTooLow(pack=pack.label)
    await _require_open(connection, [node], since)
    for given in await rule_pack_rows.assignments(connection, [node.code]):
        if given.from_on == since:
            raise AlreadyExists(code=node.code, from_on=since.isoformat())
    above, _ = await rule_pack_proposals.packs_around(connection, node.path)
    for higher in above:
        if higher.code != pack.code:
            require_not_looser(pack, higher, since=since)
    before = await rule_pack_rows.rules_of_node(connection, node.code)
    if before is None or before.code == pack.code:
        raise NothingChanged(pack=pack.label)
    after = followed(before, pack, since=since)
    said = [
        *words.asked(row),
        *words.differing(pack.label, differences(before, after)),
        words.reach([node]),
        words.past(),
    ]
    return Plan((), tuple(said))


async def _begun_from(connection: AsyncConnection, row: Record) -> RulePack:
    """Return the version to change; of a new pack, that of the one it is derived from."""
    if row.origin is None:
        return await newest(connection, row.code)
    derived = await newest(connection, row.origin)
    return replace(derived, code=row.code, version=0, jurisdiction=row.jurisdiction_code)


async def _require_level(connection: AsyncConnection, code: str | None, scope: str) -> str:
    """Refuse whoever's scope does not hold the level that says these rules."""
    path = (await rule_pack_proposals.level_paths(connection, [code])).get(code or "")
    if path is None or not reference.is_within(path, scope):
        raise LevelTooLow(level=code)
    return path


async def _require_open(connection: AsyncConnection, nodes: Sequence[Record], since: date) -> None:
    earliest = await rule_pack_proposals.open_day(connection, nodes)
    if since < earliest:
        raise PastRejudged(changes_from=since.isoformat(), earliest=earliest.isoformat())
