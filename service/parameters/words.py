"""What a change of rules would do, in words: what the second person reads before they approve."""

import json
from collections.abc import Iterable
from datetime import date, time
from typing import Any

from ledger import rule_packs
from ledger.money import Money
from ledger.pack_changes import Difference
from ledger.parameter_rules import RULES, ValueUnit
from ledger.parameters import PARAMETERS, GuidePrices, Scope
from ledger.policy import PolicyValue
from service.store.approval_terms import Words
from service.store.approval_words import amount_words
from service.store.facts import Record

_SOME_DAY = date(2021, 10, 21)
_SCOPES = {
    None: Words("", ""),
    Scope.SUBJECT: Words("(学科类)", " (subject tutoring)"),
    Scope.NON_SUBJECT: Words("(非学科类)", " (other categories)"),
}
_UNITS = {
    ValueUnit.MONTHS: Words("个月", "months"),
    ValueUnit.LESSONS: Words("课时", "lessons"),
    ValueUnit.DAYS: Words("天", "days"),
    ValueUnit.WORKING_DAYS: Words("个工作日", "working days"),
}


def asked(row: Record) -> list[Words]:
    """Say who asks for what from when on, and by which document."""
    day = row.proposed_at.date().isoformat()
    title = (
        Words(f"修改规则包 {row.code}", f"Change the rule pack {row.code}")
        if row.action == "CHANGE"
        else Words(
            f"辖区 {row.jurisdiction_code} 改用规则包 {row.code}",
            f"Give {row.jurisdiction_code} the rule pack {row.code}",
        )
    )
    effective = row.effective_on.isoformat()
    return [
        title,
        Words(f"申请人:{row.maker},{day} 提出", f"Asked by {row.maker} on {day}"),
        Words(f"自 {effective} 起施行", f"In force from {effective} on"),
        Words(
            f"依据:{row.document_id}(原因代码 {row.reason})",
            f"Legal basis: {row.document_id} (reason {row.reason})",
        ),
    ]


def differing(label: str, differences: Iterable[Difference]) -> list[Words]:
    """Say what a version says differently, one line for each parameter and span of time."""
    return [_difference(label, difference) for difference in differences]


def reach(nodes: Iterable[Record]) -> Words:
    """Say whose rules they are."""
    codes = ", ".join(node.code for node in nodes) or "-"
    return Words(f"适用辖区:{codes}", f"Jurisdictions with these rules: {codes}")


def past() -> Words:
    """Say what stays as it is (I-41)."""
    return Words(
        "此前已按原规则办理的收费、退费不再重新判定",
        "What was charged or refunded under the rules before is not judged again",
    )


def value_words(name: str, value: object) -> Words:
    """Write a value with its unit; amounts in capitals as well, None as without a rule."""
    if value is None:
        return Words("无规定", "no rule")
    if isinstance(value, Money):
        return amount_words(value)
    if isinstance(value, bool):
        return Words("是", "yes") if value else Words("否", "no")
    if isinstance(value, time):
        return Words(value.isoformat("minutes"), value.isoformat("minutes"))
    if isinstance(value, GuidePrices):
        table = json.dumps(_written(name, value), ensure_ascii=False)
        return Words(table, table)
    unit = _UNITS.get(RULES[name].unit, Words("", ""))
    return Words(f"{value} {unit.zh}".strip(), f"{value} {unit.en}".strip())


def _difference(label: str, difference: Difference) -> Words:
    rule, scope = RULES[difference.parameter], _SCOPES[difference.scope]
    before = value_words(difference.parameter, difference.before)
    after = value_words(difference.parameter, difference.after)
    since = difference.effective_from.isoformat()
    until = None if difference.effective_to is None else difference.effective_to.isoformat()
    to = Words("", "") if until is None else Words(f"至 {until}", f" to {until}")
    return Words(
        f"{label} {rule.zh}{scope.zh}:自 {since} 起{to.zh},由 {before.zh} 改为 {after.zh}",
        f"{label} {rule.en}{scope.en}: from {since}{to.en}, {after.en} instead of {before.en}",
    )


def _written(name: str, value: Any) -> Any:  # noqa: ANN401 - a value of any parameter
    any_day = PolicyValue(PARAMETERS[name], value, _SOME_DAY, "-")
    return rule_packs.rendered(any_day)["value"]
