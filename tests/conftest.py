"""What every test can ask for: the fixtures of each module in tests/fixtures."""

from pathlib import Path

import pytest

# The fixtures import each other, in whatever order they are loaded.
pytest.register_assert_rewrite("tests.fixtures")

pytest_plugins = [
    f"tests.fixtures.{module.stem}"
    for module in sorted((Path(__file__).parent / "fixtures").glob("[a-z]*.py"))
]
