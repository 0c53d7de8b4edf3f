"""Keys that a first start makes: by several processes at once, or again after one was cut."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service.identity.service_keys import SigningKeys, make_signing_key
from service.private_files import write_new
from service.resolution.sealing import (
    RECIPIENT,
    RECIPIENT_PRIVATE,
    SIGNING,
    Keys,
    KeyUnusable,
    make_keys,
)
from service.store import vault_keys

MAKERS = pytest.mark.parametrize(
    ("make", "load"),
    [
        (vault_keys.make, vault_keys.load),
        (make_keys, Keys.load),
        (make_signing_key, SigningKeys.load),
    ],
    ids=["vault", "packs", "answers"],
)


@MAKERS
def test_many_at_once_find_one_set_of_keys(
    tmp_path: Path, make: Callable[[Path], bool], load: Callable[[Path], object]
) -> None:
    folder = tmp_path / "new" / "keys"

    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda _: make(folder), range(16)))

    assert sorted(made) == [False] * 15 + [True]
    assert load(folder)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


@pytest.mark.parametrize("lost", [RECIPIENT, SIGNING, RECIPIENT_PRIVATE])
def test_a_start_that_was_cut_is_completed(tmp_path: Path, lost: str) -> None:
    make_keys(tmp_path)
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != lost}
    public = (tmp_path / RECIPIENT).read_bytes()
    (tmp_path / lost).unlink()

    made = make_keys(tmp_path)

    assert made is (lost != RECIPIENT_PRIVATE)
    assert all((tmp_path / name).read_bytes() == content for name, content in kept.items())
    assert (tmp_path / RECIPIENT).read_bytes() == public
    assert Keys.load(tmp_path).recipient is not None


def test_a_vault_without_its_first_generation_is_completed(tmp_path: Path) -> None:
    vault_keys.make(tmp_path)
    index = (tmp_path / vault_keys.INDEX).read_bytes()
    vault_keys.path_of(tmp_path, 1).unlink()

    assert vault_keys.make(tmp_path)
    assert (tmp_path / vault_keys.INDEX).read_bytes() == index
    assert sorted(vault_keys.load(tmp_path).generations) == [1]


def test_a_private_key_of_another_kind_makes_no_public_one(tmp_path: Path) -> None:
    make_keys(tmp_path)
    (tmp_path / RECIPIENT).unlink()
    (tmp_path / RECIPIENT_PRIVATE).write_bytes((tmp_path / SIGNING).read_bytes())

    with pytest.raises(KeyUnusable, match=RECIPIENT_PRIVATE):
        make_keys(tmp_path)


def test_a_file_is_never_written_over(tmp_path: Path) -> None:
    write_new(tmp_path / "kept", b"first")

    with pytest.raises(FileExistsError):
        write_new(tmp_path / "kept", b"second")

    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"first"]
