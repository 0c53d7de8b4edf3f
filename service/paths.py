"""Where the files lie that are data and not code: migrations and seeds.

In a checkout they are top-level folders; in an installed wheel they travel inside the package.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def migrations_dir() -> Path:
    """Return the folder of Alembic's environment and versions."""
    return _folder("migrations")


def seeds_dir() -> Path:
    """Return the folder of reference data (adcodes, calendars, rule packs) and demonstrations."""
    return _folder("seeds")


def _folder(name: str) -> Path:
    # The wheel's copy is asked first: beside an installed package another `migrations` may lie.
    packaged = _PACKAGE / f"_{name}"
    return packaged if packaged.is_dir() else _PACKAGE.parent / name
