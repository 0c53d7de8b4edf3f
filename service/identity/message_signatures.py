"""HTTP message signatures (RFC 9421) and content digests (RFC 9530), as far as any profile goes.

Structured fields (RFC 9651) are read and written by `http_sf`; what is signed is built here, from
component identifiers in their written form such as `"@status"` or `"signature";req;key="sig"`.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import http_sf

SHA256: Final = "sha-256"
_PLAIN: Final = frozenset({int, str})
FIELD_MAX: Final = 4_096
"""The longest Signature-Input, Signature or Content-Digest that is looked at, in characters."""


class Unreadable(ValueError):  # noqa: N818 - says which field cannot be read
    """A field is missing, too long or no structured field of its kind; the message names it."""


@dataclass(frozen=True, slots=True)
class Member:
    """One signature of a message: its label, what it covers, its parameters and its bytes.

    `covered` are component identifiers in written form; `written` is the value of
    "@signature-params".
    """

    label: str
    covered: tuple[str, ...]
    parameters: Mapping[str, Any]
    written: str
    signature: bytes


def members(signature_input: str, signature: str) -> list[Member]:
    """Read the signatures of a message; raises `Unreadable`.

    The two fields name the same labels, each once.
    """
    inputs = _dictionary("signature-input", signature_input)
    values = _dictionary("signature", signature)
    if inputs.keys() != values.keys():
        raise Unreadable("signature")
    return [_member(label, inputs[label], values[label][0]) for label in inputs]


def _member(label: str, given: tuple[Any, Mapping[str, Any]], signature: object) -> Member:
    items, parameters = given
    if not isinstance(items, list) or not all(type(name) is str for name, _ in items):
        raise Unreadable("signature-input")
    if not isinstance(signature, bytes):
        raise Unreadable("signature")
    covered = tuple(_component(name, given_with) for name, given_with in items)
    if len(set(covered)) != len(covered):
        raise Unreadable("signature-input")
    if all(type(value) in _PLAIN for value in parameters.values()):
        written = input_of(covered, parameters)
    else:
        whole: Any = {label: given}
        written = http_sf.ser(whole).partition("=")[2]
    return Member(label, covered, parameters, written, signature)


def input_of(covered: Sequence[str], parameters: Mapping[str, int | str]) -> str:
    """Write the value of "@signature-params": what is covered, then the parameters in order."""
    listed = " ".join(covered)
    told = "".join(
        f";{name}={value}" if isinstance(value, int) else f";{name}={_quoted(value)}"
        for name, value in parameters.items()
    )
    return f"({listed}){told}"


def signature_base(values: Sequence[tuple[str, str]], written: str) -> bytes:
    """Build the signature base (RFC 9421 section 2.5) from (component, value) and the input.

    Raises `Unreadable` for a value that could be mistaken for another line or is not ASCII.
    """
    lines = [f"{component}: {value}" for component, value in values]
    lines.append(f'"@signature-params": {written}')
    base = "\n".join(lines)
    if base.count("\n") != len(values) or "\r" in base or not base.isascii():
        raise Unreadable("signature-input")
    return base.encode("ascii")


def written_bytes(value: bytes) -> str:
    """Write bytes as a structured field does."""
    return f":{base64.b64encode(value).decode('ascii')}:"


def digest_of(body: bytes) -> str:
    """Write the Content-Digest of a body."""
    return f"{SHA256}={written_bytes(hashlib.sha256(body).digest())}"


def digest_in(field: str) -> bytes | None:
    """Return the SHA-256 that a Content-Digest tells, None where it tells none.

    Digests by other algorithms may stand beside it. Raises `Unreadable`.
    """
    told = _dictionary("content-digest", field).get(SHA256)
    return told[0] if told is not None and isinstance(told[0], bytes) else None


def is_digest_of(digest: bytes, body: bytes) -> bool:
    """Tell whether a digest is the body's."""
    return hmac.compare_digest(digest, hashlib.sha256(body).digest())


def _component(name: str, given_with: Mapping[str, Any]) -> str:
    if given_with:
        item: Any = (name, given_with)
        return http_sf.ser(item)
    return _quoted(name)


def _dictionary(name: str, field: str) -> dict[str, tuple[Any, Mapping[str, Any]]]:
    """Read a dictionary; a key given twice is refused, which of the two would be meant?"""

    def twice(_key: str, context: str) -> None:
        if context == "dictionary":
            raise Unreadable(name)

    if not field or len(field) > FIELD_MAX:
        raise Unreadable(name)
    try:
        read = http_sf.parse(field.encode("ascii"), tltype="dictionary", on_duplicate_key=twice)
    except (ValueError, http_sf.StructuredFieldError) as error:
        raise Unreadable(name) from error
    return cast("dict[str, tuple[Any, Mapping[str, Any]]]", read)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
