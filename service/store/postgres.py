"""The embedded PostgreSQL: one private server per data folder, started or joined by whoever comes.

Nothing is installed and nothing but our own folders is touched. The server outlives the process
that started it; the next one joins it. It listens on a socket in a private folder only, never on
TCP. Whether it runs is asked of the server, never of a process id: those are reused.
"""

import fcntl
import hashlib
import os
import shlex
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from service.store.postgres_binaries import (
    SYSTEM_FOLDER,
    Account,
    NoPostgres,
    chosen,
    found,
    major,
    make_folders,
    runnable,
)

__all__ = [
    "SUPERUSER",
    "NoPostgres",
    "Server",
    "default_data_dir",
    "found",
    "running",
    "start",
    "stop",
]

SUPERUSER = "escrow_admin"
"""The cluster's superuser: migrations and tests log in as it, the service never does."""

_PORT = 5432
_SOCKET_BYTES = 107 - len("/.s.PGSQL.5432")
_BUILTIN_LOCALES_FROM = 17
_ATTEMPTS, _SECONDS_BETWEEN = 15, 1
_NOBODYS_PROCESS = 2**31 - 1

# Durability (fsync, synchronous_commit, full_page_writes) keeps its defaults: on. What is set here
# spares a small machine checkpoints and compilation, and leaves room for a leaf table per journal.
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_locks_per_transaction": "256",
    "wal_buffers": "16MB",
    "min_wal_size": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "autovacuum_naptime": "5s",  # fresh tables grow fast; the planner learns of it from ANALYZE
    "jit": "off",
}


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its programs, data folder, socket folder, port and major version."""

    bin: Path
    data: Path
    socket: Path
    port: int
    major: int

    def url(self, database: str, user: str) -> str:
        """Return the SQLAlchemy address of `database` for the login `user`."""
        where = f"host={quote(str(self.socket), safe='/')}&port={self.port}"
        return f"postgresql+asyncpg://{quote(user)}@/{quote(database)}?{where}"


def default_data_dir() -> Path:
    """Return where data lies when nobody says: ESCROW_DATA, else XDG's data home.

    As root it is below the system's folder where the home is closed to the account PostgreSQL runs
    as: the home stays closed.
    """
    if given := os.environ.get("ESCROW_DATA"):
        return Path(given).expanduser().absolute()
    home = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    data = Path(home).expanduser().absolute() / "tuition-escrow" / "pg"
    account = Account.of(data)
    if account.lowered and not account.reaches(_nearest(data.parent)):
        return SYSTEM_FOLDER / "pg"
    return data


def start(data: Path, *, bin_dir: Path | None = None) -> Server:
    """Start the server of `data`, making the cluster the first time, or join the one that runs.

    `data` must be missing, empty, or a PostgreSQL data folder. Raises NoPostgres.
    """
    data = data.expanduser().absolute()
    account = Account.of(data)
    _prepare_parent(data.parent, account)
    with _locked(data, account) as private:
        if (server := running(data)) is not None:
            return server
        programs = runnable(bin_dir or chosen(_made_by(data)), account)
        if _made_by(data) is None:
            _make_cluster(data, private, programs, account)
        socket = _socket_folder(data, private, account)
        return _started(data, private, programs, socket, account)


def running(data: Path) -> Server | None:
    """Return the server of `data` if it answers, else None."""
    account = Account.of(data)
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        port, socket = int(lines[3]), Path(lines[4])
        made_by = int((data / "PG_VERSION").read_text())
        programs = runnable(_programs_of(data) or chosen(made_by), account)
    except (FileNotFoundError, IndexError, ValueError):
        return None
    answer, _ = account.run(programs / "pg_isready", "-q", "-h", socket, "-p", str(port))
    return Server(programs, data, socket, port, made_by) if answer == 0 else None


def stop(server: Server, mode: str = "fast") -> None:
    """Stop the server by PostgreSQL's own mode: smart, fast or immediate. Stopped is no error."""
    if not (server.data / "postmaster.pid").exists():
        return
    account = Account.of(server.data)
    code, printed = account.run(
        server.bin / "pg_ctl", "-D", server.data, "-m", mode, "-w", "-t", "120", "stop"
    )
    if code != 0 and running(server.data) is not None:
        message = f"PostgreSQL in {server.data} does not stop: {printed}"
        raise NoPostgres(message)


def _nearest(folder: Path) -> Path:
    return folder if folder.exists() else _nearest(folder.parent)


def _prepare_parent(parent: Path, account: Account) -> None:
    make_folders(parent, for_others=account.lowered)
    if account.lowered and not account.reaches(parent):
        message = (
            f"{parent} is closed to the account that runs PostgreSQL for root:"
            f" choose another folder, such as one below {SYSTEM_FOLDER}"
        )
        raise NoPostgres(message)


@contextmanager
def _locked(data: Path, account: Account) -> Iterator[Path]:
    """Hold the one right to start here; give the private folder beside the data (socket, log)."""
    # The lock is on the parent folder itself: no file to make, to leave behind or to race for.
    descriptor = os.open(data.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield _private(data.with_name(f"{data.name}.run"), account)
    finally:
        os.close(descriptor)


def _private(folder: Path, account: Account) -> Path:
    """Make a folder that only `account` may enter, or refuse one that is not so."""
    if not folder.is_symlink() and not folder.exists():
        folder.mkdir(mode=0o700)
        if account.lowered:
            os.chown(folder, account.uid, account.gid)
    seen = folder.lstat()
    closed = stat.S_ISDIR(seen.st_mode) and not seen.st_mode & 0o077
    if not closed or seen.st_uid != account.uid:
        message = f"{folder} is not a private folder of the account that runs PostgreSQL: remove it"
        raise NoPostgres(message)
    return folder


def _socket_folder(data: Path, private: Path, account: Account) -> Path:
    """Return where the socket lies: a system limits its path to 107 bytes."""
    if len(os.fsencode(private)) <= _SOCKET_BYTES:
        return private
    tag = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    return _private(Path(tempfile.gettempdir()) / f"escrow-{account.uid}-{tag}", account)


def _made_by(data: Path) -> int | None:
    version = data / "PG_VERSION"
    return int(version.read_text()) if version.exists() else None


def _programs_of(data: Path) -> Path | None:
    """Return the folder of the programs that last started `data`, as the server noted it."""
    noted = data / "postmaster.opts"
    if not noted.exists():
        return None
    folder = Path(noted.read_text().split(' "', 1)[0]).parent
    return folder if (folder / "pg_ctl").exists() else None


def _make_cluster(data: Path, private: Path, programs: Path, account: Account) -> None:
    """Run initdb aside and rename: a killed start leaves no half-made cluster."""
    if data.exists() and any(data.iterdir()):
        message = f"{data} is not empty and holds no PostgreSQL data: choose another folder"
        raise NoPostgres(message)
    growing = private / "initdb"
    shutil.rmtree(growing, ignore_errors=True)
    locale: tuple[str, ...] = ("--locale=C.UTF-8",)
    if major(programs) >= _BUILTIN_LOCALES_FROM:
        locale = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
    # `trust` trusts whoever can open the socket, and its folder (0700) lets in nobody but the
    # account itself and root, who could read the files anyway. No login works over TCP.
    code, printed = account.run(
        *(programs / "initdb", "-D", growing, "-U", SUPERUSER, "-E", "UTF8", "--data-checksums"),
        *("--auth-local=trust", "--auth-host=reject", *locale),
    )
    if code != 0:
        message = f"initdb failed: {printed}"
        raise NoPostgres(message)
    if data.exists():
        data.rmdir()
    growing.rename(data)


def _started(data: Path, private: Path, programs: Path, socket: Path, account: Account) -> Server:
    options = ["-k", str(socket), "-p", str(_PORT)]
    for name, value in _SETTINGS.items():
        options += ["-c", f"{name}={value}"]
    printed = ""
    # After a kill -9 the old backends hold the shared memory for a moment, and a server that is
    # still recovering refuses visitors: both pass.
    for _ in range(_ATTEMPTS):
        _forget_reused_process(data, socket, account)
        _, printed = account.run(
            *(programs / "pg_ctl", "-D", data, "-w", "-t", "120", "-l", private / "server.log"),
            *("-o", shlex.join(options), "start"),
        )
        if (server := running(data)) is not None:
            return server
        time.sleep(_SECONDS_BETWEEN)
    message = f"PostgreSQL in {data} does not start: {printed} (see {private / 'server.log'})"
    raise NoPostgres(message)


def _forget_reused_process(data: Path, socket: Path, account: Account) -> None:
    """Let the server start although another program now bears its noted process id.

    That happens after a reboot or in a restarted container, and PostgreSQL would refuse for ever.
    The note is not removed: by its other lines the server still finds backends left alive.
    """
    noted = data / "postmaster.pid"
    try:
        first = noted.read_text().split("\n", 1)[0]
        program = Path("/proc", first, "comm").read_text()
    except (FileNotFoundError, ValueError):
        return
    if not program.startswith("postgres"):
        # As the account: root does not write where another account could put a link.
        account.run("sed", "-i", f"1s/.*/{_NOBODYS_PROCESS}/", noted)
        (socket / f".s.PGSQL.{_PORT}.lock").unlink(missing_ok=True)
