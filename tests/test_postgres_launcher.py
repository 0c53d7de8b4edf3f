"""The embedded PostgreSQL: cold, joined, killed in every way, as root and as an ordinary user."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest

from service import paths
from service.store import postgres, postgres_binaries

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder that the account PostgreSQL runs as can enter; its servers are stopped."""
    made = Path(tempfile.mkdtemp(prefix="escrow-launcher-"))
    made.chmod(0o755)
    yield made
    for version in made.rglob("PG_VERSION"):
        if (server := postgres.running(version.parent)) is not None:
            postgres.stop(server, "immediate")
    shutil.rmtree(made)


async def answer(server: postgres.Server, question: str) -> str:
    connection = await asyncpg.connect(
        host=str(server.socket), port=server.port, user=postgres.SUPERUSER, database="postgres"
    )
    try:
        return str(await connection.fetchval(question))
    finally:
        await connection.close()


def rights(path: Path) -> tuple[int, int]:
    seen = path.stat()
    return stat.S_IMODE(seen.st_mode), seen.st_uid


def kill(server: postgres.Server) -> int:
    process = int((server.data / "postmaster.pid").read_text().splitlines()[0])
    os.kill(process, signal.SIGKILL)
    return process


@pytest.mark.parametrize("programs", postgres.found(), ids=postgres_binaries.major)
async def test_every_postgresql_found_here_starts_cold_keeps_durability_and_opens_no_port(
    folder: Path, programs: Path
) -> None:
    server = postgres.start(folder / "pg", bin_dir=programs)

    assert server.major == postgres_binaries.major(programs)
    assert (await answer(server, "select version()")).startswith(f"PostgreSQL {server.major}.")
    assert await answer(server, "show listen_addresses") == ""
    for durable in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
        assert await answer(server, f"show {durable}") == "on"


async def test_a_second_start_joins_the_server_that_runs(folder: Path) -> None:
    first = postgres.start(folder / "pg")
    born = await answer(first, "select pg_postmaster_start_time()")

    second = postgres.start(folder / "pg")

    assert second == first
    assert await answer(second, "select pg_postmaster_start_time()") == born


async def test_what_was_committed_is_there_after_the_postmaster_was_killed(folder: Path) -> None:
    server = postgres.start(folder / "pg")
    await answer(server, "create table kept as select 7 as fen")
    kill(server)

    again = postgres.start(folder / "pg")

    assert await answer(again, "select fen from kept") == "7"


async def test_a_process_id_reused_by_another_program_does_not_stop_the_start(
    folder: Path,
) -> None:
    server = postgres.start(folder / "pg")
    killed = kill(server)
    noted = server.data / "postmaster.pid"
    noted.write_text(noted.read_text().replace(str(killed), str(os.getpid()), 1))

    again = postgres.start(folder / "pg")

    assert await answer(again, "select 1") == "1"


def test_the_server_outlives_the_process_that_started_it_and_is_joined(folder: Path) -> None:
    code = (
        "import pathlib, signal, sys\n"
        "from service.store import postgres\n"
        "postgres.start(pathlib.Path(sys.argv[1]))\n"
        "sys.stdout.write('up')\n"
        "sys.stdout.flush()\n"
        "signal.pause()\n"
    )
    command = [sys.executable, "-c", code, str(folder / "pg")]
    parent = subprocess.Popen(
        command, stdout=subprocess.PIPE, cwd=paths.seeds_dir().parent, start_new_session=True
    )
    assert parent.stdout is not None
    assert parent.stdout.read(2) == b"up"
    os.killpg(parent.pid, signal.SIGKILL)
    parent.communicate()

    left = postgres.running(folder / "pg")

    assert left is not None
    assert postgres.start(folder / "pg") == left


async def test_a_stopped_server_is_not_running_and_stopping_it_again_is_no_error(
    folder: Path,
) -> None:
    server = postgres.start(folder / "pg")

    postgres.stop(server)
    postgres.stop(server)

    assert postgres.running(folder / "pg") is None


def test_a_folder_with_something_else_in_it_is_refused_and_left_as_it_was(folder: Path) -> None:
    data = folder / "pg"
    data.mkdir(mode=0o750)
    (data / "thesis.txt").write_text("years of work")
    before = rights(data)

    with pytest.raises(postgres.NoPostgres, match="is not empty"):
        postgres.start(data)

    assert (data / "thesis.txt").read_text() == "years of work"
    assert rights(data) == before


def test_the_folders_above_keep_their_rights_and_ours_are_private(folder: Path) -> None:
    before = rights(folder), rights(folder.parent)

    server = postgres.start(folder / "made" / "pg")

    assert (rights(folder), rights(folder.parent)) == before
    assert rights(server.data)[0] == 0o700
    assert rights(server.socket)[0] == 0o700


def test_a_socket_folder_that_others_may_enter_is_refused(folder: Path) -> None:
    (folder / "pg.run").mkdir()
    (folder / "pg.run").chmod(0o755)

    with pytest.raises(postgres.NoPostgres, match="not a private folder"):
        postgres.start(folder / "pg")


async def test_a_path_too_long_for_a_socket_gets_a_short_private_one(folder: Path) -> None:
    deep = folder / ("d" * 60) / ("e" * 60) / "pg"

    server = postgres.start(deep)

    assert await answer(server, "select 1") == "1"
    assert len(str(server.socket)) < len(str(deep))
    assert rights(server.socket)[0] == 0o700
    postgres.stop(server)
    shutil.rmtree(server.socket)


def test_data_of_a_version_that_is_not_here_is_refused_by_name(folder: Path) -> None:
    server = postgres.start(folder / "pg")
    postgres.stop(server)
    (server.data / "PG_VERSION").write_text("9\n")
    (server.data / "postmaster.opts").unlink()

    with pytest.raises(postgres.NoPostgres, match="no PostgreSQL 9, which made the data"):
        postgres.start(folder / "pg")


def test_the_address_names_the_login_the_database_and_the_socket() -> None:
    server = postgres.Server(Path("/b"), Path("/d"), Path("/some where"), 5432, 18)

    address = server.url("escrow", "escrow_app")

    assert address == ("postgresql+asyncpg://escrow_app@/escrow?host=/some%20where&port=5432")


@ROOT_ONLY
def test_root_leaves_a_private_folder_closed_and_says_where_data_can_go(folder: Path) -> None:
    closed = folder / "home"
    closed.mkdir(mode=0o700)

    with pytest.raises(postgres.NoPostgres, match="is closed to the account"):
        postgres.start(closed / "pg")

    assert rights(closed) == (0o700, 0)


@ROOT_ONLY
def test_root_keeps_its_default_data_out_of_a_home_that_is_closed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = folder / "home"
    closed.mkdir(mode=0o700)
    monkeypatch.delenv("ESCROW_DATA", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(closed))

    from_closed = postgres.default_data_dir()
    closed.chmod(0o755)
    from_open = postgres.default_data_dir()

    assert from_closed == postgres_binaries.SYSTEM_FOLDER / "pg"
    assert from_open == closed / "tuition-escrow" / "pg"


@ROOT_ONLY
def test_programs_in_a_closed_folder_are_copied_once_and_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_binaries, "SYSTEM_FOLDER", folder / "system")
    programs = postgres_binaries.chosen()
    package = programs.parent.parent
    closed = folder / "home"
    closed.mkdir(mode=0o700)
    shutil.copytree(package, closed / package.name, symlinks=True)
    with suppress(FileNotFoundError):
        shutil.copytree(f"{package}.libs", closed / f"{package.name}.libs")
    account = postgres_binaries.Account.of(folder / "pg")
    hidden = closed / package.name / programs.parent.name / "bin"

    copied = postgres_binaries.runnable(hidden, account)
    again = postgres_binaries.runnable(hidden, account)

    assert copied == again
    assert copied.is_relative_to(folder / "system")
    assert account.run(copied / "postgres", "--version")[0] == 0
    assert rights(closed) == (0o700, 0)


@ROOT_ONLY
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_an_ordinary_user_starts_and_owns_a_server(folder: Path) -> None:
    user = pwd.getpwnam("nobody")
    home = folder / "home"
    home.mkdir()
    os.chown(home, user.pw_uid, user.pw_gid)
    account = postgres_binaries.Account(user.pw_uid, user.pw_gid)
    programs = postgres_binaries.runnable(postgres_binaries.chosen(), account)

    code = as_user(user, lambda: postgres.start(home / "pg", bin_dir=programs))

    assert code == 0
    assert rights(home / "pg") == (0o700, user.pw_uid)
    assert postgres.running(home / "pg") is not None


def as_user(user: pwd.struct_passwd, act: Callable[[], object]) -> int:
    """Act in a child that has become `user`: an interpreter in a closed home cannot be run anew."""
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
            act()
            os._exit(0)
        os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
