"""docs/bank-adapter.md, walked through: a sandbox, and the example client against it."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

from service.bank_simulator import statement_texts
from service.bank_simulator.books import Account, Side, fen
from tests.fixtures.started import ESCROW, Machine

CLIENT = Path(__file__).parent.parent.parent / "docs" / "examples" / "bank_client.py"
LINES_MAX = 200


def test_the_example_client_is_short() -> None:
    assert len(CLIENT.read_text("utf-8").splitlines()) < LINES_MAX


class Engineer:
    """Who connects a bank: a sandbox, a key in a file, and the example client."""

    def __init__(self, machine: Machine, service: str) -> None:
        self.machine, self.service = machine, service
        self.key = machine.folder / "bank.key"

    async def sandbox(self, *options: str) -> dict[str, Any]:
        """Have a sandbox made."""
        url = self.machine.database.url("escrow_app")
        environment = os.environ | {"ESCROW_DATABASE_URL": url, "ESCROW_DEMO": "1"}
        asked = [str(ESCROW), "sandbox", "--service", self.service, *options]
        made: dict[str, Any] = json.loads(await self._ran(asked, 0, environment))
        self.key.write_text(made["private_seed_hex"])
        return made

    async def client(self, *command: str, code: int = 0) -> Any:
        """Run the example client; return what it printed."""
        given = ["--service", self.service, "--bank", "ICBC", "--key", str(self.key)]
        return json.loads(await self._ran([sys.executable, str(CLIENT), *given, *command], code))

    async def _ran(
        self, asked: list[str], code: int, environment: dict[str, str] | None = None
    ) -> str:
        ran = await asyncio.to_thread(
            subprocess.run, asked, capture_output=True, check=False, text=True, env=environment
        )
        assert ran.returncode == code, ran.stdout + ran.stderr
        return ran.stdout


async def test_a_bank_is_connected_with_the_example_client_in_a_sandbox(machine: Machine) -> None:
    engineer = Engineer(machine, await machine.start().address())
    box = await engineer.sandbox()
    account, today = box["custody_account_id"], box["today"]

    # The first signed request: the accounts that this bank keeps.
    kept = await engineer.client("accounts")
    assert [each["id"] for each in kept["items"]] == [account]

    # One receipt. Sent again it is the same; said otherwise it is a contradiction.
    receipt = ["receipt", account, "R-1", box["price"], today, "--code", box["payment_code"]]
    posted = await engineer.client(*receipt)
    assert posted["outcome"] == "ENROLMENT"
    assert (await engineer.client(*receipt))["id"] == posted["id"]
    other = await engineer.client("receipt", account, "R-1", "1.00", today, code=1)
    assert other["code"] == "bank_entry_contradicted"

    # One order, made by the school's first lesson: fetched, kept, accepted, executed by its debit.
    again = await engineer.sandbox("--order")
    assert again["custody_account_id"] == account
    fetched = await engineer.client("orders", "fetch-1")
    [order] = fetched["orders"]
    assert order["amount"] == "100.00"
    kept = await engineer.client("acknowledge", fetched["lease_id"])
    assert kept["acknowledged"] == [order["id"]]
    assert (await engineer.client("report", order["id"], "ACCEPTED"))["state"] == "ACCEPTED"
    debit = await engineer.client("debit", order["id"], account, "D-1", order["amount"], today)
    assert debit["outcome"] == "ORDER"

    # One statement: both lines are known already, and confirmed.
    file = machine.folder / "statement.xml"
    file.write_bytes(_statement(box, order))
    taken = await engineer.client("statement", str(file), "application/xml")
    assert (taken["state"], taken["matched"], taken["posted"]) == ("POSTED", 2, 0)
    [told] = (await engineer.client("message", "R-1"))["items"]
    assert (told["kind"], told["state"], told["confirmed"]) == ("ENTRY", "ENROLMENT", True)
    file.write_bytes(file.read_bytes()[:-100])
    refused = await engineer.client("statement", str(file), "application/xml", code=1)
    assert refused["code"] == "statement_file_refused"


def _statement(box: dict[str, Any], order: dict[str, Any]) -> bytes:
    today = date.fromisoformat(box["today"])
    book = Account(box["custody_account_id"], box["account_number"])
    for ref, side, amount, kind in (
        ("R-1", Side.CREDIT, box["price"], "PAYMENT"),
        ("D-1", Side.DEBIT, order["amount"], "ORDER"),
    ):
        book.book(side, fen(amount), today, kind, ref=ref)
    return statement_texts.camt(book.close(today), 8)
