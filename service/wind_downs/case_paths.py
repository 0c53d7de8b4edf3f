"""Which case a path names: one in a journal that the caller has at all."""

from uuid import UUID

from ledger.refusals import WindDownUnknown
from service.web.command import Command
from service.web.paths import object_id


def case_named(wind_down_id: str, command: Command) -> tuple[int, UUID]:
    """Read a case's id from a path into (journal, UUID); raises `WindDownUnknown`."""
    journal, wind_down = object_id("wdn", wind_down_id, WindDownUnknown)
    if journal not in command.caller.journals:
        raise WindDownUnknown
    return journal, wind_down
