"""What a month of banks looked like: each bank's messages, its account, and what is open."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tests.processes.bank_month import Reconciled


def table(reconciled: Sequence[Reconciled], told: Sequence[Mapping[str, Any]]) -> str:
    """Write a line for each bank."""
    heading = ("bank", "lines", "requests", "bank closing", "ledger", "difference", "named", "open")
    rows: list[tuple[str, ...]] = [heading]
    for account, bank in zip(reconciled, told, strict=True):
        row = account.row
        kinds = Counter(f"{b['kind']} {b['state']}" for b in account.breaks)
        rows.append(
            (
                account.bank,
                str(sum(each["lines"] for each in bank["accounts"])),
                str(bank["requests"]),
                *(str(row[name]) for name in ("bank_closing", "ledger_closing", "difference")),
                str(account.named),
                ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items())) or "nothing",
            )
        )
    widths = [max(len(row[at]) for row in rows) for at in range(len(heading))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )


def disturbed(told: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """Count what went wrong at all banks together."""
    return Counter(
        {
            name: sum(bank["disturbed"].get(name, 0) for bank in told)
            for name in sorted({name for bank in told for name in bank["disturbed"]})
        }
    )


def answered(told: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """Count what the service answered to all banks together."""
    return Counter(
        {
            name: sum(bank["answers"].get(name, 0) for bank in told)
            for name in sorted({name for bank in told for name in bank["answers"]})
        }
    )
