"""Use cases of bank failures: declared and closed by two regulators each (E51).

Declaring turns an account's whole balance into a claim on its bank; closing gives up what is left
of the students' part, which becomes a residual claim of each.
"""

from typing import Final

from service.bank_failures.close import REQUEST_CLOSING
from service.bank_failures.declare import REQUEST_FAILURE

DECLARE: Final = REQUEST_FAILURE
CLOSE: Final = REQUEST_CLOSING
