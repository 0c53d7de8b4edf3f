"""Every posting rule says what happened, and names all that it was told of and nothing else.

The rules are found, not listed: a new one is asked the same as soon as it stands in the tree.
"""

import inspect
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any, get_type_hints
from uuid import UUID, uuid5

import pytest

import ledger.rules
from ledger.accounts import AccountKind, Reason
from ledger.entitlement import Contract
from ledger.money import ZERO, Money
from ledger.refunds import Basis, Price, RefundReason, Step
from ledger.rules import lessons, receipts
from ledger.rules.backings import Backing
from ledger.rules.chargebacks import Debit, Standing
from ledger.rules.claims import RefundPart
from ledger.rules.debts import Debt
from ledger.rules.payouts import OrderKind
from ledger.rules.places import Place
from ledger.rules.receipts import HeldReason
from ledger.rules.refunds import RefundOrder
from ledger.transactions import Transaction, TransactionKind

Rule = Callable[..., Transaction]

RULES: dict[str, Rule] = {
    name: found
    for module in pkgutil.iter_modules(ledger.rules.__path__, "ledger.rules.")
    for name, found in vars(import_module(module.name)).items()
    if inspect.isfunction(found)
    and found.__module__ == module.name
    and not name.startswith("_")
    and get_type_hints(found).get("return") is Transaction
}


def known(name: str) -> UUID:
    return uuid5(UUID(int=0), name)


ONE, TWO = Money.of("1.00"), Money.of("2.00")
SCHOOL = known("institution")
PLACE = Place(institution=SCHOOL, custody=known("custody"))
OTHER_PLACE = Place(institution=SCHOOL, custody=known("target"))
CONTRACT = Contract(known("enrolment"), SCHOOL, PLACE.custody, Money.of("4999.99"), 48)
RECEIVER = Contract(known("receiver"), SCHOOL, PLACE.custody, Money.of("4999.99"), 48)
BACKING = Backing(contract=CONTRACT, prepaid=TWO)
CONFIRMED = lessons.lesson_confirmed(CONTRACT, lesson=known("lesson"), slot=3, unfunded=())
RECEIVED = receipts.receipt_matched(
    CONTRACT, bank_entry=known("bank_entry"), amount=ONE, received_before=ZERO
)
REFUND = RefundOrder(order=known("order"), refund=known("refund"), amount=ONE)
OTHER_DEBTS = (Debt(OTHER_PLACE.due(Reason.CLAWBACK), ONE),)
PRICE = Price(
    reason=RefundReason.CONSUMER,
    basis=Basis.SCHEDULE,
    refund=ONE,
    institution_share=ZERO,
    interest=ZERO,
    steps=(Step("LEFT", "剩余课时", "lessons left", ONE),),
)

TOLD: dict[str, object] = {
    "amount": TWO,
    "backing": BACKING,
    "balance": TWO,
    "channel": Reason.WECHAT,
    "clearing": TWO,
    "confirming": CONFIRMED,
    "contract": CONTRACT,
    "debit": Debit(entry=known("bank_entry")),
    "debts": (Debt(PLACE.due(Reason.CLAWBACK), ONE),),
    "dividends": {known("refund"): ONE},
    "giver": CONTRACT,
    "left": BACKING,
    "lessons_given_up": 1,
    "parts": [RefundPart(known("refund"), ONE)],
    "pending": PLACE.cash_undeposited,
    "place": PLACE,
    "price": PRICE,
    "receiver": RECEIVER,
    "receiving": CONTRACT,
    "received": {known("bank_entry"): ONE},
    "reversed_by": None,
    "slot": 3,
    "standing": Standing(prepaid=TWO),
    "transaction": CONFIRMED,
    "units": {Reason.PAID: 1},
    "unfunded": (),
}
"""What the rules are told, by the name under which all of them are told it."""

BY_TYPE: Mapping[object, Callable[[str], object]] = {
    UUID: known,
    Money: lambda _: ONE,
    Place: lambda _: PLACE,
    RefundOrder: lambda _: REFUND,
    HeldReason: lambda _: HeldReason.EXCESS,
    OrderKind: lambda _: OrderKind.EARNED,
    str: lambda name: name,
}
"""What they are told of a type otherwise."""

TOLD_OTHERWISE: Mapping[str, dict[str, object]] = {
    "backing_moved_without_money": {"backing": Backing(contract=CONTRACT, prepaid=ZERO)},
    "deposit_arrived": {"gap": OTHER_PLACE, "debts": OTHER_DEBTS},
    "held_fees_called": {"held": [(CONTRACT, ONE)]},
    "interest_allocated": {"shares": [(CONTRACT, ONE)]},
    "interest_settled_to_student": {"refunds": [(known("refund"), ONE)]},
    "own_funds_arrived": {"gap": OTHER_PLACE, "debts": OTHER_DEBTS},
    "pool_moved_in": {"target": OTHER_PLACE, "debts": OTHER_DEBTS},
    "porting_arrived": {"source": PLACE},
    "refund_reissued": {"order": replace(REFUND, reissued=True)},
    "residual_written_off": {"amount": ONE},
    "reversed_exactly": {"transaction": RECEIVED},
    "surplus_instructed": {"debts": ()},
    "transfer_instructed": {"target": OTHER_PLACE},
}

KINDS: Mapping[str, TransactionKind] = {
    "backing_move_instructed": TransactionKind.TRANSFER_INSTRUCTED,
    "backing_moved_without_money": TransactionKind.BACKING_ARRIVED,
    "entitlement_raised": TransactionKind.DIVERSION_DISCOVERED,
    "interest_settled_to_institution": TransactionKind.INTEREST_SETTLED,
    "interest_settled_to_student": TransactionKind.INTEREST_SETTLED,
    "left_behind_owed": TransactionKind.REFUND_APPROVED,
    "placement_instructed": TransactionKind.PORTING_INSTRUCTED,
    "placement_undone": TransactionKind.PORTING_UNDONE,
    "reversed_exactly": TransactionKind.TRANSACTION_REVERSED,
    "transfer_withdrawn": TransactionKind.TRANSFER_FAILED,
}
"""The rules that are another case of what has its own name."""

REASONS: Mapping[str, str] = {
    "backing_move_instructed": "BACKING",
    "capture_held": "EXCESS",
    "entitlement_raised": "OBJECTION_UPHELD",
    "interest_settled_to_institution": "TO_INSTITUTION",
    "interest_settled_to_student": "TO_STUDENT",
    "left_behind_owed": "PORTING",
    "receipt_held": "EXCESS",
    "refund_approved": "CONSUMER",
    "reversed_exactly": "reason",
    "schedule_rebased": "CONSUMER",
    "transfer_instructed": "purpose",
}

_FROM_HERE = {"custody": OTHER_PLACE.custody, "source_custody": PLACE.custody}
NAMED: Mapping[str, Mapping[str, object]] = {
    "backing_arrived": {**_FROM_HERE, "target": None},
    "backing_move_instructed": {"target_custody": known("target"), "target": None},
    "backing_moved_without_money": {**_FROM_HERE, "target": None},
    "bank_duplicate_recognised": {"receipt": known("bank_entry"), "bank_entry": None},
    "channel_settled": {"channel": "WECHAT"},
    "chargeback_debited": {"bank_entry": known("bank_entry")},
    "deposit_arrived": _FROM_HERE,
    "failed_bank_payment_arrived": {**_FROM_HERE, "target": None},
    "interest_allocated": {"interest": known("credit"), "credit": None},
    "lesson_reversed": {"lesson": known("lesson"), "slot": 3, "reverses": "reverses"},
    "lessons_transferred": {"receiver": RECEIVER.enrolment},
    "own_funds_arrived": _FROM_HERE,
    "pool_moved_in": _FROM_HERE,
    "porting_arrived": {"source_custody": PLACE.custody, "refund": None},
    "refund_approved": {"basis": "SCHEDULE"},
    "reversed_exactly": {
        "enrolment": CONTRACT.enrolment,
        "bank_entry": known("bank_entry"),
        "reverses": "reverses",
    },
    "schedule_rebased": {"basis": "SCHEDULE"},
    "transfer_instructed": {"target_custody": known("target")},
}
"""What rules name beyond what they are told, or by another name; None where they do not."""


BANKS = {AccountKind.CUSTODY_BANK, AccountKind.RISK_DEPOSIT_BANK}
ALWAYS_IN_CUSTODY = {"deposit_arrived", "porting_arrived"}
"""Rules of money that goes to students, who have none in a deposit account."""


def told(rule: Rule) -> dict[str, Any]:
    """Choose what a rule is told: of its own, by name, or by type."""
    hints = get_type_hints(rule)
    given: dict[str, Any] = {}
    for name, parameter in inspect.signature(rule).parameters.items():
        if parameter.default is parameter.empty:
            chosen = TOLD | TOLD_OTHERWISE.get(rule.__name__, {})
            given[name] = chosen[name] if name in chosen else BY_TYPE[hints[name]](name)
    return given


def to_be_named(rule: Rule, given: Mapping[str, Any]) -> dict[str, str]:
    """Say what a transaction must refer to: whose it is, and every id that the rule was told."""
    facts: dict[str, object] = {"institution": SCHOOL, "custody": PLACE.custody}
    for name, fact in given.items():
        if isinstance(fact, Contract | Backing):
            facts["enrolment"] = CONTRACT.enrolment
        elif isinstance(fact, RefundOrder):
            facts |= {"order": fact.order, "refund": fact.refund}
        elif isinstance(fact, UUID) or name in {"slot", "proof"}:
            facts[name] = fact
    facts |= NAMED.get(rule.__name__, {})
    return {name: str(fact) for name, fact in facts.items() if fact is not None}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_says_what_happened_and_names_what_it_was_told_of(name: str) -> None:
    given = told(RULES[name])

    transaction = RULES[name](**given)

    assert transaction.kind is KINDS.get(name, TransactionKind.__members__.get(name.upper()))
    assert transaction.reason == REASONS.get(name)
    assert transaction.references == to_be_named(RULES[name], given)


AT_A_BANK = [
    name
    for name, rule in RULES.items()
    if any(isinstance(fact, Place) for fact in told(rule).values())
    and any(account.kind in BANKS for account in rule(**told(rule)).effects())
]


@pytest.mark.parametrize("name", AT_A_BANK)
def test_what_a_bank_tells_of_a_deposit_account_is_of_its_money(name: str) -> None:
    given = {
        known_as: replace(fact, deposit=True) if isinstance(fact, Place) else fact
        for known_as, fact in told(RULES[name]).items()
    }

    touched = {account.kind for account in RULES[name](**given).effects()}

    in_custody = {AccountKind.CUSTODY_BANK} if name in ALWAYS_IN_CUSTODY else set()
    assert touched & BANKS == (in_custody or {AccountKind.RISK_DEPOSIT_BANK})
