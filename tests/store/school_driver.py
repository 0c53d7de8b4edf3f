"""Drives the real store and the model side by side, and compares what each says and did."""

import itertools
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pprint import pformat
from typing import Any, TypeVar
from uuid import UUID

from ledger.accounts import Account
from ledger.refusals import CallerRefused, ObjectUnknown
from ledger.rules.places import Place
from service.bank_entries.retry import retry_kept
from service.store.answers import Key
from service.store.approval_reads import approvals_seen
from service.store.approval_shown import shown
from service.store.context import Context
from service.store.facts import Insert
from service.store.positions import Asked
from service.store.tables import Agreement
from service.store.transact import Mode, Outcome, Request, UseCase
from service.store.unit import SHANGHAI
from tests.fixtures.service import District, fresh_id, open_district
from tests.store.journal_seen import JournalSeen, Sealed, balanced, rolled_up
from tests.store.model_payouts import School
from tests.store.model_state import Posted, Said
from tests.store.school_ground import Ground

T = TypeVar("T")
NOON = time(12, tzinfo=SHANGHAI)


@dataclass(frozen=True)
class Campus:
    """A custody account of an institution, with a filed course that it backs."""

    place: Place
    bank: str
    course: UUID


class Driver:
    """One journal in the database, its model, and the comparison of both."""

    def __init__(self, ground: Ground) -> None:
        """Open a journal with two institutions, one of them with two custody accounts."""
        self.ground = ground
        self._service = ground.service
        self._keys = itertools.count()
        self.last: Callable[[], None] | None = None
        self.district, self.campuses = self.run(self._open())
        self.seen = JournalSeen(self._service.store, ground.looking, self.district.journal)
        self.recorded_at: dict[int, datetime] = {}
        self.moves = 0
        today = datetime.now(SHANGHAI).date() + timedelta(days=1)
        self.model = School(
            {campus.place.custody: campus.place for campus in self.campuses},
            {campus.place.custody: campus.bank for campus in self.campuses},
            today,
        )
        self.to_noon_of(today)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something asynchronous."""
        return self.ground.run(work)

    @property
    def journal(self) -> int:
        """The journal's number."""
        return self.district.journal

    @property
    def now(self) -> datetime:
        """Business time of the last move of the clock; the journal's is a little later."""
        return self._noon(self.model.today)

    def to_noon_of(self, day: date) -> None:
        """Move the business clock; each move to a minute of its own, so that no two days tie."""
        self.moves += 1
        self.run(self._service.store.move_clock(self.journal, self._noon(day)))
        self.model.today = day

    def _noon(self, day: date) -> datetime:
        return datetime.combine(day, NOON).astimezone(UTC) + timedelta(minutes=self.moves)

    def ask(
        self,
        use_case: UseCase[Any, Any],
        commands: Sequence[Any],
        decide: Callable[[Any], Said],
        *,
        caller: Context | None = None,
        actor: str = "somebody",
        mode: Mode = Mode.SINGLE,
        dry_run: bool = False,
    ) -> list[dict[str, Any] | None]:
        """Ask both the store and the model, compare, and return the store's answers."""
        request = Request(
            use_case,
            commands,
            caller or Context((self.journal,)),
            actor,
            self.journal,
            None if dry_run else Key(actor, f"key-{next(self._keys)}", b"body"),
            mode,
            dry_run,
        )
        before = self.model.seq
        said = self.model.carry_out(commands, decide, mode, dry_run=dry_run)
        outcome = self.run(self._service.store.transact(request))
        _compare_verdicts(outcome, said)
        self._compare_postings(before)
        self.ground.answers.update(each.code for each in said)
        if not dry_run:
            self.last = lambda: self._replay(request, outcome, said)
        return [verdict.answer for verdict in outcome.verdicts]  # type: ignore[misc]

    def _replay(self, request: Request[Any, Any], outcome: Outcome, said: Sequence[Said]) -> None:
        """Ask the same once more: what was kept is replayed, and nothing happens twice."""
        before = self.model.seq
        refusal = outcome.verdicts[0].refusal
        if request.mode is Mode.SINGLE and isinstance(refusal, CallerRefused | ObjectUnknown):
            return
        again = self.run(self._service.store.transact(request))
        assert again.replayed
        assert [v.answer for v in again.verdicts] == [v.answer for v in outcome.verdicts]
        _compare_verdicts(again, said)
        self._compare_postings(before)

    def shown(self, approval: UUID) -> str:
        """Return the hash that a second person is shown now."""
        return self.run(self._shown(approval))

    async def _shown(self, approval: UUID) -> str:
        store, context = self._service.store, Context((self.journal,))
        async with store.reading(context) as connection:
            found = await approvals_seen(connection, context, self.journal, [approval])
        told = await shown(store, context, self.journal, [found[approval]])
        return str(told[approval]["payload_hash"])

    def retry_kept(self, custodies: set[UUID]) -> None:
        """Try kept debits again, as the route does after each later entry."""
        waiting, before = self.model.kept(custodies), self.model.seq
        if waiting:
            self.model.carry_out(waiting, self.model.retry, Mode.INDEPENDENT, dry_run=False)
        self.run(retry_kept(self._service.store, self.journal, custodies))
        self._compare_postings(before)

    def _compare_postings(self, before: int) -> None:
        """See that the journal grew by exactly what the model posted, entry by entry."""
        sealed = self.run(self.seen.sealed_after(before))
        posted = self.model.state.log[before:]
        stands, ought = [_told(s) for s in sealed], [_expected(p) for p in posted]
        assert stands == ought, _difference(stands, ought)
        self.ground.transactions += len(sealed)
        self.recorded_at |= {each.seq: each.recorded_at for each in sealed}
        for one, other in zip(sealed, posted, strict=True):
            assert other.transaction.references.items() <= one.references.items()

    def compare_prefix(self, asked: Asked, index: int) -> None:
        """See that every balance and roll-up at an earlier position is the model's of then."""
        prefix = self.model.prefixes[index]
        seq, balances = self.run(self.seen.balances(asked))
        assert seq == prefix.seq
        assert _without_zeros(balances) == _without_zeros(prefix.balances)
        expected = rolled_up(self.journal, prefix.balances, self.areas)
        assert self.run(self.seen.rollups(seq, list(expected))) == expected

    def compare_whole(self) -> None:
        """See that the journal rebuilt from its transactions alone is the model's Book."""
        self.ground.wholes += 1
        seq, head, _ = self.run(self.seen.head())
        last, rebuilt = self.run(self.seen.rebuilt())
        balances = {a: self.model.book.quantity(a) for a in self.model.book.accounts()}
        assert (seq, head) == (self.model.seq, last if seq else head)
        assert _without_zeros(rebuilt) == _without_zeros(balances)
        assert balanced(rebuilt)
        if self.model.prefixes:
            asked = Asked(position=f"{self.journal}:{seq}")
            self.compare_prefix(asked, len(self.model.prefixes) - 1)

    @property
    def areas(self) -> dict[UUID, str]:
        """Under which area each institution's figures are rolled up."""
        area = f"{self.district.path}/culture"
        return {campus.place.institution: area for campus in self.campuses}

    async def _open(self) -> tuple[District, list[Campus]]:
        district = await open_district(self._service)
        campuses = []
        for banks in (("ICBC", "CMB"), ("ICBC",)):
            settlement = fresh_id()
            institution = await district.plant_institution(settlement_party_id=settlement)
            for bank in banks:
                custody = await district.plant_custody_account(institution, bank=bank)
                course = await district.plant_course(
                    institution,
                    price_fen=500_000,
                    lessons=1,
                    gift_in_schedule=True,
                    custody_account_id=custody,
                )
                await district.plant(Insert(Agreement, _agreement(institution, bank)))
                place = Place(institution=institution, custody=custody)
                campuses.append(Campus(place, bank, course))
        return district, campuses


def _agreement(institution: UUID, bank: str) -> dict[str, Any]:
    return {
        "agreement_id": fresh_id(),
        "institution_id": institution,
        "bank_code": bank,
        "mode": "M1",
        "release_basis": "LESSON",
        "settlement_cadence": "DAILY",
        "document_hash": "0" * 64,
        "valid_from": date(2026, 1, 1),
        "valid_to": None,
        "seq": 0,
    }


def _compare_verdicts(outcome: Outcome, said: Sequence[Said]) -> None:
    codes = [
        verdict.refusal.code
        if verdict.refusal is not None
        else ("duplicate" if verdict.duplicate else "done")
        for verdict in outcome.verdicts
    ]
    assert codes == [each.code for each in said], (codes, [each.code for each in said])
    for verdict, each in zip(outcome.verdicts, said, strict=True):
        if each.code == "done":
            answer = dict(verdict.answer or {})
            told = {name: answer.get(name) for name in each.answer}
            assert told == each.answer, _difference(told, each.answer)


def _told(sealed: Sealed) -> tuple[object, ...]:
    return sealed.kind, sealed.reason, sealed.entries


def _expected(posted: Posted) -> tuple[object, ...]:
    entries = {e.account: (e.amount, e.balance_after) for e in posted.entries}
    return posted.transaction.kind.value, posted.transaction.reason, entries


def _difference(stands: object, ought: object) -> str:
    """Say what the store has and what the model would have."""
    return f"the store has\n{pformat(stands)}\nthe model\n{pformat(ought)}"


def _without_zeros(balances: dict[Account, int]) -> dict[Account, int]:
    return {account: quantity for account, quantity in balances.items() if quantity}
