"""The bank's counter: what happens at it comes as lines of JSON, and each is answered by one.

`{"do": "open", "account": "cus_…", "number": "8888…"}` keeps an account; `credit` and `debit` book
a line (`amount`, `kind`, and what is known of it); `down` takes the bank off the line for `days`;
`morning` begins a day (`on`), `work` says and does what is due, `evening` states the day; `calm`
ends all that goes wrong; `tell` answers with the books. What cannot be understood is answered by
`{"wrong": …}` and changes nothing.
"""

import json
from collections.abc import Awaitable, Callable, Iterable
from datetime import date
from typing import Any, Final

from service.bank_simulator.bank import Bank
from service.bank_simulator.books import Side, fen

TOLD: Final = ("payer_name", "payer_account", "payment_code", "purpose", "order")


async def serve(bank: Bank, lines: Iterable[str], answer: Callable[[str], None]) -> None:
    """Do what each line says, in order, until there are no more."""
    for line in lines:
        try:
            said = json.loads(line)
            done = await DOING[said["do"]](bank, said)
        except (ValueError, KeyError) as wrong:
            done = {"wrong": repr(wrong)}
        answer(json.dumps(done, ensure_ascii=False))


async def _open(bank: Bank, said: dict[str, Any]) -> dict[str, Any]:
    bank.opened(said["account"], said["number"])
    return {"opened": said["account"]}


async def _credit(bank: Bank, said: dict[str, Any]) -> dict[str, Any]:
    return _booked(bank, Side.CREDIT, said, "PAYMENT")


async def _debit(bank: Bank, said: dict[str, Any]) -> dict[str, Any]:
    return _booked(bank, Side.DEBIT, said, "CHARGE")


def _booked(bank: Bank, side: Side, said: dict[str, Any], kind: str) -> dict[str, Any]:
    told = {name: str(said[name]) for name in TOLD if name in said}
    ref = bank.booked(said["account"], side, fen(said["amount"]), said.get("kind", kind), **told)
    return {"bank_ref": ref}


async def _down(bank: Bank, said: dict[str, Any]) -> dict[str, Any]:
    bank.goes_down(int(said["days"]))
    return {"down_until": str(bank.down_until)}


async def _calm(bank: Bank, _said: dict[str, Any]) -> dict[str, Any]:
    bank.disturbances.calm()
    return {"calm": bank.today.isoformat()}


async def _morning(bank: Bank, said: dict[str, Any]) -> dict[str, Any]:
    await bank.morning(date.fromisoformat(said["on"]))
    return {"today": bank.today.isoformat()}


async def _work(bank: Bank, _said: dict[str, Any]) -> dict[str, Any]:
    await bank.work()
    return {"today": bank.today.isoformat()}


async def _evening(bank: Bank, _said: dict[str, Any]) -> dict[str, Any]:
    await bank.evening()
    return {"stated": bank.today.isoformat()}


async def _tell(bank: Bank, _said: dict[str, Any]) -> dict[str, Any]:
    return bank.told()


DOING: Final[dict[str, Callable[[Bank, dict[str, Any]], Awaitable[dict[str, Any]]]]] = {
    "open": _open,
    "credit": _credit,
    "debit": _debit,
    "down": _down,
    "calm": _calm,
    "morning": _morning,
    "work": _work,
    "evening": _evening,
    "tell": _tell,
}
