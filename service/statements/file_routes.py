"""Routes of statement files: a bank uploads one, anyone concerned sees what became of it."""

from asyncio import Semaphore
from dataclasses import dataclass
from typing import Annotated, Any, BinaryIO, Final, Literal, cast
from uuid import UUID

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import FromPath, JSONBody, QueryParameter

from ledger.money import Money
from ledger.refusals import (
    BankUnknown,
    BodyTooLarge,
    JurisdictionUnknown,
    MediaTypeUnsupported,
    OutcomeUnknown,
    ParameterInvalid,
    StatementFileQuarantined,
    StatementFileRefused,
    StatementFileUnfinished,
    StatementUnknown,
)
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.statements import importing, mappings
from service.statements.file_schemas import (
    FileStatementOut,
    StatementFileDetail,
    StatementFileOut,
    StatementFilePage,
    StatementMappingIn,
    StatementMappingOut,
    States,
)
from service.statements.import_take import TAKE_FILE, TakeFile
from service.store import ids
from service.store import statement_file_reads as reads
from service.store.facts import Record, Verdict
from service.store.transact import Outcome, Store
from service.web.bodies import spooled_body
from service.web.command import Command
from service.web.journals import journal_named
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.paths import object_id
from service.web.policy import STAFF, policy
from service.web.problems import KEYED, refusing

FILE_MAX: Final = 128 * 1024 * 1024
"""Bytes of an uploaded file; a longer one is imported by command, or sent in parts."""
MEDIA: Final = frozenset(
    {"application/xml", "text/xml", "text/plain", "text/csv", "application/octet-stream"}
)
AT_ONCE: Final = 2
"""Uploads that are read and posted at a time by a process; the others wait for their turn."""
_WITHIN_S: Final = 900


@dataclass
class FileOperation(Operation):
    """An operation whose body is a file, as the API description shows it."""

    def __post_init__(self) -> None:
        """Name the media types."""
        schema = Schema(type=OpenAPIType.STRING, content_media_type="application/octet-stream")
        content = {media: OpenAPIMediaType(schema=schema) for media in sorted(MEDIA)}
        self.request_body = RequestBody(content=content, required=True)


@post(
    "/",
    operation_id="uploadStatementFile",
    summary="Upload a statement file",
    operation_class=FileOperation,
    opt=policy(Role.BANK, verb=Verb.REPORT_BANK_FACTS, body_max=FILE_MAX, raw_media=MEDIA)
    | {"answers_within_s": _WITHIN_S},
    request_max_body_size=FILE_MAX,
    responses=refusing(
        *KEYED,
        JurisdictionUnknown,
        StatementFileQuarantined,
        StatementFileUnfinished,
        StatementFileRefused,
        BodyTooLarge,
        MediaTypeUnsupported,
        OutcomeUnknown,
    ),
)
async def upload_statement_file(  # noqa: PLR0913, PLR0917 - one query parameter each
    request: Request[Any, Any, Any],
    command: NamedDependency[Command],
    jurisdiction: Annotated[str | None, QueryParameter(max_length=32)] = None,
    account: Annotated[
        str, QueryParameter(max_length=64, description="The account, where a CSV does not say it")
    ] = "",
    encoding: Annotated[
        Literal["", "utf-8", "gbk", "gb18030"], QueryParameter(description="That of an MT940")
    ] = "",
    references: Annotated[
        Literal["", "derived"],
        QueryParameter(
            description="derived: an entry of this MT940 without a reference is known by its words",
        ),
    ] = "",
) -> Response[StatementFileOut]:
    """Check the whole file, then confirm or post each of its lines; the same file once only."""
    body = await spooled_body(request)
    turns: Semaphore = request.app.state.setdefault("statement_uploads", Semaphore(AT_ONCE))
    await turns.acquire()
    try:
        bank = command.caller.context.bank
        assert bank is not None, "a bank's caller is bound to it"
        async with command.store.reading(command.caller.context) as connection:
            hints = await mappings.hints_of(
                connection, bank, encoding, account, derives=references == "derived"
            )
        source = cast("BinaryIO", body.file)
        examined = await importing.examine(source, hints)
        journal = await _journal_of(command, jurisdiction, examined)
        taken = TakeFile(
            journal,
            command.new_id(),
            bank,
            body.sha256,
            body.size,
            examined.format,
            hints,
            examined.statements,
            examined.flaw,
        )
        outcome = await command.run(TAKE_FILE, [taken], journal=journal)
        answer = outcome.single()
        _require_taken(answer)
        if not command.dry_run:
            file = ids.parse(reads.PREFIX, answer["id"])[1]
            posting = importing.Posting(journal, file, command.caller.id, source, examined)
            answer = reads.answer_of(await importing.post(command.store, posting))
    finally:
        turns.release()
        body.close()
    verdict = Verdict(answer=answer, duplicate=outcome.verdicts[0].duplicate)
    return command.answer(Outcome([verdict], replayed=outcome.replayed), StatementFileOut)


@get(
    "/",
    operation_id="listStatementFiles",
    summary="List statement files",
    opt=policy(Role.BANK, *STAFF, verb=Verb.READ_BOOKS),
    responses=refusing(),
)
async def list_statement_files(  # noqa: PLR0913 - the filters of a list
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    bank: Annotated[str | None, QueryParameter(max_length=16)] = None,
    file_state: Annotated[States | None, QueryParameter(name="state")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> StatementFilePage:
    """List the files in the caller's scope, also those that were refused."""
    narrowed: dict[str, object] = {"bank_code": bank, "state": file_state}
    async with store.reading(caller.context) as connection:
        found = await reads.page(
            connection, narrowed=narrowed, after=key_after(cursor, narrowed), limit=limit + 1
        )
    shown, following = cut(found, limit, "statement_file_id", narrowed)
    return StatementFilePage(
        items=[StatementFileOut.model_validate(reads.answer_of(row)) for row in shown],
        next_cursor=following,
    )


@get(
    "/{statement_file_id:str}",
    operation_id="getStatementFile",
    summary="Read a statement file",
    opt=policy(Role.BANK, *STAFF, verb=Verb.READ_BOOKS),
    responses=refusing(StatementUnknown),
)
async def get_statement_file(
    statement_file_id: FromPath[str],
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
) -> StatementFileDetail:
    """Read what became of a file, and of each statement in it that the caller may see."""
    journal, file = object_id(reads.PREFIX, statement_file_id, StatementUnknown)
    async with store.reading(caller.context) as connection:
        row = await reads.file_of(connection, journal, file)
        if row is None:
            raise StatementUnknown
        statements = await reads.statements_of(connection, journal, file)
    contents = [_content(one) for one in statements]
    return StatementFileDetail.model_validate({**reads.answer_of(row), "contents": contents})


@post(
    "/mappings",
    operation_id="setStatementMapping",
    summary="Say how a bank writes its CSV",
    opt=policy(Role.OPERATOR, verb=Verb.SET_UP),
    responses=refusing(*KEYED, BankUnknown, ParameterInvalid),
)
async def set_statement_mapping(
    data: JSONBody[StatementMappingIn], command: NamedDependency[Command]
) -> Response[StatementMappingOut]:
    """Keep a new version of the mapping; files that come from now on are read by it."""
    written = data.mapping.model_dump(mode="json")
    outcome = await command.refer(
        lambda connection: mappings.set_mapping(
            connection, data.bank, written, actor=command.caller.id
        )
    )
    return command.answer(outcome, StatementMappingOut)


@get(
    "/mappings/{bank:str}",
    operation_id="getStatementMapping",
    summary="Read how a bank writes its CSV",
    opt=policy(Role.BANK, *STAFF, verb=Verb.READ_REGISTRY),
    responses=refusing(BankUnknown),
)
async def get_statement_mapping(
    bank: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> StatementMappingOut:
    """Read the mapping that a bank's CSV is read by now; a bank reads its own."""
    own = caller.context.bank
    async with store.reading(caller.context) as connection:
        row = None if own not in {None, bank} else await reads.mapping_of(connection, bank)
    if row is None:
        raise BankUnknown
    return StatementMappingOut.model_validate(mappings.answer_of(row))


async def _journal_of(
    command: Command, jurisdiction: str | None, examined: importing.Examined
) -> int:
    """Return the journal of the jurisdiction named, else the one in which the file's accounts are.

    Raises `RequestInvalid` where neither tells it, and `JurisdictionUnknown`.
    """
    caller = command.caller
    if jurisdiction is None and len(caller.journals) > 1 and caller.areas is None:
        found = await importing.places(command.store, caller.context, examined)
        if len(found) == 1:
            [(journal, _)] = found
            return journal
    return await journal_named(command.store, caller, jurisdiction)


def _require_taken(answer: dict[str, Any]) -> None:
    """Say no to a file that was kept apart; raises `StatementFileRefused` or `…Quarantined`."""
    if answer["state"] not in {"REFUSED", "QUARANTINED"}:
        return
    quarantined = answer["state"] == "QUARANTINED"
    refusal = StatementFileQuarantined if quarantined else StatementFileRefused
    where = {name: answer[name] for name in ("line", "entry") if answer[name] is not None}
    raise refusal(statement_file_id=answer["id"], reason=answer["reason"], **where)


def _content(row: Record) -> FileStatementOut:
    def public_id(prefix: str, value: UUID) -> str:
        return ids.public(prefix, row.journal_id, value)

    def yuan(fen: int | None) -> str | None:
        return None if fen is None else str(Money.from_fen(fen))

    return FileStatementOut.model_validate(
        {
            "number": row.number,
            "custody_account_id": public_id("cus", row.custody_account_id),
            "institution_id": public_id("ins", row.institution_id),
            "kind": row.kind,
            "sequence": row.sequence,
            "from_on": row.from_on,
            "to_on": row.to_on,
            "opening": yuan(row.opening_fen),
            "closing": yuan(row.closing_fen),
            "credit_count": row.credit_count,
            "credit_sum": yuan(row.credit_fen),
            "debit_count": row.debit_count,
            "debit_sum": yuan(row.debit_fen),
            "after_gap": row.after_gap,
            "sequence_repeated": row.sequence_repeated,
        }
    )


router = Router(
    "/v1/statement-files",
    route_handlers=[
        upload_statement_file,
        list_statement_files,
        set_statement_mapping,
        get_statement_mapping,
        get_statement_file,
    ],
    tags=["statements"],
)
