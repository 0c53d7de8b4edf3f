"""`escrow jurisdiction` and `escrow token`: what stands before anybody can call the API."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import rich_click as click

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection


@asynccontextmanager
async def transaction(url: str) -> AsyncIterator["AsyncConnection"]:
    """Open one transaction at this address, on an engine of its own."""
    from service import launch  # noqa: PLC0415 - keeps `escrow --help` quick
    from service.store.transact import writing  # noqa: PLC0415

    engine = launch.engine_of(url, pool_size=1)
    try:
        async with writing(engine) as connection:
            yield connection
    finally:
        await engine.dispose()


@click.group()
def jurisdiction() -> None:
    """Add and list jurisdictions (辖区) with their journals."""


@jurisdiction.command("add")
@click.argument("code")
@click.option("--name", required=True, help="Name, such as 沙坪坝区.")
@click.option("--journal", type=click.IntRange(1, 65535), help="Number of its journal.")
@click.option("--parent", help="Parent's code; needed for a functional zone only.")
@click.option("--rule-pack", default="cn-national", show_default=True, help="Its rule pack.")
@click.option("--bank", "banks", multiple=True, help="A selected custodian bank; repeat.")
@click.option("--department", "departments", multiple=True, help="A competent department; repeat.")
def add_jurisdiction(  # noqa: PLR0913, PLR0917 - one option each
    code: str,
    name: str,
    journal: int | None,
    parent: str | None,
    rule_pack: str,
    banks: tuple[str, ...],
    departments: tuple[str, ...],
) -> None:
    """Add a division (adcode) or functional zone, and open its journal."""
    from ledger.parameters import Department  # noqa: PLC0415 - keeps `escrow --help` quick
    from ledger.refusals import Refusal  # noqa: PLC0415
    from service import launch  # noqa: PLC0415
    from service.settings import Settings  # noqa: PLC0415
    from service.store import audit, reference  # noqa: PLC0415

    unknown = sorted(set(departments) - set(Department))
    if unknown:
        raise click.UsageError(f"{unknown[0]} is not one of {', '.join(Department)}")
    new = reference.NewJurisdiction(
        code=code,
        name=name,
        rule_pack=rule_pack,
        journal=journal,
        parent=parent,
        departments=departments or tuple(Department),
        banks=banks,
    )

    url = launch.database_url(Settings())

    async def add() -> str:
        async with transaction(url) as connection:
            row = await reference.add_jurisdiction(connection, new, at=datetime.now(UTC))
            await audit.append_apart(connection, [audit.by_command("jurisdiction add", code)])
        return str(row.path)

    try:
        path = asyncio.run(add())
    except Refusal as refusal:
        raise click.ClickException(f"{refusal.title} {refusal.facts or ''}") from refusal
    click.echo(json.dumps({"code": code, "path": path, "journal": journal}, ensure_ascii=False))


@jurisdiction.command("list")
def list_jurisdictions() -> None:
    """List every jurisdiction, one JSON object a line."""
    from service import launch  # noqa: PLC0415 - keeps `escrow --help` quick
    from service.settings import Settings  # noqa: PLC0415
    from service.store import reference  # noqa: PLC0415

    url = launch.database_url(Settings())

    async def found() -> list[dict[str, object]]:
        async with transaction(url) as connection:
            nodes = await reference.jurisdictions(connection)
        return [
            {k: v for k, v in node.items() if k != "added_at"}
            | {"departments": json.loads(str(node["departments"]))}
            for node in nodes
        ]

    for node in asyncio.run(found()):
        click.echo(json.dumps(node, ensure_ascii=False))


@click.group()
def token() -> None:
    """Issue and revoke bearer tokens."""


@token.command("issue")
@click.argument(
    "role",
    type=click.Choice(["regulator", "bank", "institution", "parent", "operator", "auditor"]),
)
@click.option("--jurisdiction", "code", required=True, help="Code whose subtree is its scope.")
@click.option("--caller", required=True, help="Stable name of the system or person, no real name.")
@click.option("--department", "departments", multiple=True, help="Regulator's department; repeat.")
@click.option("--institution", help="Institution id (role institution).")
@click.option("--bank", help="Bank code (role bank).")
@click.option("--party", help="Party id (role parent).")
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=90,
    show_default=True,
    help="Days until it expires.",
)
def issue_token(  # noqa: PLR0913, PLR0917 - one option each
    role: str,
    code: str,
    caller: str,
    departments: tuple[str, ...],
    institution: str | None,
    bank: str | None,
    party: str | None,
    days: int,
) -> None:
    """Print a new token; it is shown this once."""
    from ledger.refusals import NotAuthenticated  # noqa: PLC0415 - keeps `escrow --help` quick
    from service import launch  # noqa: PLC0415
    from service.identity import tokens  # noqa: PLC0415
    from service.identity.callers import Role  # noqa: PLC0415
    from service.settings import Settings  # noqa: PLC0415
    from service.store import audit, ids  # noqa: PLC0415

    needed = {"institution": institution, "bank": bank, "parent": party}
    if role in needed and needed[role] is None:
        raise click.UsageError(f"a token for {role} needs its --{role.replace('parent', 'party')}")
    try:
        bound = [
            ids.parse(prefix, text)
            for prefix, text in (("ins", institution), ("pty", party))
            if text is not None
        ]
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    scope = tokens.Scope(
        jurisdiction=code,
        departments=departments or None,
        institution=bound[0][1] if institution else None,
        bank=bank,
        party=bound[-1][1] if party else None,
        journal=bound[0][0] if bound else None,
    )
    now = datetime.now(UTC)
    url = launch.database_url(Settings())

    async def issue() -> str:
        async with transaction(url) as connection:
            made = await tokens.issue(
                connection,
                caller_id=caller,
                role=Role(role),
                scope=scope,
                issued_at=now,
                expires_at=now + timedelta(days=days),
            )
            await tokens.caller_of(connection, made)
            await audit.append_apart(connection, [audit.by_command("token issue", caller)])
        return made

    try:
        click.echo(asyncio.run(issue()))
    except NotAuthenticated as refusal:
        raise click.ClickException(f"there is no jurisdiction {code}") from refusal


@token.command("revoke")
@click.argument("caller")
def revoke_tokens(caller: str) -> None:
    """Revoke every live token of a caller, at once."""
    from service import launch  # noqa: PLC0415 - keeps `escrow --help` quick
    from service.identity import tokens  # noqa: PLC0415
    from service.settings import Settings  # noqa: PLC0415
    from service.store import audit  # noqa: PLC0415

    url = launch.database_url(Settings())

    async def revoke() -> int:
        async with transaction(url) as connection:
            revoked = await tokens.revoke(connection, caller_id=caller, at=datetime.now(UTC))
            await audit.append_apart(connection, [audit.by_command("token revoke", caller)])
            return revoked

    click.echo(f"revoked {asyncio.run(revoke())}")
