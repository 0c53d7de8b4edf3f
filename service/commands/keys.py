"""`escrow keys` and `escrow seal`: the keys of the vault of personal data, and what they seal."""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from service.settings import Settings
    from service.store.vault import Vault

T = TypeVar("T")


@dataclass(frozen=True)
class Opened:
    """The vault that the settings name, its folder, and the database that it seals."""

    settings: "Settings"
    folder: Path
    vault: "Vault"
    url: str

    @classmethod
    def now(cls) -> "Opened":
        """Open it, or say why not."""
        from service import launch, vault_opening  # noqa: PLC0415 - keeps `escrow --help` quick
        from service.settings import Settings  # noqa: PLC0415

        settings = Settings()
        try:
            found = launch.database(settings)
            asyncio.run(launch.bring_up(found))
            vault = asyncio.run(vault_opening.open_vault(settings, found, sealing=False))
        except launch.NotServable as error:
            raise click.ClickException(str(error)) from error
        folder = vault_opening.key_folder(settings, found)
        assert folder is not None, "the keys were read from somewhere"
        return cls(settings, folder, vault, found.url)

    def run(self, work: Callable[["AsyncEngine"], Coroutine[Any, Any, T]]) -> T:
        """Work on the database with an engine of its own."""
        from service import launch  # noqa: PLC0415 - keeps `escrow --help` quick
        from service.store.vault_rows import with_vault  # noqa: PLC0415

        async def working() -> T:
            engine = with_vault(launch.engine_of(self.url, pool_size=2), self.vault)
            try:
                return await work(engine)
            finally:
                await engine.dispose()

        return asyncio.run(working())


@click.group()
def keys() -> None:
    """Make, show, rotate and retire the key-encryption keys (密钥加密密钥) of the vault."""


@keys.command("make")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to make.")
def make(out: Path) -> None:
    """Make the first keys in a folder that only its owner can open; never over others."""
    from service.store import vault_keys  # noqa: PLC0415 - keeps `escrow --help` quick

    if not vault_keys.make(out):
        raise click.ClickException(f"{out} holds keys already")
    click.echo(json.dumps({"folder": str(out), "generation": 1}))


@keys.command("status")
def status() -> None:
    """Print how many data keys each generation wraps."""
    from service.store.vault_rewrap import counts  # noqa: PLC0415 - keeps `escrow --help` quick

    opened = Opened.now()
    found, ring = opened.run(counts), opened.vault.ring
    told = {
        "current": ring.current.number,
        "suites": {number: held.suite.name for number, held in sorted(ring.generations.items())},
        "data_keys": {number: found[number] for number in sorted(found)},
    }
    click.echo(json.dumps(told))


@keys.command("rotate")
@click.option("--suite", default="AES-256-GCM", show_default=True, help="Or SM4-GCM (国密).")
def rotate(suite: str) -> None:
    """Make the next generation; what is sealed from now on is wrapped by it."""
    from service.store import vault_keys  # noqa: PLC0415 - keeps `escrow --help` quick

    opened = Opened.now()
    if opened.settings.kms_url is not None:
        raise click.ClickException("keys come from the key management service: put its file here")
    if suite not in vault_keys.SUITES:
        raise click.ClickException(f"the suites are {', '.join(vault_keys.SUITES)}")
    number = vault_keys.add(opened.folder, vault_keys.SUITES[suite])
    Opened.now()  # writes down the new generation's check value
    click.echo(json.dumps({"generation": number, "suite": suite}))


@keys.command("rewrap")
def rewrap() -> None:
    """Wrap every data key by the newest generation; it may be stopped and run again."""
    from service.store.vault_rewrap import rewrapping  # noqa: PLC0415 - keeps `--help` quick

    async def work(engine: "AsyncEngine") -> int:
        done: dict[tuple[int, str], int] = {}
        async for step in rewrapping(engine):
            done[step.journal, step.table] = step.keys
            click.echo(f"journal {step.journal} {step.table}: {step.keys}", err=True)
        return sum(done.values())

    opened = Opened.now()
    keys_done = opened.run(work)
    told = {"generation": opened.vault.ring.current.number, "data_keys": keys_done}
    click.echo(json.dumps(told))


@keys.command("retire")
@click.argument("number", type=int)
@click.option("--hours", default=24, show_default=True, help="Age that the newest key must have.")
def retire(number: int, hours: int) -> None:
    """Destroy an older generation that wraps nothing any more, and with it old backups' keys.

    The newest must have been there for some hours: every running service seals by it by then.
    """
    from service.store import vault_keys, vault_rewrap  # noqa: PLC0415 - keeps `--help` quick
    from service.store.transact import writing  # noqa: PLC0415

    opened = Opened.now()
    ring = opened.vault.ring
    if number not in ring.generations or number == ring.current.number:
        raise click.ClickException("only an older generation that is here can be retired")
    path = vault_keys.path_of(opened.folder, ring.current.number)
    if time.time() - path.stat().st_mtime < hours * 3600:
        raise click.ClickException(f"the newest key is not {hours} hours old yet")

    async def work(engine: "AsyncEngine") -> None:
        held = (await vault_rewrap.counts(engine)).get(number, 0)
        if held:
            raise click.ClickException(f"it still wraps {held} data keys: run `escrow keys rewrap`")
        async with writing(engine) as connection:
            await vault_rewrap.retire(connection, number, datetime.now(UTC))

    opened.run(work)
    vault_keys.path_of(opened.folder, number).unlink()
    click.echo(json.dumps({"retired": number}))


@click.command()
def seal() -> None:
    """Seal what stands in plain from before the vault; it may be stopped and run again."""
    from service.store.vault_sealing import sealing  # noqa: PLC0415 - keeps `--help` quick

    async def work(engine: "AsyncEngine") -> int:
        done: dict[tuple[int, str], int] = {}
        async for step in sealing(engine):
            done[step.journal, step.table] = step.rows
            click.echo(f"journal {step.journal} {step.table}: {step.rows}", err=True)
        return sum(done.values())

    click.echo(json.dumps({"rows": Opened.now().run(work)}))
