"""Alembic's environment: runs on the connection it is given, as the owner of the schema."""

from typing import TYPE_CHECKING

from alembic import context

from service.store.tables import Base, Pii

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

LEAF_PARENTS = ("journal_transaction", "entry", "rollup", "audit")


def _is_ours(
    _object: object,
    name: str | None,
    kind: str,
    reflected: bool,  # noqa: FBT001 - Alembic's own signature
    _compare: object,
) -> bool:
    """Leave the journals' leaves out of comparisons: each journal makes its own."""
    if kind != "table" or not reflected or name is None:
        return True
    return not any(name.startswith(f"{parent}_") and name[-1].isdigit() for parent in LEAF_PARENTS)


def run(connection: "Connection") -> None:
    """Run the migrations in one transaction each."""
    context.configure(
        connection=connection,
        target_metadata=[Base.metadata, Pii.metadata],
        include_schemas=True,
        include_name=lambda name, kind, _parents: kind != "schema" or name in ("escrow", "pii"),
        include_object=_is_ours,
        version_table_schema="escrow",
        compare_type=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
