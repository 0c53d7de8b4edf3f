"""What banks write into field 86 of MT940: words with slashes, numbered parts, or plain text."""

import re
from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from service.statement_files.texts import clean

_WORDS = re.compile(r"/(EREF|ORDP|BENM|NAME|ACCT|REMI)/")
_NUMBERED = re.compile(r"\?([0-9]{2})")
_STRUCTURED = re.compile(r"[0-9]{3}\?[0-9]{2}")
DERIVED: Final = "061-"
"""What a reference begins with that is made of an entry's own words, of its field 61."""
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


@dataclass(slots=True)
class DerivedReferences:
    """References for the entries of one statement whose bank gives none: what the entry says.

    The same fields 61 and 86 give the same reference in whatever file they come, so a day that
    comes again is known. Entries that say the same are counted within their statement; statements
    of one file that share an entry are refused as `duplicate_reference` rather than both posted.
    """

    _seen: Counter[bytes] = field(default_factory=Counter)

    def reference(self, line: str, text: str) -> str:
        """Return the reference of the next entry of these fields, of 38 characters or more."""
        said = sha256(f"{line.strip()}\x1f{text.strip()}".encode()).digest()[:16]
        self._seen[said] += 1
        return f"{DERIVED}{said.hex()}-{self._seen[said]}"


def _numbered(joined: str) -> Details:
    """Read ?20 to ?29 and ?60 to ?63 as purpose, ?31 as account, ?32 and ?33 as name."""
    _, *pairs = _NUMBERED.split(joined)
    found = list(zip(pairs[::2], pairs[1::2], strict=True))

    def gathered(wanted: set[str]) -> str:
        return clean("".join(value for number, value in found if number in wanted))

    return Details(gathered({"32", "33"}), gathered({"31"}), gathered(_PURPOSE))
