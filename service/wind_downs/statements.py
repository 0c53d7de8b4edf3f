"""What a bank says its account held at the freeze (冻结时点余额), against what the ledger has."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.money import Money
from ledger.refusals import AlreadyExists, Refusal, StatementRequestUnknown
from ledger.rules.places import references
from ledger.transactions import Transaction, TransactionKind
from service.store import ids, registry
from service.store.context import Context
from service.store.contracts import place_of
from service.store.facts import Decision, Facts, Record, Update
from service.store.tables import StatementRequest
from service.store.transact import UseCase
from service.store.unit import Unit


@dataclass(frozen=True, slots=True)
class AnswerRequest:
    """A bank's balance of one account at the instant it was asked about, with its document."""

    journal: int
    target: UUID
    balance: Money
    document_hash: str


async def find_requests(
    connection: AsyncConnection, caller: Context, commands: Sequence[AnswerRequest]
) -> list[AnswerRequest | Refusal]:
    """Find the requests that the bank was asked."""
    return await registry.find_seen(
        connection, caller, commands, StatementRequest, StatementRequestUnknown
    )


async def load_requests(unit: Unit, commands: Sequence[AnswerRequest]) -> None:
    """Lock the requests."""
    await unit.lock(StatementRequest, {command.target for command in commands})


def decide_answer(facts: Facts, command: AnswerRequest) -> Decision:
    """Note the bank's balance: AGREED with the ledger's, or DIFFERENT.

    The same answer again is a duplicate; another one is refused with `AlreadyExists`, as the bank
    has said and documented what it held.
    """
    row = facts.get(StatementRequest, command.target)
    assert row is not None, "the request was found and locked"
    if row.state != "ASKED":
        if (row.bank_fen, row.document_hash) != (command.balance.fen, command.document_hash):
            raise AlreadyExists(object="statement_request")
        return Decision(answer=answer_of(facts.journal, row), duplicate=True)
    state = "AGREED" if command.balance.fen == row.ledger_fen else "DIFFERENT"
    values = {
        "bank_fen": command.balance.fen,
        "document_hash": command.document_hash,
        "answered_at": facts.moment.now,
        "state": state,
        "seq": facts.moment.next_seq,
    }
    said = Transaction(
        TransactionKind.STATEMENT_REQUEST_ANSWERED,
        references=references(
            place_of(row),
            wind_down=row.wind_down_id,
            request=row.request_id,
            balance_fen=command.balance.fen,
        ),
        reason=state,
    )
    return Decision(
        answer=answer_of(facts.journal, Record({**row, **values})),
        transactions=(said,),
        changes=(Update(StatementRequest, (row.request_id,), values),),
    )


def answer_of(journal: int, row: Record) -> dict[str, Any]:
    """Tell of a request; the ledger's figure is not for the bank that is asked."""
    said, answered = row.bank_fen, row.answered_at
    return {
        "id": ids.public("srq", journal, row.request_id),
        "institution_id": ids.public("ins", journal, row.institution_id),
        "custody_account_id": ids.public("cus", journal, row.custody_account_id),
        "bank": row.bank_code,
        "asked_at": row.asked_at.isoformat(),
        "balance_at": row.balance_at.isoformat(),
        "state": row.state,
        "balance": None if said is None else str(Money.from_fen(said)),
        "document_hash": row.document_hash,
        "answered_at": None if answered is None else answered.isoformat(),
    }


ANSWER: Final[UseCase[AnswerRequest, AnswerRequest]] = UseCase(
    "answer_statement_request", find_requests, load_requests, decide_answer
)
