"""Run the tests once on each PostgreSQL from 15 to 18 that this machine has; fail if any fails."""

import os
import subprocess
import sys

from service.store import postgres, postgres_binaries

SUPPORTED = range(15, 19)


def main() -> int:
    """Return 0 when every version passed, 1 when one failed or none was found."""
    passed: dict[int, bool] = {}
    for programs in postgres.found():
        version = postgres_binaries.major(programs)
        if version not in SUPPORTED or version in passed:
            continue
        sys.stdout.write(f"\n=== PostgreSQL {version} ({programs})\n")
        sys.stdout.flush()
        tests = subprocess.run(
            [sys.executable, "-m", "pytest", "-n", "auto", *sys.argv[1:]],
            env={**os.environ, "ESCROW_PG_BIN": str(programs)},
            check=False,
        )
        passed[version] = tests.returncode == 0
    for version, ok in passed.items():
        sys.stdout.write(f"PostgreSQL {version}: {'passed' if ok else 'FAILED'}\n")
    return 0 if passed and all(passed.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
