"""Senders of short messages: what goes to the gateway, what is tried again, what no log says."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest
import structlog

from service.app import sender_of
from service.identity import senders
from service.identity.senders import (
    HttpSender,
    InboxSender,
    LogSender,
    Outbox,
    Template,
    Text,
)
from service.settings import Settings

URL = "https://sms.example.cn/v1/messages"
CODE = Text("0123abcd", "+8613900001234", Template.LOGIN_CODE, {"code": "042617", "minutes": "5"})


@pytest.fixture
def token(tmp_path: Path) -> Path:
    """A gateway's token in its file."""
    file = tmp_path / "token"
    file.write_text("gateway-token\n")
    return file


def rotated(token: Path, to: str) -> None:
    """Write another token into the file."""
    token.write_text(to)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(senders, "_PAUSE_S", 0.0)


def gateway(token: Path, *answers: int | Exception) -> tuple[HttpSender, list[httpx.Request]]:
    """A gateway that answers so in turn, and what it was asked."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        said = answers[min(len(asked), len(answers)) - 1]
        if isinstance(said, Exception):
            raise said
        return httpx.Response(said, headers={"Location": "https://elsewhere.example.cn/"})

    return HttpSender(URL, token, transport=httpx.MockTransport(answer)), asked


async def test_a_message_goes_to_the_gateway_with_its_token_and_id(token: Path) -> None:
    sender, asked = gateway(token, 200)

    taken = await sender.send(CODE)

    assert taken
    assert str(asked[0].url) == URL
    assert asked[0].headers["authorization"] == "Bearer gateway-token"
    assert json.loads(asked[0].content) == {
        "id": "0123abcd",
        "phone": "+8613900001234",
        "template": "LOGIN_CODE",
        "values": {"code": "042617", "minutes": "5"},
    }


async def test_a_token_is_rotated_by_writing_its_file(token: Path) -> None:
    sender, asked = gateway(token, 200)
    await sender.send(CODE)
    rotated(token, "another")

    await sender.send(CODE)

    assert [each.headers["authorization"] for each in asked] == [
        "Bearer gateway-token",
        "Bearer another",
    ]


@pytest.mark.parametrize("passing", [503, 429, httpx.ConnectError("lost")])
async def test_what_may_pass_is_tried_again_under_the_same_id(
    token: Path, passing: int | Exception
) -> None:
    sender, asked = gateway(token, passing, 200)

    taken = await sender.send(CODE)

    assert taken
    assert [json.loads(each.content)["id"] for each in asked] == ["0123abcd"] * 2


@pytest.mark.parametrize(("said", "tries"), [(500, 3), (400, 1), (401, 1), (302, 1)])
async def test_what_is_refused_is_not_sent_and_redirects_are_not_followed(
    token: Path, said: int, tries: int
) -> None:
    sender, asked = gateway(token, said)

    taken = await sender.send(CODE)

    assert not taken
    assert [str(each.url) for each in asked] == [URL] * tries


async def test_no_log_says_to_whom_or_what(token: Path) -> None:
    refusing, _ = gateway(token, 400)
    lost, _ = gateway(token, httpx.ConnectError("lost +8613900001234"))

    with structlog.testing.capture_logs() as logged:
        for sender in (refusing, lost, LogSender()):
            outbox = Outbox(sender)
            outbox.put(CODE)
            await outbox.settle()

    assert {entry["event"] for entry in logged} == {
        "text.refused",
        "text.unanswered",
        "text.sent",
        "text.no_gateway",
    }
    assert "13900001234" not in str(logged)
    assert "042617" not in str(logged)
    assert "042617" not in repr(CODE)
    assert "13900001234" not in repr(CODE)


async def test_a_missing_token_sends_nothing_and_stops_nobody(tmp_path: Path) -> None:
    sender = HttpSender(URL, tmp_path / "none", transport=httpx.MockTransport(lambda _: None))  # type: ignore[arg-type]
    outbox = Outbox(sender)

    with structlog.testing.capture_logs() as logged:
        outbox.put(CODE)
        await outbox.settle()

    assert [entry["event"] for entry in logged] == ["text.failed"]


async def test_more_than_can_wait_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(senders, "WAITING_MAX", 3)
    inbox = InboxSender()
    outbox = Outbox(inbox)

    for _ in range(5):
        outbox.put(CODE)
    await outbox.settle()

    assert len(inbox.of(CODE.phone)) == 3


async def test_messages_leave_before_an_orderly_stop() -> None:
    inbox = InboxSender()
    outbox = Outbox(inbox)
    outbox.put(CODE)

    await asyncio.wait_for(outbox.drain(), 5)

    assert len(inbox.of(CODE.phone)) == 1


@pytest.mark.parametrize("url", ["http://sms.example.cn/", "ftp://sms.example.cn/", "sms"])
def test_a_gateway_is_reached_by_https(url: str, token: Path) -> None:
    with pytest.raises(ValueError, match="HTTPS"):
        HttpSender(url, token)


def test_the_settings_choose_the_sender(token: Path) -> None:
    assert isinstance(sender_of(Settings(demo=True)), InboxSender)
    assert isinstance(sender_of(Settings(demo=False)), LogSender)
    assert isinstance(sender_of(Settings(sms_url=URL, sms_token=token)), HttpSender)
    with pytest.raises(ValueError, match="ESCROW_SMS_TOKEN"):
        sender_of(Settings(sms_url=URL))
