"""What banks write into field 86 of MT940: words with slashes, numbered parts, or plain text."""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from service.statement_files.texts import clean

_WORDS = re.compile(r"/(EREF|ORDP|BENM|NAME|ACCT|REMI)/")
_NUMBERED = re.compile(r"\?([0-9]{2})")
_STRUCTURED = re.compile(r"[0-9]{3}\?[0-9]{2}")
_PURPOSE: Final = {*(f"{n}" for n in range(20, 30)), *(f"{n}" for n in range(60, 64))}


@dataclass(frozen=True, slots=True)
class Details:
    """What is known of the other side and of the reason; empty where nothing is said."""

    name: str = ""
    account: str = ""
    purpose: str = ""
    end_to_end_id: str = ""


def details(text: str) -> Details:
    """Read field 86; its line ends are only the ends of SWIFT's lines."""
    joined = text.replace("\n", "").strip()
    if _STRUCTURED.match(joined):
        return _numbered(joined)
    if not _WORDS.search(joined):
        return Details(purpose=clean(joined))
    before, *pairs = _WORDS.split(joined)
    found: dict[str, str] = {}
    for word, value in zip(pairs[::2], pairs[1::2], strict=True):
        found.setdefault(word, clean(value))
    return Details(
        name=found.get("NAME", ""),
        account=found.get("ACCT", ""),
        purpose=found.get("REMI") or clean(before),
        end_to_end_id=found.get("EREF", ""),
    )


def entry_hash(line: str, text: str) -> str:
    """Return the SHA-256 of an entry's fields 61 and 86, as UTF-8."""
    return sha256(f"{line}\x1f{text}".encode()).hexdigest()


def _numbered(joined: str) -> Details:
    """Read ?20 to ?29 and ?60 to ?63 as purpose, ?31 as account, ?32 and ?33 as name."""
    _, *pairs = _NUMBERED.split(joined)
    found = list(zip(pairs[::2], pairs[1::2], strict=True))

    def gathered(wanted: set[str]) -> str:
        return clean("".join(value for number, value in found if number in wanted))

    return Details(gathered({"32", "33"}), gathered({"31"}), gathered(_PURPOSE))
