"""The store: PostgreSQL tables, the unit of work, the journal and what reads them."""
