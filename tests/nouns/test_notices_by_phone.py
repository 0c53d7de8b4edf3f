"""Notices that leave by the gateway: whom they reach, what counts as delivered, what waits."""

from collections.abc import Sequence
from typing import Any

from service.identity.senders import Text
from service.worker import GatewaySender
from service.worker.sweeps import deliver_notices, deliver_others
from tests.fixtures.academies import Academy
from tests.fixtures.parents import Phone
from tests.fixtures.service import District


class Gateway:
    """A gateway that takes messages, or takes none."""

    def __init__(self, *, takes: bool = True) -> None:
        self.takes = takes
        self.asked: list[Text] = []

    async def send(self, text: Text) -> bool:
        self.asked.append(text)
        return self.takes


async def told(academy: Academy, phone: Phone, count: int = 1) -> Sequence[dict[str, Any]]:
    """Hold lessons of a contract with this phone; return its notices, as the app would see them."""
    enrolment = await academy.enrolled(guardian={"name": "张三", "phone": phone.number[3:]})
    for _ in range(count):
        await academy.recorded(enrolment)
    listed = await academy.get("notices", await academy.parent(enrolment))
    return list(listed["items"])


async def test_a_notice_of_a_lesson_goes_to_the_phone_on_the_contract(
    academy: Academy, district: District
) -> None:
    phone, gateway = Phone.new(district), Gateway()
    (before,) = await told(academy, phone)
    sender = GatewaySender(district.service.store, gateway)

    done = await deliver_notices(district.service.store, district.journal, sender)

    assert (done, before["delivered_at"]) == (1, None)
    (text,) = gateway.asked
    assert (text.phone, text.values) == (phone.number, {"kind": "LESSON_RECORDED"})


async def test_what_the_gateway_does_not_take_is_not_delivered(
    academy: Academy, district: District
) -> None:
    phone = Phone.new(district)
    await told(academy, phone)
    refusing = GatewaySender(district.service.store, Gateway(takes=False))

    done = await deliver_notices(district.service.store, district.journal, refusing)
    again = await deliver_notices(
        district.service.store,
        district.journal,
        GatewaySender(district.service.store, Gateway()),
    )

    assert (done, again) == (0, 1)


async def test_a_gateway_that_is_down_is_not_asked_for_ever(
    academy: Academy, district: District
) -> None:
    gateway = Gateway(takes=False)
    await told(academy, Phone.new(district), count=40)
    sender = GatewaySender(district.service.store, gateway)

    done = await deliver_notices(district.service.store, district.journal, sender)

    assert done == 0
    assert 16 <= len(gateway.asked) < 40


async def test_an_institution_is_told_in_its_own_system(
    academy: Academy, district: District
) -> None:
    gateway, phone = Gateway(), Phone.new(district)
    enrolment = await academy.enrolled(guardian={"name": "张三", "phone": phone.number[3:]})
    claim = {"enrolment_id": enrolment["id"], "reason": "CONSUMER"}
    await academy.post("claims", await academy.parent(enrolment), claim)
    sender = GatewaySender(district.service.store, gateway)

    done = await deliver_others(district.service.store, district.journal, sender)

    assert done == 1
    assert gateway.asked == []


async def test_a_number_that_takes_no_message_waits_for_the_app(
    academy: Academy, district: District
) -> None:
    gateway = Gateway()
    enrolment = await academy.enrolled(guardian={"name": "张三", "phone": "02312345678"})
    await academy.recorded(enrolment)
    sender = GatewaySender(district.service.store, gateway)

    done = await deliver_notices(district.service.store, district.journal, sender)
    fetched = await academy.post("notices/fetch", await academy.parent(enrolment), {"limit": 10})

    assert (done, gateway.asked) == (0, [])
    assert fetched.json()["items"][0]["delivered_at"] is not None
