"""The district as its regulator would want to see it: tables, or one object for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich import box
from rich.console import Console
from rich.table import Table

from service.demo.bank_books import BankBook, yuan
from service.demo.figures import Sum

if TYPE_CHECKING:
    from service.demo.cast import Cast
    from service.demo.performance import House, Performance

TOP: Final = 12
WIDTH: Final = 100
"""Columns when nobody looks: a file or a pipe."""

_PLACES: Final = (
    ("bank_money", "At the banks 托管余额"),
    ("requirement", "Must be there 应有余额"),
    ("shortfall", "Missing 缺口"),
    ("prepaid", "Lessons not taken 未消课款"),
    ("pending", "Waiting for an answer 待确认"),
    ("disputed", "In dispute 争议"),
    ("earned", "Earned, not paid out 已消课未划拨"),
    ("suspense", "Not matched 待核款"),
)
_HAPPENED: Final = (
    ("enrolments", "Enrolments 报名"),
    ("legacy_contracts", "Legacy contracts 存量合同"),
    ("receipts", "Receipts 入账"),
    ("lessons_planned", "Lessons planned 排课"),
    ("lessons_recorded", "Lessons recorded 消课记录"),
    ("absences", "Absences, not charged 缺课不扣"),
    ("lessons_confirmed_by_parent", "Confirmed by guardians 家长确认"),
    ("lessons_confirmed_by_silence", "Confirmed by silence 超期默认"),
    ("disputes", "Disputes 争议"),
    ("disputes_upheld", "… ruled for the guardian 支持家长"),
    ("claims", "Refund claims 退费申请"),
    ("claims_contested", "… contested 机构异议"),
    ("refunds_paid", "Refunds paid 退费"),
    ("payouts_executed", "Payouts executed 划拨"),
    ("payouts_rejected", "Payouts rejected 拒付"),
    ("payouts_returned", "Payouts returned 退汇"),
    ("statements", "Bank statements 对账单"),
    ("days_closed", "Days closed 日终"),
)
_CATEGORIES: Final = {
    "subject": "学科",
    "art": "文化艺术",
    "sport": "体育",
    "science": "科技",
    "other": "其他",
}
_RIGHT: Final[Any] = "right"
_PLAIN: Final[dict[str, Any]] = {
    "title_justify": "left",
    "title_style": "bold",
    "box": box.SIMPLE_HEAD,
    "pad_edge": False,
    "collapse_padding": True,
}


def summary(played: Performance) -> dict[str, Any]:
    """Make the one object of `--json`: figures that are the same each time, and the seconds."""
    stage, told = played.stage, played.told
    counts, end = stage.counts, told.end
    return {
        "district": {"adcode": stage.cast.code, "name": end["name"], "seed": stage.district.seed},
        "banks": len(stage.cast.banks),
        "institutions": len(stage.institutions),
        "custody_accounts": len(stage.books),
        "courses": len(stage.courses),
        "enrolments": counts["enrolments"],
        "legacy_contracts": counts["legacy_contracts"],
        "business_date": end["as_of"],
        "supervised_peak": told.peak["bank_money"],
        "supervised_now": end["bank_money"],
        "receipts": counts["receipts"],
        "lessons_recorded": counts["lessons_recorded"],
        "lessons_released": end["lessons"]["taken"],
        "released_by": {
            "guardians": counts["lessons_confirmed_by_parent"],
            "silence": counts["lessons_confirmed_by_silence"],
            "ruling": counts["disputes_rejected"],
        },
        "disputes": counts["disputes"],
        "paid_out": yuan(counts["paid_out_fen"]),
        "payouts": {
            "executed": counts["payouts_executed"],
            "rejected": counts["payouts_rejected"],
            "returned": counts["payouts_returned"],
        },
        "claims": {
            "filed": counts["claims"],
            "approved": counts["claims_approved"],
            "contested": counts["claims_contested"],
            "silent": counts["claims_silent"],
        },
        "refunded": yuan(counts["refunded_fen"]),
        "refunds": counts["refunds_paid"],
        "sent_back": yuan(counts["sent_back_fen"]),
        "collapse": _collapse(played),
        "coverage": {
            **end["coverage"],
            "requirement": end["requirement"],
            "bank_money": end["bank_money"],
            "shortfall": end["shortfall"],
            "at_peak": told.peak["coverage"],
        },
        "verify": {
            "status": played.report.status.value,
            "exit_code": played.report.exit_code,
            "transactions": played.report.as_json()["transactions"],
            "checks": len(played.report.results),
            "violated": played.report.violated,
        },
        "seconds": round(played.seconds, 1),
        "phases": {title: round(spent, 1) for title, spent in stage.phases.items()},
    }


def _collapse(played: Performance) -> dict[str, Any] | None:
    """Tell what came of the institution that failed; None where none did."""
    case = played.stage.collapse
    if case is None:
        return None
    paid = played.stage.counts["dividends_paid_fen"]
    told = ("state", "basis", "entitlements", "claimed", "pool", "distributed", "residual")
    return {name: case[name] for name in told} | {"paid": yuan(paid)}


def visitors(house: House, cast: Cast) -> dict[str, Any]:
    """Tell where the served API is; give a token for each role, and a bank's key to sign with."""
    address, bank = house.server.address, next(iter(cast.banks))
    return {
        "address": address,
        "documentation": f"{address}/docs",
        "tokens": {
            "regulator": cast.regulator,
            "higher_regulator": cast.higher_regulator,
            "operator": cast.operator,
            "auditor": cast.auditor,
            "institution": next(iter(cast.institutions.values())),
            **({"parent": next(iter(cast.parents.values()))} if cast.parents else {}),
        },
        "bank_key": {"kid": cast.banks[bank].kid, "seed": cast.bank_seeds[bank]},
    }


def show(played: Performance, told: dict[str, Any]) -> None:
    """Print the tables, what needs attention, and verify's answer."""
    stage = played.stage
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    say = console.print
    schools = stage.district.institutions

    def category(book: BankBook) -> str:
        found = schools[book.institution - 1].category.value
        return f"{found} {_CATEGORIES[found]}"

    say(_district(played))
    say(_sums("By bank 按银行", played.told.by(lambda book: book.bank)))
    say(_sums("By category 按类别", played.told.by(category)))
    by_school = played.told.by(lambda book: schools[book.institution - 1].name)
    say(_sums(f"Largest of {len(schools)} institutions 机构", by_school, top=TOP))
    say(_happened(played))
    for said in _attention(played):
        say(f"[yellow]![/] {said}")
    report = played.report
    say(
        f"verify: {report.status.value}, {len(report.results)} checks,"
        f" {told['verify']['transactions']:,} transactions, {report.seconds} s"
    )
    for finding in report.findings:
        say(f"  {finding.check}: {finding.as_json()}")
    slowest = sorted(stage.phases.items(), key=lambda item: -item[1])[:6]
    spent = ", ".join(f"{title} {seconds:.1f}" for title, seconds in slowest)
    say(f"{played.seconds:.1f} s ({spent})")
    show_visitors(console, told)


def show_visitors(console: Console, told: dict[str, Any]) -> None:
    """Print where the server is and a token a role, where it is left up."""
    say = console.print
    if "address" in told:
        say(f"serving {told['address']}  documentation {told['documentation']}")
        for role, token in told["tokens"].items():
            say(f"  {role:16} {token}", soft_wrap=True)
        key = told["bank_key"]
        say(f"  {'bank signs':16} {key['kid']} {key['seed']}", soft_wrap=True)


def _district(played: Performance) -> Table:
    peak, end = played.told.peak, played.told.end
    table = Table(title=f"{end['name']} {end['adcode']}", **_PLAIN)
    table.add_column("yuan 元")
    table.add_column(f"peak {peak['as_of']}", justify=_RIGHT)
    table.add_column(f"now {end['as_of']}", justify=_RIGHT)
    for name, title in _PLACES:
        table.add_row(title, _grouped(peak[name]), _grouped(end[name]))
    table.add_row("Coverage 覆盖率", *(_coverage(at["coverage"]) for at in (peak, end)))
    table.add_row("Lessons taken 已消课时", *(f"{at['lessons']['taken']:,}" for at in (peak, end)))
    table.add_row(
        "Active enrolments 在读", *(f"{at['counts']['active_enrolments']:,}" for at in (peak, end))
    )
    return table


def _sums(title: str, sums: dict[str, Sum], *, top: int | None = None) -> Table:
    table = Table(title=title, **_PLAIN)
    table.add_column("", no_wrap=True)
    heads = ("Enrolled\n在读", "Lessons\n已消课时", "At the banks\n托管余额", "Missing\n缺口")
    for head in (*heads, "Coverage\n覆盖率"):
        table.add_column(head, justify=_RIGHT, no_wrap=True)
    for name, summed in list(sums.items())[:top]:
        table.add_row(
            name,
            f"{summed.enrolments:,}",
            f"{summed.lessons:,}",
            *(_grouped(yuan(summed.fen[kind])) for kind in ("bank_money", "shortfall")),
            "UNKNOWN" if "UNKNOWN" in summed.states else f"{summed.ratio} %",
        )
    return table


def _happened(played: Performance) -> Table:
    table = Table(title="What happened 经过", show_header=False, **_PLAIN)
    table.add_column("")
    table.add_column("", justify=_RIGHT)
    for name, title in _HAPPENED:
        table.add_row(title, f"{played.stage.counts[name]:,}")
    counts = played.stage.counts
    table.add_row("Paid out 已划拨", _grouped(yuan(counts["paid_out_fen"])))
    table.add_row("Refunded 已退费", _grouped(yuan(counts["refunded_fen"])))
    return table


def _attention(played: Performance) -> list[str]:
    """Say what a supervisor has to look after, one line each."""
    lines = [_told(played, said) for said in played.stage.told]
    case = played.stage.collapse
    if case is not None:
        failed = next(iter(played.stage.failed))
        school = played.stage.district.institutions[failed - 1].name
        lines.append(
            f"{school} failed (爆雷): {case['entitlements']} parents claimed"
            f" {_grouped(case['claimed'])}, {_grouped(case['distributed'])} paid,"
            f" {_grouped(case['residual'])} left as residual claims (剩余债权)"
        )
    for name, summed in played.told.by(lambda book: str(book.institution)).items():
        if summed.fen["shortfall"]:
            school = played.stage.district.institutions[int(name) - 1].name
            missing = _grouped(yuan(summed.fen["shortfall"]))
            lines.append(f"{school}: {missing} missing for legacy contracts (存量缺口)")
    return lines


def _told(played: Performance, said: dict[str, Any]) -> str:
    match said["told"]:
        case "suspense":
            amount, reason = _grouped(said["suspense"]), said["suspense_reason"]
            return f"receipt {said['bank_ref']}: {amount} not matched, {reason} (待核款)"
        case "returned":
            school = played.stage.district.institutions[said["institution"] - 1].name
            return f"payout of {_grouped(said['amount'])} to {school} came back (退汇)"
    school = played.stage.district.institutions[said["institution"] - 1].name
    return f"payout of {_grouped(said['amount'])} to {school} was rejected by {said['bank']} (拒付)"


def _coverage(found: dict[str, Any]) -> str:
    return f"{found['ratio']} % {found['state']} {found['grade']}"


def _grouped(amount: str) -> str:
    whole, _, places = amount.partition(".")
    return f"{int(whole):,}.{places}"
