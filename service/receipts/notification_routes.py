"""The route by which banks notify several facts at once."""

from typing import Any

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from ledger.refusals import (
    AlreadyExists,
    AmountZero,
    BankEntryContradicted,
    BodyTooLarge,
    CustodyAccountUnknown,
    DateInFuture,
)
from service.bank_entries.facts import KEPT, EntryFact
from service.bank_entries.retry import retry_kept
from service.identity.callers import Role
from service.identity.verbs import Verb
from service.receipts import notify
from service.receipts.notification_schemas import NotificationIn, NotificationOut
from service.store import ids
from service.store.transact import Outcome
from service.web.bodies import BATCH_BODY_MAX
from service.web.command import Command
from service.web.policy import policy
from service.web.problems import KEYED, refusing


@post(
    "/notifications",
    operation_id="notify",
    summary="Notify receipts, debits, returns and freezes together",
    opt=policy(Role.BANK, verb=Verb.REPORT_BANK_FACTS, body_max=BATCH_BODY_MAX),
    responses=refusing(
        *KEYED,
        CustodyAccountUnknown,
        BankEntryContradicted,
        AlreadyExists,
        AmountZero,
        DateInFuture,
        BodyTooLarge,
    ),
    status_code=200,
)
async def notify_facts(
    data: JSONBody[NotificationIn], command: NamedDependency[Command]
) -> Response[NotificationOut]:
    """Keep each item as the fact it is; provisional until a statement confirms it."""
    journal = _journal_of(data, command)
    envelope = notify.Envelope(
        journal,
        command.new_id(),
        command.caller.context.bank or "",
        data.reference,
        notify.content_hash(data.model_dump_json()),
        [item.said.fact(command) for item in data.items],
    )
    outcome = await command.run(
        notify.NOTIFY, notify.told(envelope), journal=journal, mode="independent"
    )
    await _retry(envelope, outcome, command)
    kept = outcome.verdicts[-1]
    if kept.refusal is not None:
        raise kept.refusal
    items = Outcome(outcome.verdicts[:-1], replayed=outcome.replayed)
    answered = command.answer_batch(items, "independent")
    shown: dict[str, Any] = {**(kept.answer or {}), "duplicate": kept.duplicate}
    shown.pop("transaction_id", None)
    return Response(
        {**shown, "results": answered.content["results"]},  # type: ignore[arg-type]
        status_code=200,
        headers=answered.headers,
    )


async def _retry(envelope: notify.Envelope, outcome: Outcome, command: Command) -> None:
    """Try again what was kept on the same custody accounts."""
    answers = [verdict.answer for verdict in outcome.verdicts if verdict.answer is not None]
    kept = KEPT in outcome.noticed or any(answer.get("outcome") == KEPT for answer in answers)
    if kept and not (command.dry_run or outcome.replayed):
        custodies = {i.custody_account for i in envelope.items if isinstance(i, EntryFact)}
        await retry_kept(command.store, envelope.journal, custodies)


def _journal_of(data: NotificationIn, command: Command) -> int:
    """Return the one journal of the items; raises `CustodyAccountUnknown` for a mixture."""
    named = {ids.parse("cus", item.said.custody_account_id)[0] for item in data.items}
    if len(named) != 1 or not named <= set(command.caller.journals):
        raise CustodyAccountUnknown
    return named.pop()
