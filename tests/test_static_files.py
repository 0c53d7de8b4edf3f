"""The files of the documentation page come with the installation, not from a network."""

import pytest

from service.web import static


def test_swagger_ui_lies_here_whole_and_reads_openapi_3_1() -> None:
    folder = static.swagger_folder()

    assert folder is not None
    assert static.vendored()
    bundle = (folder / "swagger-ui-bundle.js").read_text(encoding="utf-8")
    assert 'PACKAGE_VERSION:"5.' in bundle


def test_without_the_package_or_a_file_of_it_the_plain_page_is_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(static, "SWAGGER_FILES", ("missing.js",))

    assert static.swagger_folder() is None
    assert not static.vendored()
