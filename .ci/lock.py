"""Write the exact version of every dependency, and of theirs, into pyproject.toml.

uv.lock names a package index's host and is not committed; `[tool.uv] constraint-dependencies` names
versions only, and gives everybody the same tree.
"""

import re
import subprocess
from collections import Counter
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
BLOCK = re.compile(r"^constraint-dependencies = \[\n.*?^\]\n", re.MULTILINE | re.DOTALL)
EXPORT = (
    *("uv", "export", "--quiet", "--upgrade", "--all-groups", "--all-extras", "--no-hashes"),
    *("--no-annotate", "--no-header", "--no-emit-project", "--format", "requirements.txt"),
)


def main() -> None:
    """Resolve without the old constraints; put them back if that fails."""
    before = PYPROJECT.read_text()
    try:
        write([])
        write(resolved())
    except BaseException:
        PYPROJECT.write_text(before)
        raise
    subprocess.run(["uv", "lock", "--quiet"], check=True)


def resolved() -> list[str]:
    """Return `name==version`, with its marker only where platforms get different versions."""
    printed = subprocess.run(
        EXPORT, check=True, stdout=subprocess.PIPE, text=True, cwd=PYPROJECT.parent
    ).stdout
    lines = [line.strip() for line in printed.splitlines() if "==" in line]
    names = Counter(line.split("==")[0] for line in lines)
    return [
        line if names[line.split("==")[0]] > 1 else line.split(";")[0].strip() for line in lines
    ]


def write(versions: list[str]) -> None:
    """Replace the block of constraints."""
    block = "constraint-dependencies = [\n"
    block += "".join(f'    "{version}",\n' for version in versions) + "]\n"
    PYPROJECT.write_text(BLOCK.sub(lambda _: block, PYPROJECT.read_text(), count=1))


if __name__ == "__main__":
    main()
