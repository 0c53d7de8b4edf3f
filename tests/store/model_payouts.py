"""Payouts, restraints and corrections in the model: what may leave, what stops it, what undoes."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

from ledger.accounts import AccountKind, Reason
from ledger.coverage import Position, payout_room
from ledger.money import ZERO, Money, total
from ledger.rules import payouts, suspense
from ledger.rules.corrections import reversed_exactly
from ledger.rules.custody import bank_charge_debited
from ledger.rules.debts import owed
from ledger.rules.payouts import OrderKind
from ledger.rules.places import Place
from ledger.rules.receipts import HeldReason, receipt_held
from ledger.transactions import Transaction, TransactionKind
from service.journal.reverse import Reverse
from service.payouts.leases import FetchOrders
from service.payouts.reports import Report
from service.payouts.settle import Cancel
from service.payouts.use_cases import PayoutRequest
from service.store import custodians, ids
from service.supervision.use_cases import Lifting, Placing
from tests.store.model_lessons import HOLDS_SLOT, LAPSES_AFTER, Lessons
from tests.store.model_state import No, Row, Said, again

_K = TransactionKind
_REPORTABLE = {
    "ACCEPTED": ({"SENT"}, _K.ORDER_ACCEPTED),
    "UNKNOWN": ({"SENT"}, _K.ORDER_UNKNOWN),
    "REJECTED": ({"SENT", "ACCEPTED", "UNKNOWN"}, None),
}
_BROUGHT_MONEY = {_K.RECEIPT_MATCHED, _K.TOP_UP_RECEIVED, _K.BANK_CHARGE_REIMBURSED}
APPROVED_WITHIN = timedelta(days=3)


class School(Lessons):
    """The whole model."""

    # --- what leaves ----------------------------------------------------------------------------

    def pay_out(self, command: PayoutRequest) -> Said:
        """Instruct a payout of what was earned, or of a surplus."""
        place = self.places[command.custody_account]
        self._require_leaving(place)
        self._make_good_first(place)
        earned, own = self.balance(place.payable), self.balance(place.own_funds)
        source = own if command.kind is OrderKind.SURPLUS else earned
        room = payout_room(Position.of_book(self.book, place.custody))
        available = max(room - self._held_back(place), ZERO)
        amount = command.amount
        if amount is None:
            amount = min(source, available) or source
        for code, applies in (
            ("balance_too_low", amount > source),
            ("amount_zero", not amount),
            ("payout_not_covered", amount > room),
            ("hold_exceeded", amount > available),
        ):
            if applies:
                raise No(code)
        if command.kind is OrderKind.SURPLUS:
            instructed = payouts.surplus_instructed(
                place, order=command.order, amount=amount, debts=self.debts(place)
            )
        else:
            instructed = payouts.payout_instructed(place, order=command.order, amount=amount)
        self.post(instructed)
        self.state.orders[command.order] = {
            "place": place,
            "kind": command.kind.value,
            "amount": amount,
            "state": "NEW",
            "receipt": None,
        }
        return Said(answer={"amount": str(amount), "state": "NEW"})

    def fetch(self, command: FetchOrders) -> Said:
        """Hand a bank its new orders."""
        waiting = sorted(
            order
            for order, row in self.state.orders.items()
            if row["state"] == "NEW" and self.banks[row["place"].custody] == command.bank
        )
        free = [order for order in waiting if not self._is_stopped(self.state.orders[order])]
        for order in free[: command.limit]:
            self.state.orders[order]["state"] = "SENT"
            self.post(Transaction(_K.ORDER_SENT))
        return Said()

    def report(self, bank: str, command: Report) -> Said:
        """Take a bank's word on an order."""
        row = self.state.orders[command.order]
        if self.banks[row["place"].custody] != bank:
            raise No("order_unknown")
        if row["state"] == command.status == row.get("word", command.status):
            return again()
        if row["state"] == "UNKNOWN" and command.status in {"ACCEPTED", "UNKNOWN"}:
            row["word"] = command.status
            self.post(Transaction(_K.ORDER_ANSWERED, reason=command.status))
            return Said(answer={"state": "UNKNOWN"})
        before, kind = _REPORTABLE[command.status]
        if row["state"] not in before:
            raise No("wrong_state")
        row["state"] = row["word"] = command.status
        if kind is not None:
            self.post(Transaction(kind, reason=command.reason))
        else:
            self._undo(command.order, row, command.reason)
        return Said(answer={"state": command.status})

    def cancel_order(self, command: Cancel) -> Said:
        """Take back an order that was not fetched."""
        row = self.state.orders[command.order]
        if row["kind"] == "SUSPENSE_RETURN" and not command.by_operator:
            raise No("verb_forbidden")
        if row["state"] != "NEW":
            raise No("wrong_state")
        row["state"] = "CANCELLED"
        self._undo(command.order, row, command.reason)
        return Said(answer={"state": "CANCELLED"})

    def _undo(self, order: UUID, row: Row, reason: str | None) -> None:
        place, amount = row["place"], row["amount"]
        if row["kind"] == "SUSPENSE_RETURN":
            undone = suspense.suspense_return_rejected(
                place, receipt=row["receipt"], order=order, amount=amount
            )
        else:
            rule = (
                payouts.payout_rejected if row["state"] == "REJECTED" else payouts.payout_cancelled
            )
            undone = rule(place, order=order, amount=amount, source=OrderKind(row["kind"]))
        self.post(replace(undone, reason=reason))

    def _make_good_first(self, place: Place) -> None:
        """Let what was earned close what was paid out too much (E29)."""
        payable = self.balance(place.payable)
        clawback = [d for d in self.debts(place) if d.account.reason is Reason.CLAWBACK]
        if payable and owed(clawback):
            self.post(
                payouts.debts_made_good(place, own_funds=ZERO, payable=payable, debts=clawback)
            )

    def _require_leaving(self, place: Place) -> None:
        for code, applies in (
            ("payout_stopped", self._stands(place, "PAYOUT_STOP")),
            ("institution_frozen", self.is_frozen(place.institution)),
            ("account_fenced", self._stands(place, "FENCE")),
        ):
            if applies:
                raise No(code)

    def _stands(self, place: Place, kind: str) -> bool:
        return self.restrained(place.institution, kind) or self.restrained(place.custody, kind)

    def _is_stopped(self, order: Row) -> bool:
        place = order["place"]
        stopping = ("PAYOUT_STOP", "FREEZE")
        own = order["kind"] != "SUSPENSE_RETURN"
        return self._stands(place, "FENCE") or (
            own and any(self._stands(place, kind) for kind in stopping)
        )

    def _held_back(self, place: Place) -> Money:
        return total(
            [
                row["amount"]
                for row in self.state.restraints.values()
                if row["kind"] == "HOLD" and row["target"] == place.custody and row["stands"]
            ]
        )

    # --- what stops it --------------------------------------------------------------------------

    def restrain(self, command: Placing) -> Said:
        """Put a restraint in force."""
        if command.kind == "FREEZE":
            self._freeze(command.target, command.cause)
        self.state.restraints[command.restraint] = {
            "target": command.target,
            "kind": command.kind,
            "amount": command.amount,
            "stands": True,
        }
        self.post(Transaction(_K.RESTRAINT_PLACED, reason=command.cause))
        return Said()

    def _freeze(self, institution: UUID, cause: str) -> None:
        if self.is_frozen(institution):
            raise No("wrong_state")
        self.state.frozen = {**self.state.frozen, institution: self.today}
        for order, row in sorted(self.state.orders.items()):
            own = row["place"].institution == institution and row["kind"] != "SUSPENSE_RETURN"
            if own and row["state"] == "NEW":
                row["state"] = "CANCELLED"
                self._undo(order, row, "FREEZE")
        self._cover_gaps(0)
        self.post(Transaction(_K.WIND_DOWN_STARTED, reason=cause))
        for place in self.places.values():
            if place.institution == institution:
                self.post(Transaction(_K.STATEMENT_REQUESTED))

    def ask_to_lift(self, maker: str, command: Lifting) -> Said:
        """Ask for a restraint to be lifted."""
        self._require_standing(command.restraint)
        return self.ask(command.approval, maker, ("lift", command))

    def _lift(self, command: Lifting) -> None:
        row = self._require_standing(command.restraint)
        row["stands"] = False
        if row["kind"] == "FREEZE":
            self.state.frozen = {k: v for k, v in self.state.frozen.items() if k != row["target"]}
            self.post(Transaction(_K.WIND_DOWN_ADVANCED))
        self.post(Transaction(_K.RESTRAINT_LIFTED, reason=command.reason))

    def _require_standing(self, restraint: UUID) -> Row:
        row = self.state.restraints[restraint]
        if not row["stands"]:
            raise No("wrong_state")
        return row

    # --- what undoes it -------------------------------------------------------------------------

    def ask_to_reverse(self, maker: str, command: Reverse) -> Said:
        """Ask for a transaction to be reversed."""
        before = self.state.copy()
        self._mirror(command)
        self.state = before
        return self.ask(command.approval, maker, ("reverse", command))

    def approve(self, checker: str, approval: UUID) -> Said:
        """Approve what another person asked for, on what stands now."""
        row = self.state.approvals[approval]
        if row["state"] != "PENDING":
            raise No("wrong_state")
        if row["maker"] == checker:
            raise No("maker_is_checker")
        asked_on: date = row["asked_on"]
        if self.today >= asked_on + APPROVED_WITHIN:
            raise No("approval_expired")
        what, command = row["what"]
        if what == "lift":
            self._lift(command)
        elif what == "match":
            self.match_now(command)
        else:
            self.post(*self._mirror(command))
            self.state.reversed |= {command.seq}
        row["state"] = "EXECUTED"
        return Said(answer={"state": "EXECUTED"})

    def _mirror(self, command: Reverse) -> list[Transaction]:
        """Undo a wrong transaction, and say what its bank entry is instead."""
        wrong = self.state.log[command.seq - 1].transaction
        named = ids.public_transaction(command.journal, command.seq)
        mirror = reversed_exactly(
            wrong,
            reverses=named,
            reversed_by=named if command.seq in self.state.reversed else None,
            reason=command.reason,
        )
        if wrong.kind is _K.RECEIPT_HELD:
            raise No("not_reversible")
        refs = wrong.references
        place = self.places[UUID(refs["custody"])]
        self._unpay(wrong)
        if wrong.kind in _BROUGHT_MONEY:
            entry = UUID(refs["bank_entry"])
            held = receipt_held(
                place,
                bank_entry=entry,
                amount=self.state.entries[entry]["amount"],
                reason=HeldReason.UNKNOWN_ENROLMENT,
            )
            return [mirror, held]
        if wrong.kind is _K.BANK_CHARGE_DEBITED:
            return [mirror, self._charge_on_the_other_side(wrong, place)]
        return [mirror]

    def _charge_on_the_other_side(self, wrong: Transaction, place: Place) -> Transaction:
        entry = UUID(wrong.references["bank_entry"])
        disputed = any(a.kind is AccountKind.DUE_FROM_BANK for a in wrong.effects())
        return bank_charge_debited(
            place,
            bank_entry=entry,
            amount=self.state.entries[entry]["amount"],
            disputed_with=None if disputed else custodians.bank_id(self.banks[place.custody]),
        )

    def _unpay(self, wrong: Transaction) -> None:
        """Take back what counted towards a price; without the price no lesson may be taken."""
        for account, effect in wrong.effects().items():
            if account.kind is not AccountKind.STUDENT_PREPAID:
                continue
            row = self.state.enrolments[account.owner]
            if any(
                lesson["enrolment"] == account.owner and lesson["state"] in HOLDS_SLOT
                for lesson in self.state.lessons.values()
            ):
                raise No("wrong_state")
            refs = wrong.references
            source = UUID(refs.get("bank_entry") or refs.get("receipt") or refs["enrolment"])
            brought = dict(row["brought"])
            brought[source] = brought.get(source, 0) - effect
            row["brought"] = {entry: fen for entry, fen in brought.items() if fen}
            if wrong.kind is _K.LEGACY_ONBOARDED:
                row["state"] = "LAPSED"
            elif row["state"] == "ACTIVE":
                row |= {"state": "AWAITING_PAYMENT", "lapses_on": self.today + LAPSES_AFTER}
