"""`escrow person` and `escrow client`: the first who administer, before anybody can log in.

Whoever may start these commands holds the server already; what they do stands in the journal and
in the audit trail as done by `escrow.cli`. Everybody after the first is better added through the
API, by an administrator of their own body.
"""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import rich_click as click

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from sqlalchemy.ext.asyncio import AsyncEngine

    from service.access.standing import Standing
    from service.identity.callers import Caller
    from service.store.use_case import Outcome, UseCase

ACTOR = "escrow.cli"
DUTIES = (
    *("owner", "finance", "academic", "teacher", "officer", "observer", "task_force"),
    *("security", "system", "support"),
)
STANDING = (
    click.option("--jurisdiction", "code", help="Code whose subtree is the scope."),
    click.option("--institution", help="Institution id (role institution)."),
    click.option("--department", "departments", multiple=True, help="Department; repeat."),
    click.option("--duty", "duties", multiple=True, type=click.Choice(DUTIES), help="Repeat."),
)


def _with_standing(command: "Callable[..., Any]") -> "Callable[..., Any]":
    for option in reversed(STANDING):
        command = option(command)
    return command


@click.group()
def person() -> None:
    """Invite people (监管、机构、运营、审计人员) and take their access away."""


@person.command("add")
@click.argument("role", type=click.Choice(["regulator", "institution", "operator", "auditor"]))
@_with_standing
@click.option("--name", prompt=True, help="Name; asked for unless given.")
@click.option("--login", prompt=True, help="Login name; asked for unless given.")
def add_person(name: str, login: str, **said: Any) -> None:  # noqa: ANN401 - the options above
    """Invite a person; print its id and the invitation, which is shown this once."""
    from service.access import add_person as cases  # noqa: PLC0415 - keeps `escrow --help` quick
    from service.identity import people  # noqa: PLC0415
    from service.store import ids  # noqa: PLC0415
    from service.store.vault_rows import vault_of  # noqa: PLC0415

    token = people.new_ticket(people.INVITATION_PREFIX)

    async def work(engine: "AsyncEngine") -> dict[str, Any]:
        standing, journal = await _placed(engine, said)
        adding = cases.AddPerson(
            journal=journal,
            person=ids.new_id(time.time_ns() // 1_000_000),
            standing=standing,
            detail=cases.Detail(name, login, None, None),
            login_index=vault_of(engine).blind("login", login),
            invitation=people.digest(token),
        )
        outcome = await _run(engine, cases.ADD_PERSON, adding, journal)
        return {"id": outcome.single()["id"], "invitation": token}

    _tell(work)


@person.command("invite")
@click.argument("person_id")
def invite_person(person_id: str) -> None:
    """Invite somebody anew who lost password or authenticator; print the invitation."""
    from service.access import use_cases  # noqa: PLC0415 - keeps `escrow --help` quick
    from service.identity import people  # noqa: PLC0415

    token = people.new_ticket(people.INVITATION_PREFIX)
    payload = {"person_id": person_id, "invitation": people.digest(token).hex()}

    async def work(engine: "AsyncEngine") -> dict[str, Any]:
        await _change(engine, use_cases.INVITE_PERSON, person_id, payload)
        return {"id": person_id, "invitation": token}

    _tell(work)


@person.command("revoke")
@click.argument("person_id")
def revoke_person(person_id: str) -> None:
    """Take a person's access away, at once and for good."""
    from service.access import use_cases  # noqa: PLC0415 - keeps `escrow --help` quick

    async def work(engine: "AsyncEngine") -> dict[str, Any]:
        payload = {"person_id": person_id}
        outcome = await _change(engine, use_cases.REVOKE_PERSON, person_id, payload)
        return {"id": person_id, "state": outcome.single()["state"]}

    _tell(work)


@click.group()
def client() -> None:
    """Let systems in (系统客户端) and take their access away."""


@client.command("add")
@click.argument("role", type=click.Choice(["regulator", "institution", "auditor"]))
@_with_standing
@click.option("--label", required=True, help="What the system is called; nobody's name.")
@click.option("--days", type=click.IntRange(1, 400), default=365, show_default=True)
def add_client(label: str, days: int, **said: Any) -> None:  # noqa: ANN401 - the options above
    """Let a system in with a secret; print both, the secret this once."""
    from service.access import client_cases as cases  # noqa: PLC0415 - keeps --help quick
    from service.identity import clients, people  # noqa: PLC0415
    from service.store import ids  # noqa: PLC0415

    secret, at_ms = clients.new_secret(), time.time_ns() // 1_000_000
    now = datetime.fromtimestamp(at_ms / 1000, UTC)

    async def work(engine: "AsyncEngine") -> dict[str, Any]:
        standing, journal = await _placed(engine, said)
        made = ids.new_id(at_ms)
        adding = cases.AddClient(journal=journal, client=made, standing=standing, label=label)
        outcome = await _run(engine, cases.ADD_CLIENT, adding, journal)
        credential = cases.AddCredential(
            by=await _cli(engine),
            journal=journal,
            client=made,
            credential=ids.new_id(at_ms),
            not_before=now,
            not_after=now + timedelta(days=days),
            digest=people.digest(secret),
        )
        answer = outcome.single()
        (await _run(engine, cases.ADD_CREDENTIAL, credential, journal)).single()
        return {"id": answer["id"], "secret": secret}

    _tell(work)


@client.command("revoke")
@click.argument("client_id")
def revoke_client(client_id: str) -> None:
    """Take a system's access away, at once and for good."""
    from service.access import client_cases as cases  # noqa: PLC0415 - keeps `escrow --help` quick

    async def work(engine: "AsyncEngine") -> dict[str, Any]:
        journal, found = _parsed("cli", client_id)
        ending = cases.EndClient(await _cli(engine), journal, found)
        outcome = await _run(engine, cases.END_CLIENT, ending, journal)
        return {"id": client_id, "state": outcome.single()["state"]}

    _tell(work)


def _tell(work: "Callable[[AsyncEngine], Coroutine[Any, Any, dict[str, Any]]]") -> None:
    """Carry it out on the database that the settings name, and print what came of it."""
    from ledger.refusals import Refusal  # noqa: PLC0415 - keeps `escrow --help` quick
    from service.commands.keys import Opened  # noqa: PLC0415

    try:
        click.echo(json.dumps(Opened.now().run(work)))
    except Refusal as refusal:
        raise click.ClickException(f"{refusal.title} {refusal.facts or ''}") from refusal


async def _cli(engine: "AsyncEngine") -> "Caller":
    """Return who asks: as an operator of the whole nation, but alone."""
    from service.identity.callers import Caller, Role  # noqa: PLC0415 - keeps --help quick
    from service.store import reference  # noqa: PLC0415

    async with engine.connect() as connection:
        journals = await reference.journals_in(connection, "")
    return Caller(ACTOR, Role.OPERATOR, journals)


async def _placed(engine: "AsyncEngine", said: dict[str, Any]) -> "tuple[Standing, int]":
    from service.access import standing as standings  # noqa: PLC0415 - keeps --help quick
    from service.identity.callers import Duty, Role  # noqa: PLC0415
    from service.store.transact import Store  # noqa: PLC0415

    by = await _cli(engine)
    journal, institution = None, None
    if said["institution"] is not None:
        journal, institution = _parsed("ins", said["institution"])
    elif said["code"] is None:
        raise click.UsageError("give its --jurisdiction, or its --institution")
    wanted = standings.Standing(
        Role(said["role"]),
        said["code"] or "",
        said["departments"] or None,
        institution,
        frozenset(Duty(duty) for duty in said["duties"]),
    )
    async with Store(engine).reading(by.context) as connection:
        return await standings.place(connection, by, wanted, journal)


async def _change(
    engine: "AsyncEngine", use_case: "UseCase[Any, Any]", person_id: str, payload: dict[str, Any]
) -> "Outcome":
    from service.access.use_cases import ChangePerson  # noqa: PLC0415 - keeps --help quick

    journal, found = _parsed("prs", person_id)
    changing = ChangePerson(await _cli(engine), journal, found, payload)
    return await _run(engine, use_case, changing, journal)


async def _run(
    engine: "AsyncEngine",
    use_case: "UseCase[Any, Any]",
    command: object,
    journal: int,
) -> "Outcome":
    from service.store.transact import Request, Store  # noqa: PLC0415 - keeps --help quick

    by = await _cli(engine)
    request = Request(
        use_case=use_case, commands=[command], caller=by.context, actor=ACTOR, journal=journal
    )
    return await Store(engine).transact(request)


def _parsed(prefix: str, text: str) -> tuple[int, Any]:
    from service.store import ids  # noqa: PLC0415 - keeps `escrow --help` quick

    try:
        return ids.parse(prefix, text)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
