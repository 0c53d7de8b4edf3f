"""Files that only their owner may read, such as keys: made whole, and by one process at a time."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def making_in(folder: Path) -> Iterator[None]:
    """Hold the one right to make files in a folder, which is made where it is missing.

    Two processes that start together on the same new folder find one set of files.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The lock is on the folder itself: no file to make, to leave behind or to race for.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_new(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, and never over another; raises `FileExistsError`."""
    growing = path.with_suffix(f".{secrets.token_hex(4)}")
    descriptor = os.open(growing, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(growing, path)
    finally:
        growing.unlink()
