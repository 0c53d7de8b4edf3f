"""Which rows of which tables are sealed, and how: rows go to the vault and come back as they were.

Whoever writes or decides knows a row by its plain fields; what stands in the database is the blob.
The vault travels with the engine (`with_vault`), so every connection of it seals and opens.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from service.store.tables import (
    BankNarrative,
    ClaimNote,
    DataRequest,
    Party,
    PartyVersion,
    PersonDetail,
    PersonSecret,
    SignedBody,
    UnmaskGrant,
)
from service.store.vault import Kind, Place, Vault, bound, writer, written
from service.store.vault_keys import VaultKeysMissing

_OPTION: Final = "vault"


@dataclass(frozen=True, slots=True)
class Sealing:
    """How a table is sealed: its personal fields, whom a row speaks of, its key, its indexes.

    `indexes` names columns of blind indexes with the kind and field of each, `flags` columns that
    tell whether a field is there. `was_plain` says that the fields are columns too, which stay
    empty.
    """

    table: str
    fields: tuple[str, ...]
    subject: str
    key: str
    indexes: Mapping[str, tuple[Kind, str]] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)
    was_plain: bool = False

    def bound(self, suite: bytes, row: Mapping[str, Any]) -> bytes:
        """Return what a row's seal is bound to, for a suite."""
        subject = row[self.subject]
        own = self.key == self.subject
        return bound(suite, self.table, subject, subject if own else row[self.key])

    def place(self, row: Mapping[str, Any]) -> Place:
        """Return what a row's seal is bound to."""
        subject = row[self.subject]
        return Place(self.table, subject, subject if self.key == self.subject else row[self.key])


PARTY: Final = Sealing(
    "party",
    ("name", "phone", "account_number", "bank_name"),
    "party_id",
    "party_id",
    {
        "phone_index": ("phone", "phone"),
        "account_index": ("account", "account_number"),
        "name_index": ("name", "name"),
    },
    was_plain=True,
)
_DESCRIBED: Final[Mapping[type[Any], Sealing]] = {
    Party: PARTY,
    PartyVersion: Sealing("party_version", PARTY.fields, "party_id", "version_id"),
    PersonDetail: Sealing("person", ("name", "login", "phone", "email"), "person_id", "person_id"),
    PersonSecret: Sealing("person_secret", ("totp",), "person_id", "person_id"),
    BankNarrative: Sealing(
        "bank_narrative",
        ("payer_name", "payer_account", "purpose"),
        "bank_entry_id",
        "bank_entry_id",
        flags={"payer_named": "payer_account"},
        was_plain=True,
    ),
    ClaimNote: Sealing("claim_note", ("text",), "guardian_id", "note_id", was_plain=True),
    DataRequest: Sealing("data_request", ("name", "phone"), "party_id", "request_id"),
    SignedBody: Sealing("signed_body", ("body",), "message_id", "message_id"),
    UnmaskGrant: Sealing("unmask_grant", ("reason",), "party_id", "grant_id"),
}
SEALINGS: Final[Mapping[Table, Sealing]] = {
    described.__table__: sealing for described, sealing in _DESCRIBED.items()
}
"""The sealed tables whose rows are written in units of work."""


def with_vault(engine: AsyncEngine, vault: Vault) -> AsyncEngine:
    """Return the engine, whose connections seal and open by this vault."""
    return engine.execution_options(**{_OPTION: vault})


def vault_of(found: AsyncConnection | AsyncEngine) -> Vault:
    """Return the vault of a connection or engine; raises `VaultKeysMissing` where there is none."""
    if isinstance(found, AsyncEngine):
        options = found.sync_engine.get_execution_options()
    else:
        assert found.sync_connection is not None, "the connection is open"
        options = found.sync_connection.get_execution_options()
    vault = options.get(_OPTION)
    if not isinstance(vault, Vault):
        raise VaultKeysMissing("personal data is sealed, and no keys were given: set ESCROW_KEYS")
    return vault


def is_sealed(table: Table) -> bool:
    """Tell whether rows of a table are sealed."""
    return table in SEALINGS


def sealed(
    connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]]
) -> Sequence[Mapping[str, Any]]:
    """Return rows as they are written: personal fields in the blob, indexes beside it.

    A row that tells nothing of anybody has no blob.
    """
    sealing = SEALINGS.get(table)
    if sealing is None:
        return rows
    vault, names = vault_of(connection), sealing.fields
    untold = dict.fromkeys(names)
    nothing: dict[str, Any] = {"sealed": None, "wrapped_key": None}
    if sealing.was_plain:
        nothing |= untold
    plain: list[dict[str, Any]] = []
    some: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for row in rows:
        told: dict[str, Any] = {name: row.get(name) for name in names}
        new = {**row, **nothing}
        for column, name in sealing.flags.items():
            new[column] = told[name] is not None
        for column, (kind, name) in sealing.indexes.items():
            new[column] = None if told[name] is None else vault.blind(kind, told[name])
        if told != untold:
            some.append((new, told))
        plain.append(new)
    seals = vault.seal_placed(
        lambda suite: [(sealing.bound(suite, new), written(told)) for new, told in some], len(some)
    )
    for (new, _), (blob, wrapped) in zip(some, seals, strict=True):
        new["sealed"], new["wrapped_key"] = blob, wrapped
    return plain


def sealed_tuples(
    connection: AsyncConnection, table: Table, rows: Sequence[tuple[Any, ...]]
) -> Sequence[tuple[Any, ...]]:
    """Return rows, tuples of all columns after the journal, as they are written.

    Only of tables whose rows are a subject of their own and have no blind indexes. What a row
    tells of a person stands in it in plain, or not at all, and leaves its blob beside it.
    """
    sealing = SEALINGS.get(table)
    if sealing is None:
        return rows
    assert sealing.key == sealing.subject, "a row is its own subject"
    assert sealing.was_plain, "its fields are columns"
    assert not sealing.indexes, "nothing is looked up by"
    places = {c.key: place for place, c in enumerate(c for c in table.c if c.key != "journal_id")}
    key_at, told_at = places[sealing.key], [places[name] for name in sealing.fields]
    telling = itemgetter(*told_at)
    write, nothing = writer(sealing.fields), (None,) * len(told_at)
    told = [telling(row) for row in rows]
    name = sealing.table
    seals = iter(
        vault_of(connection).seal_placed(
            lambda suite: [
                (bound(suite, name, row[key_at], row[key_at]), write(said))
                for row, said in zip(rows, told, strict=True)
                if said != nothing
            ],
            len(told) - told.count(nothing),
        )
    )
    flags = [(places[flag], sealing.fields.index(of)) for flag, of in sealing.flags.items()]
    blob_at, wrapped_at = places["sealed"], places["wrapped_key"]
    written_rows: list[tuple[Any, ...]] = []
    for row, said in zip(rows, told, strict=True):
        new = [*row]
        for place in told_at:
            new[place] = None
        for place, of in flags:
            new[place] = said[of] is not None
        if said != nothing:
            new[blob_at], new[wrapped_at] = next(seals)
        written_rows.append(tuple(new))
    return written_rows


def resealed(
    connection: AsyncConnection, table: Table, key: Sequence[Any], values: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return the new values of a row as they are written; its personal fields change together."""
    sealing = SEALINGS.get(table)
    if sealing is None or not any(name in values for name in sealing.fields):
        return values
    assert all(name in values for name in sealing.fields), "personal fields change together"
    assert sealing.key == sealing.subject, "only a row of its own subject changes"
    [row] = sealed(connection, table, [{**values, sealing.key: key[0]}])
    columns = {c.key for c in table.c}
    return {name: value for name, value in row.items() if name in columns and name != sealing.key}


def opened(
    connection: AsyncConnection, table: type[Any], rows: Sequence[Mapping[str, Any]]
) -> Sequence[Mapping[str, Any]]:
    """Return rows as they were before they were sealed; raises `Unopened`.

    They carry `sealed`, `wrapped_key`, and what the seal is bound to. Where the key was destroyed
    the row is `erased` and its personal fields are empty; one from before the vault is as it was.
    """
    sealing = SEALINGS.get(table.__table__)
    if sealing is None:
        return rows
    vault = None
    plain: list[dict[str, Any]] = []
    for row in rows:
        known = dict(row)
        blob, wrapped = known.pop("sealed"), known.pop("wrapped_key")
        known["erased"] = blob is not None and wrapped is None
        if not sealing.was_plain:
            known |= dict.fromkeys(sealing.fields)
        if blob is not None and wrapped is not None:
            vault = vault or vault_of(connection)
            place = sealing.place(known)
            fields = vault.open(place.subject, place.table, blob, wrapped, place.row)
            known |= fields
        plain.append(known)
    return plain
