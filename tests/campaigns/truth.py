"""What the clients' log says was acknowledged, held against what the books say."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from sqlalchemy import TextClause, text

from service.store import ids
from service.store.context import Context
from tests.campaigns.client_log import Heard, digest_of
from tests.campaigns.clients import Clients, is_replayed

_CHUNK = 5_000
_KEPT = frozenset({200, 201, 202, 409, 422})
"""Statuses of outcomes that are kept under their key for ever."""

_STANDING = text(
    "SELECT key, count(*) AS answers FROM escrow.stored_answer"
    " WHERE journal_id = :journal AND key = ANY(:keys) GROUP BY key"
)
_POSTED = text(
    "SELECT seq, idempotency_key AS key, recorded_at FROM escrow.journal_transaction"
    " WHERE journal_id = :journal AND starts_with(actor, 'crash-')"
    " AND idempotency_key IS NOT NULL"
)
_ENTRIES = text(
    "SELECT bank_ref, count(*) AS times FROM escrow.bank_entry WHERE journal_id = :journal"
    " AND starts_with(bank_ref, 'P-') GROUP BY bank_ref"
)


@dataclass
class Judged:
    """What is wrong with the books: each list is empty where everything is well."""

    acknowledged: int = 0
    done: int = 0
    lost: list[str] = field(default_factory=list)
    """Acknowledged, and no answer, transaction or bank entry stands for it."""
    doubled: list[str] = field(default_factory=list)
    """Carried out more than once."""
    unasked: list[str] = field(default_factory=list)
    """Posted under a key that no client ever sent, or that was refused."""
    changed: list[str] = field(default_factory=list)
    """Answered otherwise, or carried out anew, when it was sent again."""
    open: list[str] = field(default_factory=list)
    """Sent and never resolved."""

    @property
    def faults(self) -> list[str]:
        """Everything that is wrong."""
        return [*self.lost, *self.doubled, *self.unasked, *self.changed, *self.open]


async def judge(clients: Clients, http: httpx.AsyncClient, replays: int) -> Judged:
    """Read the log back from disk and hold every line of it against the books."""
    heard = clients.log.read()
    judged = Judged(
        acknowledged=sum(each.acknowledged for each in heard.values()),
        done=sum(each.done for each in heard.values()),
        open=[key for key, each in heard.items() if not each.acknowledged],
    )
    await _judge_answers(clients, heard, judged)
    await _judge_transactions(clients, heard, judged)
    await _judge_entries(clients, heard, judged)
    acknowledged = [each for each in heard.values() if each.status in _KEPT]
    chosen = acknowledged[-replays:] + random.Random(1).sample(
        acknowledged, min(replays, len(acknowledged))
    )
    for each in chosen:
        if (change := await _changed(clients, http, each)) is not None:
            judged.changed.append(change)
    return judged


async def _judge_answers(clients: Clients, heard: dict[str, Heard], judged: Judged) -> None:
    """Make sure that each outcome that was told stands under its key, once."""
    kept = [key for key, each in heard.items() if each.status in _KEPT]
    for start in range(0, len(kept), _CHUNK):
        keys = kept[start : start + _CHUNK]
        stood: dict[str, int] = {}
        for journal in (0, clients.district.journal):
            async with clients.district.service.engine.connect() as connection:
                await Context.writer(journal).enter(connection, statement_timeout="60s")
                asked = {"journal": journal, "keys": keys}
                for row in await connection.execute(_STANDING, asked):
                    stood[row.key] = stood.get(row.key, 0) + row.answers
        judged.lost += [f"answer {key}" for key in keys if key not in stood]
        judged.doubled += [f"answer {key}" for key, times in stood.items() if times > 1]


async def _judge_transactions(clients: Clients, heard: dict[str, Heard], judged: Judged) -> None:
    """Make sure that each transaction that was told stands, and none that nobody was told of."""
    journal = clients.district.journal
    posted: dict[str, set[int]] = {}
    batches: dict[str, set[object]] = {}
    for row in await _all(clients, _POSTED):
        posted.setdefault(row.key, set()).add(row.seq)
        batches.setdefault(row.key, set()).add(row.recorded_at)
    for key, each in heard.items():
        told = {ids.parse_transaction(named)[1] for named in each.transactions}
        if told - posted.get(key, set()):
            judged.lost.append(f"transaction of {key}")
        if len(batches.get(key, ())) > 1:
            judged.doubled.append(f"transactions of {key}")
    judged.unasked += [
        f"journal {journal}, key {key}"
        for key in posted
        if key not in heard or (heard[key].acknowledged and not heard[key].done)
    ]


async def _judge_entries(clients: Clients, heard: dict[str, Heard], judged: Judged) -> None:
    """Make sure that each receipt that was acknowledged stands exactly once."""
    stood = {row.bank_ref: row.times for row in await _all(clients, _ENTRIES)}
    told = {ref for each in heard.values() if each.done for ref in each.receipts}
    judged.lost += [f"receipt {ref}" for ref in told if ref not in stood]
    judged.doubled += [f"receipt {ref}" for ref, times in stood.items() if times > 1]


async def _all(clients: Clients, statement: TextClause) -> Sequence[Any]:
    journal = clients.district.journal
    async with clients.district.service.engine.connect() as connection:
        await Context.writer(journal).enter(connection, statement_timeout="60s")
        return (await connection.execute(statement, {"journal": journal})).all()


async def _changed(clients: Clients, http: httpx.AsyncClient, heard: Heard) -> str | None:
    """Send a call again that was answered: the same bytes come back, and nothing is done."""
    headers = {
        "Authorization": f"Bearer {await clients.token(heard.who)}",
        "Idempotency-Key": heard.key,
    }
    again = await http.post(f"{clients.address}{heard.path}", json=heard.body, headers=headers)
    same = digest_of(again.status_code, again.content) == heard.digest
    if same and (is_replayed(again) or not heard.done):
        return None
    now = f"{again.status_code}{' replayed' if is_replayed(again) else ''}"
    return f"{heard.key} {heard.path}: {heard.status}, then {now} {again.text[:200]}"
