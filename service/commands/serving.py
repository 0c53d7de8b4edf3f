"""`escrow serve` and `escrow worker`: the two long-running processes."""

import asyncio

import rich_click as click


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port; 0 takes a free one.")
@click.option("--workless", is_flag=True, help="Leave the due sweeps to `escrow worker`.")
def serve(host: str, port: int, *, workless: bool) -> None:
    """Serve the API on the given or the embedded database."""
    from service import launch, logs, vault_opening  # noqa: PLC0415 - keeps `--help` quick
    from service.settings import Settings  # noqa: PLC0415

    settings = Settings()
    logs.configure(settings.log_level, as_json=settings.log_json)
    try:
        launch.arm_failpoints(settings)
        found = launch.database(settings)
        asyncio.run(launch.bring_up(found))
        asyncio.run(launch.tell_standing(found))
        vault = asyncio.run(vault_opening.open_vault(settings, found))
        settings = launch.with_heads(launch.with_pack_keys(settings, found), found)
        bound = launch.listen(host, port)
        settings = launch.with_signing(settings, found, host, bound.getsockname()[1])
    except launch.NotServable as error:
        raise click.ClickException(str(error)) from error
    address = f"http://{host}:{bound.getsockname()[1]}"
    click.echo(f"serving {address}  documentation {address}/docs")
    launch.serve(settings, found.url, bound, working=not workless, vault=vault)


@click.command()
@click.option("--interval", default=5, show_default=True, help="Seconds between rounds of sweeps.")
@click.option("--once", is_flag=True, help="Run one round and stop.")
def worker(interval: int, *, once: bool) -> None:
    """Run the due sweeps: deliver notices, confirm by silence, lapse, retry kept debits."""
    from service import launch, logs, vault_opening  # noqa: PLC0415 - keeps `--help` quick
    from service.settings import Settings  # noqa: PLC0415
    from service.store.vault_rows import with_vault  # noqa: PLC0415
    from service.worker import run_forever, sweeps_with  # noqa: PLC0415

    settings = Settings()
    logs.configure(settings.log_level, as_json=settings.log_json)
    try:
        launch.arm_failpoints(settings)
        found = launch.database(settings)
        asyncio.run(launch.bring_up(found))
        asyncio.run(launch.tell_standing(found))
        vault = asyncio.run(vault_opening.open_vault(settings, found))
    except launch.NotServable as error:
        raise click.ClickException(str(error)) from error
    sweeps = sweeps_with(launch.with_pack_keys(settings, found).pack_keys)
    engine = with_vault(launch.engine_of(found.url, pool_size=4), vault)
    asyncio.run(run_forever(engine, interval, sweeps, once=once))
