"""What can be done with refunds; each verb has a module of its own."""

from service.refunds.instruct import INSTRUCT, Instruct
from service.refunds.lodge import REQUEST_LODGING, Lodge
from service.refunds.payees import REQUEST_PAYEE, ChangePayee

__all__ = [
    "INSTRUCT",
    "REQUEST_LODGING",
    "REQUEST_PAYEE",
    "ChangePayee",
    "Instruct",
    "Lodge",
]
