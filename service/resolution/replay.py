"""Open a resolution pack (处置包) and recompute everything it says, with Python alone.

    python3 -I replay.py [FOLDER] [--public-key HEX]

FOLDER is the unpacked archive (by default where this script lies). The script checks every file
against the manifest and the manifest against its signature, every transaction against its hash,
recomputes every balance from the transactions, and compares with the balances the pack states, in
total and for each account, custody account and enrolment; then it shares the pool again under
both bases. It prints a line a check and ends with 0 when all agree, 1 when anything differs.

The key that the pack names is taken on trust unless `--public-key` gives the one you know.
"""

import csv
import json
import runpy
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

UNSIGNED: Final = ("manifest.json", "manifest.sig")
SEALED: Final = ("journal_id", "seq", "kind", "transfers", "opened", "refs", "actor", "reason")
SEALED_LATER: Final = ("policy_version", "effective_on", "recorded_us", "idempotency_key")
DOMAIN: Final = b"tuition-escrow/record/1\0"
EXAMPLES_MAX: Final = 5
Row = Mapping[str, Any]


class Report:
    """What was checked, and what differs."""

    def __init__(self) -> None:
        """Begin with nothing said."""
        self.broken = 0

    def say(self, line: str) -> None:
        """Print a line."""
        sys.stdout.write(f"{line}\n")

    def check(self, what: str, wrong: Iterable[str]) -> bool:
        """Say whether a check holds, with the first examples of what does not."""
        found = list(wrong)
        self.broken += len(found)
        self.say(f"{'DIFFERS' if found else 'ok     '}  {what}")
        for example in found[:EXAMPLES_MAX]:
            self.say(f"           {example}")
        if len(found) > EXAMPLES_MAX:
            self.say(f"           and {len(found) - EXAMPLES_MAX} more")
        return not found


class Books:
    """Balances recomputed from transactions, in order, and nothing else."""

    def __init__(self, chart: Mapping[str, Row]) -> None:
        """Begin before the first transaction."""
        self.chart = chart
        self.accounts: dict[int, Row] = {}
        self.balances: dict[int, int] = {}
        self.entries: dict[tuple[int, int], tuple[int, int]] = {}
        self.last: Row | None = None

    def take(self, row: Row) -> Iterator[str]:
        """Take in the next transaction; yield what is wrong with it."""
        seq = row["seq"]
        if digest(row) != row["hash"]:
            yield f"transaction {seq}: its hash is not that of what it says"
        if self.last is not None and self.last["seq"] >= seq:
            yield f"transaction {seq}: out of order"
        next_to = self.last is not None and self.last["seq"] + 1 == seq
        if next_to and self.last is not None and row["previous_hash"] != self.last["hash"]:
            yield f"transaction {seq}: does not follow the one before it"
        self.last = row
        for account in json.loads(row["opened"]):
            self.accounts[account["account_id"]] = account
            self.balances[account["account_id"]] = 0
        changed: dict[int, int] = {}
        for debit, credit, quantity in json.loads(row["transfers"]):
            yield from self._balanced(seq, debit, credit, quantity)
            for number, side in ((debit, "DEBIT"), (credit, "CREDIT")):
                normal = self.chart[self.accounts[number]["kind"]]["side"]
                signed = quantity if normal == side else -quantity
                changed[number] = changed.get(number, 0) + signed
        for number, amount in changed.items():
            self.balances[number] += amount
            self.entries[number, seq] = (amount, self.balances[number])
            if self.balances[number] < 0:
                yield f"transaction {seq}: account {number} falls below zero"

    def _balanced(self, seq: int, debit: int, credit: int, quantity: int) -> Iterator[str]:
        one, other = self.accounts[debit], self.accounts[credit]
        same = all(one[name] == other[name] for name in ("unit", "custody_account_id"))
        if not same or quantity <= 0 or debit == credit:
            yield f"transaction {seq}: a transfer that does not balance"

    def sums(self) -> dict[tuple[str, str], int]:
        """Sum debit less credit balances by unit and custody account; all must be zero."""
        found: dict[tuple[str, str], int] = {}
        for number, balance in self.balances.items():
            account = self.accounts[number]
            signed = balance if self.chart[account["kind"]]["side"] == "DEBIT" else -balance
            key = (account["unit"], account["custody_account_id"])
            found[key] = found.get(key, 0) + signed
        return found


def digest(row: Row) -> str:
    """Hash a transaction as the journal seals it: every field framed by type and length."""
    parts: list[bytes] = []
    for name in (*SEALED, *SEALED_LATER):
        value = row[name]
        text = b"" if value is None else str(value).encode()
        kind = b"n" if value is None else b"i" if isinstance(value, int) else b"s"
        parts.append(kind + len(text).to_bytes(4, "big") + text)
    return sha256(DOMAIN + bytes.fromhex(row["previous_hash"]) + b"".join(parts)).hexdigest()


def main(arguments: Sequence[str]) -> int:
    """Check the pack in the folder that the arguments name; return the exit code."""
    given = list(arguments)
    known = None
    if "--public-key" in given:
        at = given.index("--public-key")
        known = given[at + 1]
        del given[at : at + 2]
    folder = Path(given[0]) if given else Path(__file__).resolve().parent
    report = Report()
    signed = check_signature(folder, report, known)
    if check_files(folder, report) and signed:
        check_books(folder, report)
    report.say(f"{'differs' if report.broken else 'all agree'}: {folder}")
    return 1 if report.broken else 0


def check_files(folder: Path, report: Report) -> bool:
    """Check every file against the manifest: size, hash, none missing, none added."""
    try:
        listed = {each["path"]: each for each in read(folder, "manifest.json")["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        return report.check("manifest.json is there and can be read", ["manifest.json"])
    found = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    wrong = [f"{name}: not in the manifest" for name in sorted(found - {*listed, *UNSIGNED})]
    for name, said in sorted(listed.items()):
        if name not in found:
            wrong.append(f"{name}: missing")
        elif hash_of(folder / name) != (said["size"], said["sha256"]):
            wrong.append(f"{name}: was changed")
    return report.check(f"{len(listed)} files are as the manifest says", wrong)


def check_signature(folder: Path, report: Report, known: str | None) -> bool:
    """Check the manifest's signature, by the key that is known or else the one it names."""
    what = "manifest.json is signed by "
    try:
        signed = read(folder, "manifest.sig")
        key, signature = bytes.fromhex(signed["public_key"]), bytes.fromhex(signed["signature"])
    except (OSError, ValueError, KeyError, TypeError):
        return report.check(f"{what}a key", ["manifest.sig cannot be read"])
    wrong = [] if known in {None, key.hex()} else ["manifest.sig: another key than the known one"]
    try:
        verify = runpy.run_path(str(folder / "ed25519.py"))["verify"]
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a changed script
        return report.check(f"{what}a key", [f"ed25519.py cannot be run: {error!r}"])
    if not verify(key, (folder / "manifest.json").read_bytes(), signature):
        wrong.append("manifest.json or manifest.sig was changed: the signature does not fit")
    trust = "known" if known else "not compared with a known one"
    return report.check(f"{what}{key.hex()} ({trust})", wrong)


def check_books(folder: Path, report: Report) -> None:
    """Recompute the balances and compare all that is stated of them."""
    index, books = read(folder, "index.json"), Books(read(folder, "chart.json"))
    wrong: list[str] = []
    for row in lines(folder, "ledger/transactions.jsonl"):
        wrong += books.take(row)
    report.check("every transaction is as it was sealed, and balances", wrong)
    last, position = books.last, index["position"]
    if last is not None and last["seq"] == position["seq"]:
        differs = [] if last["hash"] == position["hash"] else [f"transaction {last['seq']}"]
        report.check("the last transaction is the pack's position", differs)
    report.check(
        "debits and credits are equal in every custody account",
        (f"{key}: {fen}" for key, fen in books.sums().items() if fen),
    )
    report.check("every entry is as its transaction says", entries_wrong(folder, books))
    accounts = list(lines(folder, "ledger/accounts.jsonl"))
    report.check("every account has the balance stated", accounts_wrong(accounts, books))
    recomputed = [{**row, "balance": books.balances.get(row["account_id"], 0)} for row in accounts]
    enrolments = list(lines(folder, "enrolments.jsonl"))
    report.check("every enrolment stands as stated", enrolments_wrong(enrolments, recomputed))
    custodies = list(lines(folder, "custody_accounts.jsonl"))
    report.check("every custody account holds as stated", custodies_wrong(custodies, recomputed))
    check_distribution(folder, report, recomputed, enrolments)


def check_distribution(
    folder: Path, report: Report, accounts: Sequence[Row], enrolments: Sequence[Row]
) -> None:
    """Share the pool again from recomputed balances, and every plan from its own inputs."""
    distribution = runpy.run_path(str(folder / "distribution.py"))
    reckoning = runpy.run_path(str(folder / "reckoning.py"))
    stated = read(folder, "simulation.json")
    differs = stated["made"] is reckoning["posted"](accounts)
    report.check("the simulation was made before a plan was posted", ["simulation.json"] * differs)
    for basis, said in sorted(stated["bases"].items()):
        inputs = reckoning["simulation_inputs"](accounts, enrolments, stated["custodies"], basis)
        plan = distribution["planned"](inputs)
        same = inputs == said["inputs"] and [list(s) for s in plan.shares] == said["shares"]
        shown = f"{plan.distributed / 100:.2f} of {plan.claimed / 100:.2f} yuan"
        report.check(f"{basis} shares {shown}", [] if same else [f"simulation.json: {basis}"])
    plans = list(lines(folder, "wind_down/plans.jsonl"))
    wrong = []
    for row in plans:
        inputs = json.loads(row["inputs"])
        shares = distribution["replay"](inputs)
        if distribution["digest"](inputs, shares).hex() != row["plan_hash"]:
            wrong.append(f"plan {row['plan_id']}")
    report.check(f"{len(plans)} plans follow from their own inputs", wrong)


def entries_wrong(folder: Path, books: Books) -> Iterator[str]:
    """Yield the stated entries that no transaction made so, and those that are missing."""
    missing = dict(books.entries)
    with (folder / "ledger/entries.csv").open(encoding="utf-8", newline="") as opened:
        for row in csv.DictReader(opened):
            key = (int(row["account_id"]), int(row["seq"]))
            if missing.pop(key, None) != (int(row["amount"]), int(row["balance_after"])):
                yield f"account {key[0]}, transaction {key[1]}"
    yield from (f"account {number}, transaction {seq}: missing" for number, seq in missing)


def accounts_wrong(accounts: Sequence[Row], books: Books) -> Iterator[str]:
    """Yield the accounts that are not as opened, or hold something else."""
    named = ("kind", "owner_id", "custody_account_id", "reason", "unit")
    for row in accounts:
        opened = books.accounts.get(row["account_id"], {})
        if any(opened.get(name) != row[name] for name in named):
            yield f"account {row['account_id']}: not as it was opened"
        elif books.balances[row["account_id"]] != row["balance"]:
            yield f"account {row['account_id']}: holds {books.balances[row['account_id']]}"
    unstated = books.accounts.keys() - {row["account_id"] for row in accounts}
    yield from (f"account {number}: not stated" for number in sorted(unstated))


def enrolments_wrong(enrolments: Sequence[Row], accounts: Sequence[Row]) -> Iterator[str]:
    """Yield the enrolments whose stated balances by account kind are not the recomputed ones."""
    held: dict[str, dict[str, int]] = {}
    for row in accounts:
        if row["enrolment_id"] is not None and row["balance"]:
            kinds = held.setdefault(row["enrolment_id"], {})
            kinds[row["kind"]] = kinds.get(row["kind"], 0) + row["balance"]
    for row in enrolments:
        if held.pop(row["enrolment_id"], {}) != row["balances"]:
            yield f"enrolment {row['enrolment_id']}"
    yield from (f"enrolment {enrolment}: not stated" for enrolment in held)


def custodies_wrong(custodies: Sequence[Row], accounts: Sequence[Row]) -> Iterator[str]:
    """Yield the custody accounts of which another total by kind and reason is stated."""
    held: dict[str, dict[str, int]] = {}
    for row in accounts:
        if row["balance"]:
            totals = held.setdefault(row["custody_account_id"], {})
            name = f"{row['kind']}/{row['reason']}" if row["reason"] else row["kind"]
            totals[name] = totals.get(name, 0) + row["balance"]
    for row in custodies:
        if held.get(row["custody_account_id"], {}) != row["totals"]:
            yield f"custody account {row['custody_account_id']}"


def read(folder: Path, name: str) -> Any:  # noqa: ANN401 - any JSON value
    """Read one JSON file."""
    return json.loads((folder / name).read_text(encoding="utf-8"))


def lines(folder: Path, name: str) -> Iterator[Row]:
    """Read a file of one JSON object a line."""
    with (folder / name).open(encoding="utf-8") as opened:
        yield from (json.loads(line) for line in opened)


def hash_of(path: Path) -> tuple[int, str]:
    """Return a file's size and SHA-256."""
    hashed, size = sha256(), 0
    with path.open("rb") as opened:
        while chunk := opened.read(1 << 20):
            hashed.update(chunk)
            size += len(chunk)
    return size, hashed.hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
