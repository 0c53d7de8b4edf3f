"""Papers: what people can hold, in both languages, that says no more than its reader may see."""

from pathlib import Path
from typing import Any

import pytest

from ledger.refusals import FormatUnavailable
from service.papers import pdf
from service.papers.schemas import PaperFormat, chosen
from tests.fixtures.academies import Academy, academy_in
from tests.fixtures.approvals import reversed_by_two
from tests.fixtures.service import fresh_id
from tests.nouns.papers_planted import claimed, entitled
from tests.nouns.papers_read import Page, read

HOSTILE = '"><script>alert(1)</script> #eval("1") \\ $x$ &amp;'

typeset = pytest.mark.skipif(
    not pdf.installed() or pdf.chinese_font(None) is None,
    reason="needs the extra `papers` and a Chinese font",
)


async def page(academy: Academy, path: str, token: str, **query: Any) -> Page:
    """Fetch a paper as a page, and expect it to be one."""
    answer = await academy.district.service.get(f"/v1/{path}", token, **query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return read(answer.text)


# --- the five papers ----------------------------------------------------------------------------


async def test_a_parent_prints_the_receipt_of_their_own_payment(academy: Academy) -> None:
    enrolment = await academy.opened()
    paid = await academy.paid(enrolment, "4999.99")

    told = await page(academy, f"receipts/{paid['id']}/paper", await academy.parent(enrolment))

    assert "预收费托管收据" in told.words
    assert "人民币肆仟玖佰玖拾玖元玖角玖分" in told.words
    assert "¥4,999.99" in told.words
    assert "张小三" in told.words
    assert paid["transaction_id"] in told.words


async def test_money_that_stands_on_no_enrolment_has_no_receipt(academy: Academy) -> None:
    held = await academy.receipt("10.00", payment_code="00000000", payer_name="张三")
    path = f"/v1/receipts/{held['id']}/paper"

    supervised = await academy.district.service.get(path, academy.district.regulator)
    foreign = await academy.district.service.get(
        path, await academy.district.parent_token(fresh_id())
    )

    assert (supervised.status_code, supervised.json()["code"]) == (409, "wrong_state")
    assert (foreign.status_code, foreign.json()["code"]) == (404, "receipt_unknown")


async def test_a_statement_shows_every_line_and_what_is_left(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    await academy.confirmed(enrolment)

    told = await page(
        academy, f"enrolments/{enrolment['id']}/paper", await academy.parent(enrolment)
    )

    for line in ("+4,999.99", "−104.16", "+104.16", "4,895.83", "课时确认(消课)", "第1课"):
        assert line in told.words, line
    assert "人民币肆仟捌佰玖拾伍元捌角叁分" in told.words


async def test_a_statement_of_the_past_is_the_one_that_was_printed_then(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    path, token = f"/v1/enrolments/{enrolment['id']}/paper", academy.token
    get = academy.district.service.get
    before = await get(path, token)
    mark = f"{academy.district.journal}:"
    [position] = [word for word in read(before.text).words.split() if word.startswith(mark)]
    await academy.confirmed(enrolment)

    now = await get(path, token)
    again = await get(path, token, position=position)

    assert again.text == before.text
    assert now.text != before.text


async def test_a_refund_decision_shows_article_reckoning_and_payment(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    claim = await claimed(academy, enrolment)
    path = f"claims/{academy.district.public('clm', claim)}/paper"

    told = await page(academy, path, await academy.parent(enrolment))

    for word in ("退费决定书", "第十八条", "−1,770.82", "3,229.17", "待补足资金", "2026-03-25"):
        assert word in told.words, word
    assert "人民币叁仟贰佰贰拾玖元壹角柒分" in told.words


async def test_a_claim_that_is_not_decided_has_no_decision(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    claim = await claimed(academy, enrolment, state="FILED", refund_fen=None)
    path = f"/v1/claims/{academy.district.public('clm', claim)}/paper"

    answer = await academy.district.service.get(path, academy.token)

    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


async def test_a_certificate_and_a_dividend_statement_show_the_register(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    entitlement = academy.district.public("ent", await entitled(academy, enrolment))
    parent = await academy.parent(enrolment)

    certificate = await page(academy, f"entitlements/{entitlement}/certificate", parent)
    dividends = await page(academy, f"entitlements/{entitlement}/dividend-statement", parent)

    assert "人民币壹仟肆佰玖拾玖元陆角陆分" in certificate.words
    for word in ("分配明细", "合并按比例", "3,500.33", "1,499.66"):
        assert word in dividends.words, word


# --- who sees what ------------------------------------------------------------------------------


async def test_regulators_and_auditors_see_masked_names(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    path = f"enrolments/{enrolment['id']}/paper"

    for token in (academy.district.regulator, academy.district.auditor):
        told = await page(academy, path, token)
        assert "张*三" in told.words
        assert "张小三" not in told.words


async def test_nobody_sees_the_papers_of_others(academy: Academy) -> None:
    enrolment = await academy.opened()
    paid = await academy.paid(enrolment, "4999.99")
    claim = academy.district.public("clm", await claimed(academy, enrolment))
    entitlement = academy.district.public("ent", await entitled(academy, enrolment))
    other = await academy_in(academy.district)
    strangers = [other.token, await academy.district.parent_token(fresh_id())]
    paths = [
        f"receipts/{paid['id']}/paper",
        f"enrolments/{enrolment['id']}/paper",
        f"claims/{claim}/paper",
        f"entitlements/{entitlement}/certificate",
        f"entitlements/{entitlement}/dividend-statement",
    ]

    answers = [
        (await academy.district.service.get(f"/v1/{path}", token)).status_code
        for path in paths
        for token in strangers
    ]

    assert answers == [404] * len(answers)


async def test_a_payers_name_and_account_are_masked_for_everybody(academy: Academy) -> None:
    enrolment = await academy.opened()
    paid = await academy.receipt(
        "4999.99",
        payment_code=enrolment["payment_code"],
        payer_name="欧阳大名",
        payer_account="6222000011112222",
    )

    told = await page(academy, f"receipts/{paid['id']}/paper", await academy.parent(enrolment))

    assert "欧**名 ****2222" in told.words
    assert "6222000011112222" not in told.words


# --- the page -----------------------------------------------------------------------------------


async def test_a_page_is_whole_labelled_and_fetches_nothing(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    await academy.confirmed(enrolment)
    answer = await academy.district.service.get(
        f"/v1/enrolments/{enrolment['id']}/paper", academy.token
    )

    told = read(answer.text)

    assert (told.open, told.wrong, told.fetched) == ([], [], [])
    assert told.tags[0] == ("html", {"lang": "zh-CN"})
    assert all("scope" in attributes for tag, attributes in told.tags if tag == "th")
    labelled = sum(1 for tag, a in told.tags if tag == "table" and "aria-label" in a)
    assert told.count("table") == told.count("caption") + labelled
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "private, no-store"


async def test_hostile_names_are_text_and_nothing_else(academy: Academy) -> None:
    enrolment = await academy.opened(
        contract_number="<b>K</b>&1", student={"name": HOSTILE}, guardian={"name": HOSTILE}
    )

    answer = await academy.district.service.get(
        f"/v1/enrolments/{enrolment['id']}/paper", academy.token
    )

    told = read(answer.text)
    assert HOSTILE in told.words
    assert "<b>K</b>&1" in told.words
    assert (told.wrong, told.fetched, told.count("b")) == ([], [], 0)


# --- formats ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "accept", "given"),
    [
        (None, None, "html"),
        (None, "*/*", "html"),
        (None, "application/pdf", "pdf"),
        (None, "application/pdf;q=0.5, text/html", "html"),
        (None, "application/pdf, text/html;q=0.9", "pdf"),
        (None, "text/html;q=0, */*", "pdf"),
        ("pdf", "text/html", "pdf"),
        ("html", "application/pdf", "html"),
    ],
)
def test_the_query_decides_the_format_then_accept(
    asked: str | None, accept: str | None, given: str
) -> None:
    assert chosen(None if asked is None else PaperFormat(asked), accept) == given


@pytest.mark.parametrize("accept", ["application/json", "text/html;q=0", "text/html;q=x"])
def test_a_reader_that_takes_neither_format_is_refused(accept: str) -> None:
    with pytest.raises(FormatUnavailable):
        chosen(None, accept)


@typeset
async def test_the_same_paper_is_the_same_pdf(academy: Academy) -> None:
    enrolment = await academy.opened(student={"name": HOSTILE})
    path = f"/v1/enrolments/{enrolment['id']}/paper"
    get = academy.district.service.get

    one = await get(path, academy.token, format="pdf")
    other = await get(path, academy.token, format="pdf")

    assert one.status_code == 200, one.text
    assert one.headers["content-type"] == "application/pdf"
    assert one.content.startswith(b"%PDF-")
    assert one.content == other.content


async def test_without_typst_a_pdf_is_refused_with_the_reason(
    academy: Academy, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolment = await academy.opened()
    path = f"/v1/enrolments/{enrolment['id']}/paper"
    monkeypatch.setattr(pdf, "installed", lambda: False)

    answer = await academy.district.service.get(path, academy.token, format="pdf")

    assert (answer.status_code, answer.json()["code"]) == (406, "format_unavailable")
    assert answer.json()["facts"] == {"format": "pdf", "reason": "typst_missing"}


@typeset
def test_without_a_chinese_font_there_is_no_pdf(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf, "CHINESE_FONTS", ("No Such Family",))

    assert pdf.chinese_font(tmp_path) is None


async def test_a_receipt_that_was_reversed_is_no_receipt_any_more(academy: Academy) -> None:
    district = academy.district
    enrolment = await academy.opened()
    paid = await academy.paid(enrolment, "4999.99")
    await reversed_by_two(academy, paid["transaction_id"])

    answer = await district.service.get(f"/v1/receipts/{paid['id']}/paper", academy.token)

    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")
