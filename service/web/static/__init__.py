"""Third-party files for the browser, served by ourselves so that every page works offline.

They come with the `swagger-ui-py` package; only its files are used and it is never imported.
"""

import importlib.util
from pathlib import Path

SWAGGER_FILES = ("swagger-ui.css", "swagger-ui-bundle.js", "swagger-ui-standalone-preset.js")
"""What the documentation page loads, in this order."""


def swagger_folder() -> Path | None:
    """Return the folder that holds SWAGGER_FILES, or None where the package was left out."""
    package = importlib.util.find_spec("swagger_ui")
    if package is None or package.origin is None:
        return None
    folder = Path(package.origin).parent / "static"
    return folder if all((folder / name).is_file() for name in SWAGGER_FILES) else None


def vendored() -> bool:
    """Whether the documentation page can be Swagger UI; otherwise it is the plain page."""
    return swagger_folder() is not None
