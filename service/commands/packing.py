"""`escrow pack` and `escrow unseal`: a resolution pack in a file, and who is in it."""

import asyncio
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import rich_click as click

if TYPE_CHECKING:
    from service.resolution.sealing import Keys
    from service.resolution.use_cases import Made
    from service.store.vault import Vault

SEALED = "identities.sealed.json"


@click.command()
@click.option("--institution", required=True, help="Its id, such as ins_aaaq….")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="File to write.")
def pack(institution: str, out: Path) -> None:
    """Write an institution's resolution pack (处置包) to a file; nothing is kept of it."""
    from ledger.refusals import Refusal  # noqa: PLC0415 - keeps `escrow --help` quick
    from service import launch, vault_opening  # noqa: PLC0415
    from service.resolution.sealing import Keys  # noqa: PLC0415
    from service.settings import Settings  # noqa: PLC0415
    from service.store import ids  # noqa: PLC0415

    try:
        journal, key = ids.parse("ins", institution)
        found = launch.database(Settings())
        keys = Keys.load(launch.with_pack_keys(Settings(), found).pack_keys)
        vault = asyncio.run(vault_opening.open_vault(Settings(), found))
        made = asyncio.run(_made(found.url, journal, key, keys, vault))
    except (ValueError, launch.NotServable) as error:
        raise click.ClickException(str(error)) from error
    except Refusal as refusal:
        raise click.ClickException(refusal.title) from refusal
    out.write_bytes(made.content)
    told = {
        "file": str(out),
        "position": f"{journal}:{made.position_seq}",
        "size_bytes": len(made.content),
        "sha256": made.sha256,
        "public_key": keys.public.hex(),
    }
    click.echo(json.dumps(told, ensure_ascii=False))


@click.command()
@click.argument("archive", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--key",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The recipient's private key (PEM).",
)
def unseal(archive: Path, key: Path) -> None:
    """Print who stands behind the ids of a resolution pack, as one JSON object."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - keeps `--help` quick

    from service.resolution import sealing  # noqa: PLC0415

    try:
        with zipfile.ZipFile(archive) as opened:
            envelope = opened.read(SEALED).decode()
        click.echo(sealing.opened(envelope, key.read_bytes()).decode(), nl=False)
    except InvalidTag as error:
        raise click.ClickException("this key does not open it, or it was changed") from error
    except (ValueError, KeyError, zipfile.BadZipFile) as error:
        raise click.ClickException(str(error)) from error


async def _made(url: str, journal: int, institution: UUID, keys: "Keys", vault: "Vault") -> "Made":
    from ledger.refusals import InstitutionUnknown  # noqa: PLC0415 - keeps `--help` quick
    from service import launch  # noqa: PLC0415
    from service.resolution import use_cases  # noqa: PLC0415
    from service.store import registry  # noqa: PLC0415
    from service.store.context import Context  # noqa: PLC0415
    from service.store.tables import Institution  # noqa: PLC0415
    from service.store.transact import Store  # noqa: PLC0415
    from service.store.vault_rows import with_vault  # noqa: PLC0415

    engine = with_vault(launch.engine_of(url, pool_size=1), vault)
    try:
        store, everything = Store(engine), Context((journal,))
        async with store.reading(everything) as connection:
            seen = await registry.seen(connection, everything, Institution, journal, [institution])
        if not seen:
            raise InstitutionUnknown
        return await use_cases.made(store, journal, institution, keys)
    finally:
        await engine.dispose()
