"""`escrow replay-plan`: share out a plan's inputs again, with nothing but the inputs."""

import json
from pathlib import Path
from typing import Any

import rich_click as click


@click.command("replay-plan")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--plan-hash", help="The hash to compare with; the file's own unless given.")
@click.option("--shares", "show_shares", is_flag=True, help="Print every share, too.")
def replay_plan(file: Path, *, plan_hash: str | None, show_shares: bool) -> None:
    """Recompute a distribution plan (分配方案) from FILE; exit 1 when its hash differs.

    FILE holds the answer of `GET /v1/plans/{id}/inputs`, or the inputs alone. No database is asked.
    """
    from ledger import distribution  # noqa: PLC0415

    inputs, told = _read(file)
    try:
        plan = distribution.planned(inputs)
    except (KeyError, TypeError, ValueError) as error:
        raise click.ClickException(f"these are no inputs of a plan: {error}") from error
    if show_shares:
        for number, one, two in plan.shares:
            click.echo(f"{number} {one} {two} {one + two}")
    click.echo(
        f"{plan.inputs['basis']} round {plan.inputs['round']}: {len(plan.shares)} entitlements,"
        f" claimed {plan.claimed} fen, pool {plan.pool}, distributed {plan.distributed},"
        f" residual {plan.residual}"
    )
    click.echo(f"plan hash {plan.digest.hex()}")
    wanted = plan_hash or told
    if wanted is not None and wanted != plan.digest.hex():
        raise click.ClickException(f"the plan's hash is {wanted}")
    if wanted is not None:
        click.echo("the same as the plan's")


def _read(file: Path) -> tuple[dict[str, Any], str | None]:
    try:
        written = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise click.ClickException(f"{file} is not JSON") from error
    if not isinstance(written, dict):
        raise click.ClickException(f"{file} holds no inputs")
    return (written["inputs"], written.get("plan_hash")) if "inputs" in written else (written, None)
