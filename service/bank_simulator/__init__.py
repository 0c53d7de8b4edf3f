"""A simulated bank: a process of its own that speaks to the service only as a bank would.

It keeps its own books, signs its requests with its own key, and shares no code with the service:
what it says is its word and no echo of the ledger's. `python -m service.bank_simulator --help`.
"""
