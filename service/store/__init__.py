"""The store: tables, the journal and everything else that is remembered in PostgreSQL."""
