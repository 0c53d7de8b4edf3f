"""`escrow demo --scenario banks`: six processes, six ways of telling, every difference named."""

import json
import os
import subprocess
import sys

from tests.fixtures.databases import Database


def test_the_demonstration_of_six_banks_names_every_fen(database: Database) -> None:
    ended = subprocess.run(
        [
            *(sys.executable, "-c", "from service.cli import main; main()", "demo"),
            *("--scenario", "banks", "--days", "1", "--json"),
        ],
        env=os.environ
        | {
            "ESCROW_DATABASE_URL": database.url("escrow_app"),
            "ESCROW_ADMIN_URL": database.admin_url,
        },
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert [each["bank"] for each in told["accounts"]] == [
        *("ICBC", "ABC", "CCB", "CMB", "CQRCB", "CQB")
    ]
    assert told["explained"]
    assert all(each["lines"] > 1 for each in told["accounts"])
    assert told["verify"]["status"] == "clean"
