"""Which journal a request is about when no object in it says so: a jurisdiction's code does."""

from ledger.refusals import JurisdictionUnknown, RequestInvalid
from service.identity.callers import Caller
from service.store import reference
from service.store.transact import Store


async def journal_named(store: Store, caller: Caller, code: str | None) -> int:
    """Return the journal of a jurisdiction in the caller's scope, or the only one it has.

    What is asked of a whole journal is not for who shares it with other authorities.

    Raises `RequestInvalid` when a code is needed and `JurisdictionUnknown` for a foreign one.
    """
    if caller.areas is not None:
        raise JurisdictionUnknown(code=code or "")
    if code is None:
        if len(caller.journals) != 1:
            raise RequestInvalid(reason="jurisdiction_needed")
        return caller.journals[0]
    async with store.reading(caller.context) as connection:
        node = await reference.jurisdiction(connection, code)
        if node is None:
            raise JurisdictionUnknown(code=code)
        journal = await reference.journal_of(connection, node.path)
    if journal is None or journal not in caller.journals:
        raise JurisdictionUnknown(code=code)
    return journal
