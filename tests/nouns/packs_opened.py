"""Resolution packs in a test: made, fetched, unpacked, and replayed by their own script."""

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import httpx

from tests.fixtures.academies import Academy


async def packed(academy: Academy, **values: Any) -> dict[str, Any]:
    """Have a pack of the academy made."""
    district = academy.district
    path = f"/v1/institutions/{district.public('ins', academy.institution)}/resolution-packs"
    answer = await district.service.post(path, district.regulator, **values)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def fetched(academy: Academy, pack: dict[str, Any]) -> httpx.Response:
    """Fetch a pack's content."""
    district = academy.district
    answer = await district.service.get(
        f"/v1/resolution-packs/{pack['id']}/content", district.regulator
    )
    assert answer.status_code == 200, answer.text
    return answer


async def unpacked(academy: Academy, folder: Path) -> Path:
    """Make, fetch and unpack a pack."""
    content = (await fetched(academy, await packed(academy))).content
    (folder / "pack.zip").write_bytes(content)
    with zipfile.ZipFile(folder / "pack.zip") as archive:
        archive.extractall(folder / "pack")
    return folder / "pack"


def replayed(folder: Path, *arguments: str, script: Path | None = None) -> tuple[int, str]:
    """Run the script in a bare Python; return its exit code and what it printed."""
    ran = subprocess.run(
        [sys.executable, "-I", str(script or folder / "replay.py"), str(folder), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    return ran.returncode, ran.stdout + ran.stderr
