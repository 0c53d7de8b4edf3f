"""A body too large for memory: kept in a temporary file as it comes, with its size and digest."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import Any, Final

IN_MEMORY: Final = 1024 * 1024
_PIECE: Final = 256 * 1024


def _file() -> SpooledTemporaryFile[bytes]:
    return SpooledTemporaryFile(max_size=IN_MEMORY)


@dataclass(slots=True)
class Spooled:
    """Bytes that were received piece by piece; `file` is read from its beginning."""

    file: SpooledTemporaryFile[bytes] = field(default_factory=_file)
    size: int = 0
    _digest: Any = field(default_factory=hashlib.sha256, repr=False)

    def add(self, piece: bytes) -> None:
        """Take the next piece."""
        self.file.write(piece)
        self.size += len(piece)
        self._digest.update(piece)

    @property
    def sha256(self) -> bytes:
        """The digest of everything that came."""
        digest: bytes = self._digest.digest()
        return digest

    def pieces(self) -> Iterator[bytes]:
        """Read everything from the beginning, in pieces."""
        self.file.seek(0)
        while piece := self.file.read(_PIECE):
            yield piece

    def close(self) -> None:
        """Forget the bytes."""
        self.file.close()

    def __del__(self) -> None:
        """Forget them also when whoever asked for them was refused before it was read."""
        self.file.close()
