"""`escrow sandbox`: a bank's engineer tries everything out, with a key that everybody may know."""

import asyncio
import json

import rich_click as click


@click.command()
@click.option("--bank", default="ICBC", show_default=True, help="Code of the bank to be.")
@click.option(
    "--service", "address", default="http://127.0.0.1:8000", show_default=True, help="Its address."
)
@click.option("--order", is_flag=True, help="Let the school earn a lesson and ask for it.")
def sandbox(*, bank: str, address: str, order: bool) -> None:
    """Make a school, a contract and a bank's test key at a service that is on trial.

    Prints them as JSON; made again it is the same sandbox. Only where ESCROW_DEMO=1.
    """
    from service import launch  # noqa: PLC0415 - keeps `escrow --help` quick
    from service.demo.client import Api, Json, Unexpected  # noqa: PLC0415
    from service.demo.sandbox import open_sandbox  # noqa: PLC0415
    from service.settings import Settings  # noqa: PLC0415

    settings = Settings()
    if not settings.demo:
        raise click.UsageError("a sandbox's key is known to everybody: only with ESCROW_DEMO=1")
    url = launch.database_url(settings)

    async def made() -> Json:
        engine = launch.engine_of(url, pool_size=1)
        try:
            async with Api.at(address, patience_s=10) as api:
                return await open_sandbox(engine, api, bank, order=order)
        finally:
            await engine.dispose()

    try:
        found = asyncio.run(made())
    except Unexpected as unexpected:
        raise click.ClickException(str(unexpected)) from unexpected
    click.echo(json.dumps(found, ensure_ascii=False, indent=1))
