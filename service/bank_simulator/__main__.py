"""`python -m service.bank_simulator`: one bank, told by standard input what happens at it."""

import asyncio
import sys
from datetime import date
from pathlib import Path

import httpx
import rich_click as click

from service.bank_simulator import counter
from service.bank_simulator.bank import Bank
from service.bank_simulator.disturbances import Disturbance, Disturbances
from service.bank_simulator.line import Line
from service.bank_simulator.profiles import PROFILES
from service.bank_simulator.signing import BankKey

TIMEOUT_S = 120


@click.command()
@click.argument("bank", type=click.Choice(sorted(PROFILES)))
@click.option("--service", "address", required=True, help="Address of the service.")
@click.option(
    "--key",
    "key_file",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="File with the seed of the bank's Ed25519 key, in hexadecimal.",
)
@click.option("--today", required=True, help="The bank's first day, such as 2026-03-02.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, another run.")
@click.option(
    "--disturb",
    "disturbed",
    multiple=True,
    type=click.Choice(["all", *Disturbance]),
    help="What goes wrong; repeat, or all.",
)
def simulate(  # noqa: PLR0913 - one option each
    *, bank: str, address: str, key_file: Path, today: str, seed: int, disturbed: tuple[str, ...]
) -> None:
    """Be a bank: keep its books, and tell the service what a bank would, signed.

    What happens at the bank comes by standard input, a JSON object a line, as docs/bank-adapter.md
    says; each line is answered by one. The bank ends when the input does.
    """
    key = BankKey.in_file(bank, key_file)
    on = frozenset(Disturbance) if "all" in disturbed else frozenset(map(Disturbance, disturbed))

    async def run() -> None:
        async with httpx.AsyncClient(base_url=address, timeout=TIMEOUT_S) as http:
            line = Line(http, key)
            await line.learn()
            made = Bank(PROFILES[bank], line, Disturbances(seed, on), date.fromisoformat(today))
            await counter.serve(made, sys.stdin, _answer)

    asyncio.run(run())


def _answer(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()


if __name__ == "__main__":
    simulate()
