"""From settings to an opened vault: keys found or made, and known to be the database's own."""

from datetime import UTC, datetime
from pathlib import Path

import structlog

from service.launch import Database, NotServable, engine_of
from service.settings import Settings
from service.store import postgres, vault_keys, vault_sealing, vault_start
from service.store.transact import writing
from service.store.vault import Vault
from service.store.vault_kms import HttpKms
from service.store.vault_rows import with_vault

log = structlog.get_logger("service.vault")


def key_folder(settings: Settings, found: Database) -> Path | None:
    """Return where the keys lie: as given, or beside the data of a newcomer's database.

    None where a database is given and no keys are: personal data is never sealed with keys that
    nobody chose to keep.
    """
    if settings.keys is not None:
        return settings.keys
    if found.server is not None:
        return found.server.data.with_name(f"{found.server.data.name}-vault")
    if settings.demo:
        data = settings.data or postgres.default_data_dir()
        return data.with_name(f"{data.name}-vault")
    return None


def load(settings: Settings, found: Database) -> Vault:
    """Read the keys, making them where nobody gave any; raises `NotServable`."""
    folder = key_folder(settings, found)
    if folder is None:
        raise NotServable("ESCROW_DATABASE_URL is given: give ESCROW_KEYS as well (`escrow keys`)")
    kms = None if settings.kms_url is None else HttpKms(settings.kms_url, settings.kms_token_file)
    try:
        if settings.keys is None and vault_keys.make(folder):
            log.warning("vault.keys_made", folder=str(folder))
        source = vault_keys.KeySource(folder, kms)
        return Vault(source.load(), source)
    except (vault_keys.VaultKeysMissing, OSError) as error:
        raise NotServable(f"ESCROW_KEYS: {error}") from error


async def open_vault(settings: Settings, found: Database, *, sealing: bool = True) -> Vault:
    """Read the keys and see that they are the database's; raises `NotServable`.

    Where the database is our own, what stands in plain from before the vault is sealed at once,
    unless `sealing` is left to somebody else.
    """
    vault = load(settings, found)
    engine = with_vault(engine_of(found.url, pool_size=2), vault)
    try:
        async with writing(engine) as connection:
            await vault_start.require_own_keys(connection, vault, datetime.now(UTC))
        if sealing and (found.server is not None or settings.demo):
            await vault_sealing.seal_all(engine)
    except vault_keys.VaultKeysMissing as error:
        raise NotServable(f"ESCROW_KEYS: {error}") from error
    finally:
        await engine.dispose()
    return vault
