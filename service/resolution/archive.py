"""A deterministic archive: the same files in the same order are the same bytes.

No time, owner or mode of this machine goes in. Files are written as they come, hashed on the way;
`close` adds the manifest of them all and its signature.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import IO, Any, Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from ledger.chain import canonical_json

_LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)
_UNIX: Final = 3
_MODE: Final = 0o100644 << 16


@dataclass(slots=True)
class Member:
    """One file of the archive while it is written."""

    target: IO[bytes]
    size: int = 0
    hashed: Any = field(default_factory=sha256)

    def write(self, content: bytes) -> None:
        """Append bytes."""
        self.target.write(content)
        self.hashed.update(content)
        self.size += len(content)


class Archive:
    """A zip file in the making."""

    def __init__(self, target: IO[bytes]) -> None:
        """Write to a seekable file."""
        self._zip = ZipFile(target, "w", ZIP_DEFLATED)
        self.files: list[dict[str, Any]] = []

    @contextmanager
    def member(self, path: str) -> Iterator[Member]:
        """Open the next file."""
        with self._open(path) as target:
            member = Member(target)
            yield member
        said = {"path": path, "size": member.size, "sha256": member.hashed.hexdigest()}
        self.files.append(said)

    def add(self, path: str, content: bytes) -> None:
        """Add a whole file."""
        with self.member(path) as member:
            member.write(content)

    def close(self, sign: Callable[[bytes], dict[str, str]]) -> dict[str, str]:
        """Write the manifest and its signature, and end the archive; return the signature."""
        listed = sorted(self.files, key=lambda each: str(each["path"]))
        manifest = f"{canonical_json({'files': listed})}\n".encode()
        signed = sign(manifest)
        with self._open("manifest.json") as target:
            target.write(manifest)
        with self._open("manifest.sig") as target:
            target.write(f"{canonical_json(signed)}\n".encode())
        self._zip.close()
        return signed

    def _open(self, path: str) -> IO[bytes]:
        info = ZipInfo(path, _LONG_AGO)
        info.compress_type = ZIP_DEFLATED
        info.create_system = _UNIX
        info.external_attr = _MODE
        return self._zip.open(info, "w")
