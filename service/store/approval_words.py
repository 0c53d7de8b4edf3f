"""What will happen, in words: what a second person reads before they approve.

Rendered from the payload, the facts of now and the decision that would be carried out on them:
who asked and why that needs two people, what is named, how much moves where (in capitals as well),
whom a bank will pay, what changes its state. Chinese first, English beside it. What a person sends
back covers these words, so that nothing else than what was read is carried out.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from ledger.accounts import CHART, AccountKind, Unit
from ledger.capitals import in_capitals
from ledger.chain import canonical_json
from ledger.money import Money
from ledger.refusals import Refusal
from ledger.transactions import Transaction
from service.store import approval_terms as terms
from service.store import approvals, ids
from service.store.approval_terms import Words
from service.store.facts import Decision, Facts, Insert, Record
from service.store.levels import MAKER_PATH
from service.store.tables import Institution, PaymentOrder, Refund

NameOf = Callable[[UUID], str]
"""Names a payee: by its mask where somebody reads it, by its public id where it is kept."""

PAYING_ROWS: Final = (Institution, PaymentOrder, Refund)
"""Rows that name whom an order would pay."""

_UNSAID: Final = frozenset({MAKER_PATH, "institution_id"})
"""What a payload holds and the words say elsewhere."""


@dataclass(frozen=True, slots=True)
class Told:
    """What words are made of beside the approval: the institution's name, and the outcome."""

    institution: str | None
    outcome: Decision | Refusal


def lines(facts: Facts, row: Record, told: Told, name_of: NameOf) -> list[Words]:
    """Say what approving would do now, or why it can not be done."""
    command = approvals.known(row.command)
    said = [
        terms.titled(command.title, command.name),
        _asked(row),
        *_institution(facts, row, told.institution),
        _why(row),
        *_named(approvals.payload_of(row), name_of),
    ]
    if isinstance(told.outcome, Refusal):
        refusal = told.outcome
        said.append(
            Words(
                f"按目前事实不能执行:{refusal.zh}({refusal.code})",
                f"Cannot be carried out as things stand: {refusal.title} ({refusal.code})",
            )
        )
        return said
    if command.consequence is not None:
        said.append(Words(*command.consequence))
    return [*said, *consequences(facts, told.outcome, name_of)]


def consequences(facts: Facts, decision: Decision, name_of: NameOf) -> list[Words]:
    """Say what a decision posts, whom it pays and which states it changes."""
    said = [*_posted(decision.transactions), *_paid(facts, decision, name_of)]
    return [*said, *_states(facts, decision)] or [Words("不改变任何余额", "No balance changes")]


def covered(payload_hash: bytes, said: Sequence[Words]) -> bytes:
    """Return the hash over a payload and the words shown with it, as it is sent back."""
    return hashlib.sha256(payload_hash + written(said).encode()).digest()


def written(said: Sequence[Words]) -> str:
    """Write words as canonical JSON."""
    return canonical_json([{"zh": words.zh, "en": words.en} for words in said])


def amount_words(amount: Money) -> Words:
    """Write an amount in figures, in Chinese beside it in capitals."""
    figures = str(amount)
    capitals = in_capitals(amount) if amount.fen >= 0 else ""
    return Words(f"{figures} 元({capitals})", f"CNY {figures}")


def _asked(row: Record) -> Words:
    presence = approvals.presence_of(row.maker_presence)
    role = presence.get("role")
    as_role = Words("", "") if role is None else Words(f"({terms.role(role).zh})", f" ({role})")
    day = row.requested_at.date().isoformat()
    return Words(
        f"申请人:{row.maker}{as_role.zh},{day} 提出",
        f"Asked by {row.maker}{as_role.en} on {day}",
    )


def _institution(facts: Facts, row: Record, name: str | None) -> list[Words]:
    if row.institution_id is None:
        return []
    public = ids.public("ins", facts.journal, row.institution_id)
    said = public if name is None else f"{name}({public})"
    return [Words(f"机构:{said}", f"Institution: {said}")]


def _why(row: Record) -> Words:
    crossing = approvals.crossing_of(row)
    if crossing is None:
        return Words("此类事项一律须两人办理", "This kind of act always needs two people")
    return terms.crossed(crossing)


def _named(payload: Mapping[str, Any], name_of: NameOf) -> list[Words]:
    said: list[Words] = []
    for key, value in sorted(payload.items()):
        if key in _UNSAID or value is None:
            continue
        label = terms.label(key)
        if key.endswith("party_id"):
            payee = name_of(ids.parse("pty", str(value))[1])
            said.append(Words(f"{label.zh}:{payee}", f"{label.en}: {payee}"))
        elif key in terms.AMOUNTS:
            amount = amount_words(Money.of(str(value)))
            said.append(Words(f"{label.zh}:{amount.zh}", f"{label.en}: {amount.en}"))
        else:
            said.append(Words(f"{label.zh}:{value}", f"{label.en}: {value}"))
    return said


def _posted(transactions: Sequence[Transaction]) -> list[Words]:
    """Say which transactions are posted, and what rises and falls by them together."""
    said = [
        Words(f"记账:{terms.transaction(kind).zh}", f"Posts: {terms.transaction(kind).en}")
        for kind in dict.fromkeys(t.kind.value for t in transactions)
    ]
    net: dict[tuple[AccountKind, str], int] = {}
    for transaction in transactions:
        for account, effect in transaction.effects().items():
            key = (account.kind, "" if account.reason is None else account.reason.value)
            net[key] = net.get(key, 0) + effect
    order = list(AccountKind)
    for (kind, reason), effect in sorted(net.items(), key=lambda i: (order.index(i[0][0]), i[0])):
        if effect:
            said.append(_moved(kind, reason, effect))
    return said


def _moved(kind: AccountKind, reason: str, effect: int) -> Words:
    chart = CHART[kind]
    account = Words(
        f"{chart.zh}{f'[{reason}]' if reason else ''}",
        f"{chart.en}{f' [{reason}]' if reason else ''}",
    )
    way = Words("增加", "rises by") if effect > 0 else Words("减少", "falls by")
    much = (
        Words(f"{abs(effect)} 课时", f"{abs(effect)} lessons")
        if chart.unit is Unit.LESSON
        else amount_words(Money.from_fen(abs(effect)))
    )
    return Words(f"「{account.zh}」{way.zh} {much.zh}", f'"{account.en}" {way.en} {much.en}')


def _paid(facts: Facts, decision: Decision, name_of: NameOf) -> list[Words]:
    said: list[Words] = []
    for change in decision.changes:
        if not isinstance(change, Insert) or change.table is not PaymentOrder:
            continue
        order = change.values
        amount = amount_words(Money.from_fen(order["amount_fen"]))
        if order["payee_party_id"] is not None:
            to = Words(name_of(order["payee_party_id"]), name_of(order["payee_party_id"]))
        else:
            account = ids.public("cus", facts.journal, order["target_custody_account_id"])
            to = Words(f"托管专户 {account}", f"custody account {account}")
        said.append(
            Words(
                f"指令银行 {order['bank_code']} 向 {to.zh} 付款 {amount.zh}",
                f"Bank {order['bank_code']} is told to pay {amount.en} to {to.en}",
            )
        )
    return said


def _states(facts: Facts, decision: Decision) -> list[Words]:
    """Say which rows come into another state; of many alike, how many."""
    moved: dict[tuple[str, str, str], int] = {}
    for change in decision.changes:
        if isinstance(change, Insert) or "state" not in change.values:
            continue
        row = facts.get(change.table, *change.key)
        before = "-" if row is None else str(row["state"])
        if before != change.values["state"]:
            key = (change.table.__tablename__, before, str(change.values["state"]))
            moved[key] = moved.get(key, 0) + 1
    said: list[Words] = []
    for (table, before, after), count in sorted(moved.items()):
        what = terms.table(table)
        many = Words("", "") if count == 1 else Words(f"({count} 项)", f" ({count} of them)")
        said.append(
            Words(
                f"{what.zh}状态:{before} → {after}{many.zh}",
                f"{what.en}: {before} becomes {after}{many.en}",
            )
        )
    return said
