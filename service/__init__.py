"""The service: HTTP, use cases, storage, worker and command line around the ledger."""
