"""`escrow migrate`: bring a database to the current schema and reference data."""

import asyncio

import rich_click as click


@click.command()
@click.option(
    "--admin-url",
    envvar="ESCROW_ADMIN_URL",
    help="Login that may create roles; without it the embedded database is migrated.",
)
def migrate(admin_url: str | None) -> None:
    """Create roles and schemas, run the migrations, load the reference data."""
    from service import launch  # noqa: PLC0415 - keeps `escrow --help` quick
    from service.settings import Settings  # noqa: PLC0415

    settings = Settings()
    if admin_url is None and settings.database_url is not None:
        raise click.ClickException("ESCROW_DATABASE_URL is given: give ESCROW_ADMIN_URL as well")
    try:
        if admin_url is not None:
            asyncio.run(launch.install(admin_url))
        else:
            asyncio.run(launch.bring_up(launch.database(settings)))
    except launch.NotServable as error:
        raise click.ClickException(str(error)) from error
    click.echo("migrated")
