"""Which settings keep what was acknowledged, and which values that roles are given undo it.

PostgreSQL keeps what a role or database is given as it was typed (`false`, `0`, `no`, `OF`), so
values are compared by what they mean.
"""

from typing import Final

WANTED: Final = {
    "fsync": ("on",),
    "full_page_writes": ("on",),
    "synchronous_commit": ("on", "remote_write", "remote_apply"),
    "data_checksums": ("on",),
    "zero_damaged_pages": ("off",),
    "ignore_checksum_failure": ("off",),
    "data_sync_retry": ("off",),
    "session_replication_role": ("origin",),
    "row_security": ("on",),
}
"""What each setting may be.

Every one of the three `synchronous_commit` waits until the commit is flushed to this server's own
disk (table "synchronous_commit Modes" of PostgreSQL's documentation): a crash here, of the machine
too, loses nothing acknowledged. `remote_write` asks less of a synchronous standby than `on` does:
its operating system has the commit, and only that one's crash at the moment of a failover loses it.
`local` flushes as well, but waits for no standby, so it is not accepted where there may be one.
"""

_WORDS: Final = {"true": "on", "yes": "on", "on": "on", "false": "off", "no": "off", "off": "off"}
_SHORT: Final = {"1": "on", "0": "off"}
_CONTEXT: Final = "escrow."
_SERVICE: Final = frozenset({"*", "escrow_app", "escrow_audit", "escrow_pii"})


def is_kept(role: str, setting: str, value: str) -> bool:
    """Tell whether a role ('*': every one) may be given a value of a setting of its own."""
    name = setting.lower()
    if name.startswith(_CONTEXT):
        return False  # What a caller may see is set by each transaction, and by nobody before it.
    if name == "role":
        return role not in _SERVICE or value.lower() == "none"
    if name == "search_path":
        return _finds_its_own_first(value)
    return name not in WANTED or meaning(name, value) in WANTED[name]


def hides(role: str, setting: str) -> bool:
    """Tell whether the auditor is given a setting of its own, and so cannot see the server's."""
    return role == "escrow_audit" and setting.lower() in WANTED


def meaning(setting: str, value: str) -> str:
    """Return a value as PostgreSQL shows it: on and off for every way to write true and false.

    A boolean may be cut short as long as it is one word only; a word of a list may not.
    """
    told = value.strip().lower()
    if told in _SHORT:
        return _SHORT[told]
    if setting in ("synchronous_commit", "session_replication_role"):
        return _WORDS.get(told, told)
    meant = {shown for word, shown in _WORDS.items() if told and word.startswith(told)}
    return meant.pop() if len(meant) == 1 else told


def _finds_its_own_first(path: str) -> bool:
    """Tell whether no schema is looked in before PostgreSQL's own, so that nothing shadows it."""
    schemas = [part.strip().strip('"') for part in path.split(",")]
    return "pg_catalog" not in schemas[1:]
