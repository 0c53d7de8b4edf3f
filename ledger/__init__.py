"""The ledger: what is true about money. Pure functions over facts, standard library only."""
