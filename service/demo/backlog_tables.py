"""The settled backlog as a task force would report it: a table of cases, or one object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table

from service.demo.bank_books import fen, yuan
from service.demo.tables import WIDTH, show_visitors

if TYPE_CHECKING:
    from service.demo.performance import Settlement


def summary(played: Settlement) -> dict[str, Any]:
    """Make the one object of `--json`: figures that are the same each time, and the seconds.

    `slowest_seconds` are of one institution each, as its regulator waited for the step.
    """
    stage, settled, report = played.stage, played.settled, played.report
    sums = dict.fromkeys(("claimed", "distributed", "residual"), 0)
    for case in settled.cases:
        for name in sums:
            sums[name] += fen(case[name])
    return {
        "scenario": "backlog",
        "district": {"adcode": stage.cast.code, "seed": stage.district.seed},
        "institutions": len(settled.cases),
        "students": stage.counts["legacy_contracts"],
        "entitlements": sum(case["entitlements"] for case in settled.cases),
        **{name: yuan(amount) for name, amount in sums.items()},
        "found": yuan(stage.counts["found_fen"]),
        "by_basis": {
            basis: {name: yuan(amount) for name, amount in found.items()}
            for basis, found in settled.by_basis.items()
        },
        "refund_orders": stage.counts["dividends_paid"],
        "paid": yuan(stage.counts["dividends_paid_fen"]),
        "bank_money": played.told.end["bank_money"],
        "states": sorted({case["state"] for case in settled.cases}),
        "business_date": played.told.end["as_of"],
        "verify": {
            "status": report.status.value,
            "exit_code": report.exit_code,
            "transactions": report.as_json()["transactions"],
            "checks": len(report.results),
            "violated": report.violated,
        },
        "slowest_seconds": {step: round(max(spent), 2) for step, spent in settled.seconds.items()},
        "seconds": round(played.seconds, 1),
        "phases": {title: round(spent, 1) for title, spent in stage.phases.items()},
    }


def show(played: Settlement, told: dict[str, Any]) -> None:
    """Print the cases, the sums under both bases, and verify's answer."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    say = console.print
    say(_cases(played))
    for basis, found in told["by_basis"].items():
        say(
            f"first round {basis}: distributed {found['distributed']}"
            f" + residual {found['residual']}"
        )
    say(
        f"all rounds: distributed {told['distributed']} + residual {told['residual']}"
        f" = claimed {told['claimed']}; {told['refund_orders']:,} refund orders paid {told['paid']}"
    )
    report = played.report
    say(
        f"verify: {report.status.value}, {len(report.results)} checks,"
        f" {told['verify']['transactions']:,} transactions, {report.seconds} s"
    )
    for finding in report.findings:
        say(f"  {finding.check}: {finding.as_json()}")
    slowest = ", ".join(f"{step} {spent} s" for step, spent in told["slowest_seconds"].items())
    say(f"{played.seconds:.1f} s (slowest of one institution: {slowest})")
    show_visitors(console, told)


def _cases(played: Settlement) -> Table:
    table = Table(
        title=f"{len(played.settled.cases)} institutions wound down 清算处置",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("", no_wrap=True)
    for head in (
        "Parents\n人数",
        "Claimed\n债权",
        "Paid\n已分配",
        "Residual\n剩余债权",
        "State\n状态",
    ):
        table.add_column(head, justify="right", no_wrap=True)
    for number, case in enumerate(played.settled.cases):
        table.add_row(
            played.stage.district.institutions[number].name,
            f"{case['entitlements']:,}",
            *(_grouped(case[name]) for name in ("claimed", "distributed", "residual")),
            case["state"],
        )
    return table


def _grouped(amount: str) -> str:
    whole, _, places = amount.partition(".")
    return f"{int(whole):,}.{places}"
