"""What a client knows: each call noted on disk before it is sent and again once it was answered.

Every line is fsynced before the client goes on, so the file outlives whatever is killed beside it.
It alone says what was acknowledged; the books are judged by it, never the other way round.
"""

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

TEMPORARY = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses that tell nothing about the outcome."""


@dataclass(frozen=True)
class Call:
    """A request with its key: sent again and again until it is answered."""

    who: str
    path: str
    body: Any
    key: str
    receipts: tuple[str, ...] = ()
    """The bank references of the receipts it reports."""


@dataclass
class Heard:
    """What the client was told of a call."""

    who: str
    path: str
    key: str
    body: Any
    receipts: tuple[str, ...]
    status: int | None = None
    digest: str | None = None
    transactions: tuple[str, ...] = ()
    tries: int = 0

    @property
    def acknowledged(self) -> bool:
        """Whether it was told an outcome, good or bad, that has to stand for ever."""
        return self.status is not None

    @property
    def done(self) -> bool:
        """Whether it was told that it is done."""
        return self.status is not None and self.status < 400


@dataclass
class ClientLog:
    """The file, and the descriptor it is written through."""

    path: Path
    descriptor: int = field(default=-1)

    def __enter__(self) -> Self:
        """Open it for appending."""
        self.descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        os.close(self.descriptor)

    def intends(self, call: Call) -> None:
        """Note that a call is about to be sent."""
        self._write(
            {
                "will": call.key,
                "who": call.who,
                "path": call.path,
                "body": call.body,
                "receipts": call.receipts,
            }
        )

    def heard(self, call: Call, status: int, content: bytes) -> None:
        """Note an answer that tells an outcome."""
        assert status not in TEMPORARY, "that is no outcome"
        self._write(
            {
                "heard": call.key,
                "status": status,
                "digest": digest_of(status, content),
                "transactions": transactions_in(json.loads(content)),
            }
        )

    def read(self) -> dict[str, Heard]:
        """Read back from disk what was sent and what was heard of it, by key."""
        known: dict[str, Heard] = {}
        for line in self.path.read_bytes().splitlines():
            said = json.loads(line)
            if "will" in said:
                heard = Heard(
                    said["who"], said["path"], said["will"], said["body"], tuple(said["receipts"])
                )
                known.setdefault(said["will"], heard).tries += 1
            else:
                told = known[said["heard"]]
                assert told.status is None, "a call that was answered is not sent again"
                told.status, told.digest = said["status"], said["digest"]
                told.transactions = tuple(said["transactions"])
        return known

    def _write(self, said: dict[str, Any]) -> None:
        line = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        assert os.write(self.descriptor, line) == len(line), "a line is written whole"
        os.fsync(self.descriptor)


def digest_of(status: int, content: bytes) -> str:
    """Return what two answers have in common only when they are the same to the byte.

    A problem names the request it answers, which is another one each time.
    """
    if status >= httpx.codes.BAD_REQUEST and "results" not in (problem := json.loads(content)):
        content = json.dumps({**problem, "request_id": None}, sort_keys=True).encode()
    return hashlib.sha256(b"%d %b" % (status, content)).hexdigest()


def transactions_in(answer: Any) -> list[str]:
    """Return the transactions an answer names, of a batch those of its items that are new."""
    items = answer.get("results") if isinstance(answer, dict) else None
    if items is None:
        named = answer.get("transaction_id") if isinstance(answer, dict) else None
        return [named] if named else []
    new = [item["result"] for item in items if item["code"] == "done"]
    return [result["transaction_id"] for result in new if result.get("transaction_id")]
