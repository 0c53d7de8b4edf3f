"""What bank entries become in the model, and what is done with money in suspense."""

from collections.abc import Iterable
from datetime import date
from functools import partial
from uuid import UUID

from ledger.entitlement import Contract
from ledger.money import Money, total
from ledger.rules import custody, enrolments, payouts, receipts, suspense
from ledger.rules.payouts import OrderKind
from ledger.rules.places import Place
from ledger.rules.receipts import HeldReason
from ledger.transactions import Transaction, TransactionKind
from service.bank_entries.facts import EntryFact
from service.receipts.use_cases import Match, SendBack
from service.store import custodians
from tests.store.model_state import Model, No, Row, Said, again

PENDING = ("NEW", "SENT", "ACCEPTED", "UNKNOWN")
CAP = ONE_PERSON = Money.of("5000.00")
ONE_PERSON_A_DAY = Money.of("20000.00")


class Receipts(Model):
    """Money in and out as the banks report it."""

    def receive(self, bank: str, fact: EntryFact) -> Said:
        """Keep what a bank saw."""
        place = self.places[fact.custody_account]
        if self.banks[place.custody] != bank:
            raise No("custody_account_unknown")
        if fact.book_on > self.today:
            raise No("date_in_future")
        known = self._known(fact)
        if known is not None:
            same = all(known[name] == getattr(fact, name) for name in _CONTENT)
            if same:
                return again()
            return self._contradicted(known, fact)
        row = {name: getattr(fact, name) for name in _KEPT} | {"place": place, "reason": None}
        row["fact"], row["contradicted"] = fact, frozenset()
        row["suspected"] = any(map(partial(_may_be_the_same, row), self.state.entries.values()))
        self.state.entries[fact.bank_entry] = row
        outcome = self._debit(fact, row) if fact.direction == "DBIT" else self._credit(fact, row)
        row["outcome"] = outcome
        answer = {"outcome": outcome, "suspense_reason": row["reason"]}
        return Said(answer=answer | {"balances": self.shown(custody_bank=place.bank)})

    def _contradicted(self, known: Row, fact: EntryFact) -> Said:
        """Refuse it, and open what people answer for: once for whatever is said."""
        payer = any(known[name] != getattr(fact, name) for name in _CONTENT[3:])
        said = (fact.direction, fact.amount, fact.book_on, payer)
        if said not in known["contradicted"]:
            known["contradicted"] |= {said}
            opened = {"custody": str(fact.custody_account)}
            self.post(
                Transaction(TransactionKind.BREAK_OPENED, references=opened, reason="CONTRADICTED")
            )
        return Said("bank_entry_contradicted")

    def retry(self, entry: UUID) -> Said:
        """Try a kept debit again, or money that came back before its payment was told."""
        row = self.state.entries[entry]
        if row["direction"] == "CRDT":
            return self._retry_credit(row)
        outcome = self._debited(entry, row)
        if outcome is None:
            return again()
        row["outcome"] = outcome
        return Said()

    def _retry_credit(self, row: Row) -> Said:
        if self._waits_for_its_debit(row["fact"], row["place"]):
            return again()
        row["outcome"] = self._credit(row["fact"], row)
        return Said()

    def kept(self, custodies: Iterable[UUID]) -> list[UUID]:
        """Return the entries that wait to be posted, oldest first."""
        wanted = set(custodies)
        return sorted(
            entry
            for entry, row in self.state.entries.items()
            if row["outcome"] == "KEPT" and row["custody_account"] in wanted
        )

    def held(self) -> list[UUID]:
        """Return the entries with money in suspense."""
        return [e for e, row in self.state.entries.items() if self._suspense(e, row).fen]

    def match(self, maker: str, command: Match) -> Said:
        """Match money in suspense to an enrolment by hand; a large sum needs a second person."""
        row = self.state.entries[command.bank_entry]
        held = self._suspense(command.bank_entry, row)
        act = (self.today, command.enrolment, row["place"].institution, held)
        if self._may_alone(act):
            said = self.match_now(command)
            self.state.matched_alone += (act,)
            return said
        before = self.state.copy()
        self.match_now(command)
        self.state = before
        return self.ask(command.approval, maker, ("match", command))

    def _may_alone(self, act: tuple[date, UUID, UUID, Money]) -> bool:
        """Tell whether one person may: at once, to one guardian a day, and altogether a day.

        Every enrolment has a guardian of its own here, and one person matches.
        """
        day, enrolment, school, held = act
        today = [past for past in self.state.matched_alone if past[0] == day]
        to_payee = total([held, *(past[3] for past in today if past[1] == enrolment)])
        at_school = total([held, *(past[3] for past in today if past[2] == school)])
        by_maker = total([held, *(past[3] for past in today)])
        return to_payee <= ONE_PERSON and max(by_maker, at_school) <= ONE_PERSON_A_DAY

    def match_now(self, command: Match) -> Said:
        """Match money in suspense to an enrolment."""
        row = self.state.entries[command.bank_entry]
        enrolment = self.state.enrolments[command.enrolment]
        contract: Contract = enrolment["contract"]
        held = self._suspense(command.bank_entry, row)
        if not held or row["suspected"] or enrolment["state"] not in {"AWAITING_PAYMENT", "ACTIVE"}:
            raise No("wrong_state")
        if self.is_frozen(contract.institution):
            raise No("institution_frozen")
        if contract.custody != row["custody_account"]:
            raise No("custody_account_invalid")
        received = self.received(enrolment)
        if received == contract.price:
            raise No("wrong_state")
        self.post(
            suspense.suspense_matched(
                contract, receipt=command.bank_entry, held=held, received_before=received
            )
        )
        self._count(enrolment, command.bank_entry, min(held, contract.price - received))
        return Said(answer={"balances": self.shown(prepaid=contract.prepaid)})

    def send_back(self, command: SendBack) -> Said:
        """Send money in suspense back to its payer."""
        row = self.state.entries[command.bank_entry]
        held, place = self._suspense(command.bank_entry, row), row["place"]
        if not held or row["suspected"]:
            raise No("wrong_state")
        if self.restrained(place.custody, "FENCE"):
            raise No("account_fenced")
        if row["payer_account"] is None:
            raise No("payer_unknown")
        self.state.orders[command.order] = {
            "place": place,
            "kind": "SUSPENSE_RETURN",
            "amount": held,
            "state": "NEW",
            "receipt": command.bank_entry,
        }
        self.post(
            suspense.suspense_return_instructed(
                place, receipt=command.bank_entry, order=command.order, amount=held
            )
        )
        return Said(answer={"amount": str(held)})

    def lapse(self, enrolment: UUID) -> Said:
        """End an enrolment that was not paid in time."""
        row = self.state.enrolments[enrolment]
        late = row["lapses_on"] is not None and row["lapses_on"] < self.today
        if row["state"] != "AWAITING_PAYMENT" or not late:
            raise No("wrong_state")
        if self.is_frozen(row["contract"].institution):
            raise No("institution_frozen")
        brought = {entry: Money.from_fen(fen) for entry, fen in row["brought"].items()}
        self.post(enrolments.enrolment_lapsed(row["contract"], received=brought))
        row["brought"], row["state"] = {}, "LAPSED"
        return Said(answer={"state": "LAPSED", "received": "0.00"})

    def received(self, enrolment: Row) -> Money:
        """Return what has come towards a price."""
        return Money.from_fen(sum(enrolment["brought"].values()))

    def _known(self, fact: EntryFact) -> Row | None:
        for row in self.state.entries.values():
            if (row["custody_account"], row["bank_ref"]) == (fact.custody_account, fact.bank_ref):
                return row
        return None

    def _suspense(self, entry: UUID, row: Row) -> Money:
        return self.balance(row["place"].suspense(entry))

    def _credit(self, fact: EntryFact, row: Row) -> str:
        place: Place = row["place"]
        facts: Row = {"bank_entry": fact.bank_entry, "amount": fact.amount}
        if row["suspected"]:
            row["reason"] = HeldReason.SUSPECTED_DUPLICATE.value
            reason = HeldReason.SUSPECTED_DUPLICATE
            self.post(receipts.receipt_held(place, reason=reason, **facts))
            return "SUSPENSE"
        if fact.kind == "TOP_UP":
            self.post(receipts.top_up_received(place, debts=self.debts(place), **facts))
            return "TOP_UP"
        if fact.kind == "CHARGE_REIMBURSED":
            disputed = place.fee_disputed(custodians.bank_id(self.banks[place.custody]))
            debts = self.debts(place, disputed)
            self.post(custody.bank_charge_reimbursed(place, debts=debts, **facts))
            return "CHARGE_REIMBURSED"
        if fact.kind == "RETURN" and self._waits_for_its_debit(fact, place):
            self.post(Transaction(TransactionKind.BANK_ENTRY_KEPT))
            return "KEPT"
        if fact.kind == "RETURN" and self._returned(fact, place):
            return "RETURN"
        return self._payment(fact, row)

    def _payment(self, fact: EntryFact, row: Row) -> str:
        place: Place = row["place"]
        named = [
            e for e in self.state.enrolments.values() if e["payment_code"] == fact.payment_code
        ]
        reason = self._held_because(fact, place, named[0] if named else None)
        if reason is not None:
            row["reason"] = reason.value
            self.post(
                receipts.receipt_held(
                    place, bank_entry=fact.bank_entry, amount=fact.amount, reason=reason
                )
            )
            return "SUSPENSE"
        (enrolment,) = named
        contract: Contract = enrolment["contract"]
        received = self.received(enrolment)
        self.post(
            receipts.receipt_matched(
                contract,
                bank_entry=fact.bank_entry,
                amount=fact.amount,
                received_before=received,
            )
        )
        matched = min(fact.amount, contract.price - received)
        self._count(enrolment, fact.bank_entry, matched)
        row["reason"] = "EXCESS" if matched < fact.amount else None
        return "ENROLMENT"

    def _held_because(
        self, fact: EntryFact, place: Place, enrolment: Row | None
    ) -> HeldReason | None:
        if enrolment is None:
            return HeldReason.UNKNOWN_ENROLMENT
        contract: Contract = enrolment["contract"]
        checks = (
            (HeldReason.WRONG_ACCOUNT, contract.custody != place.custody),
            (
                HeldReason.AFTER_FREEZE,
                fact.book_on >= self.state.frozen.get(place.institution, date.max),
            ),
            (
                HeldReason.ENROLMENT_CLOSED,
                enrolment["state"] not in {"AWAITING_PAYMENT", "ACTIVE"},
            ),
            (HeldReason.EXCESS, self.received(enrolment) == contract.price),
            (HeldReason.OVER_CAP, enrolment["origin"] == "REGULAR" and fact.amount > CAP),
        )
        return next((reason for reason, applies in checks if applies), None)

    def _count(self, enrolment: Row, entry: UUID, matched: Money) -> None:
        brought: dict[UUID, int] = dict(enrolment["brought"])
        brought[entry] = brought.get(entry, 0) + matched.fen
        enrolment["brought"] = brought
        if enrolment["state"] == "AWAITING_PAYMENT" and self.received(enrolment) == (
            enrolment["contract"].price
        ):
            enrolment |= {"state": "ACTIVE", "lapses_on": None}

    def _debit(self, fact: EntryFact, row: Row) -> str:
        outcome = self._debited(fact.bank_entry, row)
        if outcome is None:
            self.post(Transaction(TransactionKind.BANK_ENTRY_KEPT))
        return outcome or "KEPT"

    def _debited(self, entry: UUID, row: Row) -> str | None:
        place, amount = row["place"], row["amount"]
        if self.balance(place.bank) < amount:
            return None
        if row["kind"] == "CHARGE":
            self.post(custody.bank_charge_debited(place, bank_entry=entry, amount=amount))
            return "CHARGE"
        order = self.state.orders.get(row["order"]) if row["order"] else None
        if order is None or order["state"] not in PENDING:
            return None
        if (order["place"], order["amount"]) != (place, amount):
            return None
        executed = (
            suspense.suspense_return_executed
            if order["kind"] == "SUSPENSE_RETURN"
            else payouts.payout_executed
        )
        self.post(executed(place, order=row["order"], bank_entry=entry, amount=amount))
        order["state"] = "EXECUTED"
        return "ORDER"

    def _waits_for_its_debit(self, fact: EntryFact, place: Place) -> bool:
        """Tell whether an order's money came back before the bank told that it was paid."""
        order = self.state.orders.get(fact.order) if fact.order else None
        if order is None or order["state"] not in PENDING:
            return False
        return (order["place"], order["amount"]) == (place, fact.amount)

    def _returned(self, fact: EntryFact, place: Place) -> bool:
        order = self.state.orders.get(fact.order) if fact.order else None
        if order is None or order["state"] != "EXECUTED":
            return False
        if (order["place"], order["amount"]) != (place, fact.amount):
            return False
        assert fact.order is not None, "an order has an id"
        rule = (
            partial(suspense.suspense_return_bounced, receipt=order["receipt"])
            if order["kind"] == "SUSPENSE_RETURN"
            else partial(payouts.payout_returned, source=OrderKind(order["kind"]))
        )
        self.post(rule(place, order=fact.order, bank_entry=fact.bank_entry, amount=fact.amount))
        order["state"] = "RETURNED"
        return True


def _may_be_the_same(row: Row, other: Row) -> bool:
    """Tell whether two pushes may be the same money: all alike, at most two days apart."""
    alike = ("custody_account", "amount", "payment_code", "payer_account")
    return (
        row["direction"] == other["direction"] == "CRDT"
        and {row["kind"], other["kind"]} <= _CREDITING
        and None not in {row["payment_code"], row["payer_account"]}
        and all(row[name] == other[name] for name in alike)
        and abs((row["book_on"] - other["book_on"]).days) <= 2
    )


_CREDITING = {"PAYMENT", "TOP_UP", "CHARGE_REIMBURSED"}
_CONTENT = ("direction", "amount", "book_on", "payer_name", "payer_account")
_KEPT = (*_CONTENT, "custody_account", "bank_ref", "kind", "order", "payment_code")
