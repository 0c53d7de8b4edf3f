"""What every route shares: problems, callers, strict bodies, wire types, idempotent commands."""
