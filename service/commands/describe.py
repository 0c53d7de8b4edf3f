"""`escrow openapi`: write the published API description, or say that it is stale."""

import json
from pathlib import Path

import rich_click as click


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; exit 1 when the file is stale.")
@click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("openapi/openapi.json"),
    show_default=True,
)
def openapi(file: Path, *, check: bool) -> None:
    """Write openapi.json from the routes as they are."""
    written = rendered()
    if check:
        if not file.exists() or file.read_text(encoding="utf-8") != written:
            raise click.ClickException(f"{file} is stale: run `escrow openapi`")
        click.echo(f"{file} is current")
        return
    file.write_text(written, encoding="utf-8")
    click.echo(f"wrote {file}")


def rendered() -> str:
    """Render the description; the demonstration's clock is part of it."""
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415

    from service.app import create_app  # noqa: PLC0415
    from service.settings import Settings  # noqa: PLC0415

    engine = create_async_engine("postgresql+asyncpg://nobody@/none")
    app = create_app(engine, Settings(demo=True))
    return json.dumps(app.openapi_schema.to_schema(), indent=2, ensure_ascii=False) + "\n"
