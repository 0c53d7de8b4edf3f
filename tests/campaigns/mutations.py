"""Hostile requests made of honest ones: values, structure, bytes, paths, queries and headers.

What stands in the tables below is what reliability.md lists as faults 56 to 61. A request is taken
as a route's own example has it and spoilt in one to three ways; some are left as they are, so that
what is behind the checks is asked too.
"""

import copy
import gzip
import json
import random
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

AMOUNTS: Final = (
    *("1e400", "1e2", "1.0", "-0", "-0.00", "-1.00", "NaN", "sNaN", "Infinity", "-Infinity"),
    *("0.001", ".50", "1.", "01.00", "+1.00", "0x10", "1_000.00", " 12.00 ", "12.34\n", "1,000.00"),
    *("١٢.٣٤", "１２.３４", "१२.३४", "12．34", "99999999999999.00", "1" * 400 + ".00", ""),
)
NUMBERS: Final = ("1e400", "1e2", "1.0", "-0", "-0.0", "NaN", "Infinity", "1" * 400, "1e999999999")
DATES: Final = (
    *("0000-01-01", "0001-01-01", "9999-12-31", "10000-01-01", "2026-02-30", "2026-13-01"),
    *("２０２６-01-01", "2026-1-1", "20260101", "2026-W01-1", "2026-01-01\n", "+2026-01-0", "0"),
)
INSTANTS: Final = (
    *("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-14:00"),
    *(
        "2026-06-30T23:59:60Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:00",
        "9999-12-31T23:59:59Z",
    ),
    *(
        "2026-03-29T02:30:00+25:00",
        "2026-01-01T00:00:00.999999999999Z",
        "T",
        "1e400T",
        "1767225600",
    ),
)
TEXTS: Final = (
    *(
        "\u0000",
        "a\u0000b",
        "\u202e13800\u202c",
        "\u200b",
        "e\u0301",
        "\ufeff",
        "\u2028",
        "\r\nx: y",
    ),
    *(
        "'; DROP TABLE escrow.account; --",
        "%s%s%n",
        "{0.__class__}",
        "${jndi:ldap://x}",
        "../../etc",
    ),
    *("a" * 501, "张" * 300, "𠮷" * 70, "\ud800", "\\ud800", "\x7f", "null", "<script>", "аdmin"),
)
OTHERS: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    0,
    -1,
    2**31,
    2**63,
    2**64,
    1.5,
    [],
    {},
    [[]],
    {"": ""},
    "",
)
BYTES: Final = (
    *(b"\x00", b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\\u0000", b"\\ud800"),
    *(b"NaN", b"Infinity", b"1e400", b"[" * 33, b'{"a":' * 40, b'"', b"\\", b"}", b"]", b","),
)
MEDIA: Final = (
    *("text/plain", "application/xml", "application/json; charset=utf-16", "application/jsonp"),
    *("multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "", "*/*", "\xe9"),
)
HEADERS: Final = (
    ("content-encoding", "gzip"),
    ("content-encoding", "br, gzip"),
    ("transfer-encoding", "chunked"),
    ("content-length", "1"),
    ("expect", "100-continue"),
    ("accept", "application/pdf"),
    ("accept-language", "zh;q=NaN, *;q=-1"),
    ("accept-language", "z" * 2_000),
    ("x-forwarded-for", "127.0.0.1, ::1, \xff"),
    ("x-forwarded-host", "evil.test"),
    ("host", "evil.test"),
    ("authorization", "Bearer"),
    ("authorization", "Basic Og=="),
    ("authorization", "Bearer " + "a" * 3_000),
    ("signature-input", 'sig=("@method");created=x'),
    ("signature", "sig=:AAAA:"),
    ("content-digest", "sha-256=:AAAA:"),
    ("cookie", "session=" + "x" * 2_000),
    ("range", "bytes=0-0,-1"),
    ("if-match", "*"),
    ("x-http-method-override", "DELETE"),
)
KEYS: Final = ("", " ", "x" * 128, "x" * 129, "ключ", "a b", "\t", "null", "..", "%00")
SEGMENTS: Final = (
    *("..", "%2e%2e", "%00", "%ff", "x" * 300, "null", "0", "-1", "1e9", "*", "'", "%0d%0a", "é"),
    *("ins_" + "a" * 29, "enr_" + "7" * 29, "txn_" + "7" * 16, "ord_" + "z" * 29, "ORD" + "A" * 29),
)
PARAMETERS: Final = (
    *("limit", "cursor", "as_of", "known_at", "dry_run", "institution_id", "enrolment_id", "kind"),
    *("state", "from", "to", "since", "until", "after", "day", "jurisdiction", "owner", "reason"),
)
METHODS: Final = ("PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE")
DEEPEST: Final = 100_000
LONGEST: Final = 70_000


@dataclass
class Draft:
    """A request on its way to be spoilt."""

    method: str
    path: str
    query: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    document: Any = None
    body: bytes | None = None

    @property
    def sent(self) -> bytes:
        """The body as it goes out."""
        if self.body is None:
            self.body = b"" if self.document is None else written(self.document)
        return self.body

    @property
    def url(self) -> str:
        """The path and the query; what no URL may hold is quoted."""
        asked = "&".join(f"{quote(name)}={quote(value)}" for name, value in self.query)
        return f"{self.path}?{asked}" if asked else self.path


class Raw(str):
    """A number that stands in a document exactly as it is written here."""

    __slots__ = ()


def written(document: Any) -> bytes:
    """Write a document with its raw numbers in it, and with lone surrogates as they are."""
    raws: list[str] = []

    def marked(value: Any) -> Any:
        if isinstance(value, Raw):
            raws.append(str(value))
            return f"\x01{len(raws) - 1}\x01"
        if isinstance(value, dict):
            return {name: marked(held) for name, held in value.items()}
        return [marked(held) for held in value] if isinstance(value, list) else value

    text = json.dumps(marked(document), ensure_ascii=False)
    for index, raw in enumerate(raws):
        text = text.replace(f'"\\u0001{index}\\u0001"', raw)
    return text.encode(errors="surrogatepass")


def spoil(draft: Draft, chance: random.Random) -> Draft:
    """Spoil a request in up to three ways; one in eight stays as it is."""
    for _ in range(chance.choice((0, 1, 1, 1, 1, 2, 2, 3))):
        ways = _OF_A_BODY if draft.method == "POST" and chance.random() < _BODY_SHARE else _OF_ANY
        chance.choice(ways)(draft, chance)
    return draft


_BODY_SHARE: Final = 0.8


def _value(draft: Draft, chance: random.Random) -> None:
    """Put something else where a value stood."""
    holder, name = _place(draft, chance)
    if holder is not None:
        holder[name] = _hostile(holder[name], chance)


def _hostile(value: Any, chance: random.Random) -> Any:
    if chance.random() < 0.3:
        return copy.deepcopy(chance.choice((*OTHERS, *map(Raw, NUMBERS))))
    text = value if isinstance(value, str) else ""
    if "T" in text and ":" in text:
        return chance.choice(INSTANTS)
    if len(text) == len("2026-01-01") and text.count("-") == 2:
        return chance.choice(DATES)
    if "." in text:
        return chance.choice(AMOUNTS)
    return chance.choice((*TEXTS, *AMOUNTS, *DATES, *INSTANTS, text + chance.choice(TEXTS)))


def _fewer(draft: Draft, chance: random.Random) -> None:
    """Leave a field out."""
    holder, name = _place(draft, chance)
    if isinstance(holder, dict):
        del holder[name]


def _more(draft: Draft, chance: random.Random) -> None:
    """Add a field nobody knows, or an item more."""
    if isinstance(draft.document, dict):
        draft.document[chance.choice((*TEXTS[:4], "id", "__proto__", "x" * 200))] = "x"


def _deeper(draft: Draft, chance: random.Random) -> None:
    """Nest a value as deep as some parsers go, and deeper."""
    holder, name = _place(draft, chance)
    if holder is not None:
        for _ in range(chance.choice((1, 5, 31, 33, 60))):
            holder[name] = chance.choice(([holder[name]], {"a": holder[name]}))


def _bottomless(draft: Draft, chance: random.Random) -> None:
    """Nest without end, in a field nobody knows."""
    deep = chance.choice((34, 1_000, DEEPEST // 4))
    opening, closing = chance.choice(((b"[", b"]"), (b'{"a":', b"}")))
    draft.body = b'{"unknown":' + opening * deep + b"1" + closing * deep + b"}"


def _long(draft: Draft, chance: random.Random) -> None:
    """Send a long text or a long list."""
    holder, name = _place(draft, chance)
    if holder is not None:
        holder[name] = chance.choice(("x" * LONGEST, "张" * 400, ["x"] * 10_001, [{}] * 3_000))


def _twice(draft: Draft, chance: random.Random) -> None:
    """Say a field twice."""
    body = draft.sent
    if body.startswith(b"{") and len(body) > len(b"{}"):
        first = body[1:].split(b",")[0].rstrip(b"}")
        draft.body = body[:-1] + chance.choice((b",", b", ")) + first + b"}"


def _flipped(draft: Draft, chance: random.Random) -> None:
    """Change single bits."""
    body = bytearray(draft.sent)
    for _ in range(chance.choice((1, 1, 2, 8))):
        if body:
            body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
    draft.body = bytes(body)


def _cut(draft: Draft, chance: random.Random) -> None:
    """Take bytes out, or say them again."""
    body = draft.sent
    start, end = sorted(chance.randrange(len(body) + 1) for _ in range(2))
    draft.body = chance.choice((body[:start], body[:start] + body[end:], body[:end] + body[start:]))


def _inserted(draft: Draft, chance: random.Random) -> None:
    """Put bytes in."""
    body, at = draft.sent, chance.randrange(len(draft.sent) + 1)
    noise = bytes(chance.randrange(256) for _ in range(chance.choice((1, 4, 16))))
    draft.body = body[:at] + chance.choice((*BYTES, noise)) + body[at:]


def _packed(draft: Draft, chance: random.Random) -> None:
    """Compress the body, said or unsaid: a bomb now and then."""
    bomb = b"[" + b"0," * 2_000_000 + b"0]" if chance.random() < 0.02 else draft.sent
    draft.body = gzip.compress(bomb, 1)
    if chance.random() < 0.5:
        draft.headers["content-encoding"] = "gzip"


def _media(draft: Draft, chance: random.Random) -> None:
    draft.headers["content-type"] = chance.choice(MEDIA)


def _header(draft: Draft, chance: random.Random) -> None:
    name, value = chance.choice(HEADERS)
    draft.headers[name] = value


def _key(draft: Draft, chance: random.Random) -> None:
    draft.headers["idempotency-key"] = chance.choice(KEYS)


def _segment(draft: Draft, chance: random.Random) -> None:
    """Put something else where the path names an object."""
    parts = draft.path.split("/")
    named = range(min(3, len(parts) - 1), len(parts))
    parts[chance.choice(named)] = chance.choice(SEGMENTS)
    draft.path = "/".join(parts)


def _asked(draft: Draft, chance: random.Random) -> None:
    """Ask for something odd in the query."""
    drawn = "".join(chance.choices(string.printable, k=12))
    value = chance.choice((*DATES, *INSTANTS, *AMOUNTS, *TEXTS[:12], *SEGMENTS, "true", drawn))
    name = chance.choice((*PARAMETERS, *(known for known, _ in draft.query)))
    draft.query.append((name, value.encode(errors="replace").decode()))


def _method(draft: Draft, chance: random.Random) -> None:
    draft.method = chance.choice((*METHODS, "GET", "POST"))


def _place(draft: Draft, chance: random.Random) -> tuple[Any, Any]:
    """Draw a place in the document: what holds it, and its name or index there."""
    places: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        named: Any = value.items() if isinstance(value, dict) else ()
        for name, held in enumerate(value) if isinstance(value, list) else list(named):
            places.append((value, name))
            walk(held)

    if draft.body is None:
        walk(draft.document)
    return chance.choice(places) if places else (None, None)


_Way = Callable[[Draft, random.Random], None]
_OF_A_BODY: Final[tuple[_Way, ...]] = (
    *(_value, _value, _value, _value, _fewer, _more, _deeper, _bottomless, _long, _twice),
    *(_flipped, _flipped, _cut, _inserted, _inserted, _packed),
)
_OF_ANY: Final[tuple[_Way, ...]] = (_media, _header, _key, _segment, _asked, _asked, _method)
