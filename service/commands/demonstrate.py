"""`escrow demo`: a term of a district, played through the served API and told in tables."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import rich_click as click


@click.command()
@click.option(
    "--scenario",
    type=click.Choice(["term", "backlog", "banks"]),
    default="term",
    show_default=True,
    help="A district's term, the institutions that failed before supervision, or six banks.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.option("--full", is_flag=True, help="Play the whole term instead of its first four weeks.")
@click.option("--weeks", type=click.IntRange(1, 13), help="Play so many weeks of lessons.")
@click.option("--schools", type=click.IntRange(2, 68), help="Play so many institutions only.")
@click.option(
    "--share",
    type=click.IntRange(1, 100),
    default=1,
    help="Of the backlog, play one n-th of the contracts.",
)
@click.option(
    "--days", type=click.IntRange(1, 60), default=5, help="Days in which the banks go wrong."
)
@click.option("--serve", "stays", is_flag=True, help="Leave the server up until interrupted.")
@click.option("--keep", is_flag=True, help="Keep the database and the server's log.")
@click.option("--seed", type=int, help="Another district; the same number gives the same figures.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Data folder of the embedded PostgreSQL; the database in it is new either way.",
)
def demo(  # noqa: PLR0913 - one option each
    *,
    scenario: str,
    share: int,
    days: int,
    as_json: bool,
    full: bool,
    weeks: int | None,
    schools: int | None,
    stays: bool,
    keep: bool,
    seed: int | None,
    data: Path | None,
) -> None:
    """Start the service on a fresh database, play a district's life, and verify every fen.

    Ends 0 when the verification is clean, 2 when it is violated and 3 when it is incomplete.
    """
    from service.demo import (  # noqa: PLC0415 - quick --help
        backlog_tables,
        performance,
        player,
        server,
        six_banks_tables,
        tables,
    )
    from service.demo.pace import Bars  # noqa: PLC0415
    from service.settings import Settings  # noqa: PLC0415
    from service.store.postgres import NoPostgres  # noqa: PLC0415

    settings = Settings() if data is None else Settings(data=data, database_url=None)
    script = player.Script(None if full else weeks or player.WEEKS, schools, seed)
    try:
        with performance.staged(settings, keep=keep) as house:
            show: Callable[[dict[str, Any]], None]
            given: performance.Performance | performance.Settlement | performance.Banking
            with Bars() as pace:
                if scenario == "backlog":
                    given = settled = performance.run_backlog(house, pace, seed=seed, share=share)
                    summary = backlog_tables.summary(settled)
                    show = partial(backlog_tables.show, settled)
                elif scenario == "banks":
                    given = banked = performance.run_banks(house, pace, seed=seed, days=days)
                    summary, show = six_banks_tables.summary(banked), six_banks_tables.show
                else:
                    given = played = performance.run(house, pace, script)
                    summary, show = tables.summary(played), partial(tables.show, played)
            summary |= tables.visitors(house, given.stage.cast) if stays else {}
            if as_json:
                click.echo(json.dumps(summary, ensure_ascii=False))
            else:
                show(summary)
            if stays:
                house.wait()
    except (server.NotServed, NoPostgres) as error:
        raise click.ClickException(str(error)) from error
    raise SystemExit(given.report.exit_code)
