"""What can be done with links of guardians; each step has a module of its own."""

from service.guardians.ask import ASK_BY_CONTRACT, AskByContract, Proof
from service.guardians.by_phone import LINK_BY_PHONE, LinkByPhone, link_everywhere
from service.guardians.decide import END, GRANT, RULE, End, Grant, Rule

__all__ = [
    "ASK_BY_CONTRACT",
    "END",
    "GRANT",
    "LINK_BY_PHONE",
    "RULE",
    "AskByContract",
    "End",
    "Grant",
    "LinkByPhone",
    "Proof",
    "Rule",
    "link_everywhere",
]
