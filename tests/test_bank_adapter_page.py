"""docs/bank-adapter.md: it names every code that a bank's requests may be refused with."""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

from service.web.problems import catalogue

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "bank-adapter.md"
SIGNING = ROOT / "docs" / "bank-signing.md"
TALK = ("receipts", "debits", "payment-orders", "statements", "statement-files", "bank-messages")


def said_by_banks() -> Iterator[tuple[str, str]]:
    """Yield path and method of what banks may do of their own matters."""
    with (ROOT / "tests" / "authorization_matrix.csv").open() as matrix:
        for row in csv.DictReader(matrix):
            if row["bank"] == "y" and row["path"].split("/")[2] in TALK:
                yield row["path"], row["method"].lower()


def codes_of(operation: dict[str, dict[str, dict[str, str]]]) -> set[str]:
    """Read the codes of problems from an operation's answers."""
    refused = [told for status, told in operation["responses"].items() if int(status) >= 400]
    return {code for told in refused for code in told["description"].split(": ")[1].split(", ")}


def test_the_page_names_every_code_a_bank_can_meet() -> None:
    paths = json.loads((ROOT / "openapi" / "openapi.json").read_text())["paths"]
    known = [paths[path][method] for path, method in said_by_banks() if path in paths]
    codes = {code for operation in known for code in codes_of(operation)}
    pages = PAGE.read_text("utf-8") + SIGNING.read_text("utf-8")

    named = set(re.findall(r"`([a-z_]+)`", pages))

    assert codes - named == set()


def test_the_page_names_no_code_that_there_is_not() -> None:
    text = PAGE.read_text("utf-8")
    table = text[text.index("## 8.") : text.index("## 9.")]
    rows = [line.split("|")[2] for line in table.splitlines() if line.startswith("| 4")]

    named = {code for row in rows for code in re.findall(r"`([a-z_]+)`", row)}

    assert named - {each["code"] for each in catalogue()} == set()
