"""What the regulator reads of the play: the district at its peak and at the end, and what it is of.

Sums by bank, category and institution are made of the custody accounts' own figures, and must come
to the district's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from service.demo.bank_books import BankBook, fen
from service.demo.client import Unexpected, together
from service.demo.stage import Stage

_SUMMED: Final = ("bank_money", "requirement", "shortfall", "prepaid", "pending", "earned")


@dataclass(slots=True)
class Sum:
    """Figures in fen of some custody accounts; nothing missing is netted between them."""

    accounts: int = 0
    enrolments: int = 0
    lessons: int = 0
    fen: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_SUMMED, 0))
    states: set[str] = field(default_factory=set)

    def add(self, found: dict[str, Any]) -> None:
        """Add one custody account as the service told it."""
        self.accounts += 1
        self.enrolments += found["counts"]["active_enrolments"]
        self.lessons += found["lessons"]["taken"]
        for name in _SUMMED:
            self.fen[name] += fen(found[name])
        self.states.add(found["coverage"]["state"])

    @property
    def ratio(self) -> str:
        """Per cent of what must be there that is, floored to 0.01; at most 100.00 when covered."""
        required = self.fen["requirement"]
        if not required:
            return "100.00"
        hundredths = (required - self.fen["shortfall"]) * 10_000 // required
        return f"{hundredths // 100}.{hundredths % 100:02d}"


@dataclass(frozen=True, slots=True)
class Told:
    """The district at its peak and at the end, and each custody account at the end."""

    peak: dict[str, Any]
    end: dict[str, Any]
    accounts: list[tuple[BankBook, dict[str, Any]]]

    def by(self, name_of: Callable[[BankBook], str]) -> dict[str, Sum]:
        """Sum the custody accounts up by a name each has, largest first."""
        sums: dict[str, Sum] = {}
        for book, found in self.accounts:
            sums.setdefault(name_of(book), Sum()).add(found)
        return dict(sorted(sums.items(), key=lambda item: (-item[1].fen["bank_money"], item[0])))


async def read(stage: Stage) -> dict[str, Any]:
    """Ask for the district's figures now."""
    return await stage.api.get("/v1/balances", stage.cast.regulator, adcode=stage.cast.code)


async def read_all(stage: Stage, peak: dict[str, Any]) -> Told:
    """Ask for the district, for each custody account, and for the peak once more.

    Raises `Unexpected` when the past has changed, or the parts do not come to the whole.
    """
    books = list(stage.books.values())
    with stage.chapter("figures", len(books) + 2) as bar:
        end = await read(stage)
        bar()
        then = await stage.api.get(
            "/v1/balances",
            stage.cast.regulator,
            adcode=stage.cast.code,
            position=peak["position"],
            as_of=peak["as_of"],
            known_at=peak["known_at"],
        )
        bar()
        found = await together((_read_account(stage, book) for book in books), bar)
    if then != peak:
        raise Unexpected("the figures of the peak, asked again, are not what they were")
    told = Told(peak, end, list(zip(books, found, strict=True)))
    _require_whole(end, found)
    for book, account in told.accounts:
        if fen(account["bank_money"]) != book.balance:
            raise Unexpected(f"{book.bank} holds another balance than the ledger: {book.account}")
    return told


async def _read_account(stage: Stage, book: BankBook) -> dict[str, Any]:
    return await stage.api.get(
        "/v1/balances", stage.cast.regulator, custody_account_id=book.account
    )


def _require_whole(whole: dict[str, Any], parts: Iterable[dict[str, Any]]) -> None:
    summed = Sum()
    for part in parts:
        summed.add(part)
    for name in _SUMMED:
        if fen(whole[name]) != summed.fen[name]:
            raise Unexpected(f"{name}: the accounts do not come to the district's {whole[name]}")
