"""`poe schemas`: schemathesis over the whole API description, with a token of each role in turn.

The real service over a district with something of everything in it; examples, coverage, fuzzing
and chains of calls, every check schemathesis has. What a description cannot say is left out case
by case (left_out.py), and counted with its reason.
"""

import asyncio
import json
import random
import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import rich_click as click
import schemathesis
from schemathesis import Case
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure
from schemathesis.core.transport import Response
from schemathesis.engine import events, from_schema
from schemathesis.hooks import HookContext
from sqlalchemy.ext.asyncio import create_async_engine

from service.app import create_app
from service.identity.callers import Role
from service.settings import Settings
from service.web.policy import routes
from tests.campaigns import left_out
from tests.campaigns.command import SEED, begin, end, tell
from tests.campaigns.ground import own_folder, own_machine
from tests.campaigns.grounded import grounded
from tests.campaigns.populated import BANK, populate
from tests.fixtures.started import Machine
from tests.processes.bank_load import line_to

DESCRIPTION: Final = Path(__file__).parent.parent.parent / "openapi" / "openapi.json"
ROLES: Final = ("regulator", "operator", "auditor", "bank", "institution", "parent")
ENDING: Final = frozenset({"revokeToken", "logOut"})
"""Operations that end the caller's own token; asked, they would leave nothing to ask with."""
KEY: Final = re.compile("[!-~]{1,128}")
REJECTIONS: Final = (
    *("400", "401", "403", "404", "405", "406", "409", "413", "414", "415", "422", "429", "431"),
)
"""How what is wrong is refused: never by a 5xx."""
ALIKE: Final = 3
"""Requests shown of one kind of failure."""


@dataclass
class Figures:
    """What the requests came to."""

    statuses: Counter[int] = field(default_factory=Counter)
    phases: Counter[str] = field(default_factory=Counter)
    roles: Counter[str] = field(default_factory=Counter)
    operations: set[str] = field(default_factory=set)
    checks: Counter[str] = field(default_factory=Counter)
    transitions: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    failures: dict[str, list[str]] = field(default_factory=dict)
    """By role, check, operation and message: requests that failed it."""
    logged: Counter[str] = field(default_factory=Counter)
    """What the service logged as failed."""

    @property
    def requests(self) -> int:
        """How many there were."""
        return self.statuses.total()

    @property
    def is_clean(self) -> bool:
        """Whether every check passed and nothing failed."""
        return not self.failures and not self.logged

    def lines(self) -> list[str]:
        """Write the figures for people."""
        failed = sum(n for status, n in self.statuses.items() if status >= 500)
        return [
            f"requests      {self.requests} to {len(self.operations)} operations: "
            + _counted(self.phases),
            f"by role       {_counted(self.roles)}",
            f"answers       {_counted(self.statuses)}",
            f"chains        {self.transitions} links from one operation to another",
            f"checks        {self.checks.total()}: {_counted(self.checks)}",
            f"5xx           {failed}",
            f"failures      {len(self.failures)}",
            *(f"left out      {n} x {reason}" for reason, n in self.left_out.most_common()),
            *(f"logged        {n} x {cause}" for cause, n in self.logged.most_common(20)),
            *(
                f"failure       {kind}\n" + "\n".join(f"              {each}" for each in shown)
                for kind, shown in list(self.failures.items())[:50]
            ),
        ]


@dataclass(frozen=True)
class Extent:
    """How much is asked."""

    examples: int
    """Requests that are drawn for each operation, and chains that are begun."""
    seed: int
    operations: int | None = None
    """Operations drawn for each role, of those that are for it; without, all there are."""
    roles: tuple[str, ...] = ROLES
    always: frozenset[str] = frozenset()
    """Operations asked beside those that are drawn."""


@dataclass
class Run:
    """The requests of one role."""

    role: str
    figures: Figures

    def ask(self, document: dict[str, Any], config: dict[str, Any], address: str) -> None:
        """Ask all that the extent says; blocks."""
        schema = schemathesis.openapi.from_dict(
            document, config=SchemathesisConfig.from_dict(config)
        )
        schema.config.update(base_url=address)

        @schema.hook
        def filter_failure(
            _context: HookContext, failure: Failure, case: Case[Any], response: Response
        ) -> bool:
            return self._is_one(failure, case, response)

        for event in from_schema(schema).execute():
            self._hear(event)

    def _is_one(self, failure: Failure, case: Case[Any], response: Response) -> bool:
        """Leave out what is no failure, and count it."""
        reason = left_out.why(failure, case, response)
        if reason is not None:
            self.figures.left_out[reason] += 1
        return reason is None

    def _hear(self, event: events.EngineEvent) -> None:
        figures = self.figures
        if isinstance(event, events.ScenarioFinished):
            self._count(event)
        elif isinstance(event, events.PhaseStarted) and event.payload is not None:
            figures.transitions = max(figures.transitions, event.payload.transitions_total)
        elif isinstance(event, events.NonFatalError):
            kind = f"{self.role} error {event.label}: {event.info.message}"
            figures.failures.setdefault(kind, [])
        elif isinstance(event, events.FatalError):
            raise event.exception

    def _count(self, event: events.ScenarioFinished) -> None:
        figures, recorder = self.figures, event.recorder
        for asked in recorder.interactions.values():
            figures.phases[event.phase.value] += 1
            figures.roles[self.role] += 1
            figures.statuses[asked.response.status_code if asked.response else 0] += 1
        for node in recorder.cases.values():
            figures.operations.add(node.value.operation.label)
        for case_id, checks in recorder.checks.items():
            for check in checks:
                figures.checks[check.name] += 1
                if check.failure_info is not None:
                    self._failed(
                        check.name, check.failure_info, recorder.find_response(case_id=case_id)
                    )

    def _failed(self, check: str, info: Any, response: Response | None) -> None:
        failure, answer = info.failure, b"" if response is None else response.content
        kind = f"{self.role} {check} {failure.operation}: {' '.join(failure.message.split())[:300]}"
        shown = self.figures.failures.setdefault(kind, [])
        if len(shown) < ALIKE:
            shown.append(f"{info.code_sample[:1500]} -> {answer[:500]!r}")


@schemathesis.hook
def before_call(_context: HookContext, case: Case[Any], _sending: dict[str, Any]) -> None:
    """Give a command a key of its own, so that its answer is not that of another one."""
    headers: Any = case.headers
    key = headers.get("Idempotency-Key") if headers else None
    if isinstance(key, str) and KEY.fullmatch(key):
        headers["Idempotency-Key"] = f"{key[:90]}-{uuid.uuid4().hex}"


def config_of(extent: Extent, role: str, token: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """Make schemathesis' own configuration."""
    chance = random.Random(f"{extent.seed} {role}")
    left = ENDING | (_not_drawn(document, role, extent.operations, chance) - extent.always)
    return {
        "seed": chance.getrandbits(64),
        "headers": {"Authorization": f"Bearer {token}"},
        # Signatures are banks' own: a made-up one beside the token would be refused at the door.
        "generation": {
            "max-examples": extent.examples,
            "database": "none",
            "with-security-parameters": False,
        },
        "checks": {"negative_data_rejection": {"expected-statuses": list(REJECTIONS)}},
        "operations": [{"include-operation-id": name, "enabled": False} for name in sorted(left)],
    }


def _not_drawn(
    document: Mapping[str, Any], role: str, count: int | None, chance: random.Random
) -> set[str]:
    known = {
        operation["operationId"]
        for operations in document["paths"].values()
        for operation in operations.values()
    }
    if count is None:
        return set()
    fit = sorted(known & _operations_of(role))
    return known - set(chance.sample(fit, min(count, len(fit))))


@cache
def _operations_of(role: str) -> frozenset[str]:
    app = create_app(create_async_engine("postgresql+asyncpg://nobody@/none"), Settings(demo=True))
    return frozenset(
        str(handler.operation_id)
        for _method, _path, handler in routes(app)
        if Role(role) in handler.opt["policy"].roles
    )


async def ask_all(
    machine: Machine, extent: Extent, figures: Figures, tell: Callable[[str], None]
) -> None:
    """Start the service, populate a district, and ask as each role."""
    serving = machine.start(workless=True)
    document = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
    lists = [path for path, told in document["paths"].items() if "get" in told and "{" not in path]
    async with line_to(machine, serving) as line:
        population = await populate(line.story)
        code, day = line.story.district.code, line.story.day
        plain: Mapping[str, Sequence[str]] = {
            **dict.fromkeys(("code", "jurisdiction", "adcode"), (code,)),
            "day": (day,),
            "bank": (BANK,),
        }
        address = await serving.address()
        for role in extent.roles:
            known = await population.known_to(role, lists)
            config = config_of(extent, role, population.tokens[role], document)
            made = grounded(document, known, plain)
            await asyncio.to_thread(Run(role, figures).ask, made, config, address)
            tell(f"{role}: {figures.requests} requests, {len(figures.failures)} failures")
    figures.logged.update(_causes(serving.said.splitlines()))


def _causes(lines: Iterable[str]) -> list[str]:
    """Read from its log what the service failed at."""
    return [line[:2000] for line in lines if '"request.failed"' in line]


async def campaign(folder: Path, extent: Extent, tell: Callable[[str], None]) -> Figures:
    """Ask a service on a cluster of our own."""
    figures = Figures()
    async with own_machine(folder) as machine:
        await ask_all(machine, extent, figures, tell)
    return figures


def _counted(counter: Mapping[Any, int]) -> str:
    return ", ".join(f"{name} {n}" for name, n in sorted(counter.items())) or "none"


@click.command()
@click.option("--examples", type=click.IntRange(1), default=2, show_default=True)
@click.option(
    "--operations",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="Drawn for each role.",
)
@click.option("--every", is_flag=True, help="Ask every operation as every role.")
@click.option("--role", type=click.Choice(ROLES), multiple=True, help="Each role, unless given.")
@SEED
def main(
    *, examples: int, operations: int, every: bool, role: tuple[str, ...], seed: int | None
) -> None:
    """Ask as every role what the API description promises, of a few operations or of every one."""
    drawn = begin(seed, level="CRITICAL")
    extent = Extent(examples, drawn, None if every else operations, role or ROLES)
    with own_folder() as folder:
        figures = asyncio.run(campaign(folder, extent, tell))
    end(figures)


if __name__ == "__main__":
    main()
