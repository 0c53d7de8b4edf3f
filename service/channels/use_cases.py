"""Use cases of channels: a capture is a bank entry that is pending (E05).

What the channel settles later is a line of the custody account, reported with the other receipts.
"""

from typing import Final

from service.bank_entries.receive import RECEIVE

CAPTURE: Final = RECEIVE
"""Keep what a channel captured, as every bank entry is kept: a fact, never refused."""
