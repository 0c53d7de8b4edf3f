"""A backup restored to an older point: nothing is written until what it lacks is accepted.

On a cluster of the test's own, with the programs that PostgreSQL ships. What was acknowledged after
the point stands with others: a verification's report, the bank's statement, a client's keys.
"""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from service.cli import main
from service.identity import tokens
from service.identity.callers import Role
from service.store import ids
from service.store.context import Context
from service.store.transact import Store
from service.verify import Heads
from tests.campaigns.ground import NAME, own_cluster, own_folder
from tests.fixtures import statement_writers as writers
from tests.fixtures.backups import Backups, execute
from tests.fixtures.databases import Database
from tests.fixtures.service import Service, open_district
from tests.fixtures.started import Machine, Serving
from tests.fixtures.story import School, Story
from tests.fixtures.vaults import sealing

BANK = "ICBC"
KEPT_WITHIN_S = 60
REPORTER = "bank-icbc"
PEOPLE = ("--by", "operator-wang", "--by", "regulator-li")


@dataclass
class Told:
    """What the bank reported and was answered: it keeps the key, and its own statement."""

    reference: str
    amount_fen: int
    key: str
    answer: dict[str, Any]


@dataclass
class Drill:
    """A school, its bank, and the machine that is to be lost."""

    machine: Machine
    backups: Backups
    school: School
    token: str
    http: httpx.AsyncClient
    told: list[Told] = field(default_factory=list)

    async def report(self, number: int, key: str | None = None) -> httpx.Response:
        """Let the bank report a receipt that fits no enrolment, under its own key."""
        body = {
            "custody_account_id": self.school.accounts[BANK],
            "bank_ref": f"F{number:08}",
            "amount": f"{number}.00",
            "book_on": writers.DAY.isoformat(),
            "value_on": writers.DAY.isoformat(),
        }
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Idempotency-Key": key or uuid.uuid4().hex,
        }
        return await self.http.post("/v1/receipts", json=body, headers=headers)

    async def acknowledged(self, *numbers: int) -> None:
        """Let the bank report receipts, each acknowledged and remembered."""
        for number in numbers:
            key = f"receipt-{number}"
            answer = await self.report(number, key)
            while answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                answer = await self.report(number, key)
            assert answer.status_code == 201, answer.text
            self.told.append(Told(f"F{number:08}", number * 100, key, answer.json()))

    def statement(self, folder: Path) -> Path:
        """Write the bank's statement of everything that it has booked."""
        number = self.machine.folder / "account"
        entries = [
            replace(writers.entry(place, each.amount_fen), bank_ref=each.reference)
            for place, each in enumerate(self.told, start=1)
        ]
        made = writers.statement(*entries, opening_fen=0, account=number.read_text())
        file = folder / "statement.xml"
        file.write_bytes(writers.camt(made))
        return file

    def keys(self, folder: Path) -> Path:
        """Write what the client noted of its keys, with an answer that is never stored."""
        lines = [
            {
                "caller": REPORTER,
                "key": each.key,
                "status": 201,
                "transaction_id": each.answer["transaction_id"],
            }
            for each in self.told
        ]
        lines.append({"caller": REPORTER, "key": "unknown-account", "status": 404})
        file = folder / "keys.jsonl"
        file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        return file

    async def command(self, *words: str | Path, code: int) -> str:
        """Run an `escrow` command on this database; it is to end with a code."""
        database, vault = self.machine.database, self.machine.folder / "vault"
        environment = {
            "ESCROW_DATABASE_URL": database.url("escrow_app"),
            "ESCROW_AUDIT_URL": database.url("escrow_audit"),
            "ESCROW_KEYS": str(vault),
        }
        run = CliRunner().invoke
        said = await asyncio.to_thread(run, main, [str(word) for word in words], env=environment)
        assert said.exit_code == code, said.output
        return said.output

    async def told_by(self, *words: str | Path, code: int) -> dict[str, Any]:
        """Run a command that prints one JSON object."""
        output = await self.command(*words, code=code)
        [line] = [line for line in output.splitlines() if line.startswith("{")]
        return dict(json.loads(line))


@asynccontextmanager
async def lost_machine(
    folder: Path, *, archiving: bool = False, **environment: str
) -> AsyncIterator[Drill]:
    """Open a school on a cluster that may archive its WAL."""
    server = await own_cluster(folder)
    backups = Backups(server.data)
    if archiving:
        server = await backups.begin_archiving(server)
    database = Database(server, NAME)
    engine = sealing(create_async_engine(database.url("escrow_app"), poolclass=NullPool))
    async with httpx.AsyncClient(timeout=60) as http:
        service = Service(engine, Store(engine), http)
        district = await open_district(service)
        scope = tokens.Scope(district.code, bank=BANK)
        token = await service.token(Role.BANK, scope, caller_id=REPORTER)
        machine = Machine(database, folder, district)
        try:
            http.base_url = httpx.URL(await serving(machine, **environment).address())
            school = await Story(district).school_opens(BANK)
            await _note_account(machine)
            yield Drill(machine, backups, school, token, http)
        finally:
            for each in machine.servings:
                if each.popen.poll() is None:
                    each.kill()
            await engine.dispose()


async def _note_account(machine: Machine) -> None:
    """Note the account's number, as it stands on the bank's statements."""
    store, journal = machine.district.service.store, machine.district.journal
    async with store.reading(Context((journal,))) as connection:
        number = await connection.scalar(text("SELECT account_number FROM escrow.custody_account"))
    (machine.folder / "account").write_text(str(number))


def serving(machine: Machine, **environment: str) -> Serving:
    """Start the service without sweeps."""
    return machine.start(workless=True, **environment)


async def served_again(drill: Drill, **environment: str) -> Serving:
    """Start the service anew; calls go to it."""
    started = serving(drill.machine, **environment)
    drill.http.base_url = httpx.URL(await started.address())
    return started


@pytest.mark.timeout(300)
async def test_what_a_restore_lost_is_listed_and_stands_again_when_the_bank_sends_it_again(
    tmp_path: Path,
) -> None:
    with own_folder() as folder:
        async with lost_machine(folder, archiving=True) as drill:
            await _restored_and_repaired(drill, tmp_path)


async def _restored_and_repaired(drill: Drill, kept: Path) -> None:
    server = drill.machine.database.server
    await drill.backups.take(server)
    await drill.acknowledged(1, 2)
    await execute(server, "SELECT pg_create_restore_point('before the loss')")
    await drill.acknowledged(3, 4, 5)
    good = kept / "good.json"
    good.write_text(await drill.command("verify", "--json", code=0))
    statement, keys = drill.statement(kept), drill.keys(kept)
    await execute(server, "SELECT pg_switch_wal()")
    drill.machine.servings[0].stop()

    restored = await drill.backups.restore(server, "before the loss")
    drill.machine.database = Database(restored, NAME)
    again = await served_again(drill)
    refused = await drill.report(6)
    read = await drill.http.get(
        "/v1/receipts", headers={"Authorization": f"Bearer {drill.machine.district.operator}"}
    )
    ready = await drill.http.get("/health/ready")
    compared = ("--since", good, "--statement", statement, "--bank", BANK, "--keys", keys)
    found = await drill.told_by("recover", *compared, "--json", code=2)
    report = kept / "missing.json"
    report.write_text(json.dumps(found))
    opened = await drill.told_by("recover", "--accept", report, *PEOPLE, code=0)
    sent_again = [await drill.report(each.amount_fen // 100, each.key) for each in drill.told]
    after = await drill.told_by(
        "recover", "--statement", statement, "--keys", keys, "--json", code=0
    )
    verified = await drill.machine.verified()

    assert '"journals.read_only"' in again.said
    assert refused.status_code == 503
    assert (refused.json()["code"], refused.json()["facts"]) == (
        "journal_restored",
        {"reason": "another_timeline", "epoch": 1},
    )
    assert len(read.json()["items"]) == 2
    assert ready.json() == {"status": "read_only", "reason": "another_timeline"}
    assert [each["bank_ref"] for each in found["entries"]] == [
        "F00000003",
        "F00000004",
        "F00000005",
    ]
    assert [each["key"] for each in found["answers"]] == ["receipt-3", "receipt-4", "receipt-5"]
    [lost] = [head for head in found["heads"] if head["chain"] == "journal"]
    assert lost["missing"] >= 3
    assert opened == {"epoch": 2, "fenced": 1, "by": ["operator-wang", "regulator-li"]}
    assert [each.json()["id"] for each in sent_again[:2]] == [
        t.answer["id"] for t in drill.told[:2]
    ]
    assert [each.headers.get("idempotency-replayed") for each in sent_again[:2]] == ["true", "true"]
    assert [each.status_code for each in sent_again[2:]] == [201, 201, 201]
    assert after["missing"] == {"transactions": 0, "entries": 0, "answers": 0}
    assert verified.status.value == "clean", verified.as_json()


@pytest.mark.timeout(300)
async def test_files_put_back_as_they_were_are_found_out_by_the_heads_kept_outside(
    tmp_path: Path,
) -> None:
    with own_folder() as folder:
        heads = tmp_path / "heads.json"
        async with lost_machine(folder, ESCROW_HEADS=str(heads)) as drill:
            await _put_back(drill, heads)


async def _put_back(drill: Drill, heads: Path) -> None:
    await drill.acknowledged(1)
    copied = await drill.backups.copy_cold(drill.machine.database.server)
    await drill.acknowledged(2)
    await _kept(heads, drill.told[-1])
    drill.machine.servings[0].stop()

    await drill.backups.put_back(copied)
    await served_again(drill, ESCROW_HEADS=str(heads))
    refused = await drill.report(3)
    ready = await drill.http.get("/health/ready")
    found = await drill.told_by("recover", "--since", heads, "--json", code=2)

    assert (refused.status_code, refused.json()["code"]) == (503, "journal_restored")
    assert ready.json() == {"status": "read_only", "reason": "heads_missing"}
    assert found["missing"]["transactions"] >= 1


async def _kept(heads: Path, told: Told) -> None:
    """Wait until the service has kept a head that reaches what it acknowledged."""
    journal, seq = ids.parse_transaction(told.answer["transaction_id"])
    until = time.monotonic() + KEPT_WITHIN_S
    while time.monotonic() < until:
        written = await asyncio.to_thread(heads.read_text)
        reached = Heads.of_report(written).of_journal(journal)
        if reached is not None and reached.seq >= seq:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the heads are not kept")
