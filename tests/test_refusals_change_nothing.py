"""Refusals change nothing, and a dry run says what the real one would.

Every table stays as it was, except the stored answer under its key, its row in the audit trail and,
where a bank contradicts an entry that stands, the break it opened with its place in the journal. A
few of each kind here, with every table looked at before and after; `poe watched` does the same
around every command of the nouns' tests.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from tests.fixtures.academies import HELD, Academy
from tests.fixtures.payouts import Payouts
from tests.fixtures.watched import KEPT, OPENED, Watch, said

Ask = Callable[[Payouts], Awaitable[httpx.Response]]


def receipt(payouts: Payouts, **values: Any) -> dict[str, Any]:
    return payouts.line("1.00", "R-9") | values


async def _payout(payouts: Payouts, **values: Any) -> httpx.Response:
    return await payouts.ask(**values)


async def _of_another_bank(payouts: Payouts) -> httpx.Response:
    banks = payouts.district.banks
    return await payouts.academy.post("receipts", banks["CMB"], receipt(payouts))


async def _by_a_parent(payouts: Payouts) -> httpx.Response:
    parent = await payouts.academy.parent(await payouts.academy.opened())
    return await payouts.academy.post("payouts", parent, {"custody_account_id": payouts.custody_id})


async def _without_a_key(payouts: Payouts) -> httpx.Response:
    headers = {"Authorization": f"Bearer {payouts.academy.token}"}
    body = {"custody_account_id": payouts.custody_id}
    return await payouts.district.service.http.post("/v1/payouts", json=body, headers=headers)


async def _as_xml(payouts: Payouts) -> httpx.Response:
    headers = {
        "Authorization": f"Bearer {payouts.bank}",
        "Idempotency-Key": "xml",
        "Content-Type": "application/xml",
    }
    return await payouts.district.service.http.post(
        "/v1/receipts", content=b"<receipt/>", headers=headers
    )


async def _contradicting(payouts: Payouts) -> httpx.Response:
    await payouts.academy.post("receipts", payouts.bank, receipt(payouts))
    return await payouts.academy.post("receipts", payouts.bank, receipt(payouts, amount="2.00"))


async def _stopped(payouts: Payouts) -> httpx.Response:
    await payouts.academy.restrained("PAYOUT_STOP")
    return await payouts.ask("1.00")


async def _under_a_used_key(payouts: Payouts) -> httpx.Response:
    post = payouts.district.service.post
    await post("/v1/receipts", payouts.bank, receipt(payouts), key="used")
    return await post("/v1/receipts", payouts.bank, receipt(payouts, amount="3.00"), key="used")


async def _twice_decided(payouts: Payouts) -> httpx.Response:
    enrolment = await payouts.academy.enrolled()
    lesson = await payouts.academy.scheduled(enrolment)
    await payouts.academy.post(f"lessons/{lesson['id']}/cancel", payouts.academy.token)
    return await payouts.academy.record(lesson)


async def _whole_batch(payouts: Payouts) -> httpx.Response:
    items = [receipt(payouts), receipt(payouts, amount="2.00")]
    body = {"mode": "all_or_nothing", "items": items}
    return await payouts.academy.post("receipts/batch", payouts.bank, body)


async def _too_large(payouts: Payouts) -> httpx.Response:
    return await payouts.academy.post(
        "receipts", payouts.bank, receipt(payouts, purpose="x" * 70_000)
    )


REFUSED: dict[str, tuple[int, str | None, Ask]] = {
    "malformed": (400, "request_invalid", lambda p: _payout(p, amount="1e2")),
    "without a key": (400, "idempotency_key_missing", _without_a_key),
    "unknown caller": (401, "not_authenticated", lambda p: p.academy.post("payouts", "x")),
    "no business of the caller": (403, "verb_forbidden", _by_a_parent),
    "of another bank": (404, "custody_account_unknown", _of_another_bank),
    "state": (409, "wrong_state", _twice_decided),
    "contradiction": (409, "bank_entry_contradicted", _contradicting),
    "restrained": (409, "payout_stopped", _stopped),
    "too large": (413, "body_too_large", _too_large),
    "media type": (415, "media_type_unsupported", _as_xml),
    "balance": (422, "balance_too_low", lambda p: _payout(p, amount="208.34")),
    "rule": (422, "amount_zero", lambda p: _payout(p, amount="0.00")),
    "used key": (422, "idempotency_key_reused", _under_a_used_key),
    "batch": (422, None, _whole_batch),
}
"""One of every status that a command can be refused with, and of every kind of a rule's."""


@pytest.mark.parametrize("kind", REFUSED)
async def test_a_refusal_changes_no_table(
    payouts: Payouts, watch: Watch, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    status, code, ask = REFUSED[kind]
    http, before = payouts.district.service.http, [await watch.seen()]
    sends = http.request

    async def request(*args: Any, **asked: Any) -> httpx.Response:
        before[0] = await watch.seen()  # What is asked for first may well change something.
        return await sends(*args, **asked)

    monkeypatch.setattr(http, "request", request)

    answer = await ask(payouts)

    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    opened = OPENED if kind == "contradiction" else set()
    assert await watch.changed_since(before[0]) == opened


async def test_what_does_change_is_seen(payouts: Payouts, watch: Watch) -> None:
    before = await watch.seen()

    await payouts.ordered("1.00")

    changed = await watch.changed_since(before)
    assert {"escrow.payment_order", "escrow.journal_transaction", "escrow.entry"} <= changed
    assert not changed & KEPT


async def _opens(academy: Academy) -> tuple[str, str, Any]:
    return "enrolments", academy.token, academy.contract()


async def _takes_on(academy: Academy) -> tuple[str, str, Any]:
    return "enrolments/legacy", academy.token, academy.legacy("3000.00", 30)


async def _plans(academy: Academy) -> tuple[str, str, Any]:
    enrolment = await academy.enrolled()
    body = {
        "enrolment_id": enrolment["id"],
        "reference": "L-1",
        "starts_at": "2026-03-03T16:30:00+08:00",
        "ends_at": "2026-03-03T17:30:00+08:00",
    }
    return "lessons", academy.token, body


async def _records(academy: Academy) -> tuple[str, str, Any]:
    lesson = await academy.scheduled(await academy.enrolled())
    return f"lessons/{lesson['id']}/record", academy.token, HELD


async def _confirms(academy: Academy) -> tuple[str, str, Any]:
    enrolment = await academy.enrolled()
    lesson = await academy.recorded(enrolment)
    return f"lessons/{lesson['id']}/confirm", await academy.parent(enrolment), None


async def _confirms_unpaid(academy: Academy) -> tuple[str, str, Any]:
    lesson = await academy.scheduled(await academy.opened())
    return f"lessons/{lesson['id']}/record", academy.token, HELD


async def _restrains(academy: Academy) -> tuple[str, str, Any]:
    body = {
        "target_type": "INSTITUTION",
        "target_id": academy.district.public("ins", academy.institution),
        "kind": "PAYOUT_STOP",
        "cause": "INSPECTION",
    }
    return "restraints", academy.district.regulator, body


async def _receives(academy: Academy) -> tuple[str, str, Any]:
    enrolment = await academy.opened()
    body = {
        "custody_account_id": academy.district.public("cus", academy.custody),
        "bank_ref": "R-1",
        "amount": "5000.00",
        "book_on": "2026-03-01",
        "value_on": "2026-03-01",
        "payment_code": enrolment["payment_code"],
    }
    return "receipts", academy.district.banks["ICBC"], body


async def _claims(academy: Academy) -> tuple[str, str, Any]:
    enrolment = await academy.enrolled()
    body = {"enrolment_id": enrolment["id"], "reason": "CONSUMER"}
    return "claims", await academy.parent(enrolment), body


async def _overdraws(academy: Academy) -> tuple[str, str, Any]:
    body = {"custody_account_id": academy.district.public("cus", academy.custody), "amount": "1.00"}
    return "payouts", academy.token, body


@pytest.mark.parametrize(
    "asks",
    [
        *(_opens, _takes_on, _plans, _records, _confirms, _confirms_unpaid),
        *(_restrains, _receives, _claims, _overdraws),
    ],
    ids=lambda asks: asks.__name__.strip("_"),
)
async def test_a_dry_run_says_what_the_real_one_says_and_changes_nothing(
    academy: Academy,
    watch: Watch,
    asks: Callable[[Academy], Awaitable[tuple[str, str, Any]]],
) -> None:
    path, token, body = await asks(academy)
    before = await watch.seen()

    dry = await academy.post(path, token, body, dry_run=True)
    changed = await watch.changed_since(before)
    real = await academy.post(path, token, body)

    assert changed == set()
    assert dry.is_success is real.is_success
    assert said(dry) == said(real)
