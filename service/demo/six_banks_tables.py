"""The six banks as an operator would see them at the end: a table of accounts, or one object."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table

from service.demo.bank_books import yuan
from service.demo.tables import WIDTH

if TYPE_CHECKING:
    from service.demo.performance import Banking


def summary(played: Banking) -> dict[str, Any]:
    """Make the one object of `--json`."""
    report = played.report
    disturbed: Counter[str] = Counter()
    for each in played.accounts:
        disturbed.update(each.told["disturbed"])
    return {
        "scenario": "banks",
        "district": {"adcode": played.stage.cast.code, "seed": played.stage.district.seed},
        "accounts": [
            {
                "bank": each.row["bank_code"],
                "lines": each.told["accounts"][0]["lines"],
                "requests": each.told["requests"],
                "bank_closing": each.row["bank_closing"],
                "ledger_closing": each.row["ledger_closing"],
                "difference": each.row["difference"],
                "named": _signed(each.named_fen),
                "breaks": dict(sorted(Counter(b["kind"] for b in each.breaks).items())),
            }
            for each in played.accounts
        ],
        "disturbed": dict(sorted(disturbed.items())),
        "explained": all(each.is_explained for each in played.accounts),
        "business_date": played.stage.today.isoformat(),
        "verify": {
            "status": report.status.value,
            "exit_code": report.exit_code,
            "violated": report.violated,
        },
        "seconds": round(played.seconds, 1),
    }


def show(told: dict[str, Any]) -> None:
    """Print the accounts, what went wrong, and verify's answer."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    say = console.print
    table = Table(title="Six banks (六家银行)", box=box.SIMPLE, title_justify="left")
    heading = ("bank", "lines", "requests", "bank closing", "ledger", "difference", "named")
    for name in (*heading, "open breaks"):
        table.add_column(name, justify="left" if name in {"bank", "open breaks"} else "right")
    for each in told["accounts"]:
        breaks = ", ".join(f"{n} {kind}" for kind, n in each["breaks"].items()) or "none"
        figures = ("bank_closing", "ledger_closing", "difference", "named")
        shown = (each["bank"], str(each["lines"]), str(each["requests"]))
        table.add_row(*shown, *(each[name] for name in figures), breaks)
    say(table)
    say("Went wrong: " + ", ".join(f"{n} {what}" for what, n in told["disturbed"].items()))
    explained = "every fen of every difference" if told["explained"] else "NOT every fen"
    say(f"Named by an open break: {explained}.")
    say(f"Verify: {told['verify']['status']}. {told['seconds']} s.")


def _signed(amount: int) -> str:
    return f"-{yuan(-amount)}" if amount < 0 else yuan(amount)
